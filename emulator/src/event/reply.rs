//! Reading what a function answered: the members that most shapes share.
//!
//! Every function here gives `None` for something malformed, which each gateway answers in its own
//! way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

/// An answer of the gateway itself.
pub(crate) fn json(status: u16, body: &Value) -> Response<Bytes> {
    text(status, "application/json", body.to_string())
}

/// An answer of the gateway itself.
pub(crate) fn text(status: u16, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The parts, once each of them could be read.
pub(super) fn response(status: StatusCode, mut headers: HeaderMap, body: Bytes) -> Response<Bytes> {
    // The gateway frames the body itself.
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION] {
        headers.remove(name);
    }
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// `statusCode`, a JSON integer.
pub(super) fn status(reply: &Map<String, Value>) -> Option<StatusCode> {
    let number = reply.get("statusCode")?.as_u64()?;
    let status = StatusCode::from_u16(u16::try_from(number).ok()?).ok()?;
    // An interim status is not a response.
    (!status.is_informational()).then_some(status)
}

/// `body` and `isBase64Encoded`; absent is empty.
pub(super) fn body(reply: &Map<String, Value>) -> Option<Bytes> {
    let text = match reply.get("body") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return None,
    };
    match reply.get("isBase64Encoded") {
        None | Some(Value::Null | Value::Bool(false)) => {
            Some(Bytes::copy_from_slice(text.as_bytes()))
        }
        Some(Value::Bool(true)) => STANDARD.decode(text).ok().map(Bytes::from),
        Some(_) => None,
    }
}

/// An object of header values under `member`: strings, and lists of strings if `lists` is set.
pub(super) fn headers(reply: &Map<String, Value>, member: &str, lists: Lists) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let members = match reply.get(member) {
        None | Some(Value::Null) => return Some(headers),
        Some(Value::Object(members)) => members,
        Some(_) => return None,
    };
    for (name, value) in members {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let values = match (value, lists) {
            (Value::Array(list), Lists::Accept) => list.as_slice(),
            (Value::Array(_), Lists::Refuse) => return None,
            (one, _) => std::slice::from_ref(one),
        };
        for value in values {
            headers.append(name.clone(), header_value(value)?);
        }
    }
    Some(headers)
}

/// Whether a header's value may be a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lists {
    Accept,
    Refuse,
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::from_str(text).ok(),
        Value::Bool(_) | Value::Number(_) => HeaderValue::from_str(&value.to_string()).ok(),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
