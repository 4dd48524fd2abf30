//! The STS of this cloud: API 3.0, version 2018-08-13, on loopback, over HTTP and HTTPS.
//!
//! ```text
//! HTTP -> request (unverified) -> verify (a key that proved itself) -> limit -> actions (may they?) -> answer
//!                         a fault may replace, delay, cut or bend any of it
//! ```
//!
//! Promises: answers API errors with HTTP 200 in the documented shape; records each call without secrets; nothing is issued
//! to a caller whose signature, key, token and time were not checked.
//! Leaves out: MFA, web identities, SAML.

mod actions;
mod error;
mod fault;
mod limit;
mod parameters;
mod permission;
mod policy;
mod request;
mod verify;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tencent::time::Timestamp;

use self::error::StsError;
use self::request::Unverified;
use crate::ca::Ca;
use crate::control::{Control, Visit};
use crate::fault::{Fault, Service as ServiceName};
use crate::ledger::lock;
use crate::net::{self, Body, Server, Transport};
use crate::trace::{Head, Reason};

/// One call to the STS, as it may be shown to anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StsCall {
    /// The action asked for; empty when the request named none.
    pub action: String,
    /// `Success`, the error code answered, or `Fault` for an injected one that is no API error.
    pub outcome: String,
    /// The duration asked for, or the action's default.
    pub duration_seconds: Option<u64>,
    /// The policy, decoded once and otherwise byte for byte as it was sent.
    pub policy: Option<String>,
    /// `Name` or `RoleSessionName`.
    pub name: Option<String>,
    /// `TC3-HMAC-SHA256`, `HmacSHA1` or `HmacSHA256`; empty when the request had none.
    pub signature_method: String,
    /// The `RequestId` of the answer.
    pub request_id: String,
}

/// The running STS.
#[derive(Debug)]
pub struct Sts {
    http: Server,
    https: Server,
    ca_file: PathBuf,
    service: Arc<Service>,
}

impl Sts {
    /// Where it answers plain HTTP, `http://127.0.0.1:<port>`.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http.address)
    }

    /// Where it answers HTTPS, `https://127.0.0.1:<port>`.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.https.address)
    }

    /// The address of the HTTPS listener.
    pub fn https_address(&self) -> SocketAddr {
        self.https.address
    }

    /// The authority that signed the HTTPS certificate, a PEM file.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The next calls meet these faults, one each, in this order.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.service.control.faults.queue(ServiceName::Sts, faults);
    }

    /// The last 10000 calls, in order of arrival.
    pub fn calls(&self) -> Vec<StsCall> {
        self.calls_after(0)
    }

    /// Those of them that came after the first `seen` of all.
    pub fn calls_after(&self, seen: usize) -> Vec<StsCall> {
        let calls = lock(&self.service.calls);
        let skipped = seen.saturating_sub(calls.forgotten);
        calls.kept.iter().skip(skipped).cloned().collect()
    }

    /// How many calls came in so far.
    pub fn call_count(&self) -> usize {
        let calls = lock(&self.service.calls);
        calls.forgotten.saturating_add(calls.kept.len())
    }

    pub(crate) fn start(
        port: u16,
        ca: &Ca,
        control: &Arc<Control>,
        calls_per_second: Option<u32>,
    ) -> io::Result<Self> {
        let service = Arc::new(Service {
            control: Arc::clone(control),
            limits: limit::Limits::new(calls_per_second),
            calls: Mutex::default(),
            earlier_token: Mutex::default(),
        });
        let handler = {
            let service = Arc::clone(&service);
            move |request| {
                let service = Arc::clone(&service);
                async move { service.answer(request).await }
            }
        };
        let tls = control.acceptor(ServiceName::Sts, &ca.server, &ca.stranger);
        Ok(Self {
            https: Server::start(port, Transport::Tls(tls), handler.clone())?,
            http: Server::start(0, Transport::Plain, handler)?,
            ca_file: ca.file(),
            service,
        })
    }
}

struct Service {
    control: Arc<Control>,
    limits: limit::Limits,
    calls: Mutex<Calls>,
    /// For an answer whose token is that of the one before.
    earlier_token: Mutex<Option<String>>,
}

#[derive(Default)]
struct Calls {
    kept: VecDeque<StsCall>,
    /// How many were before those.
    forgotten: usize,
}

impl Calls {
    fn push(&mut self, call: StsCall) {
        if self.kept.len() >= MAX_CALLS {
            self.kept.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.kept.push_back(call);
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let request_id = self.control.chance.request_id();
        let head = Head::of(&request);
        if request.uri().path() != "/" {
            let visit = self.control.enter(ServiceName::Sts, "", head, None);
            let answer = match visit.fault() {
                Some(fault) if fault.replaces_the_answer() => visit.instead(&request_id),
                _ => Ok(no_such_path()),
            };
            return visit.leave(answer).await;
        }
        let unverified = Unverified::read(request).await;
        let mut call = match &unverified {
            Ok(unverified) => unverified.call(&request_id),
            Err(_) => StsCall::unreadable(&request_id),
        };
        let key = unverified.as_ref().ok().and_then(Unverified::claimed_key);
        let visit = self
            .control
            .enter(ServiceName::Sts, &call.action, head, key.as_deref());
        let answer = match visit.fault() {
            Some(fault) if fault.replaces_the_answer() => {
                call.outcome = match fault {
                    Fault::ApiError { code, .. } => code.clone(),
                    Fault::Throttle { .. } => "RequestLimitExceeded".to_owned(),
                    _ => "Fault".to_owned(),
                };
                visit.instead(&request_id)
            }
            _ => {
                let verdict = unverified
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|unverified| self.judge(unverified, visit.now()));
                call.outcome = match &verdict {
                    Ok(_) => "Success".to_owned(),
                    Err(error) => error.code.to_owned(),
                };
                let chinese = unverified.as_ref().is_ok_and(Unverified::wants_chinese);
                Ok(self.told(verdict, chinese, &request_id, &visit))
            }
        };
        let reason = Reason(call.outcome.clone());
        lock(&self.calls).push(call);
        let answer = answer.map(|mut answer| {
            answer.extensions_mut().insert(reason);
            answer
        });
        visit.leave(answer).await
    }

    fn judge(&self, unverified: &Unverified, now: Timestamp) -> Result<Value, StsError> {
        let directory = &self.control.directory;
        let action = actions::Action::parse(unverified)?;
        let caller = verify::verify(unverified, directory, now)?;
        self.limits.count(action, now)?;
        action.run(&caller, &unverified.parameters, directory, now)
    }

    /// The answer in the documented shape, its members bent by a fault.
    fn told(
        &self,
        verdict: Result<Value, StsError>,
        chinese: bool,
        request_id: &str,
        visit: &Visit,
    ) -> Response<Body> {
        let mut body = match verdict {
            Ok(success) => envelope(success, request_id),
            Err(error) => envelope(json!({ "Error": error.to_json(chinese) }), request_id),
        };
        let token = body
            .pointer("/Response/Credentials/Token")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let mut earlier_token = lock(&self.earlier_token);
        if let Some(fault) = visit.fault() {
            let directory = &self.control.directory;
            fault::bend(
                fault,
                &mut body,
                directory,
                earlier_token.as_deref(),
                visit.now(),
            );
        }
        if token.is_some() {
            *earlier_token = token;
        }
        net::json(StatusCode::OK, &body)
    }
}

impl StsCall {
    fn unreadable(request_id: &str) -> Self {
        Self {
            action: String::new(),
            outcome: String::new(),
            duration_seconds: None,
            policy: None,
            name: None,
            signature_method: String::new(),
            request_id: request_id.to_owned(),
        }
    }
}

/// Inferred: the service has one path.
fn no_such_path() -> Response<Body> {
    let text = "404 page not found";
    net::answer(StatusCode::NOT_FOUND, "text/plain", text)
}

fn envelope(mut response: Value, request_id: &str) -> Value {
    if response.is_null() {
        response = json!({});
    }
    if let Some(members) = response.as_object_mut() {
        members.insert("RequestId".to_owned(), json!(request_id));
    }
    json!({ "Response": response })
}

const MAX_CALLS: usize = 10_000;
