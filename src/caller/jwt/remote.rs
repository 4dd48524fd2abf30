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
use super::key::{KeySet, KeySetError};
use crate::error::chain;
use crate::http::{CallError, Client};
use crate::time::Timestamp;

/// How the JWKS is fetched.
pub type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<u8>, FetchError>> + Send + Sync>;

/// The issuer's keys.
#[expect(missing_debug_implementations, reason = "it holds a function")]
pub struct RemoteKeys(Arc<Inner>);

impl RemoteKeys {
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
    pub(super) async fn fitting(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        now: Timestamp,
        time_left: Option<Duration>,
    ) -> Option<Arc<KeySet>> {
        let limit = time_left.map_or(FETCH_TIME, |left| FETCH_TIME.min(left / 2));
        let is_needed = || self.0.is_due(algorithm, id, now);
        if is_needed() {
            // Whatever comes of it: what is there afterwards counts.
            let _in_time = timeout(limit, self.refetch(&is_needed, now)).await;
        }
        self.0.usable(now)
    }

    async fn refetch(&self, is_needed: &(impl Fn() -> bool + Sync), now: Timestamp) {
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        // Whoever had the turn before may have brought what is needed.
        if !is_needed() {
            return;
        }
        self.0.state().asked = Some(now);
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
        let fetched = timeout(FETCH_TIME, (self.fetch)()).await;
        let fetched = fetched.unwrap_or(Err(FetchError::Call(CallError::Timeout)));
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

    fn is_due(&self, algorithm: Algorithm, id: Option<&str>, now: Timestamp) -> bool {
        let state = self.state();
        let pause = match &state.keys {
            Some(_) => PAUSE_SECONDS,
            None => PAUSE_WITHOUT_KEYS_SECONDS,
        };
        // A clock that was set back makes everything due, once.
        let is_paused = state
            .asked
            .is_some_and(|asked| is_within(asked, now, pause));
        let is_had = state.keys.as_ref().is_some_and(|(keys, at)| {
            is_within(*at, now, FRESH_SECONDS) && keys.has(algorithm, id)
        });
        !is_paused && !is_had
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
