//! What each call to each service passes: an injected fault on its way in, a tampered response and
//! a line of the trace on its way out.
//!
//! ```text
//! request ──begin──> Call ──the service──> response ──finish──> tampered response
//!          number, fault                              line of the trace
//! ```
//!
//! # Guarantees
//! Each call is counted once and recorded once, also when its caller leaves before the response.
//!
//! # Not covered
//! Faults in the members of an STS response (`sts/tamper.rs`).

use std::sync::Arc;
use std::{io, mem};

use http::{HeaderMap, Response, Uri, header};
use rustls::ServerConfig;
use tencent::time::{Clock as _, Timestamp};
use tokio_rustls::TlsAcceptor;

use crate::account::Directory;
use crate::clock::{EmulatedClock, shifted};
use crate::fault::{Fault, Faults, Service, WhichKey, effect};
use crate::http_date;
use crate::net::{Acceptor, Body};
use crate::random::Rng;
use crate::trace::{Head, Reason, Trace, TraceEvent};

/// Shared by the services of one cloud.
pub(crate) struct Middleware {
    pub(crate) faults: Faults,
    pub(crate) trace: Trace,
    clock: Arc<EmulatedClock>,
    rng: Arc<Rng>,
    directory: Arc<Directory>,
}

/// A call on its way through a service.
pub(crate) struct Call {
    pub(crate) request_id: String,
    middleware: Arc<Middleware>,
    service: Service,
    action: String,
    head: Head,
    fault: Option<Fault>,
    recorded: bool,
}

impl Middleware {
    pub(crate) fn new(
        clock: Arc<EmulatedClock>,
        rng: Arc<Rng>,
        directory: Arc<Directory>,
        trace: Trace,
    ) -> Self {
        Self { faults: Faults::new(Arc::clone(&rng)), trace, clock, rng, directory }
    }

    /// A call begins. The request claims to be signed with the key whose id is `key`.
    pub(crate) fn begin(
        self: &Arc<Self>,
        service: Service,
        action: &str,
        head: Head,
        key: Option<&str>,
    ) -> Call {
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
        Call {
            request_id: self.rng.request_id(),
            middleware: Arc::clone(self),
            service,
            action: action.to_owned(),
            head,
            fault,
            recorded: false,
        }
    }

    /// Chooses the certificate of each connection to `service`.
    pub(crate) fn acceptor(
        self: &Arc<Self>,
        service: Service,
        right: &Arc<ServerConfig>,
        wrong: &Arc<ServerConfig>,
    ) -> Acceptor {
        let middleware = Arc::clone(self);
        let right = TlsAcceptor::from(Arc::clone(right));
        let wrong = TlsAcceptor::from(Arc::clone(wrong));
        Arc::new(move || {
            let now = middleware.clock.now();
            if middleware.faults.next_connection(service, now) {
                wrong.clone()
            } else {
                right.clone()
            }
        })
    }
}

impl Call {
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The time of this call.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.middleware.clock.now();
        match self.fault {
            Some(Fault::WrongClock { seconds }) => shifted(now, seconds),
            _ => now,
        }
    }

    /// The response in place of the service's own, if the fault has one.
    pub(crate) fn replacement(&self) -> Option<io::Result<Response<Body>>> {
        let fault = self.fault.as_ref()?;
        fault
            .replaces_the_response()
            .then(|| effect::instead(fault, self.service, &self.request_id))
    }

    /// The call ends: records it, and tampers with the response.
    pub(crate) async fn finish(
        mut self,
        response: io::Result<Response<Body>>,
    ) -> io::Result<Response<Body>> {
        let mut response = match response {
            Ok(response) => response,
            Err(error) => {
                self.record(None, "the connection was closed without a response".to_owned());
                return Err(error);
            }
        };
        if let Some(date) = http_date::header_value(self.now()) {
            response.headers_mut().entry(header::DATE).or_insert(date);
        }
        let reason = response.extensions_mut().remove();
        let Reason(reason) = reason.unwrap_or_default();
        self.record(Some(response.status().as_u16()), reason);
        match self.fault.take() {
            Some(fault) => effect::tampered(&fault, response).await,
            None => Ok(response),
        }
    }

    fn record(&mut self, status: Option<u16>, reason: String) {
        self.recorded = true;
        let time = self.now();
        self.middleware.trace.record(TraceEvent {
            time,
            service: self.service,
            action: mem::take(&mut self.action),
            head: mem::take(&mut self.head),
            status,
            fault: self.fault.as_ref().map(Fault::kind),
            reason,
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.recorded {
            self.record(None, "the caller left before the response".to_owned());
        }
    }
}

/// The id of the key that a request for COS claims to be signed with: in its header or its query.
pub(crate) fn cos_key<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let header = headers.get(header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok());
    let texts = [header, uri.query()].into_iter().flatten();
    texts.flat_map(|text| text.split(['&', ' ', ','])).find_map(|pair| {
        if let Some(key) = pair.strip_prefix("q-ak=") {
            return Some(key);
        }
        // Of an S3 client: the key, and `/` or `%2F` after it.
        let credential = pair.strip_prefix("X-Amz-").unwrap_or(pair).strip_prefix("Credential=")?;
        credential.split(['/', '%']).next()
    })
}

#[cfg(test)]
impl Middleware {
    /// For the tests of one service: the machine's time, an account without users, and no faults.
    /// The clock, for tests that move it.
    pub(crate) fn clock(&self) -> &EmulatedClock {
        &self.clock
    }

    pub(crate) fn without_faults() -> Arc<Self> {
        let secrets = Arc::new(crate::secrets::SecretRegistry::default());
        let clock = Arc::new(EmulatedClock::over(Arc::new(tencent::time::SystemClock)));
        let directory = Directory::new(
            crate::account::Account::default(),
            Vec::new(),
            Vec::new(),
            Arc::<EmulatedClock>::clone(&clock),
            Arc::clone(&secrets),
        );
        let trace = Trace::open(None, secrets).unwrap();
        let rng = Arc::new(Rng::new(None));
        Arc::new(Self::new(clock, rng, Arc::new(directory), trace))
    }
}
