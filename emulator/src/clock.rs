//! The two clocks of the emulator: seconds for the STS (a test may replace them), milliseconds for the Lambda deadline.
//!
//! Leaves out: time-outs, which run on tokio's own timer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The present moment in milliseconds since 1970, `later` added.
#[expect(
    clippy::disallowed_methods,
    reason = "the runtime API's deadline is real time in milliseconds, which the library's clock does not have"
)]
pub(crate) fn unix_ms_after(later: Duration) -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_add(later)
        .as_millis()
}
