//! The two clocks, read here only: a steady one to measure with, the calendar's for expiry times.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A point on the steady clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Whole seconds since 1970.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "the functions compare expiry times with the machine's clock"
)]
pub fn unix_seconds() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}
