//! Reads variables and keeps every problem, so that the operator mends them in one go.

use std::fmt;

use super::Environment;

/// What is wrong with one variable. It never holds the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: &'static str,
    text: String,
}

impl ConfigError {
    pub(super) fn new(variable: &'static str, text: impl Into<String>) -> Self {
        Self {
            variable,
            text: text.into(),
        }
    }

    /// The variable's name.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.variable, self.text)
    }
}

pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<ConfigError>,
    warnings: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, variable: &'static str, text: impl Into<String>) {
        self.problems.push(ConfigError::new(variable, text));
    }

    pub(super) fn warn(&mut self, text: &'static str) {
        self.warnings.push(text);
    }

    /// The warnings, if nothing is wrong.
    pub(super) fn finish(self) -> Result<Vec<&'static str>, Vec<ConfigError>> {
        if self.problems.is_empty() {
            Ok(self.warnings)
        } else {
            Err(self.problems)
        }
    }

    /// A variable that may be absent.
    pub(super) fn optional(&mut self, variable: &'static str) -> Option<&'a str> {
        self.environment.text(variable).unwrap_or_else(|_| {
            self.problem(variable, "is not UTF-8");
            None
        })
    }

    /// A variable that may be absent, parsed.
    pub(super) fn parsed<T, E: fmt::Display>(
        &mut self,
        variable: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = parse(self.optional(variable)?);
        parsed
            .map_err(|error| self.problem(variable, error.to_string()))
            .ok()
    }

    /// A variable that must be there, parsed. `example` says what to write.
    pub(super) fn required<T, E: fmt::Display>(
        &mut self,
        variable: &'static str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.optional(variable).is_none() {
            self.problem(variable, format!("must be set, for example to `{example}`"));
            return None;
        }
        self.parsed(variable, parse)
    }

    /// A whole number within bounds; `default` when absent.
    pub(super) fn number(
        &mut self,
        variable: &'static str,
        default: u32,
        bounds: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let Some(text) = self.optional(variable) else {
            return Some(default);
        };
        match text.parse() {
            Ok(number) if bounds.contains(&number) => Some(number),
            _ => {
                self.problem(
                    variable,
                    format!(
                        "must be a whole number from {} to {}",
                        bounds.start(),
                        bounds.end()
                    ),
                );
                None
            }
        }
    }

    /// One of a few words. There is no default: a choice must be written.
    pub(super) fn choice<T: Copy>(
        &mut self,
        variable: &'static str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let chosen = self.optional(variable);
        let found = choices
            .iter()
            .find(|(name, _)| Some(*name) == chosen)
            .map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<String> = choices
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            self.problem(
                variable,
                format!("must be set to one of: {}", names.join(", ")),
            );
        }
        found
    }

    /// `true` or `false`; false when absent.
    pub(super) fn switch(&mut self, variable: &'static str) -> bool {
        if self.optional(variable).is_none() {
            return false;
        }
        self.choice(variable, &[("true", true), ("false", false)])
            .unwrap_or(false)
    }
}

/// A comma-separated list without empty items.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}
