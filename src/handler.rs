//! The story of one request: parse, authenticate, authorize, mint, answer.
//!
//! Promises: total. Whatever comes in, one [`Response`] goes out, and one audit line with it; a panic is answered with status 500.
//! A refusal never calls STS; the one other call there can be, for the keys of a token, is made for a token that could be accepted.
//! Leaves out: how a request reached us and how the answer gets back (`runtime`).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method};
use tokio::time::Instant;
use tracing::{error, info};

use crate::auth::Authenticator;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::grant::Grants;
use crate::issuer::Issuer;
use crate::request::{CredentialRequest, IssueRoute, Request, RequestId, Route, strip_base_path};
use crate::response::Response;
use tencent::time::Clock;

/// What the function is set up to do.
#[expect(missing_debug_implementations, reason = "it holds the calling key")]
pub struct Handler {
    /// How callers prove who they are.
    pub authentication: Authenticator,
    /// What they may get.
    pub grants: Grants,
    /// Where credentials come from.
    pub issuer: Issuer,
    /// Origins whose pages may read an answer, exactly as browsers write them.
    pub allowed_origins: Vec<HeaderValue>,
    /// The path prefix to take off, `""` or `/prefix`.
    pub base_path: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// What objects and requests are named with.
    pub entropy: Arc<dyn Entropy>,
}

impl Handler {
    /// Answers a request.
    pub async fn handle(&self, request: &Request) -> Response {
        let started = Instant::now();
        let mut audit = AuditEvent::default();
        let outcome = AssertUnwindSafe(self.decide(request, &mut audit))
            .catch_unwind()
            .await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorCode::Internal,
                "the function has a fault: its operator finds it by the request id",
            ))
        });
        let outcome = outcome.inspect_err(|error| audit.rule = error.code().info().name);
        let response = outcome.unwrap_or_else(|error| refusal(&error, &request.id));
        if audit.is_audited {
            info!(
                request_id = request.id.as_str(),
                route = audit.route,
                proof = audit.proof,
                caller = audit.caller,
                subject = audit.subject,
                grant = audit.grant,
                session_name = audit.session_name,
                wrong_type_claims = audit.wrong_type_claims,
                rule = audit.rule,
                status = response.status.as_u16(),
                expiry = audit.expiry,
                sts_request_id = audit.sts_request_id,
                elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "decision"
            );
        }
        response.finished(&request.headers, &request.id, &self.allowed_origins)
    }

    /// Answers what a platform delivered but no request could be made of.
    pub fn refuse(&self, error: &Error, asked_with: &HeaderMap, id: &RequestId) -> Response {
        let code = error.code().info();
        info!(
            request_id = id.as_str(),
            rule = code.name,
            status = code.status.as_u16(),
            "decision"
        );
        refusal(error, id).finished(asked_with, id, &self.allowed_origins)
    }

    async fn decide(&self, request: &Request, audit: &mut AuditEvent) -> Result<Response, Error> {
        if request.method == Method::OPTIONS {
            return Ok(Response::preflight(self.authentication.api_key_header()));
        }
        audit.is_audited = true;
        let route = Route::of(&request.path, &self.base_path).ok_or_else(|| {
            Error::new(
                ErrorCode::RouteNotFound,
                "there is no such route; credentials are at `/sign` and `/sts`",
            )
        })?;
        audit.route = route.name();
        if !route.methods().contains(&request.method) {
            return Err(method_not_allowed(route));
        }
        match route {
            Route::Health => Ok(audit.probe("alive")),
            // Whoever is asked this has been configured: a function that is not refuses to start.
            Route::Ready => Ok(audit.probe("ready")),
            Route::IssueRoute(mint) => self.mint(request, mint, audit).await,
        }
    }

    async fn mint(
        &self,
        request: &Request,
        mint: IssueRoute,
        audit: &mut AuditEvent,
    ) -> Result<Response, Error> {
        let asked = CredentialRequest::parse(request, mint)?;
        let path = strip_base_path(&request.path, &self.base_path);
        let started = Instant::now();
        let caller = self
            .authentication
            .authenticate(request, path, &*self.clock);
        let caller = caller.await?;
        // Asking a token's issuer for its keys takes time too.
        let time_left = request
            .time_left
            .map(|left| left.saturating_sub(started.elapsed()));
        audit.caller = Some(caller.name().to_owned());
        audit.proof = Some(caller.method().name());
        audit.subject = caller.subject_hash();
        let authorized = self
            .grants
            .authorize(&caller, &asked, self.clock.now(), &*self.entropy);
        let authorized = authorized.inspect_err(|error| {
            if error.code() == ErrorCode::CallerNotAllowed {
                audit.wrong_type_claims = self.grants.wrong_type_claims(&caller);
            }
        })?;
        audit.grant = Some(authorized.grants().to_owned());
        audit.session_name = Some(authorized.session_name().to_owned());
        let credentials = self
            .issuer
            .issue(&authorized, &*self.clock, time_left)
            .await?;
        audit.expiry = Some(credentials.expiry.unix_seconds());
        audit.sts_request_id = Some(credentials.sts_request_id.clone());
        Ok(Response::credentials(
            asked.format,
            &credentials,
            &request.id,
            authorized.new_object(),
        ))
    }
}

/// What the audit line tells.
struct AuditEvent {
    is_audited: bool,
    route: &'static str,
    proof: Option<&'static str>,
    caller: Option<String>,
    /// Hashed.
    subject: Option<String>,
    grant: Option<String>,
    session_name: Option<String>,
    /// Names of claims that grants ask for, present but of a type that cannot match.
    wrong_type_claims: Option<String>,
    rule: &'static str,
    expiry: Option<i64>,
    sts_request_id: Option<String>,
}

impl Default for AuditEvent {
    fn default() -> Self {
        Self {
            is_audited: false,
            route: "none",
            proof: None,
            caller: None,
            subject: None,
            grant: None,
            session_name: None,
            wrong_type_claims: None,
            rule: "granted",
            expiry: None,
            sts_request_id: None,
        }
    }
}

impl AuditEvent {
    /// Probes come every few seconds and decide nothing.
    fn probe(&mut self, status: &'static str) -> Response {
        self.is_audited = false;
        Response::probe(status)
    }
}

fn refusal(error: &Error, id: &RequestId) -> Response {
    if error.code().info().status.is_server_error() {
        error!(
            request_id = id.as_str(),
            rule = error.code().info().name,
            cause = error.cause_text(),
            "no credential could be issued"
        );
    }
    Response::error(error, id)
}

fn method_not_allowed(route: Route) -> Error {
    let methods: Vec<&str> = route.methods().iter().map(Method::as_str).collect();
    let methods = methods.join(", ");
    let error = Error::new(
        ErrorCode::MethodNotAllowed,
        format!("this route takes {methods}"),
    );
    match HeaderValue::from_str(&methods) {
        Ok(value) => error.with_header(ALLOW, value),
        Err(_) => error,
    }
}
