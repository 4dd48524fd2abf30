//! SCF's custom runtime: `init/ready`, `invocation/next`, `invocation/response`,
//! `invocation/error`.
//!
//! Documented: the four calls, no request id in a path, header names with underscores (by any
//! case), the first post wins. Strict where clients differ: the body of `init/ready` must not be
//! empty. Inferred: every status but 200.

use std::io;
use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::function::{Config, Outcome};
use crate::instance::State;
use crate::net::{self, Body};
use crate::platform::PlatformError;

pub(super) async fn respond(
    config: Arc<Config>,
    state: Arc<State>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let limit_bytes = config.platform.response_limit_bytes();
    let ok = || Ok(plain(StatusCode::OK, "OK"));
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/runtime/invocation/next") => next(&config, &state).await,
        (&Method::POST, "/runtime/init/ready") => match net::read_body(body, limit_bytes).await {
            Some(body) if !body.is_empty() => {
                state.ready();
                ok()
            }
            _ => Ok(plain(StatusCode::BAD_REQUEST, "the body must not be empty")),
        },
        (&Method::POST, "/runtime/invocation/response") => {
            let outcome = match net::read_body(body, limit_bytes).await {
                Some(body) => Outcome::Response(body.into()),
                None => Outcome::PlatformError(PlatformError::ResponseTooLarge),
            };
            state.finish(None, outcome);
            ok()
        }
        (&Method::POST, "/runtime/invocation/error") => {
            let text = net::read_body(body, limit_bytes).await;
            let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
            state.finish(None, Outcome::FunctionError(text));
            ok()
        }
        _ => Ok(plain(StatusCode::NOT_FOUND, "no such call")),
    }
}

async fn next(config: &Config, state: &State) -> io::Result<Response<Body>> {
    let work = state.next().await.ok_or(io::ErrorKind::ConnectionAborted)?;
    let mut response = net::response(StatusCode::OK, "application/json", work.event.clone());
    let values = [
        ("request_id", work.request_id.clone()),
        ("memory_limit_in_mb", config.memory_mb.to_string()),
        ("time_limit_in_ms", config.call_timeout.as_millis().to_string()),
    ];
    net::put_headers(response.headers_mut(), values);
    Ok(response)
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    net::response(status, "text/plain", text)
}
