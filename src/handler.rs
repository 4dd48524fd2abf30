//! The story of one request: parse, authenticate, authorise, mint, answer.
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

use crate::caller::Authentication;
use crate::error::{Error, Rule};
use crate::grant::Grants;
use crate::issuer::Issuer;
use crate::request::{CredentialRequest, Mint, Request, RequestId, Route, Wanted, below};
use crate::response::Response;
use tencent::time::Clock;

/// What the function is set up to do.
#[expect(missing_debug_implementations, reason = "it holds the calling key")]
pub struct Handler {
    /// How callers prove who they are.
    pub authentication: Authentication,
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
}

impl Handler {
    /// Answers a request.
    pub async fn handle(&self, request: &Request) -> Response {
        let started = Instant::now();
        let mut decision = Decision::default();
        let outcome = AssertUnwindSafe(self.decide(request, &mut decision))
            .catch_unwind()
            .await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(Error::new(
                Rule::Internal,
                "the function has a fault: its operator finds it by the request id",
            ))
        });
        let outcome = outcome.inspect_err(|error| decision.rule = error.rule().code().name);
        let response = outcome.unwrap_or_else(|error| refusal(&error, &request.id));
        if decision.is_audited {
            info!(
                request_id = request.id.as_str(),
                route = decision.route,
                proof = decision.proof,
                caller = decision.caller,
                subject = decision.subject,
                grant = decision.grant,
                session_name = decision.session_name,
                rule = decision.rule,
                status = response.status.as_u16(),
                expiry = decision.expiry,
                sts_request_id = decision.sts_request_id,
                elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
                "decision"
            );
        }
        response.finished(&request.headers, &request.id, &self.allowed_origins)
    }

    /// Answers what a platform delivered but no request could be made of.
    pub fn refuse(&self, error: &Error, asked_with: &HeaderMap, id: &RequestId) -> Response {
        let code = error.rule().code();
        info!(
            request_id = id.as_str(),
            rule = code.name,
            status = code.status.as_u16(),
            "decision"
        );
        refusal(error, id).finished(asked_with, id, &self.allowed_origins)
    }

    async fn decide(&self, request: &Request, decision: &mut Decision) -> Result<Response, Error> {
        if request.method == Method::OPTIONS {
            return Ok(Response::preflight(self.authentication.api_key_header()));
        }
        decision.is_audited = true;
        let route = Route::of(&request.path, &self.base_path).ok_or_else(|| {
            Error::new(
                Rule::RouteNotFound,
                "there is no such route; credentials are at `/sign` and `/sts`",
            )
        })?;
        decision.route = route.name();
        if !route.methods().contains(&request.method) {
            return Err(method_not_allowed(route));
        }
        match route {
            Route::Health => Ok(decision.probe("alive")),
            // Whoever is asked this has been configured: a function that is not refuses to start.
            Route::Ready => Ok(decision.probe("ready")),
            Route::Mint(mint) => self.mint(request, mint, decision).await,
        }
    }

    async fn mint(
        &self,
        request: &Request,
        mint: Mint,
        decision: &mut Decision,
    ) -> Result<Response, Error> {
        let asked = CredentialRequest::parse(request, mint)?;
        let path = below(&request.path, &self.base_path);
        let started = Instant::now();
        let caller = self.authentication.prove(request, path, &*self.clock);
        let caller = caller.await?;
        // Asking a token's issuer for its keys takes time too.
        let time_left = request
            .time_left
            .map(|left| left.saturating_sub(started.elapsed()));
        decision.caller = Some(caller.name().to_owned());
        decision.proof = Some(caller.kind().name());
        decision.subject = caller.subject_hash();
        let chance = match &asked.wanted {
            Wanted::NewObject { .. } => chance()?,
            Wanted::Grant | Wanted::Scopes(_) => [0; 16],
        };
        let authorized = self
            .grants
            .authorise(&caller, &asked, self.clock.now(), chance)?;
        decision.grant = Some(authorized.grants().to_owned());
        decision.session_name = Some(authorized.session_name().to_owned());
        let credentials = self
            .issuer
            .issue(&authorized, &*self.clock, time_left)
            .await?;
        decision.expiry = Some(credentials.expiry.unix_seconds());
        decision.sts_request_id = Some(credentials.sts_request_id.clone());
        Ok(Response::credentials(
            asked.format,
            &credentials,
            &request.id,
            authorized.new_object(),
        ))
    }
}

/// Randomness of the system. Without it no object is named: a key that can be guessed is worse than none.
fn chance() -> Result<[u8; 16], Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            Rule::Internal,
            "the function has no randomness to name an object with",
        )
        .caused_by(error)
    })?;
    Ok(bytes)
}

/// What the audit line tells.
struct Decision {
    is_audited: bool,
    route: &'static str,
    proof: Option<&'static str>,
    caller: Option<String>,
    /// Hashed.
    subject: Option<String>,
    grant: Option<String>,
    session_name: Option<String>,
    rule: &'static str,
    expiry: Option<i64>,
    sts_request_id: Option<String>,
}

impl Default for Decision {
    fn default() -> Self {
        Self {
            is_audited: false,
            route: "none",
            proof: None,
            caller: None,
            subject: None,
            grant: None,
            session_name: None,
            rule: "granted",
            expiry: None,
            sts_request_id: None,
        }
    }
}

impl Decision {
    /// Probes come every few seconds and decide nothing.
    fn probe(&mut self, status: &'static str) -> Response {
        self.is_audited = false;
        Response::probe(status)
    }
}

fn refusal(error: &Error, id: &RequestId) -> Response {
    if error.rule().code().status.is_server_error() {
        error!(
            request_id = id.as_str(),
            rule = error.rule().code().name,
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
        Rule::MethodNotAllowed,
        format!("this route takes {methods}"),
    );
    match HeaderValue::from_str(&methods) {
        Ok(value) => error.with_header(ALLOW, value),
        Err(_) => error,
    }
}
