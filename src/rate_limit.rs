//! The rate limit of each caller: `RATE_LIMIT` and `RATE_LIMIT_BLOCK`.
//!
//! The algorithm is GCRA: one time for each caller, a burst of the whole limit, and an exact time
//! at which the next request is accepted.
//! <https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm>
//!
//! # Guarantees
//! - A caller who is authenticated is limited by who they are, never by an address.
//! - A refusal is immediate. Its `Retry-After` is never too early, and up to twice as long, so that
//!   refused callers do not return together.
//! - Memory is bounded. The callers who have been away the longest are forgotten first; requests
//!   without credentials cannot make the table forget an authenticated caller.
//!
//! # Not covered
//! Other instances: each one counts by itself.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use lru::LruCache;
use sha2::{Digest, Sha256};
use tencent::time::Clock;

use crate::auth::{AuthMethod, Principal};
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

/// What is known of all callers.
#[derive(Debug)]
pub struct RateLimiter {
    limit: RateLimit,
    principals: Table<[u8; 16]>,
    addresses: Table<IpAddr>,
}

impl RateLimiter {
    /// Nobody has been seen yet.
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, principals: Table::default(), addresses: Table::default() }
    }

    /// Counts a request of `principal`, who came from `address`. A principal who is not
    /// authenticated is counted by the address.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`], [`ErrorCode::RateLimitBlocked`].
    pub fn check_principal(
        &self,
        principal: &Principal,
        address: Option<IpAddr>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        if principal.method() == AuthMethod::None {
            return self.check_address(address, clock, entropy);
        }
        let outcome = self.principals.count(key_of(principal), &self.limit, clock);
        outcome.map_err(|refusal| refusal.into_error(entropy))
    }

    /// Counts a request without valid credentials. Requests whose address is not known are counted
    /// together.
    ///
    /// # Errors
    /// As [`check_principal`](Self::check_principal).
    pub fn check_address(
        &self,
        address: Option<IpAddr>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let outcome = self.addresses.count(network_of(address), &self.limit, clock);
        outcome.map_err(|refusal| refusal.into_error(entropy))
    }

    /// How many callers were forgotten because the memory for them is bounded.
    pub fn evictions(&self) -> u64 {
        let count = |evictions: &AtomicU64| evictions.load(Ordering::Relaxed);
        count(&self.principals.evictions).saturating_add(count(&self.addresses.evictions))
    }
}

/// Method and subject; a principal without a subject has the name of its key.
fn key_of(principal: &Principal) -> [u8; 16] {
    let subject = principal.claims().subject().unwrap_or_else(|| principal.name());
    let mut hash = Sha256::new();
    hash.update(principal.method().name());
    hash.update("\n");
    hash.update(subject);
    let digest: [u8; 32] = hash.finalize().into();
    let [half @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
    half
}

/// One client has a whole /64 of IPv6: <https://www.rfc-editor.org/rfc/rfc6177>.
fn network_of(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Some(address) => address,
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

#[derive(Debug)]
struct Table<Key: Hash + Eq> {
    callers: Mutex<LruCache<Key, Caller>>,
    evictions: AtomicU64,
}

impl<Key: Hash + Eq> Default for Table<Key> {
    fn default() -> Self {
        // Bounded below: a cache with a capacity allocates all of it at once.
        Self { callers: Mutex::new(LruCache::unbounded()), evictions: AtomicU64::new(0) }
    }
}

impl<Key: Hash + Eq> Table<Key> {
    fn count(&self, key: Key, limit: &RateLimit, clock: &dyn Clock) -> Result<(), Refusal> {
        let now = Duration::from_millis(clock.unix_milliseconds());
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = callers.get_or_insert_mut(key, Caller::default).count(limit, now);
        if callers.len() > MAX_CALLERS {
            callers.pop_lru();
            self.evictions.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }
}

/// What is known of one caller. All times are since 1970.
#[derive(Debug, Default)]
struct Caller {
    /// When the requests so far would be over if they came evenly ("theoretical arrival time").
    arrival: Duration,
    /// When the period of `refusals` began.
    refused_since: Duration,
    refusals: u32,
    blocked_until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Limited(Duration),
    Blocked(Duration),
}

impl Caller {
    fn count(&mut self, limit: &RateLimit, now: Duration) -> Result<(), Refusal> {
        let RateLimit { requests, period, block } = *limit;
        // A clock that was set back must not refuse for longer than the settings.
        let latest = now.saturating_add(period);
        self.arrival = self.arrival.clamp(now, latest);
        if let Some(block) = block {
            self.blocked_until = self.blocked_until.min(now.saturating_add(block));
            if self.blocked_until > now {
                return Err(Refusal::Blocked(self.blocked_until.saturating_sub(now)));
            }
        }
        let interval = period.checked_div(requests.get()).unwrap_or(period);
        let arrival = self.arrival.saturating_add(interval);
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
    fn into_error(self, entropy: &dyn Entropy) -> Error {
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

/// Of principals, and of addresses: 6 MB each.
const MAX_CALLERS: usize = 50_000;

/// As many refusals in a period block a caller.
const MAX_REFUSALS: u32 = 10;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "the numbers of these tests are small")]
mod tests {
    use std::net::IpAddr;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use proptest::prelude::{any, prop};
    use proptest::{prop_assert, proptest};

    use super::{
        Caller, MAX_CALLERS, RateLimit, RateLimiter, Refusal, network_of, seconds_to_wait,
    };
    use crate::auth::{AuthMethod, Claims, Principal};
    use crate::error::ErrorCode;
    use tencent::time::Clock;

    struct At(u64);

    impl Clock for At {
        fn unix_milliseconds(&self) -> u64 {
            self.0
        }
    }

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

    #[test]
    fn a_principal_is_never_refused_for_an_address_nor_for_another_principal() {
        let limiter = RateLimiter::new(limit(1, 60, Some(300)));
        let clock = At(1_700_000_000_000);
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let check = |principal: &Principal| {
            let outcome = limiter.check_principal(principal, address, &clock, &[0; 16]);
            outcome.map_err(|error| error.code())
        };
        for _ in 0..20 {
            limiter.check_address(address, &clock, &[0; 16]).ok();
        }
        let of = |method, subject| Principal::with_method(method, Claims::of_subject(subject));
        assert_eq!(check(&Principal::for_tests()), Err(ErrorCode::RateLimitBlocked));
        assert_eq!(check(&of(AuthMethod::Jwt, "a")), Ok(()));
        assert_eq!(check(&of(AuthMethod::Jwt, "a")), Err(ErrorCode::RateLimited));
        assert_eq!(check(&of(AuthMethod::Jwt, "b")), Ok(()));
        assert_eq!(check(&of(AuthMethod::Hmac, "a")), Ok(()));
    }

    #[test]
    fn addresses_of_one_client_count_together() {
        let network = |text: &str| network_of(Some(text.parse().unwrap()));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:0:0:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn the_memory_is_bounded_and_the_oldest_caller_is_forgotten() {
        let limiter = RateLimiter::new(limit(1, 60, None));
        let check = |number: usize| {
            let address = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            limiter.check_address(Some(address), &At(1_700_000_000_000), &[0; 16]).is_ok()
        };
        for number in 0..=MAX_CALLERS {
            assert!(check(number));
        }
        assert_eq!(limiter.evictions(), 1);
        assert!(!check(1));
        assert!(check(0));
        assert_eq!(limiter.evictions(), 2);
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
