//! The store that all instances share: `SHARED_STORE`, a Redis 6 or later, or Valkey.
//!
//! It has the nonces of signed requests, the rate limits, and a kill switch.
//!
//! # Guarantees
//! - No credential and no secret is written to it. The URL, which may have a password, appears in
//!   no output.
//! - It is connected to at the first use. An operation takes at most [`TIME_LIMIT`]; while the
//!   store is down, the next one fails at once and a new connection is tried every second.
//! - An outage and its end are logged, once each.
//!
//! # Not covered
//! Clusters and sentinels. What a caller gets while the store is down, which its users decide.

mod url;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisConnectionInfo, RedisError};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tencent::time::Clock;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::{info, warn};

pub use self::url::{StoreUrl, StoreUrlError};
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode, chain};

/// The store.
#[expect(missing_debug_implementations, reason = "its URL may contain a password")]
pub struct SharedStore {
    url: StoreUrl,
    prefix: String,
    /// For `rediss://`.
    tls: Option<Arc<ClientConfig>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    state: Mutex<State>,
    failures: AtomicU64,
}

#[derive(Default)]
struct State {
    connection: Option<MultiplexedConnection>,
    is_down: bool,
    /// When a new connection may be tried, in milliseconds since 1970.
    retry_at_ms: u64,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached.
    #[error("the shared store cannot be connected to")]
    Connect(#[source] std::io::Error),
    /// It is a moment ago that it could not be reached.
    #[error("the shared store is down")]
    Down,
    /// It sent an error, or the connection broke.
    #[error("the shared store sent an error")]
    Redis(#[source] RedisError),
    /// It took too long.
    #[error("the shared store took longer than {} ms", TIME_LIMIT.as_millis())]
    Timeout,
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = "the store that all instances share is unavailable: retry later";
        let after = http::HeaderValue::from(RETRY_AFTER_SECONDS);
        Self::new(ErrorCode::SharedStoreUnavailable, message)
            .with_header(http::header::RETRY_AFTER, after)
            .caused_by(error)
    }
}

impl SharedStore {
    /// A store that is not connected to yet. Its keys begin with `prefix`.
    pub fn new(
        url: StoreUrl,
        prefix: String,
        tls: Option<ClientConfig>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let (tls, state, failures) = (tls.map(Arc::new), Mutex::default(), AtomicU64::new(0));
        Self { url, prefix, tls, clock, entropy, state, failures }
    }

    /// The name of a key of ours.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A text that no other request has.
    ///
    /// # Errors
    /// When the system has no entropy.
    pub fn unique_text(&self) -> Result<String, Error> {
        let bytes = self.entropy.bytes().map_err(|error| {
            let message = "internal error: report the request id to the operator of this function";
            Error::new(ErrorCode::Internal, message).caused_by(error)
        })?;
        Ok(hex::encode(bytes))
    }

    /// Sends one command. If a connection turns out to be broken it is sent once more, on a new
    /// one: a command must have the same effect when it runs twice.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn send<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        // On the heap: most functions have no store, and all their requests would be larger for it.
        let sent = timeout(TIME_LIMIT, Box::pin(self.send_twice(command))).await;
        let outcome = sent.unwrap_or(Err(StoreError::Timeout));
        if outcome.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        self.note(outcome.as_ref().err()).await;
        outcome
    }

    /// How many operations failed, also those that were not tried while the store is down.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    async fn send_twice<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut connection = self.connection(false).await?;
        match command.query_async(&mut connection).await {
            // An instance that was frozen finds its connection closed.
            Err(error) if error.is_unrecoverable_error() => {
                let mut connection = self.connection(true).await?;
                command.query_async(&mut connection).await.map_err(StoreError::Redis)
            }
            outcome => outcome.map_err(StoreError::Redis),
        }
    }

    async fn connection(&self, is_broken: bool) -> Result<MultiplexedConnection, StoreError> {
        let mut state = self.state.lock().await;
        if is_broken {
            state.connection = None;
        }
        if let Some(connection) = &state.connection {
            return Ok(connection.clone());
        }
        if self.clock.unix_milliseconds() < state.retry_at_ms {
            return Err(StoreError::Down);
        }
        let connection = self.connect().await?;
        Ok(state.connection.insert(connection).clone())
    }

    async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        let (host, port) = self.url.address();
        let stream = TcpStream::connect((host, port)).await.map_err(StoreError::Connect)?;
        stream.set_nodelay(true).map_err(StoreError::Connect)?;
        let mut info =
            RedisConnectionInfo::default().set_skip_set_lib_name().set_db(self.url.database());
        if let Some(user) = self.url.user() {
            info = info.set_username(user);
        }
        if let Some(password) = self.url.password() {
            info = info.set_password(password.expose());
        }
        match &self.tls {
            None => drive(&info, stream).await,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned());
                let name =
                    name.map_err(|error| StoreError::Connect(std::io::Error::other(error)))?;
                let connecting = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
                drive(&info, connecting.await.map_err(StoreError::Connect)?).await
            }
        }
    }

    /// Remembers whether the store is down, and logs when that changes.
    async fn note(&self, error: Option<&StoreError>) {
        let mut state = self.state.lock().await;
        match error {
            None if state.is_down => info!("the shared store is available again"),
            // Nothing new.
            None | Some(StoreError::Down) => return,
            Some(error) => {
                state.connection = None;
                state.retry_at_ms = self.clock.unix_milliseconds().saturating_add(RETRY_MS);
                if !state.is_down {
                    warn!(cause = chain(error), "the shared store is down");
                }
            }
        }
        state.is_down = error.is_some();
    }
}

async fn drive<S>(
    info: &RedisConnectionInfo,
    stream: S,
) -> Result<MultiplexedConnection, StoreError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    // The time limit is around the whole operation.
    let config =
        AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    let connecting = MultiplexedConnection::new_with_config(info, stream, config);
    let (connection, driver) = connecting.await.map_err(StoreError::Redis)?;
    tokio::spawn(driver);
    Ok(connection)
}

/// The longest time of one operation, connecting included.
pub const TIME_LIMIT: Duration = Duration::from_millis(500);

/// While the store is down, a new connection is tried so often.
const RETRY_MS: u64 = 1000;

/// A store that is restarted is back by then.
const RETRY_AFTER_SECONDS: u64 = 5;
