//! The lines that a platform writes into the log of a function around what the function prints.
//!
//! # Guarantees
//! Only numbers that were measured, `n/a` where there is none; of what a function returns or
//! reports, the secrets are masked here. What it prints itself stays as it is: a secret in there is
//! a fault to be seen.
//!
//! # Not covered
//! `INIT_START` (Lambda names a runtime version there, which does not exist here), JSON log
//! formats.

mod lambda;
mod mask;
mod report;
mod scf;

use std::time::Duration;

pub(crate) use self::report::{Ending, InitPhase, InitTimes, Report};
use super::{Platform, PlatformError};
use crate::secrets::SecretRegistry;

impl Platform {
    /// The line that opens an invocation.
    pub(crate) fn start_line(self, request_id: &str) -> String {
        match self {
            Self::Scf(_) | Self::ScfWeb => scf::start(request_id),
            Self::Lambda(_) => lambda::start(request_id),
        }
    }

    /// Whether that line precedes what the function prints at its start (documented for SCF,
    /// observed for Lambda).
    pub(crate) fn starts_before_init(self) -> bool {
        matches!(self, Self::Scf(_) | Self::ScfWeb)
    }

    /// What a start that went well leaves in the log.
    pub(crate) fn init_line(self, report: &Report<'_>) -> Option<String> {
        match self {
            Self::ScfWeb => scf::init_report(report),
            Self::Scf(_) | Self::Lambda(_) => None,
        }
    }

    /// What a start that failed leaves in the log.
    pub(crate) fn failed_init_line(
        self,
        phase: InitPhase,
        took: Duration,
        error: &PlatformError,
        secrets: &SecretRegistry,
    ) -> Option<String> {
        match self {
            Self::Lambda(_) => Some(safe(&lambda::init_report(phase, took, error), secrets)),
            Self::Scf(_) | Self::ScfWeb => None,
        }
    }

    /// The lines that close an invocation.
    pub(crate) fn end_lines(self, report: &Report<'_>, secrets: &SecretRegistry) -> Vec<String> {
        match self {
            Self::Scf(_) | Self::ScfWeb => scf::end(report, secrets),
            Self::Lambda(_) => {
                let lines = lambda::end(report);
                lines.iter().map(|line| safe(line, secrets)).collect()
            }
        }
    }
}

/// Without secrets and line breaks, both of which a function may have put into the error that it
/// reported.
fn safe(line: &str, secrets: &SecretRegistry) -> String {
    mask::masked(line.as_bytes(), secrets).text.replace(['\n', '\r'], " ")
}
