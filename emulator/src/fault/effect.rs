//! What faults do to a response of any service on its way out.
//!
//! # Not covered
//! The members of STS responses (`sts/tamper.rs`).

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Body as _;
use serde_json::json;

use super::{Fault, Service};
use crate::net::{self, Body};

/// The response in place of the service's own. A fault that replaces nothing closes the connection.
pub(crate) fn instead(
    fault: &Fault,
    service: Service,
    request_id: &str,
) -> io::Result<Response<Body>> {
    Ok(match fault {
        Fault::ApiError { code, message } => match service {
            Service::Cos => {
                let response = cos_error(StatusCode::OK, code, message, request_id);
                explained(response, service, "error")
            }
            Service::Gateway | Service::Sts => sts_error(code, message, request_id),
        },
        Fault::Http { status, content_type, body } => {
            let status = StatusCode::from_u16(*status).map_err(io::Error::other)?;
            let response = net::response(status, content_type, body.clone());
            explained(response, service, "http")
        }
        Fault::Outage => {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let response = net::response(status, "text/plain", "503 Service Unavailable\n");
            explained(response, service, "outage")
        }
        Fault::Throttle { .. } => match service {
            // Documented: the codes. Inferred: the messages.
            Service::Sts => sts_error(
                "RequestLimitExceeded",
                "Your current request times exceed the limit, please retry later.",
                request_id,
            ),
            Service::Cos => {
                let message = "Please reduce your request rate.";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let response = cos_error(status, "SlowDown", message, request_id);
                explained(response, service, "throttle")
            }
            Service::Gateway => net::response(
                StatusCode::TOO_MANY_REQUESTS,
                "text/plain",
                "429 Too Many Requests\n",
            ),
        },
        _ => return Err(io::ErrorKind::ConnectionAborted.into()),
    })
}

/// The right response, late, slow, cut or halved.
pub(crate) async fn tampered(
    fault: &Fault,
    response: Response<Body>,
) -> io::Result<Response<Body>> {
    match fault {
        Fault::CloseAfter { bytes } => Ok(cut_off(response, *bytes)),
        Fault::Delay(delay) => {
            tokio::time::sleep(*delay).await;
            Ok(response)
        }
        Fault::Malformed => halved(response).await,
        Fault::SlowBody { bytes, pause } => Ok(slowed(response, *bytes, *pause)),
        _ => Ok(response),
    }
}

/// Documented: API errors of the STS are HTTP 200.
fn sts_error(code: &str, message: &str, request_id: &str) -> Response<Body> {
    let error = json!({ "Code": code, "Message": message });
    let body = json!({ "Response": { "Error": error, "RequestId": request_id } });
    net::json(StatusCode::OK, &body)
}

fn cos_error(status: StatusCode, code: &str, message: &str, request_id: &str) -> Response<Body> {
    let body = format!(
        "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>{}</Code>\n\t<Message>{}</Message>\n\t<RequestId>{}</RequestId>\n</Error>\n",
        escaped(code),
        escaped(message),
        escaped(request_id),
    );
    net::response(status, "application/xml", body)
}

/// At COS every refusal has a reason; that of an injected fault names the fault.
fn explained(mut response: Response<Body>, service: Service, kind: &str) -> Response<Body> {
    if service == Service::Cos
        && let Ok(reason) = HeaderValue::try_from(format!("injected fault: {kind}"))
    {
        response.headers_mut().insert("x-cos-emulator-reason", reason);
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Announces the whole response, sends `bytes` of its body and then breaks off.
fn cut_off(response: Response<Body>, bytes: usize) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    announce(&mut head.headers, &body);
    let (mut sender, sent) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        let mut left = bytes;
        while left > 0 {
            let Some(data) = next_data(&mut body).await else {
                break;
            };
            let piece = data.slice(..left.min(data.len()));
            left = left.saturating_sub(piece.len());
            if sender.send_data(piece).await.is_err() {
                return;
            }
        }
        // Lets the bytes reach the socket before the connection goes.
        tokio::time::sleep(Duration::from_millis(50)).await;
        sender.abort(io::ErrorKind::ConnectionAborted.into());
    });
    Response::from_parts(head, sent.boxed())
}

/// The same body, `bytes` at a time.
fn slowed(response: Response<Body>, bytes: usize, pause: Duration) -> Response<Body> {
    let (mut head, mut body) = response.into_parts();
    announce(&mut head.headers, &body);
    let (mut sender, sent) = Channel::<Bytes, io::Error>::new(1);
    tokio::spawn(async move {
        loop {
            let mut data = match body.frame().await {
                None => return,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return sender.abort(error),
            };
            while !data.is_empty() {
                let piece = data.split_to(bytes.clamp(1, data.len()));
                // A client that left ends this.
                if sender.send_data(piece).await.is_err() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        }
    });
    Response::from_parts(head, sent.boxed())
}

/// The first half of the body, with its own length, as if it were all.
async fn halved(response: Response<Body>) -> io::Result<Response<Body>> {
    let (mut head, body) = response.into_parts();
    let whole =
        Limited::new(body, MAX_HALVED_BYTES).collect().await.map_err(io::Error::other)?.to_bytes();
    head.headers.remove(header::CONTENT_LENGTH);
    let half = whole.slice(..whole.len() / 2);
    Ok(Response::from_parts(head, net::full(half)))
}

/// The length of the body, as it was before it is torn into pieces.
fn announce(headers: &mut http::HeaderMap, body: &Body) {
    if let Some(bytes) = body.size_hint().exact()
        && !headers.contains_key(header::CONTENT_LENGTH)
    {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    }
}

/// The next bytes of a body; `None` at its end, or where it breaks.
async fn next_data(body: &mut Body) -> Option<Bytes> {
    loop {
        if let Ok(data) = body.frame().await?.ok()?.into_data() {
            return Some(data);
        }
    }
}

/// Answers larger than this are not halved but end with an error.
const MAX_HALVED_BYTES: usize = 16 * 1024 * 1024;
