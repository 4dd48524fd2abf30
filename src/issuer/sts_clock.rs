//! The time of STS: this machine's clock, and how far STS is ahead of it.
//!
//! STS rejects signatures more than five minutes off (`AuthFailure.SignatureExpire`). Then the
//! `Date` of its answer corrects the clock.
//!
//! # Guarantees
//! `Date` is read only of an answer over a connection whose certificate was accepted, so nobody
//! else can move this clock.
//!
//! # Not covered
//! A machine so far off that certificates look expired.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tencent::time::{Clock, Timestamp};

/// A clock that shows the time of STS.
pub(super) struct StsClock {
    machine: Arc<dyn Clock>,
    ahead_ms: AtomicI64,
}

impl StsClock {
    pub(super) fn new(machine: Arc<dyn Clock>) -> Self {
        Self { machine, ahead_ms: AtomicI64::new(0) }
    }

    /// Learns from the `Date` of an answer that just arrived, if that is worth a new signature.
    pub(super) fn learn(&self, date: Timestamp) {
        let date_ms = date.unix_seconds().saturating_mul(1000);
        let machine_ms = i64::try_from(self.machine.unix_milliseconds()).unwrap_or(i64::MAX);
        let ahead_ms = date_ms.saturating_sub(machine_ms);
        let change = ahead_ms.abs_diff(self.ahead_ms());
        if ahead_ms.unsigned_abs() <= MAX_AHEAD_MS && change >= MIN_CHANGE_MS {
            self.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        }
    }

    /// How far STS is ahead; negative when it is behind.
    pub(super) fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::Relaxed)
    }
}

impl Clock for StsClock {
    fn unix_milliseconds(&self) -> u64 {
        self.machine.unix_milliseconds().saturating_add_signed(self.ahead_ms())
    }
}

/// A month. Certificates would have to be valid at both moments.
const MAX_AHEAD_MS: u64 = 31 * 24 * 3600 * 1000;

/// Signatures may be five minutes off.
const MIN_CHANGE_MS: u64 = 30_000;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::StsClock;
    use tencent::time::{Clock, Timestamp};

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn it_is_corrected_both_ways_by_days_but_not_by_years() {
        let at = |seconds| Timestamp::from_unix_seconds(NOW + seconds).unwrap();
        for seconds in [-30 * 86_400, -86_400, -301, 301, 86_400, 30 * 86_400] {
            let clock = StsClock::new(Arc::new(|| 1_700_000_000_500));
            clock.learn(at(seconds));
            assert_eq!(clock.now(), at(seconds));
            // The machine's clock was set right meanwhile.
            clock.learn(at(0));
            assert_eq!(clock.now(), at(0), "{seconds}");
        }
        for seconds in [-32 * 86_400, -29, 0, 29, 32 * 86_400, 3_000_000_000] {
            let clock = StsClock::new(Arc::new(|| 1_700_000_000_500));
            clock.learn(at(seconds));
            assert_eq!(clock.now(), at(0), "{seconds}");
        }
    }
}
