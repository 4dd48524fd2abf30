//! A TOML table that keeps every fault, with its line.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// What is wrong with a file.
pub(super) struct Diagnostics<'t> {
    text: &'t str,
    found: Vec<(usize, String)>,
}

impl<'t> Diagnostics<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// In the order of the file.
    pub(super) fn into_texts(mut self) -> Vec<String> {
        self.found.truncate(FAULTS_MAX);
        self.found.into_iter().map(|(_, text)| text).collect()
    }

    fn add(&mut self, at: usize, key: Option<&str>, text: &str) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let written = match key {
            Some(key) => format!("line {line}, `{key}`: {text}"),
            None => format!("line {line}: {text}"),
        };
        let place = self.found.partition_point(|(other, _)| *other <= line);
        self.found.insert(place, (line, written));
    }
}

/// A table with its place in the file.
pub(super) struct Table<'t> {
    members: &'t DeTable<'t>,
    at: usize,
}

/// The whole file, if it is TOML.
pub(super) fn parse<'t>(text: &'t str, diagnostics: &mut Diagnostics<'_>) -> Option<DeTable<'t>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        diagnostics.add(at, None, &format!("is no TOML: {}", error.message()));
    }
    errors.is_empty().then(|| root.into_inner())
}

impl<'t> Table<'t> {
    /// The table of the whole file.
    pub(super) fn of_file(members: &'t DeTable<'t>) -> Self {
        Self { members, at: 0 }
    }

    fn of(value: &'t Spanned<DeValue<'t>>) -> Option<Self> {
        let at = value.span().start;
        let members = value.get_ref().as_table()?;
        Some(Self { members, at })
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        self.members.keys().map(|key| &**key.get_ref())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.members.contains_key(key)
    }

    pub(super) fn value(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.members.get(key)
    }

    /// The text of a key, if it is one.
    pub(super) fn peek(&self, key: &str) -> Option<&'t str> {
        self.value(key)?.get_ref().as_str()
    }

    /// At the key where it is there, else at the table.
    pub(super) fn fault(&self, key: &str, text: &str, diagnostics: &mut Diagnostics<'_>) {
        let key_at = self
            .members
            .get_key_value(key)
            .map(|(key, _)| key.span().start);
        diagnostics.add(key_at.unwrap_or(self.at), Some(key), text);
    }

    pub(super) fn refuse_others(&self, known: &[&str], diagnostics: &mut Diagnostics<'_>) {
        for key in self.keys().filter(|key| !known.contains(key)) {
            self.fault(
                key,
                &format!("is not known; known are {}", known.join(", ")),
                diagnostics,
            );
        }
    }

    /// A text that must be there, parsed.
    pub(super) fn text<T, E: Display>(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics<'_>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(text) = self.peek(key) else {
            let text = if self.has(key) {
                "is a text"
            } else {
                "is missing"
            };
            self.fault(key, text, diagnostics);
            return None;
        };
        parse(text)
            .map_err(|error| self.fault(key, &error.to_string(), diagnostics))
            .ok()
    }

    /// Texts, at least one.
    pub(super) fn texts(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics<'_>,
    ) -> Option<Vec<&'t str>> {
        let list = self.value(key).and_then(|value| value.get_ref().as_array());
        let texts = list.and_then(|list| {
            list.iter()
                .map(|each| each.get_ref().as_str())
                .collect::<Option<Vec<&str>>>()
        });
        let texts = texts.filter(|texts| !texts.is_empty());
        if texts.is_none() {
            self.fault(key, "is a list of texts, at least one", diagnostics);
        }
        texts
    }

    /// Different texts, parsed; none when the key is not there.
    pub(super) fn list<T: PartialEq, E: Display>(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        if !self.has(key) {
            return Some(Vec::new());
        }
        let mut parsed = Vec::new();
        for text in self.texts(key, diagnostics)? {
            match parse(text) {
                Ok(one) if parsed.contains(&one) => {
                    self.fault(key, "names one twice", diagnostics);
                    return None;
                }
                Ok(one) => parsed.push(one),
                Err(error) => {
                    self.fault(key, &error.to_string(), diagnostics);
                    return None;
                }
            }
        }
        Some(parsed)
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics<'_>,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let number = self.value(key).and_then(|value| whole(value.get_ref()));
        let number = number.filter(|number| bounds.contains(number));
        if number.is_none() {
            let text = format!(
                "is a whole number from {} to {}",
                bounds.start(),
                bounds.end()
            );
            self.fault(key, &text, diagnostics);
        }
        number
    }

    /// A whole number, or a list of them.
    pub(super) fn numbers(&self, key: &str, diagnostics: &mut Diagnostics<'_>) -> Option<Vec<u64>> {
        let numbers = match self.value(key)?.get_ref() {
            DeValue::Array(list) => list
                .iter()
                .map(|each| whole(each.get_ref()))
                .collect::<Option<Vec<u64>>>(),
            value => whole(value).map(|number| vec![number]),
        };
        if numbers.is_none() {
            self.fault(key, "is a whole number, or a list of two", diagnostics);
        }
        numbers
    }

    /// A table; `Some(None)` when it is not there.
    pub(super) fn table(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics<'_>,
    ) -> Option<Option<Self>> {
        let Some(value) = self.value(key) else {
            return Some(None);
        };
        let table = Self::of(value);
        if table.is_none() {
            self.fault(key, "is a table", diagnostics);
        }
        table.map(Some)
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, key: &str, diagnostics: &mut Diagnostics<'_>) -> Vec<Self> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let list = value.get_ref().as_array();
        let tables: Option<Vec<Self>> = list.and_then(|list| list.iter().map(Self::of).collect());
        if tables.is_none() {
            self.fault(key, "is written `[[grant]]`", diagnostics);
        }
        tables.unwrap_or_default()
    }
}

fn whole(value: &DeValue<'_>) -> Option<u64> {
    as_integer(value.as_integer()?).and_then(|number| number.try_into().ok())
}

/// An integer of any radix, if it fits.
pub(super) fn as_integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A file that is wrong from top to bottom need not fill the log.
const FAULTS_MAX: usize = 50;
