//! Members that the HTTP events of all gateways share, read leniently.
//!
//! What real events do, and documents do not say: members are missing or null; a value is a string, a list of strings, or `true`
//! for a bare key; `isBase64Encoded` is a boolean or a text; header names come in any case.
//!
//! Promises: total; what cannot be read is refused with [`ErrorCode::Event`] or [`ErrorCode::BodyEncoding`].
//! Leaves out: which member a gateway keeps what in (`scf::event`, `lambda::event`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::error::{Error, ErrorCode};
use crate::request::Identity;
use crate::request::Unverified;

/// An event that was read: its headers, as far as they could be, and the request if there is one.
pub(super) struct Event {
    pub(super) headers: HeaderMap,
    pub(super) request: Result<Unverified, Error>,
}

impl Event {
    /// Reads the headers first, so that a refusal of the rest can still be answered to the asking origin.
    pub(super) fn new(
        headers: Result<HeaderMap, Error>,
        read: impl FnOnce(&HeaderMap) -> Result<Parts, Error>,
    ) -> Self {
        let headers = match headers {
            Ok(headers) => headers,
            Err(error) => return Self::refused(error),
        };
        let request = read(&headers).map(|parts| Unverified {
            method: parts.method,
            path: parts.path,
            query: parts.query,
            headers: headers.clone(),
            body: parts.body,
            identity: parts.identity,
        });
        Self { headers, request }
    }

    pub(super) fn refused(error: Error) -> Self {
        Self {
            headers: HeaderMap::new(),
            request: Err(error),
        }
    }
}

/// What a gateway tells beside the headers.
pub(super) struct Parts {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) identity: Option<Identity>,
}

/// A refusal of the event.
pub(super) fn refuse(message: &'static str) -> Error {
    Error::new(ErrorCode::Event, message)
}

/// A member that is neither missing nor null.
pub(super) fn member<'a>(event: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    event.get(name).filter(|value| !value.is_null())
}

/// A member of the request context.
pub(super) fn context<'a>(event: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    event
        .get("requestContext")?
        .get(name)
        .filter(|value| !value.is_null())
}

pub(super) fn method(text: &str) -> Result<Method, Error> {
    Method::from_bytes(text.as_bytes()).map_err(|_| refuse("the event's method is none"))
}

/// Name and value pairs of a query as it was on the wire.
pub(super) fn wire_query(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// A map of headers; none when it is missing.
pub(super) fn headers(map: Option<&Value>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, text) in pairs(map)? {
        let name = HeaderName::try_from(name)
            .map_err(|_| refuse("a header of the event has an impossible name"))?;
        let value = HeaderValue::try_from(text)
            .map_err(|_| refuse("a header of the event has an impossible value"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// A map of names to one value or several, as pairs; none when it is missing.
pub(super) fn pairs(map: Option<&Value>) -> Result<Vec<(String, String)>, Error> {
    let members = match map {
        None => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(refuse(
                "the headers or the query of the event are no object",
            ));
        }
    };
    let mut pairs = Vec::new();
    for (name, value) in members {
        let texts = texts(value)
            .ok_or_else(|| refuse("a header or query value of the event is no text"))?;
        pairs.extend(texts.into_iter().map(|text| (name.clone(), text)));
    }
    Ok(pairs)
}

/// One text, several, or an empty one for a bare key.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(_) => Some(vec![String::new()]),
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        Value::Null | Value::Object(_) => None,
    }
}

/// A body with its base64 taken off, if the event says that it has any.
pub(super) fn body(event: &Map<String, Value>, text: &str) -> Result<Vec<u8>, Error> {
    let is_base64_encoded = match member(event, "isBase64Encoded") {
        None => false,
        Some(Value::Bool(is_encoded)) => *is_encoded,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => false,
        Some(_) => {
            return Err(refuse(
                "the event's `isBase64Encoded` is neither true nor false",
            ));
        }
    };
    if !is_base64_encoded {
        return Ok(text.as_bytes().to_vec());
    }
    STANDARD.decode(text).map_err(|_| {
        Error::new(
            ErrorCode::BodyEncoding,
            "the body claims to be base64 and is not",
        )
    })
}

/// The member `body`, which is text.
pub(super) fn body_text(event: &Map<String, Value>) -> Result<&str, Error> {
    match member(event, "body") {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(refuse("the event's `body` is no text")),
    }
}
