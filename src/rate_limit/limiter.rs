//! All callers: which one a request counts for, and how many are remembered.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lru::LruCache;
use tencent::time::Clock;

use super::gcra::{Caller, RateLimit, Refusal};
use super::shared;
use crate::auth::{AuthMethod, Principal};
use crate::entropy::Entropy;
use crate::error::Error;
use crate::shared_store::SharedStore;

/// What is known of all callers.
#[expect(missing_debug_implementations, reason = "the store's URL may contain a password")]
pub struct RateLimiter {
    limit: RateLimit,
    store: Option<Arc<SharedStore>>,
    principals: Table<String>,
    addresses: Table<IpAddr>,
}

impl RateLimiter {
    /// Nobody has been seen yet. With a store, all instances count together.
    pub fn new(limit: RateLimit, store: Option<Arc<SharedStore>>) -> Self {
        Self { limit, store, principals: Table::default(), addresses: Table::default() }
    }

    /// Counts a request of `principal`, who came from `address`. A principal who is not
    /// authenticated is counted by the address.
    ///
    /// # Errors
    /// [`RateLimited`](crate::error::ErrorCode::RateLimited),
    /// [`RateLimitBlocked`](crate::error::ErrorCode::RateLimitBlocked).
    pub async fn check_principal(
        &self,
        principal: &Principal,
        address: Option<IpAddr>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let counted = if principal.method() == AuthMethod::None {
            Counted::Address(network_of(address))
        } else {
            Counted::Principal(key_of(principal))
        };
        self.count(counted, clock).await.map_err(|refusal| refusal.into_error(entropy))
    }

    /// Counts a request without valid credentials. Requests whose address is not known are counted
    /// together.
    ///
    /// # Errors
    /// As [`check_principal`](Self::check_principal).
    pub async fn check_address(
        &self,
        address: Option<IpAddr>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<(), Error> {
        let counted = Counted::Address(network_of(address));
        self.count(counted, clock).await.map_err(|refusal| refusal.into_error(entropy))
    }

    /// Counts in the shared store. Without one, or while it is down, this instance counts.
    async fn count(&self, counted: Counted, clock: &dyn Clock) -> Result<(), Refusal> {
        if let Some(store) = &self.store {
            let name = counted.name();
            // The store logs its failures.
            if let Ok(outcome) = Box::pin(shared::count(store, &name, &self.limit)).await {
                return outcome;
            }
        }
        match counted {
            Counted::Principal(key) => self.principals.count(key, &self.limit, clock),
            Counted::Address(network) => self.addresses.count(network, &self.limit, clock),
        }
    }

    /// How many callers were forgotten because the memory for them is bounded.
    pub fn evictions(&self) -> u64 {
        let count = |evictions: &AtomicU64| evictions.load(Ordering::Relaxed);
        count(&self.principals.evictions).saturating_add(count(&self.addresses.evictions))
    }
}

/// What a request is counted for.
enum Counted {
    Principal(String),
    Address(IpAddr),
}

impl Counted {
    fn name(&self) -> String {
        match self {
            Self::Principal(key) => format!("principal:{key}"),
            Self::Address(network) => format!("address:{network}"),
        }
    }
}

/// Method and subject; a principal without a subject has the name of its key.
fn key_of(principal: &Principal) -> String {
    let subject = principal.subject_hash().unwrap_or_else(|| principal.name());
    format!("{}:{subject}", principal.method().name())
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

/// Of principals, and of addresses: 6 MB each.
const MAX_CALLERS: usize = 50_000;

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::{MAX_CALLERS, RateLimit, RateLimiter, network_of};
    use crate::auth::{AuthMethod, Claims, Principal};
    use crate::error::ErrorCode;

    fn limit(requests: u32, seconds: u64, block: Option<u64>) -> RateLimit {
        RateLimit {
            requests: NonZeroU32::new(requests).unwrap(),
            period: Duration::from_secs(seconds),
            block: block.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_principal_is_never_refused_for_an_address_nor_for_another_principal() {
        let limiter = RateLimiter::new(limit(1, 60, Some(300)), None);
        let clock = || 1_700_000_000_000;
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let check = |principal: &Principal| {
            let check = limiter.check_principal(principal, address, &clock, &[0; 16]);
            let outcome = check.now_or_never().unwrap();
            outcome.map_err(|error| error.code())
        };
        for _ in 0..20 {
            limiter.check_address(address, &clock, &[0; 16]).now_or_never();
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
        let limiter = RateLimiter::new(limit(1, 60, None), None);
        let check = |number: usize| {
            let address = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            let clock = || 1_700_000_000_000;
            let check = limiter.check_address(Some(address), &clock, &[0; 16]);
            check.now_or_never().unwrap().is_ok()
        };
        for number in 0..=MAX_CALLERS {
            assert!(check(number));
        }
        assert_eq!(limiter.evictions(), 1);
        assert!(!check(1));
        assert!(check(0));
        assert_eq!(limiter.evictions(), 2);
    }
}
