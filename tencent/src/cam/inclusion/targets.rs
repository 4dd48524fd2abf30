//! Targets: one for each set of statements whose resources cover it.

use std::collections::{BTreeMap, BTreeSet};

use super::automaton::{AnyText, Budget, Domain, Item, Pattern, Reading, words};
use super::error::InclusionError;
use super::side::Side;
use crate::cam::access_request::{Account, Target};
use crate::cam::operation::is_without_resource;
use crate::cam::resource::{Owner, Path, Resource, Segments, is_cos};
use crate::names::{Bucket, Region};

/// The kind of target that an action has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// None.
    Account,
    /// A bucket, or a key in one.
    Object,
    /// A role.
    Role,
}

impl Place {
    /// Of an action without `name/`.
    pub(super) fn of(action: &str) -> Self {
        let action = action.strip_prefix("name/").unwrap_or(action);
        match action {
            "sts:AssumeRole" => Self::Role,
            _ if is_without_resource(action) => Self::Account,
            _ => Self::Object,
        }
    }
}

/// A target, and which statements cover it.
pub(super) struct TargetClass {
    pub(super) target: Target,
    /// The account that the policies belong to.
    pub(super) account: Account,
    pub(super) covers: Vec<bool>,
}

/// A target for each set of these statements that cover it.
pub(super) fn classes(
    place: Place,
    statements: &[Side<'_>],
    budget: &mut Budget,
) -> Result<Vec<TargetClass>, InclusionError> {
    let resources: Vec<&Resource> =
        statements.iter().flat_map(|side| &side.statement.resources).collect();
    let segments: Vec<&Segments> =
        resources.iter().filter_map(|resource| resource.segments()).collect();
    let owners = owners(&segments);
    let targets: Vec<(Target, String)> = match place {
        Place::Account => vec![(Target::Service, String::new())],
        Place::Role => roles(&segments, &owners, budget)?,
        Place::Object => objects(&segments, &owners, budget)?,
    };
    let has_creator = segments.iter().any(|segments| segments.account == Owner::Creator);
    let mut classes = BTreeMap::new();
    for (target, appid) in &targets {
        for is_creator in [true, false] {
            if !is_creator && !has_creator {
                continue;
            }
            budget.spend(resources.len())?;
            let account = account(target, appid, is_creator);
            let covers: Vec<bool> = statements
                .iter()
                .map(|side| {
                    let mut resources = side.statement.resources.iter();
                    resources.any(|resource| resource.covers(target, &account))
                })
                .collect();
            classes.entry(covers).or_insert_with(|| (target.clone(), account));
        }
    }
    let class = |(covers, (target, account))| TargetClass { target, account, covers };
    Ok(classes.into_iter().map(class).collect())
}

/// The account of the policies: the target's own, or another one.
fn account(target: &Target, appid: &str, is_own: bool) -> Account {
    let owner_uin = match target {
        Target::Object { owner_uin, .. } | Target::Role { owner_uin, .. } => owner_uin.as_str(),
        Target::Service => "",
    };
    if is_own {
        return Account { appid: appid.to_owned(), owner_uin: owner_uin.to_owned() };
    }
    let other = |own: &str, other: &str| {
        if own == other { format!("{other}0") } else { other.to_owned() }
    };
    Account { appid: other(appid, "1250000009"), owner_uin: other(owner_uin, "100000000009") }
}

/// Every user number that a resource names, and another one.
fn owners(segments: &[&Segments]) -> BTreeSet<String> {
    let named = segments.iter().filter_map(|segments| match &segments.account {
        Owner::Uin(uin) => Some(uin.clone()),
        Owner::Appid(_) | Owner::Creator => None,
    });
    let mut owners: BTreeSet<String> = named.collect();
    let mut other = "100000000001".to_owned();
    while owners.contains(&other) {
        other.push('0');
    }
    owners.insert(other);
    owners
}

fn roles(
    segments: &[&Segments],
    owners: &BTreeSet<String>,
    budget: &mut Budget,
) -> Result<Vec<(Target, String)>, InclusionError> {
    let patterns = segments.iter().filter_map(|segments| match &segments.path {
        Path::New(pattern) => Some(Pattern::wildcard(pattern, Reading::Plain)),
        Path::Old { .. } => None,
    });
    let patterns: Vec<Pattern> = patterns.collect();
    let alphabet = alphabet(&patterns, "");
    let names = words(patterns, &AnyText, &alphabet, budget)?;
    let role = |name: &String| {
        let role = |owner: &String| Target::Role { owner_uin: owner.clone(), name: name.clone() };
        owners.iter().map(role).collect::<Vec<_>>()
    };
    let targets = names.iter().flat_map(role);
    Ok(targets.map(|target| (target, "1250000000".to_owned())).collect())
}

fn objects(
    segments: &[&Segments],
    owners: &BTreeSet<String>,
    budget: &mut Budget,
) -> Result<Vec<(Target, String)>, InclusionError> {
    let of_cos: Vec<&&Segments> =
        segments.iter().filter(|segments| is_cos(&segments.service)).collect();
    let regions: Vec<Pattern> = of_cos
        .iter()
        .filter(|segments| !segments.region.is_empty())
        .map(|segments| Pattern::wildcard(&segments.region, Reading::Plain))
        .collect();
    let region_alphabet = alphabet(&regions, "-");
    let regions = words(regions, &RegionForm, &region_alphabet, budget)?;
    let paths: Vec<Pattern> = of_cos.iter().flat_map(|segments| path(segments)).collect();
    let path_alphabet = alphabet(&paths, "/-");
    let paths = words(paths, &ObjectPath, &path_alphabet, budget)?;
    let mut targets = Vec::new();
    for region in &regions {
        for path in &paths {
            let parsed = Region::parse(region).ok().zip(object(path));
            let Some((region, (bucket, key))) = parsed else {
                continue;
            };
            for owner in owners {
                budget.spend(1)?;
                let (appid, key) = (bucket.appid().to_owned(), key.to_owned());
                let (region, bucket) = (region.clone(), bucket.clone());
                let owner_uin = owner.clone();
                targets.push((Target::Object { region, bucket, owner_uin, key }, appid));
            }
        }
    }
    Ok(targets)
}

fn object(path: &str) -> Option<(Bucket, &str)> {
    let (bucket, key) = path.split_once('/')?;
    Some((Bucket::parse(bucket).ok()?, key))
}

/// The patterns of a resource over `<bucket-appid>/<key>`: its path, and its account.
fn path(segments: &Segments) -> Vec<Pattern> {
    let mut patterns = Vec::new();
    match &segments.path {
        Path::New(pattern) => patterns.push(Pattern::wildcard(pattern, Reading::Plain)),
        Path::Old { appid, pattern } => {
            let left_out = std::iter::once('-').chain(appid.chars()).collect();
            patterns.push(Pattern::wildcard(pattern, Reading::Without(left_out)));
        }
    }
    if let Owner::Appid(appid) = &segments.account {
        let digits = appid.chars().map(Item::One);
        let end = [Item::One('/'), Item::Any];
        let items = [Item::Name, Item::One('-')].into_iter().chain(digits).chain(end);
        patterns.push(Pattern::new(items.collect(), Reading::Plain));
    }
    patterns
}

/// The characters of the patterns, and of each kind one that is in none of them.
fn alphabet(patterns: &[Pattern], more: &str) -> Vec<char> {
    let mut found: BTreeSet<char> = patterns.iter().flat_map(Pattern::characters).collect();
    found.extend(more.chars());
    for kind in ['a'..='z', '0'..='9', '!'..='~'] {
        let mut kind = kind;
        let fresh = kind.find(|c| !found.contains(c));
        found.extend(fresh);
    }
    found.into_iter().collect()
}

/// `ap-guangzhou`, as [`Region::parse`] accepts it.
struct RegionForm;

impl Domain for RegionForm {
    /// Which part, its length up to two, and whether it consists of digits.
    type State = (u8, u8, bool);

    fn start(&self) -> Self::State {
        (0, 0, false)
    }

    fn step(
        &self,
        (part, length, has_digits): Self::State,
        c: char,
        _: usize,
    ) -> Option<Self::State> {
        let longer = length.saturating_add(1).min(if part == 0 { 3 } else { 1 });
        match (c, part) {
            ('-', 0) if length == 2 => Some((1, 0, false)),
            ('-', 1) if length > 0 => Some((2, 0, false)),
            ('a'..='z', _) if !has_digits && longer < 3 => Some((part, longer, false)),
            ('0'..='9', 2) if has_digits || length == 0 => Some((2, longer, true)),
            _ => None,
        }
    }

    fn is_word(&self, (part, length, _): Self::State) -> bool {
        part > 0 && length > 0
    }
}

/// `<bucket-appid>/<key>`, with a bucket that [`Bucket::parse`] accepts.
struct ObjectPath;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum PathState {
    Start,
    /// In the bucket: whether the text before the last hyphen is a name, how many digits follow it
    /// (up to five; `None` with another character), and whether the text ends in a hyphen.
    Bucket {
        is_named: bool,
        digits: Option<u8>,
        ends_in_hyphen: bool,
    },
    Key,
}

impl Domain for ObjectPath {
    type State = PathState;

    fn start(&self) -> PathState {
        PathState::Start
    }

    fn step(&self, state: PathState, c: char, place: usize) -> Option<PathState> {
        let (is_named, digits, ends_in_hyphen) = match state {
            PathState::Key => return Some(PathState::Key),
            PathState::Start => (false, None, true),
            PathState::Bucket { is_named, digits, ends_in_hyphen } => {
                (is_named, digits, ends_in_hyphen)
            }
        };
        match c {
            '-' if state == PathState::Start => None,
            '-' => Some(PathState::Bucket {
                is_named: !ends_in_hyphen,
                digits: Some(0),
                ends_in_hyphen: true,
            }),
            '0'..='9' => {
                let digits = digits.map(|digits| digits.saturating_add(1).min(MIN_APPID_DIGITS));
                Some(PathState::Bucket { is_named, digits, ends_in_hyphen: false })
            }
            'a'..='z' => Some(PathState::Bucket { is_named, digits: None, ends_in_hyphen: false }),
            '/' if is_named && digits == Some(MIN_APPID_DIGITS) && place <= MAX_CHARACTERS => {
                Some(PathState::Key)
            }
            _ => None,
        }
    }

    fn is_word(&self, state: PathState) -> bool {
        state == PathState::Key
    }
}

/// As [`Bucket::parse`] requires.
const MIN_APPID_DIGITS: u8 = 5;
const MAX_CHARACTERS: usize = 50;

#[cfg(test)]
mod tests {
    use super::{Domain, ObjectPath, RegionForm, object};
    use crate::names::Region;

    fn accepts<D: Domain>(domain: &D, text: &str) -> bool {
        let mut state = Some(domain.start());
        for (place, c) in text.chars().enumerate() {
            state = state.and_then(|state| domain.step(state, c, place));
        }
        state.is_some_and(|state| domain.is_word(state))
    }

    #[test]
    fn the_forms_are_those_of_the_parsers() {
        for text in [
            "",
            "ap",
            "ap-",
            "ap-guangzhou",
            "ap-guangzhou-1",
            "ap-shanghai-fsi",
            "ap-a-1a",
            "a-b",
            "abc-d",
            "ap-1",
            "ap-a-b-c",
            "ap--a",
            "gz",
            "AP-a",
            "ap-a-12",
        ] {
            assert_eq!(accepts(&RegionForm, text), Region::parse(text).is_ok(), "{text}");
        }
        let long = "a".repeat(39);
        for text in [
            "",
            "/",
            "b/",
            "b-1250000000/",
            "b-1250000000/a/b",
            "b-1234/",
            "b-12345/",
            "-12345/",
            "a--12345/",
            "-a-12345/",
            "a-b-12345/",
            "1-12345/",
            "12345/",
            "b-12345",
            "B-12345/",
            "b-1234a/",
            "b-12345-/",
            &format!("{long}-1250000000/"),
            &format!("a{long}-1250000000/"),
        ] {
            assert_eq!(accepts(&ObjectPath, text), object(text).is_some(), "{text}");
        }
    }
}
