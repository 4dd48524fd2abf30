//! Grants, callers and requests made from bytes: what would be sent to STS, held against what the grants mean.
//!
//! Promise tried: nothing outside the grants, and nothing that was not asked for, is allowed by a policy that is issued.
//! The judge is that of the test `containment`, by its file's path; it shares no code with `cam` or `grant`.

#[path = "../../tests/containment/mod.rs"]
mod containment;

use containment::Outcome;

/// Tries one input. Returns whether a policy was issued that allows something.
pub fn grant(bytes: &[u8]) -> bool {
    matches!(containment::judge(bytes), Outcome::Issued { allowed } if allowed > 0)
}
