//! The environment as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Environment variables, read once. An empty variable counts as absent.
#[derive(Clone, Default)]
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The names of the variables that are not empty.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let present = self.0.iter().filter(|(_, value)| !value.is_empty());
        present.map(|(name, _)| name.as_str())
    }

    /// The variables of these names.
    pub(super) fn only(&self, names: &[&str]) -> Self {
        names.iter().filter_map(|name| Some((*name, self.0.get(*name)?))).collect()
    }

    /// The text of a variable; an error when it is not UTF-8.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, NotUtf8> {
        match self.0.get(name) {
            Some(value) if !value.is_empty() => value.to_str().map(Some).ok_or(NotUtf8),
            _ => Ok(None),
        }
    }
}

/// The value is not UTF-8.
pub(super) struct NotUtf8;

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        let named = |(name, value): (N, V)| Some((name.into().into_string().ok()?, value.into()));
        // Not `collect`, which sorts first: that code adds 5 KB to the binary.
        let mut all = BTreeMap::new();
        all.extend(variables.into_iter().filter_map(named));
        Self(all)
    }
}
