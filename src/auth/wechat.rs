//! `wechat`: the login code of a mini-program, which WeChat exchanges for its user.
//!
//! Login: <https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/login.html>.
//!
//! # Guarantees
//! - A code that cannot be one causes no call. A code is sent once: it counts once, and after a
//!   timeout it may be spent.
//! - Requests with the same code at the same time share one call. Nothing is kept beyond it.
//! - Only WeChat's answer makes a [`Principal`]: openid and unionid are never read from a request.
//!
//! # Not covered
//! Requests with the same code at two instances: the second one is refused.

mod app;
mod code_exchange;
mod refusal;

pub use app::{WechatApp, WechatSubject};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tencent::secret::Secret;
use tokio::sync::watch;
use tokio::time::timeout;

use super::principal::Principal;
use crate::error::{Error, ErrorCode};
use crate::http_client::Client;
use code_exchange::CodeExchange;
use refusal::{later, unavailable};

/// Verifies login codes.
#[expect(missing_debug_implementations, reason = "it contains the AppSecret")]
pub struct WechatLogin(Arc<Inner>);

struct Inner {
    exchange: CodeExchange,
    flights: Mutex<HashMap<CodeHash, Landing>>,
}

/// SHA-256 of a code: the code itself is a secret until it is spent.
type CodeHash = [u8; 32];

type Landing = watch::Receiver<Option<Result<Principal, Error>>>;

impl WechatLogin {
    /// The scheme of `Authorization`.
    pub(super) const SCHEME: &'static str = "WeChat";

    /// Verifies codes of `app` by calls of `client`. No connection is made.
    pub fn new(client: Client, app: WechatApp) -> Self {
        let exchange = CodeExchange::new(client, app);
        Self(Arc::new(Inner { exchange, flights: Mutex::default() }))
    }

    /// Verifies a code, within half of `time_left`.
    pub(super) async fn verify(&self, code: &str, time_left: Duration) -> Result<Principal, Error> {
        if !is_code(code) {
            let message = "the login code must have 1 to 128 letters, digits, `-` and `_`: send \
                 the code of `wx.login` as `Authorization: WeChat <code>`";
            return Err(Error::new(ErrorCode::WechatCodeForm, message));
        }
        let mut landing = self.landing(code)?;
        let limit = CodeExchange::TIMEOUT.min(time_left.checked_div(2).unwrap_or_default());
        let landed = timeout(limit, landing.wait_for(Option::is_some)).await;
        let outcome = landed.ok().and_then(Result::ok).and_then(|landed| landed.clone());
        outcome.unwrap_or_else(|| Err(unavailable()))
    }

    /// Where the result of the call for `code` arrives. The call goes on when its caller leaves:
    /// others may wait for it, and a second one would find the code spent.
    fn landing(&self, code: &str) -> Result<Landing, Error> {
        let hash: CodeHash = Sha256::digest(code).into();
        let mut flights = self.0.flights();
        if let Some(landing) = flights.get(&hash) {
            return Ok(landing.clone());
        }
        if flights.len() >= MAX_FLIGHTS {
            let message = "too many login codes are exchanged at once: try again with a new code";
            return Err(later(ErrorCode::Busy, message, "1"));
        }
        // Checked: a code is not empty.
        let code = Secret::new(code.to_owned()).ok_or_else(unavailable)?;
        let (sender, landing) = watch::channel(None);
        flights.insert(hash, landing.clone());
        drop(flights);
        let flight = Flight { inner: Arc::clone(&self.0), hash };
        tokio::spawn(async move {
            let outcome = flight.inner.exchange.principal(&code).await;
            drop(flight);
            sender.send_replace(Some(outcome));
        });
        Ok(landing)
    }

    pub(super) fn challenge() -> String {
        format!("{} realm=\"cos-issuer\"", Self::SCHEME)
    }
}

impl Inner {
    fn flights(&self) -> MutexGuard<'_, HashMap<CodeHash, Landing>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call for one code. Dropped, it can no longer be joined, after a panic too.
struct Flight {
    inner: Arc<Inner>,
    hash: CodeHash,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.inner.flights().remove(&self.hash);
    }
}

/// The alphabet is not documented; codes in use have 32 of these characters.
fn is_code(text: &str) -> bool {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-_".contains(&c);
    (1..=128).contains(&text.len()) && text.bytes().all(known)
}

/// As many calls as STS gets at once by default.
const MAX_FLIGHTS: usize = 64;
