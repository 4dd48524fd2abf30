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

use http::{HeaderMap, HeaderValue, Method, StatusCode};
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
    /// No credential is handed out before its line is written, and none is issued while no line can
    /// be written.
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

    /// Writes the line. With `AUDIT=required`, that of a credential is written now or not at all.
    /// Returns false in the latter case: the credential must not be handed out, and that is to be
    /// recorded instead.
    pub(crate) fn record(&mut self, ending: Ending<'_>) -> bool {
        if !self.is_decision {
            return true;
        }
        if self.options.mode == AuditMode::Off {
            self.is_decision = false;
            // The line of a call of STS waits for that of its decision.
            drop(log::flush());
            return true;
        }
        if self.options.mode == AuditMode::Required && matches!(ending, Ending::Granted(_)) {
            self.is_decision = !log::audit_now(|line| self.write(line, ending));
            return !self.is_decision;
        }
        self.is_decision = false;
        log::audit(|line| self.write(line, ending));
        true
    }

    fn write(&self, line: &mut Line, ending: Ending<'_>) {
        let headers = ShownHeaders::of(self.headers);
        line.word("request_id", self.id.as_str());
        if let Some(sent) = headers.x_scf_request_id {
            let sent = cut(sent, MAX_CLIENT_ID_BYTES);
            if sent != self.id.as_str() {
                line.text("client_request_id", &sent);
            }
        }
        line.word("outcome", ending.outcome());
        if let Ending::Refused(error) = ending {
            line.word("code", error.code().info().name);
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
            line.word("route", route.name());
        }
        if let Some(method) = self.method {
            line.text("method", cut_text(method.as_str(), MAX_METHOD_BYTES));
        }
        self.write_client(line, headers.user_agent);
        if let Some(authorized) = &self.authorized {
            self.write_authorized(line, authorized);
        }
        if let Some(cache) = self.cache {
            line.word("cache", cache.name());
        }
        if let Some(attempts) = self.attempts {
            line.number("attempts", attempts);
        }
        if let (Some(credentials), Ending::Granted(_)) = (&self.credentials, ending) {
            write_credentials(line, credentials);
        }
        if headers.has_trace
            && let Some(trace_id) = TraceId::from_headers(self.headers)
        {
            line.word("trace_id", trace_id.as_str());
        }
        if let Some((deadline, clock)) = &self.clock {
            line.number("elapsed_ms", deadline.elapsed_ms(*clock));
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
    fn write_client(&self, line: &mut Line, user_agent: Option<&HeaderValue>) {
        if let Some(principal) = &self.principal {
            line.word("auth_method", principal.method().name());
            line.text("key_name", principal.name());
            if let Some(hash) = principal.subject_hash() {
                line.word("subject", hash);
            }
        }
        if let Some(claims) = &self.wrong_type_claims {
            line.text("wrong_type_claims", claims);
        }
        if !self.options.shows_client {
            return;
        }
        if let Some(ClientAddress { address, source }) = self.address {
            line.address("client_address", address);
            line.word("client_address_source", source.name());
        }
        if let Some(user_agent) = user_agent {
            line.text("user_agent", &cut(user_agent, MAX_USER_AGENT_BYTES));
        }
    }

    /// What was authorized.
    fn write_authorized(&self, line: &mut Line, authorized: &Authorized) {
        let is_clear = self.options.shows_subject;
        line.members(authorized.logged(), |line| write_granted(line, authorized, is_clear));
        line.number("duration_seconds", authorized.duration_seconds());
        line.word("session_name", authorized.session_name());
    }
}

/// The headers that a line shows: the first of each name. They are found in one pass, which takes
/// less than a search by hash for each.
#[derive(Default)]
struct ShownHeaders<'h> {
    user_agent: Option<&'h HeaderValue>,
    x_scf_request_id: Option<&'h HeaderValue>,
    /// Whether a header may name a trace.
    has_trace: bool,
}

impl<'h> ShownHeaders<'h> {
    fn of(headers: &'h HeaderMap) -> Self {
        let mut shown = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "user-agent" => shown.user_agent = shown.user_agent.or(Some(value)),
                "x-scf-request-id" => {
                    shown.x_scf_request_id = shown.x_scf_request_id.or(Some(value));
                }
                name => shown.has_trace |= TraceId::is_in(name),
            }
        }
        shown
    }
}

/// What is the same for everyone with the same grants and claims.
fn write_granted(line: &mut Line, authorized: &Authorized, is_clear: bool) {
    line.text("grants", authorized.grants());
    if let Some(place) = authorized.place() {
        line.text("bucket", &place.buckets);
        line.text("prefix", if is_clear { &place.prefixes } else { &place.prefix_templates });
        line.text("actions", &place.actions);
    }
    if let Some(role) = authorized.role() {
        line.text("role", role.arn.as_str());
    }
    line.word("policy_sha256", authorized.policy().sha256());
}

fn write_credentials(line: &mut Line, credentials: &Credentials) {
    line.members(&credentials.logged, |line| {
        line.number("expires_at", credentials.expiry.unix_seconds());
        line.text("key_id_prefix", credentials.key_id_prefix());
        line.text("sts_request_id", &credentials.sts_request_id);
    });
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use http::{HeaderMap, HeaderValue, StatusCode};
    use serde_json::{Value, json};
    use tencent::time::Clock;

    use super::{AuditEvent, AuditMode, AuditOptions, Ending};
    use crate::auth::{Claims, Principal};
    use crate::deadline::Deadline;
    use crate::error::{Error, ErrorCode};
    use crate::grant::Authorized;
    use crate::log;
    use crate::metrics::CacheResult;
    use crate::request::{
        AddressSource, ClientAddress, Inbound, IssueRoute, Request, RequestId, Route,
    };
    use crate::sts::Credentials;

    const CLOCK: fn() -> u64 = || 1_769_903_999_007;

    const FULL: AuditOptions = AuditOptions {
        mode: AuditMode::On,
        shows_subject: false,
        shows_client: true,
        carries_metrics: true,
    };

    fn request() -> Request {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("user-agent", "agent \"1\""),
            ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            ("x-scf-request-id", "chosen-by-the-client"),
            ("authorization", "CANARY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let inbound = Inbound { path: "/CANARY".to_owned(), headers, ..Inbound::default() };
        inbound.check().unwrap()
    }

    fn id() -> RequestId {
        RequestId::from_platform(Some("request-1"), &[0; 16])
    }

    fn credentials() -> Credentials {
        let now = CLOCK.now();
        let answer = json!({"Response": {
            "Credentials": {
                "Token": "CANARY-token",
                "TmpSecretId": "AKIDabcdefghijkl",
                "TmpSecretKey": "CANARY-key",
            },
            "ExpiredTime": now.plus_seconds(1800).unix_seconds(),
            "RequestId": "sts-1",
        }});
        let body = answer.to_string();
        Credentials::parse(200, body.as_bytes(), now, 1800, 300, &[]).unwrap()
    }

    /// An event with everything in it, and how it ends.
    fn event<'r>(
        options: AuditOptions,
        request: &'r Request,
        id: &'r RequestId,
        is_granted: bool,
    ) -> AuditEvent<'r> {
        let mut event = AuditEvent::new(options, request, id, Deadline::unlimited(&CLOCK), &CLOCK);
        event.is_decision = false;
        event.route = Some(Route::Issue(IssueRoute::Sts));
        event.address = Some(ClientAddress {
            address: "192.0.2.1".parse().unwrap(),
            source: AddressSource::Connection,
        });
        event.principal = Some(Principal::with_claims(Claims::of_subject("CANARY-user")));
        if is_granted {
            event.authorized =
                Some(Arc::new(Authorized::for_tests("session", 1800).with_role("a")));
            event.cache = Some(CacheResult::Miss);
            event.attempts = Some(2);
            event.credentials = Some(Arc::new(credentials()));
        } else {
            event.wrong_type_claims = Some("groups".to_owned());
        }
        event
    }

    fn written(event: &AuditEvent<'_>, ending: Ending<'_>) -> Value {
        let line = log::audit_line(|line| event.write(line, ending));
        assert!(!line.contains("CANARY"), "{line}");
        serde_json::from_str(&line).unwrap()
    }

    fn failure() -> Error {
        Error::new(ErrorCode::UpstreamRefused, "a message").caused_by("a cause")
    }

    #[test]
    fn a_line_has_every_fact_and_none_that_does_not_apply() {
        let (request, id) = (request(), id());
        let event = event(AuditOptions { carries_metrics: false, ..FULL }, &request, &id, true);
        let mut line = written(&event, Ending::Granted(StatusCode::OK));
        line.as_object_mut().unwrap().remove("timestamp");
        let policy = "policy of session";
        let expected = json!({
            "level": "INFO",
            "message": "decision",
            "request_id": "request-1",
            "client_request_id": "chosen-by-the-client",
            "outcome": "granted",
            "status": 200,
            "route": "/sts",
            "method": "GET",
            "auth_method": "none",
            "key_name": "principal",
            "subject": Principal::with_claims(Claims::of_subject("CANARY-user")).subject_hash(),
            "client_address": "192.0.2.1",
            "client_address_source": "connection",
            "user_agent": "agent \"1\"",
            "grants": "grant",
            "bucket": "bucket-1",
            "prefix": "users/{sub}/",
            "actions": "PutObject",
            "role": "qcs::cam::uin/1:roleName/a",
            "duration_seconds": 1800,
            "policy_sha256": tencent::sign::digest::sha256_hex(policy.as_bytes()),
            "session_name": "session",
            "cache": "miss",
            "attempts": 2,
            "expires_at": 1_769_905_799,
            "key_id_prefix": "AKIDabcdefgh",
            "sts_request_id": "sts-1",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "elapsed_ms": 0,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn an_outcome_says_whose_fault_it_was() {
        let (request, id) = (request(), id());
        let refusal = Error::new(ErrorCode::CallerNotAllowed, "a message").caused_by("a cause");
        let fault = Error::new(ErrorCode::Internal, "a message");
        let failure = failure();
        let not_granted = "UnauthorizedOperation.CallerNotAllowed";
        let upstream = "InternalError.UpstreamRefused";
        for (ending, outcome, expected) in [
            (Ending::Granted(StatusCode::OK), "granted", json!([null, null, 200])),
            (Ending::Refused(&refusal), "refused", json!([not_granted, null, 403])),
            (Ending::Refused(&failure), "failed", json!([upstream, "a cause", 502])),
            (Ending::Refused(&fault), "failed", json!(["InternalError", "a message", 500])),
            (Ending::Abandoned, "abandoned", json!([null, null, null])),
        ] {
            let line = written(&event(FULL, &request, &id, false), ending);
            assert_eq!(line["outcome"], outcome);
            assert_eq!(json!([line["code"], line["error"], line["status"]]), expected, "{outcome}");
        }
    }

    #[test]
    fn personal_data_is_shown_and_left_out_as_the_settings_say() {
        let (request, id) = (request(), id());
        let clear = AuditOptions { shows_subject: true, ..FULL };
        let line = log::audit_line(|line| {
            event(clear, &request, &id, true).write(line, Ending::Granted(StatusCode::OK));
        });
        assert!(line.contains("\"prefix\":\"users/CANARY-user/\""), "{line}");
        let hidden = AuditOptions { shows_client: false, ..FULL };
        let line = written(&event(hidden, &request, &id, true), Ending::Granted(StatusCode::OK));
        for member in ["client_address", "client_address_source", "user_agent"] {
            assert_eq!(line.get(member), None, "{member}");
        }
    }

    #[test]
    fn what_a_client_writes_is_cut() {
        let mut headers = HeaderMap::new();
        let long = HeaderValue::from_bytes(&[b"\xff\t".as_slice(), &[b'x'; 5000]].concat());
        let long = long.unwrap();
        headers.insert("user-agent", long.clone());
        headers.insert("x-scf-request-id", long);
        let id = id();
        let mut event = AuditEvent::unreadable(FULL, &headers, &id);
        event.is_decision = false;
        let line = written(&event, Ending::Abandoned);
        for (member, bytes) in [("user_agent", 256), ("client_request_id", 64)] {
            let expected = format!("\u{fffd}\t{}", "x".repeat(bytes - 2));
            assert_eq!(line[member], expected, "{member}");
        }
    }

    /// The schema as
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
    /// prints it.
    #[test]
    fn cloudwatch_finds_metrics_in_each_line() {
        let schema = include_str!("../tests/embedded_metric_format.schema.json");
        // Its identifiers are not those of any draft; nothing refers to them.
        let lines = schema.lines().filter(|line| !line.trim_start().starts_with("\"$id\":"));
        let schema: Value = serde_json::from_str(&lines.collect::<String>()).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let (request, id, headers) = (request(), id(), HeaderMap::new());
        let mut nowhere = event(FULL, &request, &id, false);
        nowhere.route = None;
        let mut unreadable = AuditEvent::unreadable(FULL, &headers, &id);
        unreadable.is_decision = false;
        let failure = failure();
        for (event, ending) in [
            (&event(FULL, &request, &id, true), Ending::Granted(StatusCode::OK)),
            (&nowhere, Ending::Refused(&failure)),
            (&unreadable, Ending::Abandoned),
        ] {
            let line = written(event, ending);
            assert!(schema.is_valid(&line), "{line}");
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            let sets = directive["Dimensions"].as_array().unwrap();
            for set in sets.iter().map(|set| set.as_array().unwrap()) {
                assert!(!set.is_empty(), "{line}");
                let is_text = |name: &Value| line[name.as_str().unwrap()].is_string();
                assert!(set.iter().all(is_text), "{line}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line}");
            }
            assert!(line["_aws"]["Timestamp"].as_u64().unwrap() > 1_700_000_000_000, "{line}");
        }
        assert!(!schema.is_valid(&json!({"_aws": {"Timestamp": "now"}})), "it accepts anything");
    }

    /// Every member is documented, and every documented member exists.
    #[test]
    fn the_page_describes_each_member() {
        let page = include_str!("../docs/log.md");
        let (_, table) = page.split_once("## Members of an audit line").unwrap();
        let table = table.split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented: BTreeSet<String> =
            rows.map(|row| row.split('`').next().unwrap().to_owned()).collect();
        let (request, id) = (request(), id());
        let failure = failure();
        let granted = written(&event(FULL, &request, &id, true), Ending::Granted(StatusCode::OK));
        let refused = written(&event(FULL, &request, &id, false), Ending::Refused(&failure));
        let members =
            granted.as_object().unwrap().keys().chain(refused.as_object().unwrap().keys());
        assert_eq!(members.cloned().collect::<BTreeSet<_>>(), documented);
        // What these two lines lack would be in the source.
        let source = include_str!("audit.rs").split("#[cfg(test)]").next().unwrap();
        for method in [".text(\"", ".number(\"", ".address(\"", ".json(\n            \""] {
            for rest in source.split(method).skip(1) {
                let member = rest.split('"').next().unwrap();
                assert!(documented.contains(member), "{member} is not documented");
            }
        }
    }
}
