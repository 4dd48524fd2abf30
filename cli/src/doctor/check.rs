//! One row of the table of checks.

use super::record::Record;
use super::verdict::Verdict;

/// A check: a question, and a pure function that decides it.
pub(super) struct Check {
    pub(super) name: &'static str,
    /// What it asks.
    pub(super) question: &'static str,
    pub(super) verdict: fn(&Record) -> Verdict,
    /// What to do about a finding.
    pub(super) fix: &'static str,
}
