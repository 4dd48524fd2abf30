//! The issuer's JWKS: fetched from its URL when a request needs it, and cached.
//!
//! # Guarantees
//! - The URL is a setting; no token can cause a fetch elsewhere.
//! - At most one fetch at a time and one per cooldown, whatever tokens contain. The time that
//!   requests wait is bounded.
//! - A JWKS that was fetched replaces the previous one, even if it has no usable key, and is fresh
//!   for five minutes. It is used for a day while no other can be fetched.
//! - A client that disconnects does not cancel a fetch that others wait for.
//!
//! # Not covered
//! - Fetching ahead of need: instances are frozen between requests.
//! - The response's content in logs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tracing::warn;

use super::algorithm::Algorithm;
use super::jwk::{KeySet, KeySetError};
use crate::error::chain;
use crate::http_client::{CallError, Client};
use tencent::time::Timestamp;

/// Fetches a JWKS; has a timeout of its own.
pub type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync>;

/// The issuer's keys.
#[expect(missing_debug_implementations, reason = "it contains a function")]
pub struct JwksCache(Arc<Inner>);

impl JwksCache {
    /// Keys of `algorithms`, from `url`; the log has the issuer's `name`. Nothing is fetched yet.
    pub fn new(
        client: Client,
        url: String,
        algorithms: Vec<Algorithm>,
        name: Option<String>,
    ) -> Self {
        let url: Arc<str> = url.into();
        let fetch = move || -> BoxFuture<'static, _> {
            let (client, url) = (client.clone(), Arc::clone(&url));
            Box::pin(async move {
                let response = client.get(&url, MAX_JWKS_BYTES, FETCH_TIMEOUT).await?;
                match response.status {
                    200 => Ok(response.body),
                    status => Err(FetchError::Status(status)),
                }
            })
        };
        Self::with_fetch(Box::new(fetch), algorithms, name)
    }

    /// Keys of `algorithms`, from `fetch`.
    pub fn with_fetch(fetch: Fetch, algorithms: Vec<Algorithm>, name: Option<String>) -> Self {
        Self(Arc::new(Inner {
            fetch,
            algorithms,
            name,
            state: Mutex::default(),
            refresh_lock: Arc::default(),
            fetched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }))
    }

    /// What has been fetched until `now`.
    pub fn counts(&self, now: Timestamp) -> JwksCounts {
        let age = |at: Timestamp| now.unix_seconds().saturating_sub(at.unix_seconds());
        let fetched_at = self.0.state().keys.as_ref().map(|(_, at)| *at);
        JwksCounts {
            fetched: self.0.fetched.load(Ordering::Relaxed),
            failed: self.0.failed.load(Ordering::Relaxed),
            age_seconds: fetched_at.map(|at| u64::try_from(age(at)).unwrap_or(0)),
        }
    }

    /// The keys to verify a token with, after a fetch if one is due. `None` without a JWKS; the
    /// keys may not include the token's.
    pub(super) async fn keys_for(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        now: Timestamp,
        time_left: Duration,
    ) -> Option<Arc<KeySet>> {
        let limit = FETCH_TIMEOUT.min(time_left.checked_div(2).unwrap_or_default());
        let is_cached = || self.0.has(algorithm, id, now);
        if !is_cached() {
            // After a timeout too, the cache decides.
            let _in_time = timeout(limit, self.refresh(&is_cached, now)).await;
        }
        self.0.usable(now)
    }

    async fn refresh(&self, is_cached: &(impl Fn() -> bool + Sync), now: Timestamp) {
        let lock = Arc::clone(&self.0.refresh_lock).lock_owned().await;
        // The previous owner of the lock may have fetched the key.
        if is_cached() || !self.0.start_cooldown(now) {
            return;
        }
        let inner = Arc::clone(&self.0);
        let fetch = tokio::spawn(async move {
            inner.fetch(now).await;
            drop(lock);
        });
        // A panic in the task leaves the cache unchanged.
        let _ended = fetch.await;
    }
}

struct Inner {
    fetch: Fetch,
    algorithms: Vec<Algorithm>,
    name: Option<String>,
    state: Mutex<State>,
    refresh_lock: Arc<tokio::sync::Mutex<()>>,
    fetched: AtomicU64,
    failed: AtomicU64,
}

/// How often a JWKS was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwksCounts {
    /// Fetches that brought one.
    pub fetched: u64,
    /// Fetches that did not.
    pub failed: u64,
    /// The age of the last one that was fetched.
    pub age_seconds: Option<u64>,
}

#[derive(Default)]
struct State {
    /// With the time of the request for them.
    keys: Option<(Arc<KeySet>, Timestamp)>,
    /// The time of the last request, successful or not.
    last_fetch: Option<Timestamp>,
}

impl Inner {
    async fn fetch(&self, now: Timestamp) {
        let fetched = (self.fetch)().await;
        let issuer = self.name.as_deref();
        let parsed =
            fetched.and_then(|json| Ok(KeySet::of_published_jwks(&json, &self.algorithms)?));
        let count = if parsed.is_ok() { &self.fetched } else { &self.failed };
        count.fetch_add(1, Ordering::Relaxed);
        match parsed {
            Ok((keys, ignored)) => {
                if ignored > 0 {
                    warn!(
                        issuer,
                        ignored,
                        "the token issuer's JWKS has more than 64 usable keys: only the first 64 count"
                    );
                }
                if keys.is_empty() {
                    warn!(
                        issuer,
                        "the token issuer's JWKS has no usable key: check its URL and algorithms"
                    );
                }
                self.state().keys = Some((Arc::new(keys), now));
            }
            Err(error) => warn!(
                issuer,
                cause = chain(&error),
                is_stale_kept = self.usable(now).is_some(),
                "the token issuer's JWKS could not be fetched: check its URL"
            ),
        }
    }

    /// Whether a fresh key may be that of a token.
    fn has(&self, algorithm: Algorithm, id: Option<&str>, now: Timestamp) -> bool {
        let state = self.state();
        let keys = state.keys.as_ref();
        keys.is_some_and(|(keys, at)| is_within(*at, now, FRESH_SECONDS) && keys.has(algorithm, id))
    }

    /// Starts a cooldown; false if one is running. A clock that was set back ends it.
    fn start_cooldown(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let seconds = match &state.keys {
            Some(_) => COOLDOWN_SECONDS,
            None => COOLDOWN_WITHOUT_KEYS_SECONDS,
        };
        let is_running = state.last_fetch.is_some_and(|start| is_within(start, now, seconds));
        if !is_running {
            state.last_fetch = Some(now);
        }
        !is_running
    }

    fn usable(&self, now: Timestamp) -> Option<Arc<KeySet>> {
        let state = self.state();
        let (keys, at) = state.keys.as_ref()?;
        let age = now.unix_seconds().saturating_sub(at.unix_seconds());
        (age < STALE_SECONDS).then(|| Arc::clone(keys))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_within(start: Timestamp, now: Timestamp, seconds: i64) -> bool {
    let age = now.unix_seconds().saturating_sub(start.unix_seconds());
    (0..seconds).contains(&age)
}

/// Why no JWKS was fetched. Contains nothing of the response.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No response, or one that is too large.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Not a JWKS.
    #[error("the answer {0}")]
    Keys(#[from] KeySetError),
    /// A status other than 200; redirects are not followed.
    #[error("status {0}")]
    Status(u16),
}

/// A JWKS has 1 to 10 KB.
const MAX_JWKS_BYTES: usize = 100 * 1024;

/// Leaves time for STS.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

const FRESH_SECONDS: i64 = 5 * 60;

/// A new key is picked up after this, and an unknown `kid` causes no earlier fetch.
const COOLDOWN_SECONDS: i64 = 30;

/// Shorter, because without a JWKS every token is rejected.
const COOLDOWN_WITHOUT_KEYS_SECONDS: i64 = 5;

const STALE_SECONDS: i64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use serde_json::json;

    use super::super::testing::{AUDIENCE, ISSUER, TestIssuer, jwks};
    use super::super::{AudienceClaim, KeySource, TokenVerifier, Validation};
    use super::{Algorithm, FetchError, JwksCache};
    use crate::error::ErrorCode;
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;
    const REJECTED: Result<(), ErrorCode> = Err(ErrorCode::Token);
    const UNAVAILABLE: Result<(), ErrorCode> = Err(ErrorCode::TokenKeysUnavailable);

    /// What an issuer responds, and how often it was asked.
    #[derive(Clone, Default)]
    struct Published {
        response: Arc<Mutex<Option<Vec<u8>>>>,
        fetches: Arc<AtomicUsize>,
        delay: Duration,
    }

    impl Published {
        /// A JWKS with the key `one` of a new issuer.
        fn with_delay(delay: Duration) -> (Self, TestIssuer) {
            let (issuer, response) = (TestIssuer::new(), Arc::default());
            let published = Self { response, delay, ..Self::default() };
            published.set(Some(jwks(&[issuer.jwk("one")])));
            (published, issuer)
        }

        fn new() -> (Self, TestIssuer) {
            Self::with_delay(Duration::ZERO)
        }

        fn set(&self, response: Option<Vec<u8>>) {
            *self.response.lock().unwrap() = response;
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }

        fn tokens(&self) -> TokenVerifier {
            let published = self.clone();
            let fetch = move || -> super::BoxFuture<'static, _> {
                published.fetches.fetch_add(1, Ordering::SeqCst);
                let published = published.clone();
                Box::pin(async move {
                    tokio::time::sleep(published.delay).await;
                    let response = published.response.lock().unwrap().clone();
                    response.ok_or(FetchError::Status(302))
                })
            };
            let algorithms = vec![Algorithm::Es256];
            let keys = JwksCache::with_fetch(Box::new(fetch), algorithms.clone(), None);
            let validation = Validation {
                issuer: ISSUER.to_owned(),
                audience_claim: AudienceClaim::Aud,
                audiences: vec![AUDIENCE.to_owned()],
                algorithms,
                leeway_seconds: 0,
                max_age_seconds: 3600,
            };
            TokenVerifier::new(validation, KeySource::Remote(keys))
        }
    }

    async fn ask(
        tokens: &TokenVerifier,
        issuer: &TestIssuer,
        id: &str,
        now: i64,
    ) -> Result<(), ErrorCode> {
        let token = issuer.token(id, "u-1", now);
        let now = Timestamp::from_unix_seconds(now).unwrap();
        let outcome = tokens.verify_text(&token, now, Duration::MAX).await;
        outcome.map(drop).map_err(|error| error.code())
    }

    #[tokio::test]
    async fn ten_thousand_random_kids_cause_one_fetch() {
        let (published, issuer) = Published::new();
        let tokens = published.tokens();
        for n in 0..10_000_i64 {
            let id = format!("kid-{n}");
            assert_eq!(ask(&tokens, &issuer, &id, NOW + n / 500).await, REJECTED);
        }
        assert_eq!(published.fetches(), 1);
        // After the cooldown, one more.
        assert_eq!(ask(&tokens, &issuer, "x", NOW + 30).await, REJECTED);
        assert_eq!(ask(&tokens, &issuer, "y", NOW + 31).await, REJECTED);
        assert_eq!(ask(&tokens, &issuer, "one", NOW + 31).await, Ok(()));
        assert_eq!(published.fetches(), 2);
    }

    #[tokio::test]
    async fn a_new_key_is_noticed_after_the_pause() {
        let ((published, old), new) = (Published::new(), TestIssuer::new());
        let tokens = published.tokens();
        assert_eq!(ask(&tokens, &old, "one", NOW).await, Ok(()));
        published.set(Some(jwks(&[old.jwk("one"), new.jwk("new")])));
        assert_eq!(ask(&tokens, &new, "new", NOW + 29).await, REJECTED);
        assert_eq!(ask(&tokens, &new, "new", NOW + 30).await, Ok(()));
        assert_eq!(ask(&tokens, &old, "one", NOW + 30).await, Ok(()));
        assert_eq!(published.fetches(), 2);
    }

    /// Whatever the issuer publishes replaces its previous keys, even if nothing in it can be used.
    #[tokio::test]
    async fn a_withdrawn_key_counts_for_five_minutes() {
        let other = jwks(&[TestIssuer::new().jwk("new")]);
        for replaced in [other, jwks(&[]), jwks(&[json!("one")])] {
            let (published, issuer) = Published::new();
            let tokens = published.tokens();
            assert_eq!(ask(&tokens, &issuer, "one", NOW).await, Ok(()));
            published.set(Some(replaced));
            assert_eq!(ask(&tokens, &issuer, "one", NOW + 299).await, Ok(()));
            for later in [300, 301, 330, 3600] {
                assert_eq!(ask(&tokens, &issuer, "one", NOW + later).await, REJECTED);
            }
            // It can come back.
            published.set(Some(jwks(&[issuer.jwk("one")])));
            assert_eq!(ask(&tokens, &issuer, "one", NOW + 3630).await, Ok(()));
        }
    }

    /// The one token is known from its first use on.
    #[tokio::test]
    async fn a_known_token_is_gone_with_its_key() {
        let same_id = jwks(&[TestIssuer::new().jwk("one")]);
        for replaced in [same_id, jwks(&[]), jwks(&[TestIssuer::new().jwk("new")])] {
            let (published, issuer) = Published::new();
            let (tokens, token) = (published.tokens(), issuer.token("one", "u-1", NOW));
            let verify = async |later| {
                let now = Timestamp::from_unix_seconds(NOW + later).unwrap();
                let outcome = tokens.verify_text(&token, now, Duration::MAX).await;
                outcome.map(drop).map_err(|error| error.code())
            };
            for later in [0, 1, 299] {
                assert_eq!(verify(later).await, Ok(()));
            }
            published.set(Some(jwks(&[issuer.jwk("one")])));
            assert_eq!(verify(300).await, Ok(()));
            published.set(Some(replaced));
            assert_eq!(verify(599).await, Ok(()));
            assert_eq!(published.fetches(), 2);
            // A caller with another key causes the next fetch, which counts for this one too.
            assert_eq!(ask(&tokens, &issuer, "two", NOW + 331).await, REJECTED);
            assert_eq!(verify(331).await, REJECTED);
            assert_eq!(published.fetches(), 3);
        }
    }

    #[tokio::test]
    async fn of_more_than_64_keys_the_first_64_usable_ones_count() {
        let (published, issuer) = Published::new();
        let many = |before: usize| {
            let mut keys = vec![json!({"kty": "oct"}); 70];
            keys.extend((0..before).map(|n| issuer.jwk(&format!("kid-{n}"))));
            keys.push(issuer.jwk("last"));
            Some(jwks(&keys))
        };
        let tokens = published.tokens();
        published.set(many(63));
        assert_eq!(ask(&tokens, &issuer, "last", NOW).await, Ok(()));
        published.set(many(64));
        assert_eq!(ask(&tokens, &issuer, "last", NOW + 300).await, REJECTED);
        assert_eq!(ask(&tokens, &issuer, "kid-63", NOW + 300).await, Ok(()));
    }

    #[tokio::test]
    async fn known_keys_count_for_a_day_while_the_issuer_is_down() {
        let (published, issuer) = Published::new();
        let tokens = published.tokens();
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, Ok(()));
        let day = 24 * 60 * 60;
        let not_a_jwks = [None, Some("<html>"), Some("{}"), Some(r#"{"keys":{}}"#)];
        for (response, hour) in not_a_jwks.into_iter().zip(1..) {
            published.set(response.map(|text| text.as_bytes().to_vec()));
            let now = NOW + hour * 3600;
            assert_eq!(ask(&tokens, &issuer, "one", now).await, Ok(()));
            assert_eq!(ask(&tokens, &issuer, "two", now + 30).await, REJECTED);
        }
        assert_eq!(published.fetches(), 9);
        assert_eq!(ask(&tokens, &issuer, "one", NOW + day - 1).await, Ok(()));
        assert_eq!(ask(&tokens, &issuer, "one", NOW + day).await, UNAVAILABLE);
        published.set(Some(jwks(&[issuer.jwk("one")])));
        assert_eq!(ask(&tokens, &issuer, "one", NOW + day + 60).await, Ok(()));
    }

    #[tokio::test]
    async fn without_any_key_the_issuer_is_asked_every_five_seconds() {
        let (published, issuer) = Published::new();
        published.set(None);
        let tokens = published.tokens();
        for second in 0..5 {
            assert_eq!(ask(&tokens, &issuer, "one", NOW + second).await, UNAVAILABLE);
        }
        assert_eq!(published.fetches(), 1);
        published.set(Some(jwks(&[issuer.jwk("one")])));
        assert_eq!(ask(&tokens, &issuer, "one", NOW + 5).await, Ok(()));
        assert_eq!(published.fetches(), 2);
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_ends_a_cooldown() {
        let (published, issuer) = Published::new();
        published.set(None);
        let tokens = published.tokens();
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, UNAVAILABLE);
        published.set(Some(jwks(&[issuer.jwk("one")])));
        assert_eq!(ask(&tokens, &issuer, "one", NOW - 3600).await, Ok(()));
    }

    #[tokio::test]
    async fn a_token_that_could_not_be_accepted_causes_no_fetch() {
        let (published, issuer) = Published::new();
        let tokens = published.tokens();
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let good = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "iat": NOW, "exp": NOW + 60});
        let header = json!({"alg": "ES256", "kid": "one"});
        let bad =
            json!({"iss": "https://attacker.example.com", "aud": "other", "exp": "0", "sub": ""});
        for (name, value) in bad.as_object().unwrap() {
            let mut claims = good.clone();
            claims[name] = value.clone();
            let token = issuer.sign(&header, &claims);
            assert!(tokens.verify_text(&token, now, Duration::MAX).await.is_err(), "{name}");
        }
        let token =
            issuer.sign(&json!({"alg": "ES256", "jku": "https://attacker.example.com"}), &good);
        assert!(tokens.verify_text(&token, now, Duration::MAX).await.is_err());
        assert_eq!(published.fetches(), 0);
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, Ok(()));
        assert_eq!(published.fetches(), 1);
    }

    #[expect(clippy::disallowed_methods, reason = "the time of the test itself")]
    #[tokio::test(start_paused = true)]
    async fn requests_wait_for_one_fetch_and_not_for_ever() {
        for (milliseconds, is_accepted) in [(1500, true), (3_600_000, false)] {
            let delay = Duration::from_millis(milliseconds);
            let (published, issuer) = Published::with_delay(delay);
            let tokens = published.tokens();
            let started = tokio::time::Instant::now();
            let all = (0..50).map(|_| ask(&tokens, &issuer, "one", NOW));
            let outcomes = futures_util::future::join_all(all).await;
            assert!(outcomes.iter().all(|outcome| outcome.is_ok() == is_accepted), "{delay:?}");
            assert!(started.elapsed() <= Duration::from_secs(3));
            assert_eq!(published.fetches(), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_leaves_does_not_end_the_fetch() {
        let (published, issuer) = Published::with_delay(Duration::from_millis(1500));
        let tokens = published.tokens();
        let leaver = ask(&tokens, &issuer, "one", NOW);
        let left = tokio::time::timeout(Duration::from_millis(10), leaver).await;
        assert!(left.is_err());
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, Ok(()));
        assert_eq!(published.fetches(), 1);
    }

    #[expect(clippy::disallowed_methods, reason = "the time of the test itself")]
    #[tokio::test(start_paused = true)]
    async fn half_of_the_platforms_time_is_left_for_the_rest() {
        let (published, issuer) = Published::with_delay(Duration::from_secs(1));
        let tokens = published.tokens();
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let token = issuer.token("one", "u-1", NOW);
        let started = tokio::time::Instant::now();
        let left = Duration::from_millis(600);
        let error = tokens.verify_text(&token, now, left).await.err().unwrap();
        assert_eq!(error.code(), ErrorCode::TokenKeysUnavailable);
        assert_eq!(error.header().unwrap().0, "retry-after");
        assert!(started.elapsed() <= Duration::from_millis(310));
    }
}
