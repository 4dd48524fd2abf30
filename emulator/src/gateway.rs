//! The front door: HTTP on loopback, the platform's event to the function, its answer back as HTTP.
//!
//! Promises: the client sees what the platform's gateway would send, errors too.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;

use crate::control::{CallTime, Control, Watched};
use crate::event::{self, Ask};
use crate::fault::Service;
use crate::function::{Function, Outcome};
use crate::net::{self, Server, Transport};
use crate::platform::{Platform, PlatformError};
use crate::web;

pub(crate) fn start(
    port: u16,
    function: Arc<Function>,
    control: &Arc<Control>,
) -> io::Result<Server> {
    let platform = function.config.platform;
    let watched = Watched {
        service: Service::Gateway,
        action: |head: &Parts| head.uri.path().to_owned(),
        throttled: Some(Box::new(move |id: &str| {
            throttled(platform, id).map(net::full)
        })),
    };
    let handler = {
        let control = Arc::clone(control);
        move |request| {
            let (function, control) = (Arc::clone(&function), Arc::clone(&control));
            async move { Ok(answer(&function, &control, request).await.map(net::full)) }
        }
    };
    Server::start(port, Transport::Plain, control.watch(watched, handler))
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

async fn answer(
    function: &Arc<Function>,
    control: &Control,
    request: Request<Incoming>,
) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let request_id = control.chance.request_id();
    let CallTime(now) = head
        .extensions
        .get()
        .copied()
        .unwrap_or_else(|| control.call_time());
    let body = net::read_body(body, function.config.platform.body_limit_bytes()).await;
    let too_large = body.is_none();
    let ask = Ask {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: body.unwrap_or_default(),
        request_id: request_id.clone(),
        source_ip: "127.0.0.1".to_owned(),
        unix_seconds: now.unix_seconds(),
    };
    let refused = too_large.then_some(Outcome::PlatformError(PlatformError::RequestTooLarge));
    let mut response = match function.config.platform {
        Platform::Scf(shape) => {
            let outcome = match refused {
                Some(refused) => refused,
                None => invoke(function, &ask, &event::scf(shape, &ask)).await,
            };
            event::scf_reply(shape, &request_id, &outcome)
        }
        Platform::Lambda(shape) => {
            let outcome = match refused {
                Some(refused) => refused,
                None => invoke(function, &ask, &event::lambda(shape, &ask)).await,
            };
            event::lambda_reply(shape, &outcome)
        }
        Platform::ScfWeb => {
            let answered = if too_large {
                Err(PlatformError::RequestTooLarge)
            } else {
                web::forward(function, ask).await
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

async fn invoke(function: &Arc<Function>, ask: &Ask, event: &serde_json::Value) -> Outcome {
    let event = Bytes::from(event.to_string());
    function.invoke(ask.request_id.clone(), event).await.outcome
}
