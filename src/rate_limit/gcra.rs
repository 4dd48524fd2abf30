//! The algorithm: one time for each caller.

use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;

use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};

/// So many requests in a period, and what happens to a caller who goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The requests that a period allows, which are also the largest burst.
    pub requests: NonZeroU32,
    /// The period.
    pub period: Duration,
    /// How long a caller is refused who was refused ten times in a period; `None` for not at all.
    pub block: Option<Duration>,
}

impl RateLimit {
    /// The time between two requests that come evenly.
    pub(super) fn interval(&self) -> Duration {
        self.period.checked_div(self.requests.get()).unwrap_or(self.period)
    }
}

/// What is known of one caller. All times are since 1970.
#[derive(Debug, Default)]
pub(super) struct Caller {
    /// When the requests so far would be over if they came evenly ("theoretical arrival time").
    arrival: Duration,
    /// When the period of `refusals` began.
    refused_since: Duration,
    refusals: u32,
    blocked_until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Limited(Duration),
    Blocked(Duration),
}

impl Caller {
    pub(super) fn count(&mut self, limit: &RateLimit, now: Duration) -> Result<(), Refusal> {
        let RateLimit { period, block, .. } = *limit;
        // A clock that was set back must not refuse for longer than the settings.
        let latest = now.saturating_add(period);
        self.arrival = self.arrival.clamp(now, latest);
        if let Some(block) = block {
            self.blocked_until = self.blocked_until.min(now.saturating_add(block));
            if self.blocked_until > now {
                return Err(Refusal::Blocked(self.blocked_until.saturating_sub(now)));
            }
        }
        let arrival = self.arrival.saturating_add(limit.interval());
        if arrival <= latest {
            self.arrival = arrival;
            return Ok(());
        }
        if self.refused_since > now || now.saturating_sub(self.refused_since) >= period {
            self.refused_since = now;
            self.refusals = 0;
        }
        self.refusals = self.refusals.saturating_add(1);
        if let Some(block) = block.filter(|_| self.refusals >= MAX_REFUSALS) {
            self.blocked_until = now.saturating_add(block);
            self.refusals = 0;
            return Err(Refusal::Blocked(block));
        }
        Err(Refusal::Limited(arrival.saturating_sub(latest)))
    }
}

impl Refusal {
    pub(super) fn into_error(self, entropy: &dyn Entropy) -> Error {
        let (code, wait, message) = match self {
            Self::Limited(wait) => {
                (ErrorCode::RateLimited, wait, "too many requests: retry after `Retry-After`")
            }
            Self::Blocked(wait) => {
                let message = "too many refused requests: everything is refused for a while";
                (ErrorCode::RateLimitBlocked, wait, message)
            }
        };
        let seconds = seconds_to_wait(wait, entropy);
        Error::new(code, message).with_header(RETRY_AFTER, HeaderValue::from(seconds))
    }
}

/// The whole seconds after `wait`, and up to as many again.
fn seconds_to_wait(wait: Duration, entropy: &dyn Entropy) -> u64 {
    let least = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
    let Ok([first, second, ..]) = entropy.bytes() else {
        return least;
    };
    let fraction = u64::from(u16::from_be_bytes([first, second]));
    let more = least.saturating_mul(fraction).checked_div(u64::from(u16::MAX));
    least.saturating_add(more.unwrap_or(0))
}

/// As many refusals in a period block a caller.
pub(super) const MAX_REFUSALS: u32 = 10;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the numbers of these tests are small")]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use proptest::prelude::{any, prop};
    use proptest::{prop_assert, proptest};

    use super::{Caller, RateLimit, Refusal, seconds_to_wait};

    fn limit(requests: u32, seconds: u64, block: Option<u64>) -> RateLimit {
        RateLimit {
            requests: NonZeroU32::new(requests).unwrap(),
            period: Duration::from_secs(seconds),
            block: block.map(Duration::from_secs),
        }
    }

    /// The second at which each request comes, and whether it is accepted or when to come back.
    fn play(limit: &RateLimit, requests: &[(u64, Result<(), Refusal>)]) {
        let mut caller = Caller::default();
        for (index, (second, expected)) in requests.iter().enumerate() {
            let now = Duration::from_secs(1_700_000_000 + second);
            assert_eq!(caller.count(limit, now), *expected, "request {index} at {second} s");
        }
    }

    #[test]
    fn a_burst_is_the_whole_limit_and_then_one_request_each_interval() {
        let wait = |seconds| Err(Refusal::Limited(Duration::from_secs(seconds)));
        let requests =
            [(0, Ok(())), (0, Ok(())), (0, Ok(())), (0, wait(20)), (15, wait(5)), (20, Ok(()))];
        play(&limit(3, 60, None), &requests);
        // After a whole period without requests, the burst is there again.
        let requests = [(0, Ok(())), (0, Ok(())), (60, Ok(())), (60, Ok(())), (60, wait(30))];
        play(&limit(2, 60, None), &requests);
    }

    #[test]
    fn ten_refusals_in_a_period_block() {
        let limited = Err(Refusal::Limited(Duration::from_secs(60)));
        let blocked = |seconds| Err(Refusal::Blocked(Duration::from_secs(seconds)));
        let mut requests = vec![(0, Ok(()))];
        requests.extend([(0, limited); 9]);
        requests.extend([(0, blocked(300)), (100, blocked(200)), (299, blocked(1)), (300, Ok(()))]);
        play(&limit(1, 60, Some(300)), &requests);
    }

    #[test]
    fn a_clock_that_is_set_back_refuses_for_no_longer_than_the_settings() {
        for (block, longest) in [(None, 60), (Some(300), 300)] {
            let limit = limit(1, 60, block);
            let mut caller = Caller::default();
            for _ in 0..20 {
                caller.count(&limit, Duration::from_secs(1_000_000)).ok();
            }
            let (Refusal::Limited(wait) | Refusal::Blocked(wait)) =
                caller.count(&limit, Duration::from_secs(1000)).unwrap_err();
            assert!(wait <= Duration::from_secs(longest), "{wait:?}");
            assert_eq!(caller.count(&limit, Duration::from_secs(1000 + longest)), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn retry_after_is_never_too_early_and_at_most_twice_as_long(
            milliseconds in 1..10_000_000_u64, bytes in any::<[u8; 16]>()
        ) {
            let seconds = seconds_to_wait(Duration::from_millis(milliseconds), &bytes);
            prop_assert!(seconds * 1000 >= milliseconds);
            prop_assert!(seconds <= 2 * milliseconds.div_ceil(1000));
        }

        #[test]
        fn no_period_allows_more_than_two_bursts_and_a_retry_in_time_is_accepted(
            requests in 1..20_u32,
            steps in prop::collection::vec(0..4000_u64, 1..200),
        ) {
            let limit = limit(requests, 10, None);
            let mut caller = Caller::default();
            let mut now = 1_700_000_000_000;
            let mut accepted: Vec<u64> = Vec::new();
            for step in steps {
                now += step;
                match caller.count(&limit, Duration::from_millis(now)) {
                    Ok(()) => accepted.push(now),
                    Err(Refusal::Limited(wait)) => {
                        let mut later = Caller { arrival: caller.arrival, ..Caller::default() };
                        let then = Duration::from_millis(now) + wait;
                        prop_assert!(later.count(&limit, then).is_ok());
                    }
                    Err(Refusal::Blocked(_)) => prop_assert!(false),
                }
            }
            for start in &accepted {
                let within = accepted.iter().filter(|at| (*start..*start + 10_000).contains(at));
                prop_assert!(within.count() <= 2 * usize::try_from(requests).unwrap());
            }
        }
    }
}
