//! The verdicts of one run, for people and for programs.
//!
//! # Guarantees
//! A text that repeats a secret of the run is replaced as a whole.

use serde::Serialize;
use tencent::time::{Clock as _, SystemClock};

use super::check::Check;
use super::record::Record;
use super::verdict::Fault;

/// One run.
#[derive(Serialize)]
pub(crate) struct Report {
    url: String,
    time: String,
    pub(crate) good: usize,
    pub(crate) findings: usize,
    pub(crate) skipped: usize,
    pub(crate) checks: Vec<Entry>,
}

/// One check of a run.
#[derive(Serialize)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    question: &'static str,
    pub(crate) state: State,
    pub(crate) text: String,
    /// What to do about a finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Good,
    Finding,
    Skipped,
}

impl Report {
    pub(super) fn new(checks: impl Iterator<Item = &'static Check>, record: &Record) -> Self {
        let checks: Vec<Entry> = checks.map(|check| entry(check, record)).collect();
        let count = |state| checks.iter().filter(|entry| entry.state == state).count();
        Self {
            url: record.url.to_string(),
            time: SystemClock.now().iso_8601(),
            good: count(State::Good),
            findings: count(State::Finding),
            skipped: count(State::Skipped),
            checks,
        }
    }
}

fn entry(check: &'static Check, record: &Record) -> Entry {
    let (state, text, fix) = match (check.verdict)(record) {
        Ok(text) => (State::Good, text, None),
        Err(Fault::Found(text)) => (State::Finding, text, Some(check.fix)),
        Err(Fault::Skipped(text)) => (State::Skipped, text, None),
    };
    let repeats_secret = record.secrets.iter().any(|secret| secret.is_in(&text));
    let text = if repeats_secret { "(the answer repeats a secret)".to_owned() } else { text };
    Entry { name: check.name, question: check.question, state, text, fix }
}
