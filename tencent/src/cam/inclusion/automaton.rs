//! Patterns as finite automata, and one word for each set of patterns that match together.
//!
//! Each pattern is determinized step by step, as far as words need it: what it has read before the
//! last `*` that it has reached does not matter, so it has about as many states as characters. A
//! search over all of them at once visits each combination of states once, shortest words first.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::error::InclusionError;

/// How many steps a comparison may take, so that its cost is bounded.
pub(super) struct Budget(u64);

impl Budget {
    pub(super) fn new() -> Self {
        Self(MAX_STEPS)
    }

    pub(super) fn spend(&mut self, steps: usize) -> Result<(), InclusionError> {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.0 = self.0.checked_sub(steps).ok_or(InclusionError::TooLarge)?;
        Ok(())
    }
}

/// A few seconds.
const MAX_STEPS: u64 = 20_000_000;

/// One element of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    /// Any run of characters.
    Any,
    /// Any run of characters without a `/`.
    Name,
    /// This character.
    One(char),
}

/// How the characters of a word are compared.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// As they are.
    Plain,
    /// In lower case.
    IgnoringCase,
    /// ASCII in lower case, anything else as it is.
    IgnoringAsciiCase,
    /// Without these characters before the first `/`, where they have to be.
    Without(Vec<char>),
}

/// A pattern, determinized as far as it was used.
pub(super) struct Pattern {
    items: Vec<Item>,
    reading: Reading,
    /// Positions in the pattern, each with how far the left-out characters have been read.
    states: Vec<Vec<(usize, usize)>>,
    numbers: HashMap<Vec<(usize, usize)>, usize>,
    /// The next state, by state and place in the alphabet; `None` until it is used.
    steps: Vec<Vec<Option<usize>>>,
}

impl Pattern {
    pub(super) fn new(items: Vec<Item>, reading: Reading) -> Self {
        let mut pattern =
            Self { items, reading, states: Vec::new(), numbers: HashMap::new(), steps: Vec::new() };
        let start = pattern.closed(vec![(0, 0)]);
        pattern.number(start);
        pattern
    }

    /// Text with `*`.
    pub(super) fn wildcard(text: &str, reading: Reading) -> Self {
        let item = |c| if c == '*' { Item::Any } else { Item::One(c) };
        Self::new(text.chars().map(item).collect(), reading)
    }

    /// This text, and nothing else.
    pub(super) fn exactly(text: &str, reading: Reading) -> Self {
        Self::new(text.chars().map(Item::One).collect(), reading)
    }

    /// Its characters.
    pub(super) fn characters(&self) -> impl Iterator<Item = char> {
        let left_out = match &self.reading {
            Reading::Without(characters) => characters.as_slice(),
            Reading::Plain | Reading::IgnoringCase | Reading::IgnoringAsciiCase => &[],
        };
        let own = self.items.iter().filter_map(|item| match item {
            Item::One(c) => Some(*c),
            Item::Any | Item::Name => None,
        });
        own.chain(left_out.iter().copied())
    }

    /// How it compares characters.
    pub(super) fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Whether both match the same texts, because they are written alike.
    fn is(&self, other: &Self) -> bool {
        self.items == other.items && self.reading == other.reading
    }

    fn accepts(&self, state: usize) -> bool {
        let end = match &self.reading {
            Reading::Without(characters) => characters.len().saturating_add(1),
            Reading::Plain | Reading::IgnoringCase | Reading::IgnoringAsciiCase => 0,
        };
        let positions = self.states.get(state).map(Vec::as_slice).unwrap_or_default();
        positions.contains(&(self.items.len(), end))
    }

    /// The state after `c`, which is at `place` in the alphabet of the search.
    fn step(&mut self, state: usize, c: char, place: usize) -> usize {
        let known = self.steps.get(state).and_then(|steps| steps.get(place)).copied().flatten();
        if let Some(next) = known {
            return next;
        }
        let mut positions = self.states.get(state).cloned().unwrap_or_default();
        match &self.reading {
            Reading::Plain => positions = self.read(&positions, c),
            Reading::IgnoringAsciiCase => positions = self.read(&positions, c.to_ascii_lowercase()),
            Reading::IgnoringCase => {
                for c in c.to_lowercase() {
                    positions = self.read(&positions, c);
                }
            }
            Reading::Without(left_out) => positions = self.read_without(&positions, left_out, c),
        }
        let next = self.number(positions);
        if self.steps.len() <= state {
            self.steps.resize_with(state.saturating_add(1), Vec::new);
        }
        if let Some(steps) = self.steps.get_mut(state) {
            if steps.len() <= place {
                steps.resize(place.saturating_add(1), None);
            }
            if let Some(step) = steps.get_mut(place) {
                *step = Some(next);
            }
        }
        next
    }

    fn read(&self, positions: &[(usize, usize)], c: char) -> Vec<(usize, usize)> {
        let mut next = Vec::new();
        for (position, done) in positions {
            match self.items.get(*position) {
                Some(Item::Any) => next.push((*position, *done)),
                Some(Item::Name) if c != '/' => next.push((*position, *done)),
                Some(Item::One(wanted)) if *wanted == c => {
                    next.push((position.saturating_add(1), *done));
                }
                Some(Item::Name | Item::One(_)) | None => {}
            }
        }
        self.closed(next)
    }

    /// Before the first `/`, a character belongs to the pattern or to what is left out.
    fn read_without(
        &self,
        positions: &[(usize, usize)],
        left_out: &[char],
        c: char,
    ) -> Vec<(usize, usize)> {
        let end = left_out.len().saturating_add(1);
        let mut next = Vec::new();
        for (position, done) in positions.iter().copied() {
            let here = [(position, done)];
            if done == end || (done == 0 && c != '/') {
                next.extend(self.read(&here, c));
            }
            if left_out.get(done) == Some(&c) {
                next.push((position, done.saturating_add(1)));
            }
            if done == left_out.len() && c == '/' {
                let read = self.read(&here, c).into_iter();
                next.extend(read.map(|(position, _)| (position, end)));
            }
        }
        self.closed(next)
    }

    /// With the positions behind runs that may be empty, and without those before a run of any
    /// characters, which matches whatever they do.
    fn closed(&self, mut positions: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        let mut at = 0;
        while let Some((position, done)) = positions.get(at).copied() {
            let behind = (position.saturating_add(1), done);
            let is_run = matches!(self.items.get(position), Some(Item::Any | Item::Name));
            if is_run && !positions.contains(&behind) {
                positions.push(behind);
            }
            at = at.saturating_add(1);
        }
        positions.sort_unstable();
        positions.dedup();
        let is_any = |(position, _): &(usize, usize)| self.items.get(*position) == Some(&Item::Any);
        let runs: Vec<(usize, usize)> = positions.iter().copied().filter(is_any).collect();
        let is_before = |(position, done): &(usize, usize), run: &(usize, usize)| {
            *position < run.0 && *done == run.1
        };
        positions.retain(|position| !runs.iter().any(|run| is_before(position, run)));
        positions
    }

    fn number(&mut self, positions: Vec<(usize, usize)>) -> usize {
        let next = self.states.len();
        *self.numbers.entry(positions).or_insert_with_key(|positions| {
            self.states.push(positions.clone());
            next
        })
    }
}

/// The words that count, as an automaton of its own.
pub(super) trait Domain {
    type State: Copy + Eq + std::hash::Hash;

    /// Before the first character.
    fn start(&self) -> Self::State;

    /// After `c`, which is the character at `place`; `None` when no word continues so.
    fn step(&self, state: Self::State, c: char, place: usize) -> Option<Self::State>;

    /// Whether a word may end here.
    fn is_word(&self, state: Self::State) -> bool;
}

/// All texts.
pub(super) struct AnyText;

impl Domain for AnyText {
    type State = ();

    fn start(&self) {}

    fn step(&self, (): (), _: char, _: usize) -> Option<()> {
        Some(())
    }

    fn is_word(&self, (): ()) -> bool {
        true
    }
}

/// A shortest word for each set of patterns that match a word together.
pub(super) fn words<D: Domain>(
    patterns: Vec<Pattern>,
    domain: &D,
    alphabet: &[char],
    budget: &mut Budget,
) -> Result<Vec<String>, InclusionError> {
    struct Node<S> {
        states: Vec<usize>,
        domain: S,
        before: Option<(usize, char)>,
        length: usize,
    }
    let mut patterns = distinct(patterns);
    let start =
        Node { states: vec![0; patterns.len()], domain: domain.start(), before: None, length: 0 };
    let mut known = HashSet::from([(start.states.clone(), start.domain)]);
    let mut nodes = vec![start];
    let mut found: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        let (states, state, length) = (node.states.clone(), node.domain, node.length);
        if domain.is_word(state) {
            let matching = patterns.iter().zip(&states).map(|(pattern, at)| pattern.accepts(*at));
            found.entry(matching.collect()).or_insert(at);
        }
        // Most characters lead to where another one has led.
        let mut reached: Vec<(Vec<usize>, D::State)> = Vec::new();
        for (place, c) in alphabet.iter().enumerate() {
            let Some(next) = domain.step(state, *c, length) else {
                continue;
            };
            budget.spend(patterns.len().saturating_add(1))?;
            let steps = patterns.iter_mut().zip(&states);
            let steps = steps.map(|(pattern, at)| pattern.step(*at, *c, place));
            let next = (steps.collect(), next);
            if reached.contains(&next) {
                continue;
            }
            if known.insert(next.clone()) {
                let ((states, domain), length) = (next.clone(), length.saturating_add(1));
                nodes.push(Node { states, domain, before: Some((at, *c)), length });
            }
            reached.push(next);
        }
        at = at.saturating_add(1);
    }
    let word = |mut at: usize| {
        let mut characters = Vec::new();
        while let Some((before, c)) = nodes.get(at).and_then(|node| node.before) {
            characters.push(c);
            at = before;
        }
        characters.into_iter().rev().collect::<String>()
    };
    Ok(found.into_values().map(word).collect())
}

fn distinct(patterns: Vec<Pattern>) -> Vec<Pattern> {
    let mut distinct: Vec<Pattern> = Vec::new();
    for pattern in patterns {
        if !distinct.iter().any(|known| known.is(&pattern)) {
            distinct.push(pattern);
        }
    }
    distinct
}
