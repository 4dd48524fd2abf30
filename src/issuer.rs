//! From an authorized request to credentials: out of the cache, or by one STS call.
//!
//! # Guarantees
//! - Two requests share a credential only when their [`Authorized`] and the calling key are equal
//!   in every part. A credential for a generated object key is never shared.
//! - Requests for the same credential at once make one call.
//! - Every credential has at least `MIN_REMAINING_SECONDS` left when it is handed out.
//! - Everything happens within one deadline, the platform's or our own, whichever ends first.
//!
//! # Not covered
//! What one instance has cached is not known to others.

mod budget;
mod cache;
mod endpoints;
mod failure;
mod flight;
mod sts_clock;
mod upstream;
mod workload;

use std::hash::{Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::deadline::Deadline;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::grant::Authorized;
use crate::log;
use crate::metrics::{CacheResult, Metrics};
use crate::request::{RequestId, RoleKey};
use crate::sts::{CallingKeys, Client, Credentials, Endpoint, StsCaller};
use budget::RetryBudget;
use cache::Term;
use endpoints::Endpoints;
use flight::{Flights, Landing, Ticket};
use sts_clock::StsClock;
use tencent::time::{Clock, Timestamp};
pub use upstream::ReadFile;
use upstream::{RenewableKey, Upstream};
use workload::Workload;

/// How to issue credentials.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct IssuerOptions {
    /// The client of STS.
    pub sts: Client,
    /// Where the calling key is from.
    pub calling_keys: CallingKeys,
    /// Where STS is, in the order to try; never empty.
    pub endpoints: Vec<Endpoint>,
    /// The time for one credential over all attempts (`STS_DEADLINE_MS`).
    pub budget: Duration,
    /// The number of calls at once (`STS_CONCURRENCY_MAX`).
    pub concurrency_max: usize,
    /// The number of credentials to keep (`CACHE_ENTRIES_MAX`); `None` to keep none (`CACHE=off`).
    pub cache_entries_max: Option<NonZeroUsize>,
    /// Whether code may run between requests.
    pub background: Background,
    /// Whether the platform renews the calling key by starting a new instance.
    pub has_renewable_key: bool,
    /// Reads the token of a web identity.
    pub read_file: ReadFile,
    /// Where calls are counted; `None` for nowhere.
    pub metrics: Option<Arc<Metrics>>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What spreads refreshes and retries.
    pub entropy: Arc<dyn Entropy>,
}

/// Whether code may run between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Background {
    /// The process runs all the time: credentials are refreshed ahead, and wiped when they end.
    Runs,
    /// The platform freezes the process: everything is done within a request.
    Frozen,
}

/// Issues credentials.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct Issuer {
    upstream: Arc<Upstream>,
    flights: Option<Arc<CredentialFlights>>,
    calling_keys: CallingKeys,
    remaining_seconds_min: u32,
    budget: Duration,
    background: Background,
}

type CredentialFlights = Flights<Key, Credentials, Error>;
type Flight = flight::Flight<Key, Credentials, Error>;

/// Everything that shapes a credential.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    authorized: Arc<Authorized>,
    calling_key: CallingKeyId,
}

/// A calling key, known by its id.
#[derive(Clone)]
struct CallingKeyId(StsCaller);

impl CallingKeyId {
    fn as_str(&self) -> &str {
        self.0.id()
    }
}

impl PartialEq for CallingKeyId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for CallingKeyId {}

impl Hash for CallingKeyId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// The outcome of a request for credentials.
#[expect(missing_debug_implementations, reason = "it contains credentials")]
pub struct Issued {
    /// The credentials, or why there are none.
    pub outcome: Result<Arc<Credentials>, Error>,
    /// Where they are from.
    pub cache: CacheResult,
    /// How many calls of STS the request caused; `None` if it caused none.
    pub attempts: Option<u32>,
}

impl Issuer {
    /// Puts the parts together. No call is made.
    pub fn new(options: IssuerOptions) -> Self {
        let IssuerOptions { sts, endpoints, clock, entropy, budget, background, .. } = options;
        Self {
            calling_keys: options.calling_keys,
            remaining_seconds_min: sts.remaining_seconds_min,
            flights: options.cache_entries_max.map(|max| Flights::new(max.get())),
            upstream: Arc::new(Upstream {
                sts,
                endpoints: Endpoints::new(endpoints),
                permits: Semaphore::new(options.concurrency_max),
                budget: RetryBudget::new(),
                role_key: RenewableKey {
                    is_renewable: options.has_renewable_key,
                    started: clock.now(),
                    has_worked: AtomicBool::new(false),
                    has_lapsed: watch::Sender::new(false),
                },
                sts_clock: StsClock::new(Arc::clone(&clock)),
                workload: Workload::default(),
                read_file: options.read_file,
                metrics: options.metrics,
                clock,
                entropy,
            }),
            budget,
            background,
        }
    }

    /// Connects to STS while nobody has asked yet. Nothing is called.
    pub async fn connect_ahead(&self) {
        self.upstream.connect_ahead().await;
    }

    /// How many credentials are cached.
    pub fn cached_count(&self) -> usize {
        self.flights.as_ref().map_or(0, |flights| flights.cached_count())
    }

    /// How far STS is ahead of this machine's clock; negative when it is behind.
    pub fn clock_offset_ms(&self) -> i64 {
        self.upstream.sts_clock.ahead_ms()
    }

    /// Whether the calling key has lapsed, so that the platform has to start a new instance.
    pub fn key_has_lapsed(&self) -> bool {
        *self.upstream.role_key.has_lapsed.borrow()
    }

    /// Returns when the calling key has lapsed.
    pub async fn key_lapsed(&self) {
        let mut has_lapsed = self.upstream.role_key.has_lapsed.subscribe();
        // The sender lives as long as this.
        let _lapsed = has_lapsed.wait_for(|has_lapsed| *has_lapsed).await;
    }

    /// Issues the credentials that were authorized, for the request `id` that may have brought the
    /// calling key, within `deadline` and the budget. The errors have one of the `Upstream…` codes,
    /// [`ErrorCode::Busy`], [`ErrorCode::CallingKeyExpired`] or [`ErrorCode::Internal`].
    pub async fn issue(
        &self,
        authorized: &Arc<Authorized>,
        role_key: Option<&RoleKey>,
        id: &RequestId,
        deadline: Deadline,
    ) -> Issued {
        let Some(caller) = self.calling_keys.caller(role_key) else {
            return Issued { outcome: Err(no_role_key()), cache: CacheResult::Off, attempts: None };
        };
        let clock = &*self.upstream.clock;
        // Only for what is not cached.
        let budget = || {
            let left = deadline.remaining(clock).saturating_sub(ANSWER_MARGIN);
            Deadline::after(self.budget.min(left), clock)
        };
        let cached = self.flights.as_ref().filter(|_| authorized.is_shareable());
        let Issued { outcome, cache, attempts } = match cached {
            None => {
                let mut attempts = AtomicU32::new(0);
                let id = id.as_str();
                // On the heap, so that the many requests that the cache answers stay small.
                let fetched = self.upstream.fetch(authorized, &caller, id, &attempts, budget());
                let fetched = Box::pin(fetched).await;
                let outcome = fetched.and_then(|fetched| self.hand_out(Arc::new(fetched)));
                Issued { outcome, cache: CacheResult::Off, attempts: Some(*attempts.get_mut()) }
            }
            Some(flights) => self.share(flights, authorized, caller, id, budget).await,
        };
        if let Some(metrics) = &self.upstream.metrics {
            metrics.cache_request(cache);
        }
        let outcome = outcome.map_err(|error| self.spread_retries(error));
        Issued { outcome, cache, attempts }
    }

    async fn share(
        &self,
        flights: &Arc<CredentialFlights>,
        authorized: &Arc<Authorized>,
        caller: StsCaller,
        id: &RequestId,
        budget: impl Fn() -> Deadline,
    ) -> Issued {
        let key = Key { authorized: Arc::clone(authorized), calling_key: CallingKeyId(caller) };
        let refreshes_ahead = self.background == Background::Runs;
        let (clock, now) = (&*self.upstream.clock, self.upstream.sts_clock.now());
        let (landing, deadline, attempts) =
            match flights.ticket(&key, refreshes_ahead, &budget, clock, now) {
                Ticket::Cached(credentials, next) => {
                    if let Some(flight) = next {
                        self.spawn(flights, flight, key, id);
                    }
                    // Nothing has been waited for since.
                    let outcome = self.hand_out_at(now, credentials);
                    return Issued { outcome, cache: CacheResult::Hit, attempts: None };
                }
                Ticket::Joined(landing) => (landing, budget(), None),
                Ticket::First(flight, landing) => {
                    let deadline = flight.deadline();
                    (landing, deadline, Some(self.spawn(flights, flight, key, id)))
                }
            };
        let outcome = Box::pin(self.wait(landing, deadline)).await;
        let cache = if attempts.is_some() { CacheResult::Miss } else { CacheResult::Joined };
        let attempts = attempts.map(|attempts| attempts.load(Ordering::Relaxed));
        Issued { outcome, cache, attempts }
    }

    /// Runs a flight that outlives the request, and counts its attempts.
    fn spawn(
        &self,
        flights: &Arc<CredentialFlights>,
        flight: Flight,
        key: Key,
        id: &RequestId,
    ) -> Arc<AtomicU32> {
        let attempts = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&attempts);
        let (upstream, flights) = (Arc::clone(&self.upstream), Arc::clone(flights));
        let id = id.as_str().to_owned();
        let (least, background) = (self.remaining_seconds_min, self.background);
        tokio::spawn(async move {
            let caller = &key.calling_key.0;
            let deadline = flight.deadline();
            let fetched = upstream.fetch(&key.authorized, caller, &id, &count, deadline).await;
            let now = upstream.sts_clock.now();
            let landed = fetched.map(|credentials| {
                let term = Term::new(now, credentials.expiry, least, upstream.jitter());
                (Arc::new(credentials), term)
            });
            if !flight.land(landed, now) {
                // No decision follows, which would write the line of the attempt too.
                drop(log::flush());
            }
            if background == Background::Runs && flights.begins_sweep() {
                while flights.sweep(upstream.sts_clock.now()) {
                    sleep(SWEEP_PAUSE).await;
                }
            }
        });
        attempts
    }

    async fn wait(
        &self,
        landing: Landing<Credentials, Error>,
        deadline: Deadline,
    ) -> Result<Arc<Credentials>, Error> {
        // The flight itself has until the deadline, and its own failure has the cause.
        let left = deadline.remaining(&*self.upstream.clock).saturating_add(LANDING_MARGIN);
        match timeout(left, landing.result()).await {
            Ok(Some(result)) => result.and_then(|credentials| self.hand_out(credentials)),
            Ok(None) => {
                let message = "the function has a fault: try again";
                Err(Error::new(ErrorCode::Internal, message).caused_by("a flight did not land"))
            }
            Err(_) => Err(failure::too_late()),
        }
    }

    /// Counts credentials that are handed out, and refuses those with too little time left: an
    /// instance may have been frozen while it waited.
    fn hand_out(&self, credentials: Arc<Credentials>) -> Result<Arc<Credentials>, Error> {
        self.hand_out_at(self.upstream.sts_clock.now(), credentials)
    }

    fn hand_out_at(
        &self,
        now: Timestamp,
        credentials: Arc<Credentials>,
    ) -> Result<Arc<Credentials>, Error> {
        let remaining = credentials.expiry.unix_seconds().saturating_sub(now.unix_seconds());
        if remaining < i64::from(self.remaining_seconds_min) {
            return Err(failure::too_late());
        }
        if let Some(metrics) = &self.upstream.metrics {
            metrics.handed_out(u64::try_from(remaining).unwrap_or(0));
        }
        Ok(credentials)
    }

    /// Callers who failed together do not come back together.
    fn spread_retries(&self, error: Error) -> Error {
        if error.header().is_none_or(|(name, _)| name != RETRY_AFTER) {
            return error;
        }
        let seconds = if self.upstream.jitter() < 128 { "1" } else { "2" };
        error.with_header(RETRY_AFTER, HeaderValue::from_static(seconds))
    }
}

fn no_role_key() -> Error {
    let message = "the platform sent no key to call the credential service with: try again";
    let hint = "ROLE_KEYS=headers needs an SCF function with an image and an execution role";
    Error::new(ErrorCode::Internal, message).with_hint(Some(hint))
}

/// What the answer needs to get back through the platform.
const ANSWER_MARGIN: Duration = Duration::from_millis(200);

/// Lifetimes are whole seconds.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// What the result of a flight needs to reach those who wait.
const LANDING_MARGIN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CallingKeyId, Key};
    use crate::grant::Authorized;
    use crate::sts::{CallingKey, Identity, StsCaller};
    use tencent::secret::Secret;

    /// A new part does not compile here until it has a row.
    #[test]
    fn each_part_of_a_key_makes_a_difference() {
        let key = |name, secret_id: &str| {
            let (secret_id, secret_key) = (secret_id.to_owned(), Secret::new("key".to_owned()));
            let secret_key = Arc::new(secret_key.unwrap());
            let key = CallingKey { secret_id, secret_key, session_token: None };
            let identity = Identity::new(key, None).ok().unwrap();
            Key {
                authorized: Arc::new(Authorized::for_tests(name, 1800)),
                calling_key: CallingKeyId(StsCaller::Identity(Arc::new(identity))),
            }
        };
        let one = key("a", "AKIDexample");
        let Key { authorized: _, calling_key: _ } = &one;
        assert!(one == key("a", "AKIDexample"));
        assert!(one != key("b", "AKIDexample"));
        assert!(one != key("a", "AKIDother"));
    }
}
