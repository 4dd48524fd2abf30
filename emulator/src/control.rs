//! What every service shares: the clock, chance, the faults and the trace, and the one way of a call through them.
//!
//! ```text
//! request ──enter──> Visit ──the service's own work──> answer ──leave──> answer, bent
//!             which call is it, which fault does it meet          one line of the trace
//! ```
//!
//! Promises: each call is counted once and told once, also when its caller leaves before the answer.
//! Leaves out: what only one service can get wrong (`sts/fault.rs`).

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, UNIX_EPOCH};

use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tencent::time::{Clock as _, Timestamp};
use tokio_rustls::TlsAcceptor;

use crate::account::Directory;
use crate::chance::Chance;
use crate::clock::{EmulatedClock, shifted};
use crate::fault::{Fault, Faults, Service, WhichKey, effect};
use crate::net::{Acceptor, Body};
use crate::trace::{Head, Reason, Told, Trace};

/// Shared by all services of one cloud.
pub(crate) struct Control {
    pub(crate) clock: Arc<EmulatedClock>,
    pub(crate) chance: Arc<Chance>,
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    pub(crate) directory: Arc<Directory>,
    /// Set by the door of COS, which keeps them.
    pub(crate) decisions: OnceLock<Decisions>,
}

/// Gives the last decisions about access.
pub(crate) type Decisions = Box<dyn Fn() -> Vec<serde_json::Value> + Send + Sync>;

/// How a service tells what its calls are.
pub(crate) struct Watched<A> {
    pub(crate) service: Service,
    /// The action that the head of a request asks for.
    pub(crate) action: A,
    /// How the service refuses a call too many, by the request's id, where that is not the same everywhere.
    pub(crate) throttled: Option<Throttled>,
}

/// An answer by the request's id.
pub(crate) type Throttled = Box<dyn Fn(&str) -> Response<Body> + Send + Sync>;

/// A call on its way through a service.
pub(crate) struct Visit {
    control: Arc<Control>,
    service: Service,
    action: String,
    head: Head,
    fault: Option<Fault>,
    told: bool,
}

/// The time that holds for a call, among the extensions of its request: a fault may have bent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallTime(pub(crate) Timestamp);

type Answering = Pin<Box<dyn Future<Output = io::Result<Response<Body>>> + Send>>;

impl Control {
    /// Wraps the handler of a service, so that its calls meet faults and are traced.
    pub(crate) fn watch<A, H, F>(
        self: &Arc<Self>,
        watched: Watched<A>,
        handler: H,
    ) -> impl Fn(Request<Incoming>) -> Answering + Clone + Send + 'static
    where
        A: Fn(&Parts) -> String + Send + Sync + 'static,
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = io::Result<Response<Body>>> + Send + 'static,
    {
        let (control, watched) = (Arc::clone(self), Arc::new(watched));
        move |request| {
            let (control, watched) = (Arc::clone(&control), Arc::clone(&watched));
            let handler = handler.clone();
            Box::pin(async move {
                let head = Head::of(&request);
                let (parts, body) = request.into_parts();
                let action = (watched.action)(&parts);
                let key = signing_key(&parts);
                let visit = control.enter(watched.service, &action, head, key.as_deref());
                let mut request = Request::from_parts(parts, body);
                request.extensions_mut().insert(CallTime(visit.now()));
                let answer = match (visit.fault(), &watched.throttled) {
                    (Some(Fault::Throttle { .. }), Some(throttled)) => {
                        Ok(throttled(&control.chance.request_id()))
                    }
                    (Some(fault), _) if fault.replaces_the_answer() => {
                        visit.instead(&control.chance.request_id())
                    }
                    _ => handler(request).await,
                };
                visit.leave(answer).await
            })
        }
    }

    /// A call begins. `key` is the id of the key that it says it is signed with.
    pub(crate) fn enter(
        self: &Arc<Self>,
        service: Service,
        action: &str,
        head: Head,
        key: Option<&str>,
    ) -> Visit {
        let now = self.clock.now();
        let fault = self.faults.next_call(service, action, now);
        match (&fault, key) {
            (Some(Fault::RevokeKey(WhichKey::Calling)), Some(key)) => {
                self.directory.revoke(key);
            }
            (Some(Fault::ExpiredNow), Some(key)) if service == Service::Cos => {
                self.directory.expire(key, now);
            }
            _ => {}
        }
        Visit {
            control: Arc::clone(self),
            service,
            action: action.to_owned(),
            head,
            fault,
            told: false,
        }
    }

    /// The last decisions about access, and why; none before there is a door that makes them.
    pub(crate) fn decisions(&self) -> Vec<serde_json::Value> {
        self.decisions
            .get()
            .map(|decisions| decisions())
            .unwrap_or_default()
    }

    /// The time of a call that no fault bends.
    pub(crate) fn call_time(&self) -> CallTime {
        CallTime(self.clock.now())
    }

    /// Chooses the certificate of each connection to `service`.
    pub(crate) fn acceptor(
        self: &Arc<Self>,
        service: Service,
        right: &Arc<ServerConfig>,
        wrong: &Arc<ServerConfig>,
    ) -> Acceptor {
        let control = Arc::clone(self);
        let right = TlsAcceptor::from(Arc::clone(right));
        let wrong = TlsAcceptor::from(Arc::clone(wrong));
        Arc::new(move || {
            let strikes = control.faults.next_connection(service, control.clock.now());
            if strikes {
                wrong.clone()
            } else {
                right.clone()
            }
        })
    }
}

impl Visit {
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The time that holds for this call.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.control.clock.now();
        match self.fault {
            Some(Fault::WrongClock { seconds }) => shifted(now, seconds),
            _ => now,
        }
    }

    /// The answer in place of the service's own, for a fault that looks at no call.
    pub(crate) fn instead(&self, request_id: &str) -> io::Result<Response<Body>> {
        match &self.fault {
            Some(fault) => effect::instead(fault, self.service, request_id),
            None => Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }

    /// The call ends: tells the trace, and bends the answer.
    pub(crate) async fn leave(
        mut self,
        answer: io::Result<Response<Body>>,
    ) -> io::Result<Response<Body>> {
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.tell(None, "the connection was closed without an answer");
                return Err(error);
            }
        };
        if let Some(date) = http_date(self.now()) {
            answer.headers_mut().entry(header::DATE).or_insert(date);
        }
        let Reason(reason) = answer
            .extensions_mut()
            .remove()
            .unwrap_or_else(|| Reason(String::new()));
        self.tell(Some(answer.status().as_u16()), &reason);
        match self.fault.take() {
            Some(fault) => effect::bent(&fault, answer).await,
            None => Ok(answer),
        }
    }

    fn tell(&mut self, status: Option<u16>, reason: &str) {
        self.told = true;
        self.control.trace.tell(&Told {
            time: self.now(),
            service: self.service,
            action: &self.action,
            head: &self.head,
            status,
            fault: self.fault.as_ref().map(Fault::kind),
            reason,
        });
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.told {
            self.tell(None, "the caller left before the answer");
        }
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Control")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// The id of the key that a head says it is signed with, in any of the forms there are.
fn signing_key(parts: &Parts) -> Option<String> {
    let header = parts
        .headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let in_header = header
        .split_once("Credential=")
        .and_then(|(_, rest)| rest.split('/').next());
    let pairs = header
        .split('&')
        .chain(parts.uri.query().unwrap_or_default().split('&'));
    let in_pairs = pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| matches!(*name, "q-ak" | "SecretId"))
        .map(|(_, value)| value);
    in_header.or(in_pairs).map(str::to_owned)
}

fn http_date(moment: Timestamp) -> Option<HeaderValue> {
    let seconds = u64::try_from(moment.unix_seconds()).ok()?;
    let moment = UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?;
    HeaderValue::from_str(&httpdate::fmt_http_date(moment)).ok()
}

#[cfg(test)]
impl Control {
    /// For the tests of one service: this account without users, the machine's time, and nothing that goes wrong.
    pub(crate) fn of_account(account: crate::account::Account) -> Arc<Self> {
        let ledger = Arc::new(crate::ledger::Ledger::default());
        let base: Arc<dyn tencent::time::Clock> = Arc::new(tencent::time::SystemClock);
        let clock = Arc::new(EmulatedClock::over(base));
        let chance = Arc::new(Chance::new(None));
        let directory = Directory::new(
            account,
            Vec::new(),
            Vec::new(),
            Arc::clone(&clock) as Arc<dyn tencent::time::Clock>,
            Arc::clone(&ledger),
        );
        Arc::new(Self {
            clock,
            faults: Faults::new(Arc::clone(&chance)),
            chance,
            trace: Trace::open(None, ledger).unwrap(),
            directory: Arc::new(directory),
            decisions: OnceLock::new(),
        })
    }
}
