//! The gateway: HTTP on loopback, the platform's event to the function, its reply back as HTTP.
//!
//! # Guarantees
//! The client sees what the platform's gateway would send, errors too.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::event::GatewayRequest;
use crate::fault::{Fault, Service};
use crate::function::{Function, Outcome};
use crate::listener::Listener;
use crate::middleware::{Call, Middleware};
use crate::net::{self, Peer, Server, Transport};
use crate::platform::{Platform, PlatformError};
use crate::trace::{Head, Reason};
use crate::web;

/// One request to the gateway and how it was answered.
#[derive(Clone, Debug)]
pub struct GatewayCall {
    /// The port of the gateway.
    pub port: u16,
    /// The method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The status of the response; `None` when a fault closed the connection.
    pub status: Option<StatusCode>,
    /// Why the platform answered in place of the function.
    pub error: Option<PlatformError>,
    /// The kind of the injected fault.
    pub fault: Option<&'static str>,
    /// The `x-request-id` of the answer: the id in the function's own log.
    pub request_id: Option<String>,
    /// The first key of this cloud in the answer: the id of the issued key.
    pub issued_secret_id: Option<String>,
    /// The beginning of an answer that is an error.
    pub refusal: Option<String>,
}

/// What an answer shows, without its secrets.
#[derive(Default)]
struct Shown {
    request_id: Option<String>,
    issued_secret_id: Option<String>,
    refusal: Option<String>,
}

impl Shown {
    fn of(response: &Response<Bytes>) -> Self {
        let id = response.headers().get("x-request-id").and_then(|value| value.to_str().ok());
        let text = || String::from_utf8_lossy(response.body());
        let is_refused = response.status().as_u16() >= 400;
        Self {
            request_id: id.map(str::to_owned),
            issued_secret_id: if is_refused { None } else { key_id(&text()) },
            refusal: is_refused.then(|| text().chars().take(MAX_REFUSAL_CHARACTERS).collect()),
        }
    }
}

fn key_id(text: &str) -> Option<String> {
    let (_, rest) = text.split_once(KEY_ID_START)?;
    let rest: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
    Some(format!("{KEY_ID_START}{rest}"))
}

const KEY_ID_START: &str = "AKIDEMU";
const MAX_REFUSAL_CHARACTERS: usize = 2048;

pub(crate) fn start(
    port: u16,
    function: Arc<Function>,
    middleware: &Arc<Middleware>,
    on_call: &Arc<Listener<GatewayCall>>,
) -> io::Result<Server> {
    let (middleware, on_call) = (Arc::clone(middleware), Arc::clone(on_call));
    Server::start(port, Transport::Plain, move |request| {
        let (function, middleware) = (Arc::clone(&function), Arc::clone(&middleware));
        let on_call = Arc::clone(&on_call);
        async move {
            let head = Head::of(&request);
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let call = middleware.begin(Service::Gateway, &path, head, None);
            let port = request.extensions().get::<Peer>().map_or(0, |peer| peer.port);
            let mut shown = Shown::default();
            let mut response = match (call.fault(), call.replacement()) {
                (Some(Fault::Throttle { .. }), _) => {
                    let outcome = Outcome::PlatformError(PlatformError::Throttled);
                    let platform = function.config.platform;
                    Ok(platform.reply(&call.request_id, &outcome).map(net::full))
                }
                (_, Some(response)) => response,
                (_, None) => {
                    let response = respond(&function, &call, request).await;
                    shown = Shown::of(&response);
                    Ok(response.map(net::full))
                }
            };
            let error = response.as_mut().ok().and_then(explain);
            on_call.call(&GatewayCall {
                port,
                method,
                path,
                status: response.as_ref().ok().map(Response::status),
                error,
                fault: call.fault().map(Fault::kind),
                request_id: shown.request_id,
                issued_secret_id: shown.issued_secret_id,
                refusal: shown.refusal,
            });
            call.finish(response).await
        }
    })
}

/// Takes the platform's error out of a response, and leaves its text as the reason for the trace.
fn explain<B>(response: &mut Response<B>) -> Option<PlatformError> {
    let extensions = response.extensions_mut();
    let error: PlatformError = extensions.remove()?;
    extensions.insert(Reason(error.to_string()));
    Some(error)
}

/// The response, with the platform's error as an extension where there is one.
async fn respond(
    function: &Arc<Function>,
    call: &Call,
    request: Request<Incoming>,
) -> Response<Bytes> {
    let platform = function.config.platform;
    let (head, body) = request.into_parts();
    let answered = match net::read_body(body, platform.body_limit_bytes()).await {
        Some(body) => {
            let request = Request::from_parts(head, body);
            let request = GatewayRequest::new(request, call.request_id.clone(), call.now());
            answer(function, request).await
        }
        None => Err(PlatformError::RequestTooLarge),
    };
    let mut response = answered.unwrap_or_else(|error| {
        let outcome = Outcome::PlatformError(error.clone());
        let mut response = platform.reply(&call.request_id, &outcome);
        response.extensions_mut().insert(error);
        response
    });
    let id_header = match platform {
        Platform::Scf(_) | Platform::ScfWeb => "x-scf-request-id",
        Platform::Lambda(_) => "x-amzn-requestid",
    };
    if let Ok(value) = HeaderValue::from_str(&call.request_id) {
        response.headers_mut().insert(id_header, value);
    }
    response
}

/// What the function answers, or why it did not.
async fn answer(
    function: &Arc<Function>,
    request: GatewayRequest,
) -> Result<Response<Bytes>, PlatformError> {
    let platform = function.config.platform;
    let Some(event) = platform.event_of(&request) else {
        return web::forward(function, request).await;
    };
    let event = Bytes::from(event.to_string());
    let running = function.invoke(request.request_id, event);
    let invocation = match function.config.gateway_timeout {
        None => running.await,
        Some(limit) => tokio::time::timeout(limit, running)
            .await
            .map_err(|_| PlatformError::GatewayTimeout { limit })?,
    };
    match invocation.outcome {
        Outcome::PlatformError(error) => Err(error),
        outcome => Ok(platform.reply(&invocation.request_id, &outcome)),
    }
}
