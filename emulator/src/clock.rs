//! The clock of every service of this cloud: the machine's, which you can move or stop.
//!
//! # Guarantees
//! Every service reads this clock and no other, so that moving it moves signatures, tokens, events
//! and answers together; time stays within the years that a calendar prints.
//!
//! # Not covered
//! The function's own clock. It is a process of the machine and keeps the machine's time.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tencent::time::{Clock, Timestamp};

use crate::sync::lock;

/// A clock over another one, which can be moved and stopped while it is read.
pub struct EmulatedClock {
    base: Arc<dyn Clock>,
    state: Mutex<ClockState>,
}

/// How a clock differs from its base.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ClockState {
    /// Ahead of the base (negative: behind it).
    offset_ms: i64,
    /// Set while the clock is frozen: what it shows.
    frozen_at_ms: Option<i64>,
}

impl EmulatedClock {
    /// A clock that shows what `base` shows.
    pub fn over(base: Arc<dyn Clock>) -> Self {
        Self { base, state: Mutex::default() }
    }

    /// A span as people write it, in seconds: a number of them (`90`), or numbers with units
    /// (`31m`, `1h30m`, `-5m`).
    pub fn parse_span(text: &str) -> Option<i64> {
        let text = text.trim();
        if let Ok(seconds) = text.parse() {
            return Some(seconds);
        }
        SignedDuration::from_str(text).ok().map(|span| span.as_secs())
    }

    /// Shows `moment` from now on, running or frozen as before.
    pub fn set(&self, moment: Timestamp) {
        let ms = moment.unix_seconds().saturating_mul(1000);
        let base_ms = self.base_ms();
        let mut state = lock(&self.state);
        state.offset_ms = ms.saturating_sub(base_ms);
        if state.frozen_at_ms.is_some() {
            state.frozen_at_ms = Some(ms);
        }
    }

    /// Moves ahead, or back when `seconds` is negative.
    pub fn advance(&self, seconds: i64) {
        let ms = seconds.saturating_mul(1000);
        let mut state = lock(&self.state);
        state.offset_ms = state.offset_ms.saturating_add(ms);
        state.frozen_at_ms = state.frozen_at_ms.map(|at| bounded(at.saturating_add(ms)));
    }

    /// Freezes the clock. A frozen clock stays as it is.
    pub fn freeze(&self) {
        let now_ms = self.now_ms();
        lock(&self.state).frozen_at_ms.get_or_insert(now_ms);
    }

    /// Runs again, from the moment at which it was frozen.
    pub fn resume(&self) {
        let base_ms = self.base_ms();
        let mut state = lock(&self.state);
        if let Some(at) = state.frozen_at_ms.take() {
            state.offset_ms = at.saturating_sub(base_ms);
        }
    }

    /// Shows what its base shows again, running.
    pub fn reset(&self) {
        self.restore(ClockState::default());
    }

    /// How it differs from its base.
    pub(crate) fn state(&self) -> ClockState {
        *lock(&self.state)
    }

    /// Differs from its base like that from now on.
    pub(crate) fn restore(&self, state: ClockState) {
        *lock(&self.state) = state;
    }

    /// Whether it is frozen.
    pub fn is_frozen(&self) -> bool {
        lock(&self.state).frozen_at_ms.is_some()
    }

    /// How far it is ahead of its base; negative when it is behind.
    pub fn offset_seconds(&self) -> i64 {
        self.now_ms().saturating_sub(self.base_ms()) / 1000
    }

    fn now_ms(&self) -> i64 {
        let base_ms = self.base_ms();
        let state = *lock(&self.state);
        bounded(state.frozen_at_ms.unwrap_or_else(|| base_ms.saturating_add(state.offset_ms)))
    }

    fn base_ms(&self) -> i64 {
        i64::try_from(self.base.unix_milliseconds()).unwrap_or(LATEST_MS)
    }
}

impl Clock for EmulatedClock {
    fn unix_milliseconds(&self) -> u64 {
        u64::try_from(self.now_ms()).unwrap_or_default()
    }
}

impl fmt::Debug for EmulatedClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EmulatedClock")
            .field("now", &self.now().iso_8601())
            .field("frozen", &self.is_frozen())
            .finish_non_exhaustive()
    }
}

/// `moment` and so many seconds more, or fewer.
pub(crate) fn shifted(moment: Timestamp, seconds: i64) -> Timestamp {
    let size = u32::try_from(seconds.unsigned_abs()).unwrap_or(u32::MAX);
    if seconds < 0 { moment.minus_seconds(size) } else { moment.plus_seconds(size) }
}

/// A moment as people write it: seconds since 1970, or `2026-01-01T00:00:00Z`.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let seconds = match text.parse() {
        Ok(seconds) => seconds,
        Err(_) => jiff::Timestamp::from_str(text).ok()?.as_second(),
    };
    Timestamp::from_unix_seconds(seconds)
}

fn bounded(ms: i64) -> i64 {
    ms.clamp(0, LATEST_MS)
}

/// The last moment that [`Timestamp`] can hold.
const LATEST_MS: i64 = 253_402_207_200_000;

#[cfg(test)]
mod tests {
    use super::{EmulatedClock, moment, shifted};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tencent::time::{Clock, Timestamp};

    struct Base(AtomicU64);

    impl Clock for Base {
        fn unix_milliseconds(&self) -> u64 {
            self.0.load(Ordering::SeqCst)
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn it_moves_stops_goes_on_from_there_and_comes_back() {
        let base = Arc::new(Base(AtomicU64::new(1_000_000)));
        let clock = EmulatedClock::over(base.clone());
        let pass = |seconds: u64| base.0.fetch_add(seconds * 1000, Ordering::SeqCst);
        assert_eq!(clock.now(), at(1000));
        clock.advance(60);
        pass(5);
        assert_eq!(clock.now(), at(1065));
        clock.freeze();
        pass(100);
        clock.freeze();
        assert_eq!(clock.now(), at(1065));
        clock.advance(-65);
        assert_eq!(clock.now(), at(1000));
        clock.set(at(2000));
        pass(7);
        assert_eq!(clock.now(), at(2000));
        clock.resume();
        pass(1);
        assert_eq!(clock.now(), at(2001));
        clock.set(at(500));
        pass(1);
        assert_eq!(clock.now(), at(501));
        assert_eq!(clock.offset_seconds(), 501 - 1114);
        clock.reset();
        assert_eq!(clock.now(), at(1114));
        assert!(!clock.is_frozen());
    }

    #[test]
    fn no_jump_leaves_the_calendar() {
        let clock = EmulatedClock::over(Arc::new(Base(AtomicU64::new(1_000_000))));
        clock.advance(i64::MIN);
        assert_eq!(clock.now(), at(0));
        clock.reset();
        clock.freeze();
        for _ in 0..3 {
            clock.advance(i64::MAX);
        }
        assert_eq!(clock.now(), at(253_402_207_200));
        assert_eq!(shifted(at(10), i64::MIN), at(0));
        assert_eq!(shifted(at(10), -3), at(7));
    }

    #[test]
    fn spans_and_moments_as_people_write_them() {
        for (text, seconds) in [
            ("90", Some(90)),
            ("-90", Some(-90)),
            ("31m", Some(1860)),
            ("1h30m", Some(5400)),
            ("-5m", Some(-300)),
            ("2 hours", Some(7200)),
            ("", None),
            ("soon", None),
            ("1d", None),
            ("5mm", None),
        ] {
            assert_eq!(EmulatedClock::parse_span(text), seconds, "{text}");
        }
        for (text, seconds) in [
            ("1551112200", Some(1_551_112_200)),
            ("2019-02-25T16:30:00Z", Some(1_551_112_200)),
            ("2019-02-26T00:30:00+08:00", Some(1_551_112_200)),
            ("-1", None),
            ("2019-02-25", None),
            ("tomorrow", None),
        ] {
            assert_eq!(moment(text), seconds.map(at), "{text}");
        }
    }
}
