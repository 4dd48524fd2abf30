//! Reads variables and collects every error, so that one restart is enough to fix them all.

use std::borrow::Cow;
use std::fmt::{Display, Formatter, Result as FmtResult};
use std::io;
use std::ops::RangeInclusive;

use super::environment::Environment;
use super::misspelled;

/// What is wrong with one variable. It never contains the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: Cow<'static, str>,
    text: String,
}

impl ConfigError {
    pub(super) fn new(variable: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { variable: variable.into(), text: text.into() }
    }

    /// The variable's name.
    pub fn variable(&self) -> &str {
        &self.variable
    }
}

impl Display for ConfigError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> FmtResult {
        write!(formatter, "{}: {}", self.variable, self.text)
    }
}

pub(super) struct Reader<'a> {
    environment: &'a Environment,
    read_file: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    errors: Vec<ConfigError>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        environment: &'a Environment,
        read_file: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Self {
        Self { environment, read_file, errors: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn error(
        &mut self,
        variable: impl Into<Cow<'static, str>>,
        text: impl Into<String>,
    ) {
        self.errors.push(ConfigError::new(variable, text));
    }

    pub(super) fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }

    /// The warnings, when there is no error.
    pub(super) fn finish(mut self) -> Result<Vec<String>, Vec<ConfigError>> {
        for (name, text) in misspelled::variables(self.environment) {
            self.errors.push(ConfigError::new(name.to_owned(), text));
        }
        if self.errors.is_empty() { Ok(self.warnings) } else { Err(self.errors) }
    }

    /// The text of an optional variable.
    pub(super) fn optional(&mut self, variable: &'static str) -> Option<&'a str> {
        debug_assert!(misspelled::is_known(variable), "{variable} is not in the list");
        self.environment.text(variable).unwrap_or_else(|_| {
            self.error(variable, "must be UTF-8");
            None
        })
    }

    /// The text of a variable whose name is a setting.
    pub(super) fn named(&mut self, variable: &str) -> Option<&'a str> {
        self.environment.text(variable).unwrap_or_else(|_| {
            self.error(variable.to_owned(), "must be UTF-8");
            None
        })
    }

    pub(super) fn is_set(&mut self, variable: &'static str) -> bool {
        self.optional(variable).is_some()
    }

    /// An optional variable, parsed.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        variable: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = parse(self.optional(variable)?);
        let report = |error: E| self.error(variable, error.to_string());
        parsed.map_err(report).ok()
    }

    /// An optional variable, parsed, with a default.
    pub(super) fn parsed_or<T, E: Display>(
        &mut self,
        variable: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.is_set(variable) { self.parsed(variable, parse) } else { Some(default) }
    }

    /// A required variable, parsed. `example` is a value that could be written.
    pub(super) fn required<T, E: Display>(
        &mut self,
        variable: &'static str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.is_set(variable) {
            self.error(variable, format!("must be set, for example `{example}`"));
        }
        self.parsed(variable, parse)
    }

    /// A whole number within bounds; `default` when the variable is absent.
    pub(super) fn number(
        &mut self,
        variable: &'static str,
        default: u32,
        bounds: RangeInclusive<u32>,
    ) -> Option<u32> {
        self.parsed_or(variable, default, |text| {
            let number = text.parse().ok().filter(|number| bounds.contains(number));
            let (least, most) = (bounds.start(), bounds.end());
            number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        variable: &'static str,
        default: T,
        choices: &[(&str, T)],
    ) -> Option<T> {
        self.parsed_or(variable, default, |text| {
            let chosen = choices.iter().find(|(name, _)| *name == text);
            chosen.map(|(_, choice)| *choice).ok_or_else(|| {
                let names: Vec<String> =
                    choices.iter().map(|(name, _)| format!("`{name}`")).collect();
                format!("must be one of {}", names.join(", "))
            })
        })
    }

    /// `true` or `false`; false when the variable is absent.
    pub(super) fn switch(&mut self, variable: &'static str) -> bool {
        self.choice(variable, false, &[("true", true), ("false", false)]).unwrap_or(false)
    }

    /// The bytes of the file at `path`.
    pub(super) fn file(&self, path: &str) -> Result<Vec<u8>, String> {
        let failed = |error| format!("must be the path of a readable file: {error}");
        self.bytes(path).map_err(failed)
    }

    /// The same, with the error of the system.
    pub(super) fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        (self.read_file)(path)
    }
}

/// The items of a comma-separated list, without empty ones.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
