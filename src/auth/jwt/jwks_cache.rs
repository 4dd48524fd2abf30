//! Keys that the issuer publishes: its JWKS URL, asked when a request needs it, and what it said last.
//!
//! Promises: the URL is a setting, so no token causes a fetch elsewhere. One fetch at a time, and never two within half a minute,
//! whatever tokens name; who waits is bounded. What was fetched is fresh for five minutes, and is used for a day while the issuer
//! cannot be asked. A caller who leaves does not end a fetch that others wait for.
//! Leaves out: fetching ahead of need, since an instance is frozen between requests; and telling what the issuer answered, in logs too.

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

/// How the JWKS is fetched, within a time of its own.
pub type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync>;

/// The issuer's keys.
#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct JwksCache(Arc<Inner>);

impl JwksCache {
    /// Keys of one of `algorithms`, from `url`. Nothing is fetched yet.
    pub fn new(client: Client, url: String, algorithms: Vec<Algorithm>) -> Self {
        let url: Arc<str> = url.into();
        let fetch = move || -> BoxFuture<'static, _> {
            let (client, url) = (client.clone(), Arc::clone(&url));
            Box::pin(async move {
                let answer = client.get(&url, JWKS_BYTES_MAX, FETCH_TIME).await?;
                match answer.status {
                    200 => Ok(answer.body),
                    status => Err(FetchError::Status(status)),
                }
            })
        };
        Self::with(Box::new(fetch), algorithms)
    }

    /// Keys of one of `algorithms`, as `fetch` brings them.
    pub fn with(fetch: Fetch, algorithms: Vec<Algorithm>) -> Self {
        Self(Arc::new(Inner {
            fetch,
            algorithms,
            state: Mutex::default(),
            turn: Arc::default(),
        }))
    }

    /// The keys to check a token with, after a fetch if one is due; `None` when there are none. They may hold none that fits.
    pub(super) async fn keys_for(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        now: Timestamp,
        time_left: Option<Duration>,
    ) -> Option<Arc<KeySet>> {
        let limit = time_left.map_or(FETCH_TIME, |left| {
            FETCH_TIME.min(left.checked_div(2).unwrap_or_default())
        });
        let is_had = || self.0.has(algorithm, id, now);
        if !is_had() {
            // Whatever comes of it: what is there afterwards counts.
            let _in_time = timeout(limit, self.refetch(&is_had, now)).await;
        }
        self.0.usable(now)
    }

    async fn refetch(&self, is_had: &(impl Fn() -> bool + Sync), now: Timestamp) {
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        // Whoever had the turn before may have brought what is needed.
        if is_had() || !self.0.may_ask(now) {
            return;
        }
        let inner = Arc::clone(&self.0);
        let fetch = tokio::spawn(async move {
            inner.fetch(now).await;
            drop(turn);
        });
        // A panic in there leaves the keys as they were.
        let _ended = fetch.await;
    }
}

struct Inner {
    fetch: Fetch,
    algorithms: Vec<Algorithm>,
    state: Mutex<State>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct State {
    /// With the moment at which they were asked for.
    keys: Option<(Arc<KeySet>, Timestamp)>,
    /// When the issuer was asked last, with whatever outcome.
    asked: Option<Timestamp>,
}

impl Inner {
    async fn fetch(&self, now: Timestamp) {
        let fetched = (self.fetch)().await;
        let keys = fetched.and_then(|json| Ok(KeySet::of_jwks(&json, &self.algorithms)?));
        match keys {
            Ok(keys) => self.state().keys = Some((Arc::new(keys), now)),
            Err(error) => warn!(
                cause = chain(&error),
                is_stale_kept = self.usable(now).is_some(),
                "the issuer's keys could not be fetched: check JWT_JWKS_URL"
            ),
        }
    }

    /// Whether there are fresh keys, one of which could be that of a token.
    fn has(&self, algorithm: Algorithm, id: Option<&str>, now: Timestamp) -> bool {
        let state = self.state();
        let keys = state.keys.as_ref();
        keys.is_some_and(|(keys, at)| is_within(*at, now, FRESH_SECONDS) && keys.has(algorithm, id))
    }

    /// Whether the issuer may be asked now; from then on it is paused. A clock that was set back ends a pause.
    fn may_ask(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        let pause = match &state.keys {
            Some(_) => PAUSE_SECONDS,
            None => PAUSE_WITHOUT_KEYS_SECONDS,
        };
        let is_paused = state
            .asked
            .is_some_and(|asked| is_within(asked, now, pause));
        if !is_paused {
            state.asked = Some(now);
        }
        !is_paused
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

/// Why no keys were fetched. Nothing that was answered is in it.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or one that is too large.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Not usable as keys.
    #[error("the answer {0}")]
    Keys(#[from] KeySetError),
    /// Another status than 200; redirects are not followed.
    #[error("status {0}")]
    Status(u16),
}

/// A JWKS has 1 to 10 KB.
const JWKS_BYTES_MAX: usize = 100 * 1024;

/// Within what a request has for STS too, where it has that little.
const FETCH_TIME: Duration = Duration::from_secs(2);

const FRESH_SECONDS: i64 = 5 * 60;

/// A new key is noticed after this at the latest, and a stranger's `kid` causes no fetch sooner.
const PAUSE_SECONDS: i64 = 30;

/// Nobody can be let in until there are keys, so that they are asked for sooner.
const PAUSE_WITHOUT_KEYS_SECONDS: i64 = 5;

const STALE_SECONDS: i64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::super::testing::{AUDIENCE, ISSUER, TestIssuer, jwks};
    use super::super::{KeySource, Tokens, Validation};
    use super::{Algorithm, FetchError, JwksCache};
    use crate::error::ErrorCode;
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    /// What an issuer answers, and how often it was asked.
    #[derive(Clone, Default)]
    struct Published {
        answer: Arc<Mutex<Option<Vec<u8>>>>,
        fetches: Arc<AtomicUsize>,
        delay: Duration,
    }

    impl Published {
        fn say(&self, answer: Option<Vec<u8>>) {
            *self.answer.lock().unwrap() = answer;
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }

        fn tokens(&self) -> Tokens {
            let published = self.clone();
            let fetch = move || -> super::BoxFuture<'static, _> {
                published.fetches.fetch_add(1, Ordering::SeqCst);
                let published = published.clone();
                Box::pin(async move {
                    tokio::time::sleep(published.delay).await;
                    let answer = published.answer.lock().unwrap().clone();
                    answer.ok_or(FetchError::Status(302))
                })
            };
            let algorithms = vec![Algorithm::Es256];
            Tokens {
                keys: KeySource::Remote(JwksCache::with(Box::new(fetch), algorithms.clone())),
                rules: Validation {
                    issuer: ISSUER.to_owned(),
                    audiences: vec![AUDIENCE.to_owned()],
                    algorithms,
                    leeway_seconds: 0,
                    age_seconds_max: 3600,
                },
            }
        }
    }

    async fn ask(
        tokens: &Tokens,
        issuer: &TestIssuer,
        id: &str,
        now: i64,
    ) -> Result<(), ErrorCode> {
        let token = issuer.token(id, "u-1", now);
        let now = Timestamp::from_unix_seconds(now).unwrap();
        let outcome = tokens.verify(&token, now, None).await;
        outcome.map(drop).map_err(|error| error.code())
    }

    #[tokio::test]
    async fn ten_thousand_random_kids_cause_one_fetch() {
        let (published, issuer) = (Published::default(), TestIssuer::new());
        published.say(Some(jwks(&[issuer.jwk("one")])));
        let tokens = published.tokens();
        for n in 0..10_000_i64 {
            let id = format!("kid-{n}");
            let outcome = ask(&tokens, &issuer, &id, NOW + n / 500).await;
            assert_eq!(outcome, Err(ErrorCode::Token));
        }
        assert_eq!(published.fetches(), 1);
        // Half a minute after the first one, one more is due.
        assert_eq!(
            ask(&tokens, &issuer, "x", NOW + 30).await,
            Err(ErrorCode::Token)
        );
        assert_eq!(
            ask(&tokens, &issuer, "y", NOW + 31).await,
            Err(ErrorCode::Token)
        );
        assert_eq!(ask(&tokens, &issuer, "one", NOW + 31).await, Ok(()));
        assert_eq!(published.fetches(), 2);
    }

    #[tokio::test]
    async fn a_new_key_is_noticed_after_the_pause() {
        let (published, old, new) = (Published::default(), TestIssuer::new(), TestIssuer::new());
        published.say(Some(jwks(&[old.jwk("old")])));
        let tokens = published.tokens();
        assert_eq!(ask(&tokens, &old, "old", NOW).await, Ok(()));
        published.say(Some(jwks(&[old.jwk("old"), new.jwk("new")])));
        assert_eq!(
            ask(&tokens, &new, "new", NOW + 29).await,
            Err(ErrorCode::Token)
        );
        assert_eq!(ask(&tokens, &new, "new", NOW + 30).await, Ok(()));
        assert_eq!(ask(&tokens, &old, "old", NOW + 30).await, Ok(()));
        assert_eq!(published.fetches(), 2);
        // A key that was withdrawn counts no longer than the set is fresh.
        published.say(Some(jwks(&[new.jwk("new")])));
        assert_eq!(ask(&tokens, &old, "old", NOW + 329).await, Ok(()));
        assert_eq!(
            ask(&tokens, &old, "old", NOW + 330).await,
            Err(ErrorCode::Token)
        );
        assert_eq!(published.fetches(), 3);
    }

    #[tokio::test]
    async fn known_keys_count_for_a_day_while_the_issuer_is_down() {
        let (published, issuer) = (Published::default(), TestIssuer::new());
        published.say(Some(jwks(&[issuer.jwk("one")])));
        let tokens = published.tokens();
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, Ok(()));
        let day = 24 * 60 * 60;
        for answer in [None, Some(b"<html>".to_vec()), Some(jwks(&[]))] {
            published.say(answer);
            assert_eq!(ask(&tokens, &issuer, "one", NOW + 301).await, Ok(()));
            assert_eq!(
                ask(&tokens, &issuer, "two", NOW + 302).await,
                Err(ErrorCode::Token)
            );
            assert_eq!(ask(&tokens, &issuer, "one", NOW + day - 1).await, Ok(()));
        }
        let unavailable = Err(ErrorCode::TokenKeysUnavailable);
        assert_eq!(ask(&tokens, &issuer, "one", NOW + day).await, unavailable);
        published.say(Some(jwks(&[issuer.jwk("one")])));
        assert_eq!(ask(&tokens, &issuer, "one", NOW + day + 60).await, Ok(()));
    }

    #[tokio::test]
    async fn without_any_key_the_issuer_is_asked_every_five_seconds() {
        let (published, issuer) = (Published::default(), TestIssuer::new());
        let tokens = published.tokens();
        let unavailable = Err(ErrorCode::TokenKeysUnavailable);
        for second in 0..5 {
            assert_eq!(
                ask(&tokens, &issuer, "one", NOW + second).await,
                unavailable
            );
        }
        assert_eq!(published.fetches(), 1);
        published.say(Some(jwks(&[issuer.jwk("one")])));
        assert_eq!(ask(&tokens, &issuer, "one", NOW + 5).await, Ok(()));
        assert_eq!(published.fetches(), 2);
    }

    /// Nobody knows how long ago something was that lies ahead.
    #[tokio::test]
    async fn a_clock_that_was_set_back_ends_a_pause() {
        let (published, issuer) = (Published::default(), TestIssuer::new());
        let tokens = published.tokens();
        let unavailable = Err(ErrorCode::TokenKeysUnavailable);
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, unavailable);
        published.say(Some(jwks(&[issuer.jwk("one")])));
        assert_eq!(ask(&tokens, &issuer, "one", NOW - 3600).await, Ok(()));
        assert_eq!(published.fetches(), 2);
    }

    #[tokio::test]
    async fn a_token_that_could_not_be_accepted_causes_no_fetch() {
        let (published, issuer) = (Published::default(), TestIssuer::new());
        published.say(Some(jwks(&[issuer.jwk("one")])));
        let tokens = published.tokens();
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let good = serde_json::json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "iat": NOW, "exp": NOW + 60});
        let header = serde_json::json!({"alg": "ES256", "kid": "one"});
        for (name, value) in [
            ("iss", serde_json::json!("https://attacker.example.com")),
            ("aud", serde_json::json!([])),
            ("exp", serde_json::json!(NOW)),
            ("sub", serde_json::json!("")),
        ] {
            let mut claims = good.clone();
            claims[name] = value;
            let token = issuer.sign(&header, &claims);
            assert!(tokens.verify(&token, now, None).await.is_err(), "{name}");
        }
        for header in [
            serde_json::json!({"alg": "none"}),
            serde_json::json!({"alg": "RS256", "kid": "one"}),
            serde_json::json!({"alg": "ES256", "jku": "https://attacker.example.com"}),
        ] {
            let token = issuer.sign(&header, &good);
            assert!(tokens.verify(&token, now, None).await.is_err(), "{header}");
        }
        assert_eq!(published.fetches(), 0);
        assert!(
            tokens
                .verify(&issuer.sign(&header, &good), now, None)
                .await
                .is_ok()
        );
        assert_eq!(published.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_wait_for_one_fetch_and_not_for_ever() {
        let published = Published {
            delay: Duration::from_millis(1500),
            ..Published::default()
        };
        let issuer = TestIssuer::new();
        published.say(Some(jwks(&[issuer.jwk("one")])));
        let tokens = published.tokens();
        let all = (0..50).map(|_| ask(&tokens, &issuer, "one", NOW));
        let outcomes = futures_util::future::join_all(all).await;
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(published.fetches(), 1);

        let published = Published {
            delay: Duration::from_secs(3600),
            ..Published::default()
        };
        let tokens = published.tokens();
        let started = tokio::time::Instant::now();
        let all = (0..50).map(|_| ask(&tokens, &issuer, "one", NOW));
        let outcomes = futures_util::future::join_all(all).await;
        assert!(outcomes.iter().all(Result::is_err));
        assert!(started.elapsed() <= Duration::from_secs(3));
        assert_eq!(published.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_leaves_does_not_end_the_fetch() {
        let published = Published {
            delay: Duration::from_millis(1500),
            ..Published::default()
        };
        let issuer = TestIssuer::new();
        published.say(Some(jwks(&[issuer.jwk("one")])));
        let tokens = published.tokens();
        let leaver = ask(&tokens, &issuer, "one", NOW);
        let left = tokio::time::timeout(Duration::from_millis(10), leaver).await;
        assert!(left.is_err());
        assert_eq!(ask(&tokens, &issuer, "one", NOW).await, Ok(()));
        assert_eq!(published.fetches(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn half_of_the_platforms_time_is_left_for_the_rest() {
        let published = Published {
            delay: Duration::from_secs(1),
            ..Published::default()
        };
        let issuer = TestIssuer::new();
        published.say(Some(jwks(&[issuer.jwk("one")])));
        let tokens = published.tokens();
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let token = issuer.token("one", "u-1", NOW);
        let started = tokio::time::Instant::now();
        let left = Some(Duration::from_millis(600));
        let error = tokens.verify(&token, now, left).await.err().unwrap();
        assert_eq!(error.code(), ErrorCode::TokenKeysUnavailable);
        assert_eq!(error.header().unwrap().0, "retry-after");
        assert!(started.elapsed() <= Duration::from_millis(310));
    }
}
