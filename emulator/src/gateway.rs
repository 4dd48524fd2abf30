//! The front door: HTTP on loopback, the platform's event to the function, its answer back as HTTP.
//!
//! Promises: the client sees what the platform's gateway would send, errors too.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use cos_issuer::time::Clock;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;

use crate::event::{self, Ask};
use crate::function::{Function, Outcome};
use crate::net::{self, Server, Transport};
use crate::platform::{Platform, PlatformError};
use crate::web;

pub(crate) fn start(
    port: u16,
    function: Arc<Function>,
    clock: Arc<dyn Clock>,
) -> io::Result<Server> {
    Server::start(port, Transport::Plain, move |request| {
        let (function, clock) = (Arc::clone(&function), Arc::clone(&clock));
        async move {
            let response = answer(&function, clock.as_ref(), request).await;
            Ok(response.map(net::full))
        }
    })
}

async fn answer(
    function: &Arc<Function>,
    clock: &dyn Clock,
    request: Request<Incoming>,
) -> Response<Bytes> {
    let (head, body) = request.into_parts();
    let request_id = uuid::Uuid::new_v4().to_string();
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
        unix_seconds: clock.now().unix_seconds(),
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
