//! How long credentials may live.

use crate::error::{Error, ErrorCode};

/// How long a credential may live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    minimum_seconds: u32,
    default_seconds: u32,
}

impl Lifetime {
    /// From `minimum_seconds` up to `default_seconds`, which is also what is given when nothing is asked for; `None` when the
    /// two are the wrong way round.
    pub fn new(minimum_seconds: u32, default_seconds: u32) -> Option<Self> {
        (minimum_seconds <= default_seconds).then_some(Self {
            minimum_seconds,
            default_seconds,
        })
    }

    /// What both allow.
    pub(super) fn shared(self, other: Self) -> Option<Self> {
        Self::new(
            self.minimum_seconds.max(other.minimum_seconds),
            self.default_seconds.min(other.default_seconds),
        )
    }

    /// The lifetime to give when `asked` is asked for: that, or a refusal, and never something near it.
    pub(super) fn choose(self, asked: Option<u32>) -> Result<u32, Error> {
        let Self {
            minimum_seconds,
            default_seconds,
        } = self;
        let seconds = asked.unwrap_or(default_seconds);
        if (minimum_seconds..=default_seconds).contains(&seconds) {
            return Ok(seconds);
        }
        let message =
            format!("`durationSeconds` must be from {minimum_seconds} to {default_seconds} here");
        Err(Error::new(ErrorCode::DurationSeconds, message))
    }
}
