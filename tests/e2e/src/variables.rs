//! Environment variables of a child process.

use std::collections::BTreeMap;

/// Environment variables by name, for a child that sees only these.
pub type Variables = BTreeMap<&'static str, String>;
