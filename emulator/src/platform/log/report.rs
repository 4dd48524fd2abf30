//! What the log lines report about an invocation.

use std::time::Duration;

use crate::platform::PlatformError;

/// What one invocation came to.
#[derive(Debug)]
pub(crate) struct Report<'a> {
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
    /// Only the process.
    pub(crate) process: Duration,
}

/// When a start was tried.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InitPhase {
    Init,
    /// Again, within the invocation.
    Invoke,
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The last place up to `at` where a text may be cut.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    let place = (0..=at).rev().find(|place| text.is_char_boundary(*place));
    place.unwrap_or(0)
}
