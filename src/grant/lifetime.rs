//! How long credentials may live.

use std::fmt::{Display, Formatter, Result as FmtResult};

use crate::error::{Error, ErrorCode};

/// The range of a credential's lifetime, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    minimum_seconds: u32,
    default_seconds: u32,
}

impl Display for Lifetime {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> FmtResult {
        write!(formatter, "{} to {} seconds", self.minimum_seconds, self.default_seconds)
    }
}

impl Lifetime {
    /// From `minimum_seconds` up to `default_seconds`, which also applies when a request names no
    /// lifetime. `None` when the minimum is larger.
    pub fn new(minimum_seconds: u32, default_seconds: u32) -> Option<Self> {
        (minimum_seconds <= default_seconds).then_some(Self { minimum_seconds, default_seconds })
    }

    /// The longest lifetime, in seconds.
    pub fn longest_seconds(self) -> u32 {
        self.default_seconds
    }

    /// The lifetimes that both allow.
    pub(super) fn shared(self, other: Self) -> Option<Self> {
        Self::new(
            self.minimum_seconds.max(other.minimum_seconds),
            self.default_seconds.min(other.default_seconds),
        )
    }

    /// The requested lifetime, or the default.
    ///
    /// # Errors
    /// [`ErrorCode::DurationSeconds`] outside the range: a lifetime is never clamped.
    pub(super) fn choose(self, requested: Option<u32>) -> Result<u32, Error> {
        let Self { minimum_seconds, default_seconds } = self;
        let seconds = requested.unwrap_or(default_seconds);
        if (minimum_seconds..=default_seconds).contains(&seconds) {
            return Ok(seconds);
        }
        let message =
            format!("`durationSeconds` must be from {minimum_seconds} to {default_seconds} here");
        Err(Error::new(ErrorCode::DurationSeconds, message))
    }
}
