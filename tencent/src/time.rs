//! Wall-clock time in whole seconds since 1970, and the only place that reads the clock.
//!
//! # Guarantees
//! All other code takes a [`Timestamp`] or a [`Clock`] as an argument, so every rule about time can
//! be tested at any moment. The clock is the wall clock, because a platform can freeze an instance
//! for an hour between two lines of code.
//!
//! # Not covered
//! Time zones (everything is UTC) and fractions of a second (no protocol here has them).

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `seconds` after 1970; `None` before 1970 and after the year 9999.
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok()?;
        (0..=LATEST_UNIX_SECONDS).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds since 1970.
    pub fn unix_seconds(self) -> i64 {
        self.0
    }

    /// The moment `seconds` later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds)).min(LATEST_UNIX_SECONDS))
    }

    /// The moment `seconds` earlier.
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(seconds)).max(0))
    }

    /// The UTC date, for example `2019-02-25`, as in a credential scope.
    pub fn date(self) -> String {
        let mut text = self.iso_8601();
        text.truncate("2019-02-25".len());
        text
    }

    /// ISO 8601 in UTC, for example `2019-02-25T16:44:25Z`.
    pub fn iso_8601(self) -> String {
        let moment = self.civil();
        let (century, year) = (moment.year().div_euclid(100), moment.year().rem_euclid(100));
        let mut text = String::with_capacity("2019-02-25T16:44:25Z".len());
        for (number, end) in [
            (century, ""),
            (year, "-"),
            (moment.month().into(), "-"),
            (moment.day().into(), "T"),
            (moment.hour().into(), ":"),
            (moment.minute().into(), ":"),
            (moment.second().into(), "Z"),
        ] {
            for digit in [number.div_euclid(10), number.rem_euclid(10)] {
                text.push(char::from(b'0'.wrapping_add(u8::try_from(digit).unwrap_or_default())));
            }
            text.push_str(end);
        }
        text
    }

    /// Formatted by hand, because the library's formatter is as large as all signing code of this
    /// crate, and without `format!`, because each request has a date.
    fn civil(self) -> jiff::civil::DateTime {
        let moment = jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        jiff::tz::Offset::UTC.to_datetime(moment)
    }
}

/// A source of time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970, for deadlines.
    fn unix_milliseconds(&self) -> u64;

    /// Microseconds since 1970, for measurements. A clock that knows none of them has none.
    fn unix_microseconds(&self) -> u64 {
        self.unix_milliseconds().saturating_mul(1000)
    }

    /// The present moment.
    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.unix_milliseconds() / 1000).unwrap_or(LATEST_UNIX_SECONDS);
        Timestamp(seconds.min(LATEST_UNIX_SECONDS))
    }
}

/// A function of the milliseconds since 1970, for a caller who knows the time.
impl<F: Fn() -> u64 + Send + Sync> Clock for F {
    fn unix_milliseconds(&self) -> u64 {
        self()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_milliseconds(&self) -> u64 {
        self.unix_microseconds() / 1000
    }

    #[expect(clippy::disallowed_methods, reason = "the only place that reads the clock")]
    fn unix_microseconds(&self) -> u64 {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let microseconds = since_1970.as_secs().saturating_mul(1_000_000);
        microseconds.saturating_add(since_1970.subsec_micros().into())
    }
}

/// 9999-12-31T22:00:00Z, the last moment of the calendar library.
const LATEST_UNIX_SECONDS: i64 = 253_402_207_200;

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn dates_are_utc_dates() {
        // 00:30 in Beijing on the 26th is still the 25th in UTC.
        let moment = Timestamp::from_unix_seconds(1_551_112_200).unwrap();
        assert_eq!(moment.date(), "2019-02-25");
        assert_eq!(moment.iso_8601(), "2019-02-25T16:30:00Z");
    }

    #[test]
    fn a_moment_outside_the_calendar_is_refused() {
        for seconds in [i64::MIN, -1, 253_402_207_201, i64::MAX] {
            assert_eq!(Timestamp::from_unix_seconds(seconds), None, "{seconds}");
        }
        assert!(Timestamp::from_unix_seconds(253_402_207_200).is_some());
    }
}
