//! A clock that a test can put forward.

use std::sync::atomic::{AtomicU64, Ordering};

use cos_issuer::time::{Clock, SystemClock};

/// The machine's clock and what was added to it.
#[derive(Debug, Default)]
pub struct MovableClock(AtomicU64);

impl MovableClock {
    /// Puts it forward for everybody who reads it.
    pub fn advance_seconds(&self, seconds: u32) {
        let milliseconds = u64::from(seconds).saturating_mul(1000);
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn unix_milliseconds(&self) -> u64 {
        let added = self.0.load(Ordering::SeqCst);
        SystemClock.unix_milliseconds().saturating_add(added)
    }
}
