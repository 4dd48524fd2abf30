//! The STS of this cloud: API 3.0, version 2018-08-13, on loopback, over HTTP and HTTPS.
//!
//! ```text
//! HTTP -> request (unverified) -> verify (an authenticated key) -> limit -> actions (may they?) -> answer
//!                         a fault can replace, delay, cut or tamper with any of it
//! ```
//!
//! # Guarantees
//! Answers API errors with HTTP 200 in the documented shape; records each call without secrets;
//! nothing is issued to a caller whose signature, key, token and time, or whose web identity, were
//! not checked.
//!
//! # Not covered
//! MFA, SAML.

mod actions;
mod call;
mod error;
mod limit;
mod parameters;
mod permission;
mod policy;
mod request;
mod session;
mod tamper;
mod verify;
mod web_identity;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tencent::time::Timestamp;

pub use self::call::StsCall;
use self::error::StsError;
use self::request::Inbound;
use crate::account::Directory;
use crate::ca::Ca;
use crate::fault::{Fault, Service as ServiceName};
use crate::listener::Listener;
use crate::middleware::{Call, Middleware};
use crate::net::{self, Body, Server, Transport};
use crate::sync::lock;
use crate::trace::{Head, Reason};

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

    /// Injects these faults into the next calls, one each, in this order.
    pub fn inject(&self, faults: impl IntoIterator<Item = Fault>) {
        self.service.middleware.faults.queue(ServiceName::Sts, faults);
    }

    /// The last 10000 calls, in order of arrival.
    pub fn calls(&self) -> Vec<StsCall> {
        lock(&self.service.calls).kept.iter().cloned().collect()
    }

    /// How many calls came in so far.
    pub fn call_count(&self) -> usize {
        let calls = lock(&self.service.calls);
        calls.forgotten.saturating_add(calls.kept.len())
    }

    pub(crate) fn start(
        port: u16,
        ca: &Ca,
        middleware: &Arc<Middleware>,
        directory: &Arc<Directory>,
        calls_per_second: Option<u32>,
        on_call: Listener<StsCall>,
    ) -> io::Result<Self> {
        let service = Arc::new(Service {
            middleware: Arc::clone(middleware),
            directory: Arc::clone(directory),
            limits: limit::Limits::new(calls_per_second),
            calls: Mutex::default(),
            earlier_token: Mutex::default(),
            on_call,
        });
        let handler = {
            let service = Arc::clone(&service);
            move |request| {
                let service = Arc::clone(&service);
                async move { service.respond(request).await }
            }
        };
        let tls = middleware.acceptor(ServiceName::Sts, &ca.server, &ca.untrusted);
        // A fixed port is for clients that know both beforehand.
        let http_port = if port == 0 { 0 } else { port.saturating_add(1) };
        Ok(Self {
            https: Server::start(port, Transport::Tls(tls), handler.clone())?,
            http: Server::start(http_port, Transport::Plain, handler)?,
            ca_file: ca.file(),
            service,
        })
    }
}

struct Service {
    middleware: Arc<Middleware>,
    directory: Arc<Directory>,
    limits: limit::Limits,
    calls: Mutex<Calls>,
    /// For an answer whose token is that of the one before.
    earlier_token: Mutex<Option<String>>,
    on_call: Listener<StsCall>,
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
    async fn respond(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let head = Head::of(&request);
        if request.uri().path() != "/" {
            let call = self.middleware.begin(ServiceName::Sts, "", head, None);
            let response = call.replacement().unwrap_or_else(|| Ok(no_such_path()));
            return call.finish(response).await;
        }
        let unverified = Inbound::read(request).await;
        let mut record = unverified.as_ref().map(StsCall::of).unwrap_or_default();
        let key = unverified.as_ref().ok().and_then(Inbound::claimed_key);
        let call = self.middleware.begin(ServiceName::Sts, &record.action, head, key.as_deref());
        record.request_id.clone_from(&call.request_id);
        let response = match call.replacement() {
            Some(response) => {
                record.outcome = match call.fault() {
                    Some(Fault::ApiError { code, .. }) => code.clone(),
                    Some(Fault::Throttle { .. }) => "RequestLimitExceeded".to_owned(),
                    _ => "Fault".to_owned(),
                };
                response
            }
            None => {
                let result = unverified
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|unverified| self.execute(unverified, call.now()));
                record.outcome = match &result {
                    Ok(_) => "Success".to_owned(),
                    Err(error) => error.code.to_owned(),
                };
                let issued = result.as_ref().ok().and_then(|body| {
                    body.pointer("/Credentials/TmpSecretId").and_then(Value::as_str)
                });
                record.issued_secret_id = issued.map(str::to_owned);
                let chinese = unverified.as_ref().is_ok_and(Inbound::wants_chinese);
                Ok(self.response(result, chinese, &call))
            }
        };
        let reason = Reason(record.outcome.clone());
        self.on_call.call(&record);
        lock(&self.calls).push(record);
        let response = response.map(|mut response| {
            response.extensions_mut().insert(reason);
            response
        });
        call.finish(response).await
    }

    fn execute(&self, unverified: &Inbound, now: Timestamp) -> Result<Value, StsError> {
        let directory = &self.directory;
        let action = actions::Action::parse(unverified)?;
        let verify = || verify::verify(unverified, directory, now);
        let count = || self.limits.count(action, now);
        action.run(
            || verify::unsigned(unverified),
            verify,
            count,
            &unverified.parameters,
            directory,
            now,
        )
    }

    /// The response in the documented shape. A fault can tamper with its members.
    fn response(
        &self,
        result: Result<Value, StsError>,
        chinese: bool,
        call: &Call,
    ) -> Response<Body> {
        let mut body = match result {
            Ok(success) => envelope(success, &call.request_id),
            Err(error) => {
                let error = json!({ "Error": error.to_json(chinese) });
                envelope(error, &call.request_id)
            }
        };
        let token =
            body.pointer("/Response/Credentials/Token").and_then(Value::as_str).map(str::to_owned);
        let mut earlier_token = lock(&self.earlier_token);
        if let Some(fault) = call.fault() {
            let earlier_token = earlier_token.as_deref();
            tamper::tamper(fault, &mut body, &self.directory, earlier_token, call.now());
        }
        if token.is_some() {
            *earlier_token = token;
        }
        net::json(StatusCode::OK, &body)
    }
}

/// Inferred: the service has one path.
fn no_such_path() -> Response<Body> {
    let text = "404 page not found";
    net::response(StatusCode::NOT_FOUND, "text/plain", text)
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
