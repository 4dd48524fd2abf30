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
use crate::net::{self, Server, Transport};
use crate::platform::{Platform, PlatformError};
use crate::trace::{Head, Reason};
use crate::web;

/// One request to the gateway and how it was answered.
#[derive(Clone, Debug)]
pub struct GatewayCall {
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
}

pub(crate) fn start(
    port: u16,
    function: Arc<Function>,
    middleware: &Arc<Middleware>,
    on_call: Listener<GatewayCall>,
) -> io::Result<Server> {
    let (middleware, on_call) = (Arc::clone(middleware), Arc::new(on_call));
    Server::start(port, Transport::Plain, move |request| {
        let (function, middleware) = (Arc::clone(&function), Arc::clone(&middleware));
        let on_call = Arc::clone(&on_call);
        async move {
            let head = Head::of(&request);
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let call = middleware.begin(Service::Gateway, &path, head, None);
            let mut response = match (call.fault(), call.replacement()) {
                (Some(Fault::Throttle { .. }), _) => {
                    let outcome = Outcome::PlatformError(PlatformError::Throttled);
                    let platform = function.config.platform;
                    Ok(platform.reply(&call.request_id, &outcome).map(net::full))
                }
                (_, Some(response)) => response,
                (_, None) => {
                    let response = respond(&function, &call, request).await;
                    Ok(response.map(net::full))
                }
            };
            let error = response.as_mut().ok().and_then(explain);
            on_call.call(&GatewayCall {
                method,
                path,
                status: response.as_ref().ok().map(Response::status),
                error,
                fault: call.fault().map(Fault::kind),
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
    let invocation = function.invoke(request.request_id, event).await;
    match invocation.outcome {
        Outcome::PlatformError(error) => Err(error),
        outcome => Ok(platform.reply(&invocation.request_id, &outcome)),
    }
}
