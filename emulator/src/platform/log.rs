//! The lines that a platform writes into the log of a function around what the function prints.
//!
//! Promises: only numbers that were measured, `n/a` where there is none; of what a function returns or reports, the secrets are
//! masked here. What it prints itself stays as it is: a secret in there is a fault to be seen.
//! Leaves out: `INIT_START` (Lambda names a runtime version there, and there is none here), JSON log formats.

mod lambda;
mod mask;
mod scf;

use std::time::Duration;

use super::{Platform, PlatformError};
use crate::ledger::Ledger;

/// What one invocation came to.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) ending: Ending<'a>,
    pub(crate) duration: Duration,
    pub(crate) memory_mb: u32,
    pub(crate) peak_memory_bytes: Option<u64>,
    /// Of a cold start that belongs to this invocation.
    pub(crate) init: Option<InitTimes>,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending<'a> {
    /// An event function returned this.
    Returned(&'a [u8]),
    /// A web function answered.
    Answered,
    /// The function reported an error.
    FunctionError(&'a str),
    /// The platform ended it.
    PlatformError(&'a PlatformError),
}

/// How long a start took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InitTimes {
    /// With what the platform does before the process runs.
    pub(crate) whole: Duration,
    /// The process alone.
    pub(crate) process: Duration,
}

/// When a start was tried.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InitPhase {
    Init,
    /// Again, within the invocation.
    Invoke,
}

impl Platform {
    /// The line that opens an invocation.
    pub(crate) fn start_line(self, request_id: &str) -> String {
        match self {
            Self::Scf(_) | Self::ScfWeb => scf::start(request_id),
            Self::Lambda(_) => lambda::start(request_id),
        }
    }

    /// Whether that line stands before what the function prints at its start (documented for SCF, observed for Lambda).
    pub(crate) fn starts_before_init(self) -> bool {
        matches!(self, Self::Scf(_) | Self::ScfWeb)
    }

    /// What a start that went well leaves in the log.
    pub(crate) fn init_line(self, facts: &Facts<'_>) -> Option<String> {
        match self {
            Self::ScfWeb => scf::init_report(facts),
            Self::Scf(_) | Self::Lambda(_) => None,
        }
    }

    /// What a start that failed leaves in the log.
    pub(crate) fn failed_init_line(
        self,
        phase: InitPhase,
        took: Duration,
        error: &PlatformError,
        ledger: &Ledger,
    ) -> Option<String> {
        match self {
            Self::Lambda(_) => Some(safe(&lambda::init_report(phase, took, error), ledger)),
            Self::Scf(_) | Self::ScfWeb => None,
        }
    }

    /// The lines that close an invocation.
    pub(crate) fn end_lines(self, facts: &Facts<'_>, ledger: &Ledger) -> Vec<String> {
        match self {
            Self::Scf(_) | Self::ScfWeb => scf::end(facts, ledger),
            Self::Lambda(_) => {
                let lines = lambda::end(facts);
                lines.iter().map(|line| safe(line, ledger)).collect()
            }
        }
    }
}

/// Without secrets and line breaks, both of which a function may have put into the error that it reported.
fn safe(line: &str, ledger: &Ledger) -> String {
    mask::masked(line.as_bytes(), ledger)
        .text
        .replace(['\n', '\r'], " ")
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The last place up to `at` where a text may be cut.
fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    let place = (0..=at).rev().find(|place| text.is_char_boundary(*place));
    place.unwrap_or(0)
}
