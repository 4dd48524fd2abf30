//! Lambda's runtime API, version 2018-06-01: `next`, `response`, `error`, `init/error`.
//!
//! Documented: paths, headers, 202 on acceptance, 413 for too much. The first `next` is the ready
//! signal. A post for an invocation that is over is acknowledged and ignored (inferred); one for an
//! id that never was is refused.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::function::Outcome;
use crate::instance::{ExitReason, State};
use crate::net::{self, Body};
use crate::platform::PlatformError;
use crate::platform::limits::LAMBDA_RESPONSE_BYTES;
use crate::sync::lock;

/// A post that is later than this many invocations is one for an id that never was.
const MAX_REMEMBERED: usize = 100;
const ROOT: &str = "/2018-06-01/runtime/";

pub(super) struct Api {
    state: Arc<State>,
    /// The ids of the last invocations.
    delivered: Mutex<VecDeque<String>>,
}

impl Api {
    pub(super) fn new(state: Arc<State>) -> Self {
        Self { state, delivered: Mutex::default() }
    }

    fn remember(&self, request_id: &str) {
        let mut delivered = lock(&self.delivered);
        if delivered.iter().any(|id| id == request_id) {
            return;
        }
        if delivered.len() == MAX_REMEMBERED {
            delivered.pop_front();
        }
        delivered.push_back(request_id.to_owned());
    }
}

pub(super) async fn respond(
    api: Arc<Api>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let call = head.uri.path().strip_prefix(ROOT).unwrap_or_default();
    if head.method == Method::GET && call == "invocation/next" {
        return next(&api).await;
    }
    if head.method != Method::POST {
        return Ok(refusal(StatusCode::NOT_FOUND, "NotFound", "no such call"));
    }
    let body = net::read_body(body, LAMBDA_RESPONSE_BYTES).await;
    if call == "init/error" {
        let text = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
        api.state.die(ExitReason::InitFailed { message: text });
        return Ok(accepted());
    }
    let post = call.strip_prefix("invocation/").and_then(|rest| rest.split_once('/'));
    let Some((request_id, kind @ ("response" | "error"))) = post else {
        return Ok(refusal(StatusCode::NOT_FOUND, "NotFound", "no such call"));
    };
    if !lock(&api.delivered).iter().any(|id| id == request_id) {
        let text = "Invalid request ID";
        return Ok(refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", text));
    }
    let (outcome, response) = match body {
        None => (
            Outcome::PlatformError(PlatformError::ResponseTooLarge),
            refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                "Exceeded maximum allowed payload size (6291556 bytes).",
            ),
        ),
        Some(body) if kind == "response" => (Outcome::Response(body.into()), accepted()),
        Some(body) => {
            (Outcome::FunctionError(String::from_utf8_lossy(&body).into_owned()), accepted())
        }
    };
    api.state.finish(Some(request_id), outcome);
    Ok(response)
}

async fn next(api: &Api) -> io::Result<Response<Body>> {
    api.state.ready();
    let work = api.state.next().await.ok_or(io::ErrorKind::ConnectionAborted)?;
    api.remember(&work.request_id);
    let mut response = net::response(StatusCode::OK, "application/json", work.event.clone());
    let values = [
        ("lambda-runtime-aws-request-id", work.request_id.clone()),
        ("lambda-runtime-deadline-ms", work.deadline_ms.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:ap-southeast-1:123456789012:function:cos-issuer".to_owned(),
        ),
        ("lambda-runtime-trace-id", trace_id(&work.request_id)),
    ];
    net::put_headers(response.headers_mut(), values);
    Ok(response)
}

/// `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=0`, made from the digits of the request id.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    format!("Root=1-{}-{};Parent={};Sampled=0", part(0..8), part(8..32), part(16..32),)
}

fn accepted() -> Response<Body> {
    net::json(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let body: Value = json!({ "errorType": kind, "errorMessage": message });
    net::json(status, &body)
}
