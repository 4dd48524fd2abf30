//! Why a command fails: an invalid command line, or an operation that did not succeed.

use cos_emulator::StartError;

/// Why the command failed. The exit code depends on the kind.
pub(crate) enum Failure {
    /// The command line or one of its files is invalid.
    Usage(String),
    /// The operation did not succeed.
    Failed(String),
    /// The answer is negative, and the output explains it.
    Refused,
}

impl Failure {
    /// A cloud that did not start, with what to do about it.
    pub(crate) fn start(error: &StartError) -> Self {
        match error {
            StartError::PortTaken { .. } => Self::Failed(format!(
                "{error}; choose another (--port, --cos-port, --admin-port), or 0 for any free one"
            )),
            StartError::NoFunction { .. } => Self::Failed(format!(
                "{error}; build it with `make build`, which writes target/deploy/bootstrap"
            )),
            StartError::Account(_) => Self::Usage(error.to_string()),
            StartError::Data { .. }
            | StartError::Fault(_)
            | StartError::FunctionName { .. }
            | StartError::Io(_)
            | StartError::Preload { .. }
            | StartError::RealKey { .. }
            | StartError::State { .. }
            | StartError::Trace { .. } => Self::Failed(error.to_string()),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}
