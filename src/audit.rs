//! The audit event: one line for each decision about credentials.
//!
//! # Guarantees
//! - The subject is a hash. No member contains a secret, a body or a string to sign.
//! - Until the line is written, an event refers to what the request made anyway: nothing is copied.
//!
//! # Not covered
//! What the members mean: docs/log.md describes each one, and a test compares it with this file.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tencent::time::Clock;

use crate::auth::Principal;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::grant::Authorized;
use crate::log::{self, Line};
use crate::metrics::CacheResult;
use crate::request::{ClientAddress, Request, RequestId, Route, TraceId};
use crate::sts::Credentials;

/// What the audit log contains, and what happens when it cannot be written.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    /// Whether decisions are logged (`AUDIT`).
    pub mode: AuditMode,
    /// Whether prefixes are logged with the claims that fill them (`AUDIT_SUBJECT`).
    pub shows_subject: bool,
    /// Whether addresses and programs of clients are logged (`AUDIT_CLIENT`).
    pub shows_client: bool,
    /// Whether CloudWatch makes metrics of the lines (`METRICS=emf`).
    pub carries_metrics: bool,
}

/// Whether decisions are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditMode {
    /// They are not.
    Off,
    /// They are. Lines that cannot be written are counted.
    On,
    /// No credential is issued while a line cannot be written.
    Required,
}

impl AuditMode {
    /// Whether requests must be refused now.
    pub fn refuses(self) -> bool {
        self == Self::Required && !log::is_writable()
    }
}

/// What is known of a decision so far.
pub(crate) struct AuditEvent<'r> {
    options: AuditOptions,
    id: &'r RequestId,
    headers: &'r HeaderMap,
    /// When it began; `None` for what could not be read.
    clock: Option<(Deadline, &'r dyn Clock)>,
    /// Probes and preflights decide nothing, so they leave no line and count for nothing.
    pub(crate) is_decision: bool,
    method: Option<&'r Method>,
    pub(crate) route: Option<Route>,
    pub(crate) address: Option<ClientAddress>,
    pub(crate) principal: Option<Principal>,
    pub(crate) authorized: Option<Arc<Authorized>>,
    /// Claims that grants name, present but of a type that cannot match.
    pub(crate) wrong_type_claims: Option<String>,
    pub(crate) cache: Option<CacheResult>,
    pub(crate) attempts: Option<u32>,
    pub(crate) credentials: Option<Arc<Credentials>>,
}

/// How a decision ended.
#[derive(Clone, Copy)]
pub(crate) enum Ending<'e> {
    /// The server ended in the middle of the request. STS may have been called.
    Abandoned,
    /// There is an answer without an error.
    Granted(StatusCode),
    /// The answer is this error.
    Refused(&'e Error),
}

impl Ending<'_> {
    fn outcome(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Granted(_) => "granted",
            Self::Refused(error) if error.code().info().status.is_server_error() => "failed",
            Self::Refused(_) => "refused",
        }
    }

    fn status(self) -> Option<StatusCode> {
        match self {
            Self::Abandoned => None,
            Self::Granted(status) => Some(status),
            Self::Refused(error) => Some(error.code().info().status),
        }
    }
}

impl<'r> AuditEvent<'r> {
    /// The event of a request that began with `deadline`, by `clock`.
    pub(crate) fn new(
        options: AuditOptions,
        request: &'r Request,
        id: &'r RequestId,
        deadline: Deadline,
        clock: &'r dyn Clock,
    ) -> Self {
        let mut event = Self::unreadable(options, &request.headers, id);
        event.clock = Some((deadline, clock));
        event.method = Some(&request.method);
        event
    }

    /// The event of what no request could be read from.
    pub(crate) fn unreadable(
        options: AuditOptions,
        headers: &'r HeaderMap,
        id: &'r RequestId,
    ) -> Self {
        Self {
            options,
            id,
            headers,
            clock: None,
            is_decision: true,
            method: None,
            route: None,
            address: None,
            principal: None,
            authorized: None,
            wrong_type_claims: None,
            cache: None,
            attempts: None,
            credentials: None,
        }
    }

    /// Writes the line.
    pub(crate) fn record(&mut self, ending: Ending<'_>) {
        if std::mem::take(&mut self.is_decision) && self.options.mode != AuditMode::Off {
            log::audit(|line| self.write(line, ending));
        }
    }

    fn write(&self, line: &mut Line, ending: Ending<'_>) {
        line.text("request_id", self.id.as_str());
        if let Some(sent) = self.headers.get(X_SCF_REQUEST_ID) {
            let sent = cut(sent, MAX_CLIENT_ID_BYTES);
            if sent != self.id.as_str() {
                line.text("client_request_id", &sent);
            }
        }
        line.text("outcome", ending.outcome());
        if let Ending::Refused(error) = ending {
            line.text("code", error.code().info().name);
            if error.code().info().status.is_server_error() {
                match error.cause_text() {
                    Some(cause) => line.text("error", &cause),
                    None => line.text("error", error.message()),
                }
            }
        }
        if let Some(status) = ending.status() {
            line.number("status", status.as_u16());
        }
        if let Some(route) = self.route {
            line.text("route", route.name());
        }
        if let Some(method) = self.method {
            line.text("method", cut_text(method.as_str(), MAX_METHOD_BYTES));
        }
        self.write_client(line);
        if let Some(authorized) = &self.authorized {
            self.write_authorized(line, authorized);
        }
        if let Some(cache) = self.cache {
            line.text("cache", cache.name());
        }
        if let Some(attempts) = self.attempts {
            line.number("attempts", attempts);
        }
        if let Some(credentials) = &self.credentials {
            write_credentials(line, credentials);
        }
        if let Some(trace_id) = TraceId::from_headers(self.headers) {
            line.text("trace_id", trace_id.as_str());
        }
        if let Some((deadline, clock)) = &self.clock {
            line.number("elapsed_ms", deadline.elapsed(*clock).as_millis());
        }
        if self.options.carries_metrics {
            self.write_metrics(line);
        }
    }

    /// Which members are metrics, and which are their dimensions: a dimension has few values.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    fn write_metrics(&self, line: &mut Line) {
        let dimensions = if self.route.is_some() { r#""route","outcome""# } else { r#""outcome""# };
        // Each name must be that of a member.
        let elapsed = self.clock.map(|_| r#"{"Name":"elapsed_ms","Unit":"Milliseconds"}"#);
        let attempts = self.attempts.map(|_| r#"{"Name":"attempts","Unit":"Count"}"#);
        let comma = if elapsed.is_some() && attempts.is_some() { "," } else { "" };
        let (elapsed, attempts) = (elapsed.unwrap_or_default(), attempts.unwrap_or_default());
        let now = line.unix_milliseconds();
        line.json(
            "_aws",
            format_args!(
                r#"{{"Timestamp":{now},"CloudWatchMetrics":[{{"Namespace":"CosIssuer","Dimensions":[[{dimensions}]],"Metrics":[{elapsed}{comma}{attempts}]}}]}}"#
            ),
        );
    }

    /// Who asked.
    fn write_client(&self, line: &mut Line) {
        if let Some(principal) = &self.principal {
            line.text("auth_method", principal.method().name());
            line.text("key_name", principal.name());
            if let Some(hash) = principal.subject_hash() {
                line.text("subject", hash);
            }
        }
        if let Some(claims) = &self.wrong_type_claims {
            line.text("wrong_type_claims", claims);
        }
        if !self.options.shows_client {
            return;
        }
        if let Some(ClientAddress { address, source }) = self.address {
            line.shown("client_address", address);
            line.text("client_address_source", source.name());
        }
        if let Some(user_agent) = self.headers.get(USER_AGENT) {
            line.text("user_agent", &cut(user_agent, MAX_USER_AGENT_BYTES));
        }
    }

    /// What was authorized.
    fn write_authorized(&self, line: &mut Line, authorized: &Authorized) {
        line.text("grants", authorized.grants());
        if let Some(place) = authorized.place() {
            line.text("bucket", &place.buckets);
            let is_clear = self.options.shows_subject;
            let prefixes = if is_clear { &place.prefixes } else { &place.prefix_templates };
            line.text("prefix", prefixes);
            line.text("actions", &place.actions);
        }
        line.number("duration_seconds", authorized.duration_seconds());
        line.text("policy_sha256", &authorized.policy_sha256());
        line.text("session_name", authorized.session_name());
    }
}

fn write_credentials(line: &mut Line, credentials: &Credentials) {
    line.number("expires_at", credentials.expiry.unix_seconds());
    line.text("key_id_prefix", credentials.key_id_prefix());
    line.text("sts_request_id", &credentials.sts_request_id);
}

/// A request that nobody finished.
impl Drop for AuditEvent<'_> {
    fn drop(&mut self) {
        self.record(Ending::Abandoned);
    }
}

/// The begin of what a client wrote.
fn cut(value: &HeaderValue, max_bytes: usize) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    String::from_utf8_lossy(bytes.get(..max_bytes).unwrap_or(bytes))
}

fn cut_text(text: &str, max_bytes: usize) -> &str {
    text.get(..max_bytes).unwrap_or(text)
}

const MAX_CLIENT_ID_BYTES: usize = 64;

const MAX_USER_AGENT_BYTES: usize = 256;

/// Methods are ASCII, and of any length.
const MAX_METHOD_BYTES: usize = 32;

const X_SCF_REQUEST_ID: HeaderName = HeaderName::from_static("x-scf-request-id");
