//! Environment variables of a child process.

use std::collections::BTreeMap;

/// Environment variables by name, for a child that sees only these.
pub type Variables = BTreeMap<&'static str, String>;

/// Each request of a test makes its own STS call, so that calls can be counted. Tests of the cache
/// set another value.
pub const NO_CACHE: (&str, &str) = ("CACHE", "off");
