//! A TOML table that reports every error with its line.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// What is wrong with a file.
pub(super) struct Diagnostics<'t> {
    text: &'t str,
    found: RefCell<Vec<(usize, String)>>,
}

impl<'t> Diagnostics<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let found = RefCell::default();
        Self { text, found }
    }

    /// In the order of the file.
    pub(super) fn into_texts(self) -> Vec<String> {
        self.found.into_inner().into_iter().take(MAX_DIAGNOSTICS).map(|(_, text)| text).collect()
    }

    fn add(&self, at: usize, key: Option<&str>, text: &str) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let text = match key {
            Some(key) => format!("line {line}, `{key}`: {text}"),
            None => format!("line {line}: {text}"),
        };
        let mut found = self.found.borrow_mut();
        let position = found.partition_point(|(other, _)| *other <= line);
        found.insert(position, (line, text));
    }
}

/// The whole file, if it is TOML.
pub(super) fn parse<'t>(text: &'t str, diagnostics: &Diagnostics<'_>) -> Option<DeTable<'t>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        diagnostics.add(at, None, &format!("must be TOML: {}", error.message()));
    }
    errors.is_empty().then(|| root.into_inner())
}

/// A table with its position in the file.
pub(super) struct Table<'t> {
    members: &'t DeTable<'t>,
    at: usize,
    diagnostics: &'t Diagnostics<'t>,
}

impl<'t> Table<'t> {
    /// The table of the whole file.
    pub(super) fn root(members: &'t DeTable<'t>, diagnostics: &'t Diagnostics<'t>) -> Self {
        Self { members, at: 0, diagnostics }
    }

    fn of(&self, value: &'t Spanned<DeValue<'t>>) -> Option<Self> {
        Some(Self {
            members: value.get_ref().as_table()?,
            at: value.span().start,
            diagnostics: self.diagnostics,
        })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.members.keys().map(|key| &**key.get_ref())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    pub(super) fn value(&self, key: &str) -> Option<&'t DeValue<'t>> {
        self.members.get(key).map(Spanned::get_ref)
    }

    /// The text of a key, if it is one.
    pub(super) fn peek(&self, key: &str) -> Option<&'t str> {
        self.value(key)?.as_str()
    }

    /// Reports at the key if it is present, else at the table.
    pub(super) fn report(&self, key: &str, text: &str) {
        let present = self.members.get_key_value(key);
        let at = present.map_or(self.at, |(key, _)| key.span().start);
        self.diagnostics.add(at, Some(key), text);
    }

    /// The value, or a report.
    fn or_report<T>(&self, key: &str, value: Option<T>, text: &str) -> Option<T> {
        if value.is_none() {
            self.report(key, text);
        }
        value
    }

    pub(super) fn refuse_unknown(&self, known: &[&str]) {
        for key in self.keys().filter(|key| !known.contains(key)) {
            let text = format!("is not a known key; the keys are {}", known.join(", "));
            self.report(key, &text);
        }
    }

    /// A required text, parsed.
    pub(super) fn text<T, E: Display>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let form = match self.has(key) {
            true => "must be a text",
            false => "is missing",
        };
        let parsed = parse(self.or_report(key, self.peek(key), form)?);
        let report = |error: E| self.report(key, &error.to_string());
        parsed.map_err(report).ok()
    }

    /// One or more texts.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<&'t str>> {
        let list = self.value(key).and_then(DeValue::as_array);
        let texts = list.and_then(|list| {
            let texts = list.iter().map(|each| each.get_ref().as_str());
            texts.collect::<Option<Vec<&str>>>()
        });
        let texts = texts.filter(|texts| !texts.is_empty());
        self.or_report(key, texts, "must be a list of one or more texts")
    }

    /// Different texts, parsed; an empty list when the key is absent.
    pub(super) fn list<T: PartialEq, E: Display>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let mut parsed = Vec::new();
        if !self.has(key) {
            return Some(parsed);
        }
        for text in self.texts(key)? {
            let one = parse(text).map_err(|error| error.to_string());
            let one = one.and_then(|one| match parsed.contains(&one) {
                true => Err("must contain each item once".to_owned()),
                false => Ok(one),
            });
            parsed.push(one.map_err(|text| self.report(key, &text)).ok()?);
        }
        Some(parsed)
    }

    /// `true` or `false`; `false` when the key is absent.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let flag = match self.value(key) {
            None => Some(false),
            Some(value) => value.as_bool(),
        };
        self.or_report(key, flag, "must be true or false")
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, key: &str, bounds: RangeInclusive<u64>) -> Option<u64> {
        let number = self.value(key).and_then(whole);
        let number = number.filter(|number| bounds.contains(number));
        let (least, most) = (bounds.start(), bounds.end());
        let text = format!("must be a whole number from {least} to {most}");
        self.or_report(key, number, &text)
    }

    /// A whole number within bounds; `default` when the key is absent.
    pub(super) fn number_or(
        &self,
        key: &str,
        default: u32,
        bounds: RangeInclusive<u32>,
    ) -> Option<u32> {
        if !self.has(key) {
            return Some(default);
        }
        let bounds = u64::from(*bounds.start())..=u64::from(*bounds.end());
        self.number(key, bounds).and_then(|number| u32::try_from(number).ok())
    }

    /// A whole number, or a list of them.
    pub(super) fn numbers(&self, key: &str) -> Option<Vec<u64>> {
        let numbers = match self.value(key)? {
            DeValue::Array(list) => list.iter().map(|each| whole(each.get_ref())).collect(),
            value => whole(value).map(|number| vec![number]),
        };
        self.or_report(key, numbers, "must be a whole number or a list of two")
    }

    /// A table; `Some(None)` when the key is absent.
    pub(super) fn table(&self, key: &str) -> Option<Option<Self>> {
        let Some(value) = self.members.get(key) else {
            return Some(None);
        };
        self.or_report(key, self.of(value), "must be a table").map(Some)
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, key: &str) -> Vec<Self> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let list = value.as_array();
        let tables = list.and_then(|list| list.iter().map(|each| self.of(each)).collect());
        let text = format!("must be written as `[[{key}]]`");
        self.or_report(key, tables, &text).unwrap_or_default()
    }
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    u64::try_from(as_integer(value.as_integer()?)?).ok()
}

/// An integer in any radix, if it fits.
pub(super) fn as_integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Bounds the log of a file that is wrong from top to bottom.
const MAX_DIAGNOSTICS: usize = 50;
