//! The time that one request has, on the wall clock.
//!
//! An instance can be frozen for an hour between two lines of code, and a monotonic clock may miss
//! that hour. By the wall clock the request is over afterwards, so nothing is called on its behalf
//! any more. A clock that is set back can give a request its limit once more, never more than that.

use std::time::Duration;

use tencent::time::Clock;

/// When a request began, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    start_us: u64,
    limit: Duration,
}

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration, clock: &dyn Clock) -> Self {
        Self { start_us: clock.unix_microseconds(), limit }
    }

    /// No limit, where the platform sets none.
    pub fn unlimited(clock: &dyn Clock) -> Self {
        Self::after(Duration::MAX, clock)
    }

    /// The time since the request began.
    pub fn elapsed(&self, clock: &dyn Clock) -> Duration {
        Duration::from_micros(clock.unix_microseconds().saturating_sub(self.start_us))
    }

    /// The same in milliseconds.
    pub fn elapsed_ms(&self, clock: &dyn Clock) -> u64 {
        clock.unix_microseconds().saturating_sub(self.start_us) / 1000
    }

    /// The time that is left.
    pub fn remaining(&self, clock: &dyn Clock) -> Duration {
        // Without a limit, what time it is makes no difference.
        if self.limit == Duration::MAX {
            return self.limit;
        }
        self.limit.saturating_sub(self.elapsed(clock))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::Deadline;

    #[test]
    fn a_frozen_hour_is_over_and_a_clock_set_back_adds_at_most_the_limit() {
        let now = AtomicU64::new(10_000_000);
        let clock = || now.load(Ordering::SeqCst);
        let deadline = Deadline::after(Duration::from_secs(3), &clock);
        let remaining_at = |milliseconds| {
            now.store(milliseconds, Ordering::SeqCst);
            deadline.remaining(&clock).as_millis()
        };
        assert_eq!(remaining_at(10_001_000), 2000);
        assert_eq!(remaining_at(13_600_000), 0);
        assert_eq!(remaining_at(0), 3000);
    }
}
