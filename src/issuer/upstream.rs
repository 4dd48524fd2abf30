//! One fetch from STS: its attempts, within one deadline and one retry budget.
//!
//! # Guarantees
//! - Only what `failure` allows is tried again, signed anew each time; every endpoint once before
//!   one is asked twice, and then after a pause with jitter.
//! - An attempt has at least a second while that is left.
//! - At the limit of parallel calls the answer is a refusal at once, never a queue.
//! - Each attempt is one line in the log, with the id of the request that caused it.
//!
//! # Not covered
//! Keeping credentials for the next caller (`cache`, `flight`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::budget::RetryBudget;
use super::endpoints::Endpoints;
use super::failure::{
    self, Class, attempt_outcome, class, concerns_everyone, final_error, outcome,
};
use super::sts_clock::StsClock;
use super::workload::Workload;
use crate::deadline::Deadline;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode, chain};
use crate::grant::Authorized;
use crate::http_client::CallError;
use crate::log;
use crate::metrics::{AttemptOutcome, Metrics};
use crate::sts::{AnswerError, Call, Called, Client, Credentials, Exchange, Identity, Issue};
use crate::sts::{StsCaller, StsError, TokenFileError, WebIdentity, WorkloadKey};
use tencent::time::{Clock, Timestamp};

/// Reads a file of the operator.
pub type ReadFile = fn(&str) -> io::Result<Vec<u8>>;

/// STS, and the way there.
pub(super) struct Upstream {
    pub(super) sts: Client,
    pub(super) endpoints: Endpoints,
    pub(super) permits: Semaphore,
    pub(super) budget: RetryBudget,
    /// The machine's clock, for deadlines and pauses.
    pub(super) clock: Arc<dyn Clock>,
    /// The time of STS, for signatures and lifetimes.
    pub(super) sts_clock: StsClock,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) role_key: RenewableKey,
    /// The key of a web identity.
    pub(super) workload: Workload,
    pub(super) read_file: ReadFile,
    pub(super) metrics: Option<Arc<Metrics>>,
}

/// What is known of a key that the platform renews by starting a new instance.
pub(super) struct RenewableKey {
    /// Whether the calling key is one.
    pub(super) is_renewable: bool,
    pub(super) started: Timestamp,
    pub(super) has_worked: AtomicBool,
    pub(super) has_lapsed: watch::Sender<bool>,
}

impl Upstream {
    /// Makes the connection of the first call before there is one. It calls nothing, so it is not
    /// counted, and its failure changes nothing.
    pub(super) async fn connect_ahead(&self) {
        if let Some(endpoint) = self.endpoints.first_working() {
            self.sts.http.connect_ahead(endpoint.url()).await;
        }
    }

    /// Fetches the credentials that were authorized, as `caller`, before `deadline`, for the
    /// request `id`, and counts the attempts.
    ///
    /// # Errors
    /// One of the `Upstream…` codes; [`ErrorCode::Busy`] at the limit of parallel calls;
    /// [`ErrorCode::CallingKeyExpired`] when a new instance is needed; [`ErrorCode::Internal`] when
    /// the token of a web identity cannot be read.
    pub(super) async fn fetch(
        &self,
        authorized: &Authorized,
        caller: &StsCaller,
        id: &str,
        attempts: &AtomicU32,
        deadline: Deadline,
    ) -> Result<Credentials, Error> {
        let _permit = self.permits.try_acquire().map_err(|_| busy())?;
        match caller {
            StsCaller::Identity(identity) => {
                let issue = Issue { authorized, identity };
                self.attempts(&issue, id, attempts, deadline).await.map_err(|failed| failed.error)
            }
            StsCaller::WebIdentity(web_identity) => {
                // On the heap, since most functions never do this.
                let key = Box::pin(self.workload_key(web_identity, id, attempts, deadline));
                let identity = &key.await?;
                let issue = Issue { authorized, identity };
                match Box::pin(self.attempts(&issue, id, attempts, deadline)).await {
                    Ok(credentials) => Ok(credentials),
                    Err(failed) => {
                        if failed.is_key_unknown {
                            self.workload.forget().await;
                        }
                        Err(failed.error)
                    }
                }
            }
        }
    }

    /// The identity of a workload's key, exchanged for its token if the one before has ended.
    async fn workload_key(
        &self,
        web_identity: &WebIdentity,
        id: &str,
        attempts: &AtomicU32,
        deadline: Deadline,
    ) -> Result<Arc<Identity>, Error> {
        let exchange = || self.exchange(web_identity, id, attempts, deadline);
        let identity = self.workload.identity(&self.sts_clock, exchange);
        let left = deadline.remaining(&*self.clock);
        timeout(left, identity).await.unwrap_or_else(|_| Err(failure::too_late()))
    }

    async fn exchange(
        &self,
        web_identity: &WebIdentity,
        id: &str,
        attempts: &AtomicU32,
        deadline: Deadline,
    ) -> Result<WorkloadKey, Error> {
        let token = &web_identity.token(self.read_file).map_err(no_token)?;
        let exchange = Exchange { web_identity, token };
        self.attempts(&exchange, id, attempts, deadline).await.map_err(|failed| failed.error)
    }

    /// Makes a call until it succeeds, as often as `failure`, deadline and budget allow.
    async fn attempts<C: Call>(
        &self,
        call: &C,
        id: &str,
        attempts: &AtomicU32,
        deadline: Deadline,
    ) -> Result<C::Answer, Failed> {
        self.budget.deposit();
        let now_ms = self.clock.unix_milliseconds();
        let order = self.endpoints.order(now_ms, self.budget.has_credit(), || self.jitter());
        let mut has_learned = false;
        let mut retries = 0;
        let (mut last, mut is_unhealthy, mut is_key_unknown) = (None, false, false);
        for (attempt, index) in (0_u32..).zip(order.iter().copied().cycle()) {
            let untried = u32::try_from(order.len()).unwrap_or(u32::MAX).saturating_sub(attempt);
            let Some(timeout) = self.timeout(attempt, untried, deadline) else { break };
            let Some(endpoint) = self.endpoints.endpoint(index) else { break };
            attempts.fetch_add(1, Ordering::Relaxed);
            let start = Deadline::unlimited(&*self.clock);
            let signed_ahead_ms = self.sts_clock.ahead_ms();
            let Called { outcome, date } =
                self.sts.call(call, endpoint, &self.sts_clock, timeout).await;
            self.count(index, outcome.as_ref().err(), start);
            let line = Line { id, attempt, host: endpoint.host(), start, action: C::LOGGED_ACTION };
            let failure = match outcome {
                Ok(answer) => {
                    line.succeeded(C::request_id(&answer), &*self.clock);
                    self.endpoints.succeeded(index);
                    self.budget.refund(retries);
                    self.role_key.has_worked.store(true, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            line.failed(&failure, &*self.clock);
            is_unhealthy = concerns_everyone(&failure);
            let class = class(&failure);
            is_key_unknown = class == Class::Key;
            let may_retry = match class {
                Class::Endpoint => {
                    let now_ms = self.clock.unix_milliseconds();
                    self.endpoints.failed(index, now_ms, self.jitter());
                    true
                }
                Class::Throttled => true,
                Class::Clock => {
                    let is_first = !std::mem::replace(&mut has_learned, true);
                    if let Some(date) = date {
                        self.sts_clock.learn(date);
                    }
                    // Another request may have learned it first.
                    is_first && self.sts_clock.ahead_ms() != signed_ahead_ms
                }
                Class::Key if self.key_has_lapsed() => {
                    last = Some(self.lapsed(&failure));
                    break;
                }
                Class::Key | Class::Refused => false,
            };
            // An attempt that the deadline cuts short explains less than the failure before it.
            let is_timeout = matches!(failure, StsError::Call(CallError::Timeout));
            if last.is_none() || timeout >= MIN_ATTEMPT || !is_timeout {
                last = Some(final_error(&failure, endpoint.host()));
            }
            let pause = self.pause(class, attempt, untried);
            let has_time = pause < deadline.remaining(&*self.clock);
            let is_last = attempt.saturating_add(1) >= MAX_ATTEMPTS && untried <= 1;
            if !may_retry || is_last || !has_time || !self.budget.withdraw() {
                break;
            }
            retries = retries.saturating_add(1);
            sleep(pause).await;
        }
        if let Some(metrics) = self.metrics.as_ref().filter(|_| is_unhealthy) {
            metrics.fetch_failed();
        }
        Err(Failed { error: last.unwrap_or_else(failure::too_late), is_key_unknown })
    }

    fn count(&self, index: usize, failure: Option<&StsError>, start: Deadline) {
        if let Some(metrics) = &self.metrics {
            let outcome = failure.map_or(AttemptOutcome::Ok, attempt_outcome);
            metrics.attempt(index, outcome, start.elapsed(&*self.clock));
        }
    }

    /// The time for an attempt: what is left, shared with the attempts that may have to follow.
    fn timeout(&self, attempt: u32, untried: u32, deadline: Deadline) -> Option<Duration> {
        let left = deadline.remaining(&*self.clock);
        // The first attempt leaves time for a second one, even with one endpoint.
        let needed = if attempt == 0 { untried.max(2) } else { untried.max(1) };
        let needed = if self.budget.has_credit() { needed } else { 1 };
        let share = left.checked_div(needed).unwrap_or(left);
        (!left.is_zero()).then(|| share.max(MIN_ATTEMPT).min(left))
    }

    /// The pause before the next attempt; none on the way to an endpoint that was not asked yet.
    fn pause(&self, class: Class, attempt: u32, untried: u32) -> Duration {
        let first = match class {
            Class::Clock => return Duration::ZERO,
            Class::Throttled => THROTTLED_PAUSE,
            Class::Endpoint if untried > 1 => return Duration::ZERO,
            Class::Endpoint | Class::Key | Class::Refused => FIRST_PAUSE,
        };
        let whole = first.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX));
        // From half of it to all of it.
        let half = whole.checked_div(2).unwrap_or_default();
        let jitter = half.saturating_mul(self.jitter().into()).checked_div(u8::MAX.into());
        half.saturating_add(jitter.unwrap_or_default())
    }

    /// Without entropy nothing is spread.
    pub(super) fn jitter(&self) -> u8 {
        self.entropy.bytes().map_or(0, |[first, ..]| first)
    }

    /// A key that never worked and is new is a wrong setting: a new instance would have it too.
    fn key_has_lapsed(&self) -> bool {
        let age =
            self.clock.now().unix_seconds().saturating_sub(self.role_key.started.unix_seconds());
        let is_old = self.role_key.has_worked.load(Ordering::Relaxed) || age > NEW_SECONDS;
        self.role_key.is_renewable && is_old
    }

    fn lapsed(&self, failure: &StsError) -> Error {
        self.role_key.has_lapsed.send_replace(true);
        let message = "the calling key of this instance has expired, and a new instance takes over: try again";
        Error::new(ErrorCode::CallingKeyExpired, message)
            .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
            .with_hint(Some("this instance exits, so that the platform starts one with a new key"))
            .caused_by(chain(failure))
    }
}

/// Why a call did not succeed.
struct Failed {
    error: Error,
    /// Whether STS does not know the key that signed it.
    is_key_unknown: bool,
}

fn no_token(error: TokenFileError) -> Error {
    let message = "the function cannot read the token that it calls the credential service with: the log \
                   has the cause under this request id";
    Error::new(ErrorCode::Internal, message)
        .with_hint(Some("TKE_WEB_IDENTITY_TOKEN_FILE must name the file that the platform writes"))
        .caused_by(error)
}

fn busy() -> Error {
    let message = "this function already makes as many calls as it may: try again";
    Error::new(ErrorCode::Busy, message).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
}

/// One attempt in the log.
struct Line<'a> {
    id: &'a str,
    attempt: u32,
    host: &'a str,
    start: Deadline,
    action: Option<&'static str>,
}

impl Line<'_> {
    fn succeeded(&self, sts_request_id: &str, clock: &dyn Clock) {
        // The line of the decision follows.
        log::info_later("STS attempt", |line| {
            line.text("request_id", self.id);
            line.number("attempt", self.attempt.saturating_add(1));
            line.text("endpoint", self.host);
            if let Some(action) = self.action {
                line.text("action", action);
            }
            line.text("outcome", "ok");
            line.text("sts_request_id", sts_request_id);
            line.number("elapsed_ms", self.elapsed_ms(clock));
        });
    }

    fn failed(&self, failure: &StsError, clock: &dyn Clock) {
        // What STS wrote is in the lines that end the request.
        let (sts_request_id, error) = match failure {
            StsError::Answer(AnswerError::Api { request_id, .. }) => {
                (Some(request_id.as_str()), None)
            }
            StsError::Answer(_) | StsError::Call(_) => (None, Some(chain(failure))),
        };
        warn!(
            request_id = self.id,
            attempt = self.attempt.saturating_add(1),
            endpoint = self.host,
            action = self.action,
            outcome = outcome(failure),
            sts_request_id,
            elapsed_ms = self.elapsed_ms(clock),
            error,
            remedy = failure.hint(),
            "STS attempt"
        );
    }

    fn elapsed_ms(&self, clock: &dyn Clock) -> u64 {
        u64::try_from(self.start.elapsed(clock).as_millis()).unwrap_or(u64::MAX)
    }
}

/// Of one request, unless there are more endpoints.
const MAX_ATTEMPTS: u32 = 5;

const MIN_ATTEMPT: Duration = Duration::from_secs(1);

/// A refused connection or a name that is not resolved is often over within moments.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const THROTTLED_PAUSE: Duration = Duration::from_millis(250);

const NEW_SECONDS: i64 = 60;
