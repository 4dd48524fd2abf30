//! The story of one request: parse, authenticate, authorize, issue, answer.
//!
//! # Guarantees
//! Every request gets one [`Response`] and every decision one audit line; a panic is answered with
//! status 500. A refusal never calls STS. The other calls are for the keys of a token that could be
//! accepted, to WeChat for a login code, and to the shared store where the operator has set one.
//!
//! # Not covered
//! How a request arrives and how its answer is delivered (`runtime`).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use http::header::{ALLOW, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tracing::error;

use crate::access::{Access, CurrentAccess, SharedDenyList};
use crate::audit::{AuditEvent, AuditOptions, Ending};
use crate::auth::{Authenticator, JwksCache, JwksCounts, Principal};
use crate::deadline::Deadline;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::issuer::{Issued, Issuer};
use crate::log;
use crate::metrics::{Metrics, Readings, RequestLabels};
use crate::rate_limit::RateLimiter;
use crate::request::{
    AddressHeader, ClientAddress, CredentialRequest, IssueRoute, Request, RequestId, Route,
    strip_base_path,
};
use crate::response::Response;
use crate::shared_store::SharedStore;
use tencent::time::Clock;

/// What the function is set up to do.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct Handler {
    /// How callers authenticate.
    pub authentication: Authenticator,
    /// What they may get.
    pub access: CurrentAccess,
    /// The kill switch of all instances, where they share a store.
    pub shared_deny_list: Option<SharedDenyList>,
    /// The store that instances share.
    pub shared_store: Option<Arc<SharedStore>>,
    /// How often; `None` for no limit.
    pub rate_limiter: Option<RateLimiter>,
    /// The header with the client's address; `None` where the connection or the event decides.
    pub address_header: Option<AddressHeader>,
    /// Where credentials come from.
    pub issuer: Issuer,
    /// Origins whose pages may read an answer, exactly as browsers write them.
    pub allowed_origins: Vec<HeaderValue>,
    /// The path prefix that is stripped, `""` or `/prefix`.
    pub base_path: String,
    /// What the audit log contains.
    pub audit: AuditOptions,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What objects and requests are named with.
    pub entropy: Arc<dyn Entropy>,
    /// Where requests are counted; `None` for nowhere.
    pub metrics: Option<Arc<Metrics>>,
    /// A signal was received: no load balancer should send more requests.
    pub is_stopping: AtomicBool,
}

impl Handler {
    /// Answers a request within `deadline`.
    pub async fn handle(&self, request: &Request, id: &RequestId, deadline: Deadline) -> Response {
        let mut audit = AuditEvent::new(self.audit, request, id, deadline, &*self.clock);
        // In one expression: a request would contain the decision twice otherwise.
        let decided =
            AssertUnwindSafe(self.decide(request, id, deadline, &mut audit)).catch_unwind().await;
        let outcome = decided.unwrap_or_else(|_| {
            let message = "the function has a fault: its operator finds it by the request id";
            Err(Error::new(ErrorCode::Internal, message))
        });
        let is_decision = audit.is_decision;
        let outcome = outcome.and_then(|response| {
            let is_recorded = audit.record(Ending::Granted(response.status));
            if is_recorded { Ok(response) } else { Err(audit_unavailable()) }
        });
        if let Some(metrics) = self.metrics.as_ref().filter(|_| is_decision) {
            let auth_method = audit.principal.as_ref().map(Principal::method);
            let code = outcome.as_ref().err().map(Error::code);
            let labels = RequestLabels { route: audit.route, auth_method, code };
            metrics.request(labels, deadline.elapsed(&*self.clock));
        }
        let response = outcome.unwrap_or_else(|error| {
            audit.record(Ending::Refused(&error));
            refusal(&error, id)
        });
        response.finished(&request.headers, id, &self.allowed_origins)
    }

    /// Answers what a platform delivered but no request could be read from.
    pub fn refuse(
        &self,
        error: &Error,
        request_headers: &HeaderMap,
        address: Option<ClientAddress>,
        id: &RequestId,
    ) -> Response {
        let mut audit = AuditEvent::unreadable(self.audit, request_headers, id);
        audit.address = address;
        audit.record(Ending::Refused(error));
        if let Some(metrics) = &self.metrics {
            metrics.unreadable_request(error.code());
        }
        refusal(error, id).finished(request_headers, id, &self.allowed_origins)
    }

    /// The metrics as text, where there are any; `connections` are open.
    pub fn metrics_text(&self, connections: usize) -> Option<String> {
        let metrics = self.metrics.as_ref()?;
        Some(metrics.text(&Readings {
            cache_entries: self.issuer.cached_count(),
            clock_offset_ms: self.issuer.clock_offset_ms(),
            connections,
            jwks: self.jwks(),
            lost_log_lines: log::lost_lines(),
            rate_limit_evictions: self.rate_limiter.as_ref().map(RateLimiter::evictions),
            shared_store_failures: self.shared_store.as_ref().map(|store| store.failures()),
        }))
    }

    /// What was fetched of each token issuer's keys, by its name or else its place.
    fn jwks(&self) -> Vec<(String, JwksCounts)> {
        let now = self.clock.now();
        let counts = |(place, (name, jwks)): (usize, (Option<&str>, &JwksCache))| {
            (name.map_or_else(|| place.to_string(), str::to_owned), jwks.counts(now))
        };
        self.authentication.jwks().enumerate().map(counts).collect()
    }

    async fn decide(
        &self,
        request: &Request,
        id: &RequestId,
        deadline: Deadline,
        audit: &mut AuditEvent<'_>,
    ) -> Result<Response, Error> {
        if request.method == Method::OPTIONS {
            audit.is_decision = false;
            return Ok(Response::preflight(&request.headers));
        }
        let path = strip_base_path(&request.path, &self.base_path);
        let route = Route::of(path).ok_or_else(route_not_found)?;
        audit.route = Some(route);
        if !route.methods().contains(&request.method) {
            return Err(method_not_allowed(route));
        }
        let mut response = match route {
            Route::Issue(route) => {
                return self.issue(request, path, route, id, deadline, audit).await;
            }
            Route::Health => Response::probe(StatusCode::OK, "alive"),
            Route::Index => Response::index(),
            Route::Ready if self.is_stopping.load(Ordering::Relaxed) => {
                Response::probe(StatusCode::SERVICE_UNAVAILABLE, "stopping")
            }
            Route::Ready if self.audit.mode.refuses() => {
                Response::probe(StatusCode::SERVICE_UNAVAILABLE, "audit log unavailable")
            }
            // A function that is not configured does not start.
            Route::Ready => Response::probe(StatusCode::OK, "ready"),
        };
        audit.is_decision = false;
        if request.method == Method::HEAD {
            response.body.clear();
        }
        Ok(response)
    }

    async fn issue(
        &self,
        request: &Request,
        path: &str,
        route: IssueRoute,
        id: &RequestId,
        deadline: Deadline,
        audit: &mut AuditEvent<'_>,
    ) -> Result<Response, Error> {
        let (clock, entropy) = (&*self.clock, &*self.entropy);
        if self.audit.mode.refuses() {
            return Err(audit_unavailable());
        }
        if let Some(shared) = &self.shared_deny_list {
            shared.refresh(&self.access, clock).await;
        }
        let access = self.access.load();
        let address = request.client_address(self.address_header.as_ref());
        audit.address = address;
        let address = address.map(|address| address.address);
        // A login code causes a call, so it counts before that, and not again.
        let counts_first = self.authentication.has_login_code(request);
        if let Some(limiter) = self.rate_limiter.as_ref().filter(|_| counts_first) {
            limiter.check_address(address, clock, entropy).await?;
        }
        let (credential_request, principal) =
            match self.identify(request, path, route, &access, deadline).await {
                Ok(identified) => identified,
                Err(error) => {
                    if let Some(limiter) = self.rate_limiter.as_ref().filter(|_| !counts_first) {
                        limiter.check_address(address, clock, entropy).await?;
                    }
                    return Err(error);
                }
            };
        let principal = &*audit.principal.insert(principal);
        if let Some(limiter) = &self.rate_limiter {
            limiter.check_principal(principal, address, clock, entropy).await?;
        }
        let authorized = access.authorize(principal, &credential_request, clock.now(), entropy);
        let authorized = authorized.inspect_err(|error| {
            if error.code() == ErrorCode::CallerNotAllowed {
                audit.wrong_type_claims = access.wrong_type_claims(principal);
            }
        })?;
        let authorized = &*audit.authorized.insert(Arc::new(authorized));
        let Issued { outcome, cache, attempts } =
            self.issuer.issue(authorized, request.role_key.as_deref(), id, deadline).await;
        (audit.cache, audit.attempts) = (Some(cache), attempts);
        let credentials = &*audit.credentials.insert(outcome?);
        Ok(match authorized.signable() {
            Some(request) => Response::signed(request, credentials, id),
            None => {
                let (format, object) = (credential_request.format, authorized.new_object());
                Response::credentials(format, credentials, id, object)
            }
        })
    }

    /// What is requested, and by whom.
    async fn identify(
        &self,
        request: &Request,
        path: &str,
        route: IssueRoute,
        access: &Access,
        deadline: Deadline,
    ) -> Result<(CredentialRequest, Principal), Error> {
        let credential_request = CredentialRequest::parse(request, route)?;
        access.check_all()?;
        let clock = &*self.clock;
        let principal = self.authentication.authenticate(request, path, clock, deadline).await?;
        Ok((credential_request, principal))
    }
}

fn refusal(error: &Error, id: &RequestId) -> Response {
    let code = error.code().info();
    if code.status.is_server_error() {
        error!(
            request_id = id.as_str(),
            code = code.name,
            error = error.cause_text(),
            remedy = error.hint(),
            "no credential could be issued"
        );
    }
    Response::error(error, id)
}

fn audit_unavailable() -> Error {
    let message = "no credential is issued while the audit log cannot be written: try again";
    let hint = "the reader of standard output has ended or hangs: AUDIT=required needs one";
    Error::new(ErrorCode::AuditUnavailable, message)
        .with_header(RETRY_AFTER, HeaderValue::from_static("1"))
        .with_hint(Some(hint))
}

fn route_not_found() -> Error {
    let message = "path: must be a route, for example `/sign`; `/` lists them";
    Error::new(ErrorCode::RouteNotFound, message)
}

fn method_not_allowed(route: Route) -> Error {
    let methods: Vec<&str> = route.methods().iter().map(Method::as_str).collect();
    let methods = methods.join(", ");
    let message = format!("method: must be one of {methods} on this route");
    let error = Error::new(ErrorCode::MethodNotAllowed, message);
    match HeaderValue::from_str(&methods) {
        Ok(value) => error.with_header(ALLOW, value),
        Err(_) => error,
    }
}
