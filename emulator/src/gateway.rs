//! The gateway: HTTP on loopback, the platform's event to the function, its reply back as HTTP.
//!
//! # Guarantees
//! The client sees what the platform's gateway would send, errors too.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;

use crate::event::{self, GatewayRequest};
use crate::fault::{Fault, Service};
use crate::function::{Function, Outcome};
use crate::middleware::{Call, Middleware};
use crate::net::{self, Server, Transport};
use crate::platform::{Platform, PlatformError};
use crate::trace::Head;
use crate::web;

pub(crate) fn start(
    port: u16,
    function: Arc<Function>,
    middleware: &Arc<Middleware>,
) -> io::Result<Server> {
    let middleware = Arc::clone(middleware);
    Server::start(port, Transport::Plain, move |request| {
        let (function, middleware) = (Arc::clone(&function), Arc::clone(&middleware));
        async move {
            let head = Head::of(&request);
            let action = request.uri().path().to_owned();
            let call = middleware.begin(Service::Gateway, &action, head, None);
            let response = match (call.fault(), call.replacement()) {
                (Some(Fault::Throttle { .. }), _) => {
                    let response = throttled(function.config.platform, &call.request_id);
                    Ok(response.map(net::full))
                }
                (_, Some(response)) => response,
                (_, None) => {
                    let response = respond(&function, &call, request).await;
                    Ok(response.map(net::full))
                }
            };
            call.finish(response).await
        }
    })
}

/// The platform's answer when there are too many calls.
fn throttled(platform: Platform, request_id: &str) -> Response<Bytes> {
    let error = PlatformError::Throttled;
    match platform {
        Platform::Scf(shape) => event::scf_reply(shape, request_id, &Outcome::PlatformError(error)),
        Platform::ScfWeb => event::scf_web_failure(&error, request_id),
        Platform::Lambda(shape) => event::lambda_reply(shape, &Outcome::PlatformError(error)),
    }
}

async fn respond(
    function: &Arc<Function>,
    call: &Call,
    request: Request<Incoming>,
) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let request_id = call.request_id.clone();
    let body = net::read_body(body, function.config.platform.body_limit_bytes()).await;
    let too_large = body.is_none();
    let request = GatewayRequest {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.unwrap_or_default(),
        request_id: request_id.clone(),
        source_ip: "127.0.0.1".to_owned(),
        unix_seconds: call.now().unix_seconds(),
    };
    let refused = too_large.then_some(Outcome::PlatformError(PlatformError::RequestTooLarge));
    let mut response = match function.config.platform {
        Platform::Scf(shape) => {
            let outcome = match refused {
                Some(refused) => refused,
                None => invoke(function, &request, &event::scf(shape, &request)).await,
            };
            event::scf_reply(shape, &request_id, &outcome)
        }
        Platform::Lambda(shape) => {
            let outcome = match refused {
                Some(refused) => refused,
                None => invoke(function, &request, &event::lambda(shape, &request)).await,
            };
            event::lambda_reply(shape, &outcome)
        }
        Platform::ScfWeb => {
            let answered = if too_large {
                Err(PlatformError::RequestTooLarge)
            } else {
                web::forward(function, request).await
            };
            answered.unwrap_or_else(|error| event::scf_web_failure(&error, &request_id))
        }
    };
    let id_header = match function.config.platform {
        Platform::Scf(_) | Platform::ScfWeb => "x-scf-request-id",
        Platform::Lambda(_) => "x-amzn-requestid",
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(id_header, value);
    }
    response
}

async fn invoke(
    function: &Arc<Function>,
    request: &GatewayRequest,
    event: &serde_json::Value,
) -> Outcome {
    let event = Bytes::from(event.to_string());
    function
        .invoke(request.request_id.clone(), event)
        .await
        .outcome
}
