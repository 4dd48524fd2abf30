//! The STS of this cloud: API 3.0, version 2018-08-13, on loopback, over HTTP and HTTPS.
//!
//! ```text
//! HTTP -> request (unverified) -> verify (a key that proved itself) -> limit -> actions (may they?) -> answer
//!                         fault: may replace, delay, cut or bend any of it
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

use cos_issuer::time::Clock;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use self::error::StsError;
pub use self::fault::{Fault, Member};
use self::request::Unverified;
use crate::account::Directory;
use crate::ca::Ca;
use crate::ledger::lock;
use crate::net::{self, Body, Server, Transport};

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
        lock(&self.service.faults).extend(faults);
    }

    /// Every call so far, in order of arrival.
    pub fn calls(&self) -> Vec<StsCall> {
        lock(&self.service.calls).clone()
    }

    /// How many calls came in so far.
    pub fn call_count(&self) -> usize {
        lock(&self.service.calls).len()
    }

    pub(crate) fn start(
        port: u16,
        ca: &Ca,
        directory: Arc<Directory>,
        clock: Arc<dyn Clock>,
        calls_per_second: Option<u32>,
    ) -> io::Result<Self> {
        let service = Arc::new(Service {
            directory,
            limits: limit::Limits::new(calls_per_second),
            clock,
            faults: Mutex::default(),
            calls: Mutex::default(),
        });
        let handler = {
            let service = Arc::clone(&service);
            move |request| {
                let service = Arc::clone(&service);
                async move { service.answer(request).await }
            }
        };
        let tls = Transport::Tls(TlsAcceptor::from(Arc::clone(&ca.server)));
        Ok(Self {
            https: Server::start(port, tls, handler.clone())?,
            http: Server::start(0, Transport::Plain, handler)?,
            ca_file: ca.file(),
            service,
        })
    }
}

struct Service {
    directory: Arc<Directory>,
    limits: limit::Limits,
    clock: Arc<dyn Clock>,
    faults: Mutex<VecDeque<Fault>>,
    calls: Mutex<Vec<StsCall>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        if request.uri().path() != "/" {
            // Inferred: the service has one path.
            return Ok(net::answer(
                StatusCode::NOT_FOUND,
                "text/plain",
                "404 page not found",
            ));
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        let unverified = Unverified::read(request).await;
        let mut call = match &unverified {
            Ok(unverified) => unverified.call(&request_id),
            Err(_) => StsCall::unreadable(&request_id),
        };
        let fault = lock(&self.faults).pop_front();
        let verdict = match &fault {
            Some(fault) if fault.replaces_the_answer() => Ok(Value::Null),
            _ => unverified
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|unverified| self.judge(unverified)),
        };
        let chinese = unverified.as_ref().is_ok_and(Unverified::wants_chinese);
        call.outcome = match (&verdict, &fault) {
            (_, Some(Fault::ApiError { code, .. })) => code.clone(),
            (_, Some(fault)) if fault.replaces_the_answer() => "Fault".to_owned(),
            (Ok(_), _) => "Success".to_owned(),
            (Err(error), _) => error.code.to_owned(),
        };
        lock(&self.calls).push(call);
        let body = match verdict {
            Ok(success) => envelope(success, &request_id),
            Err(error) => envelope(json!({ "Error": error.to_json(chinese) }), &request_id),
        };
        match fault {
            Some(fault) => fault.apply(body, self.clock.now()).await,
            None => Ok(net::json(StatusCode::OK, &body)),
        }
    }

    fn judge(&self, unverified: &Unverified) -> Result<Value, StsError> {
        let action = actions::Action::parse(unverified)?;
        let caller = verify::verify(unverified, &self.directory, self.clock.now())?;
        self.limits.count(action, self.clock.now())?;
        action.run(
            &caller,
            &unverified.parameters,
            &self.directory,
            self.clock.now(),
        )
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

fn envelope(mut response: Value, request_id: &str) -> Value {
    if response.is_null() {
        response = json!({});
    }
    if let Some(members) = response.as_object_mut() {
        members.insert("RequestId".to_owned(), json!(request_id));
    }
    json!({ "Response": response })
}
