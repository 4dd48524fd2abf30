//! What a check finds.

/// Why it is good, or the fault.
pub(super) type Verdict = Result<String, Fault>;

/// Why a check is not good.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Something is wrong with the deployment.
    Found(String),
    /// It could not be decided.
    Skipped(String),
}

pub(super) fn good(text: impl Into<String>) -> Verdict {
    Ok(text.into())
}

pub(super) fn found<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Found(text.into()))
}

pub(super) fn skipped<T>(reason: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Skipped(reason.into()))
}
