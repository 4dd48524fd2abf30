//! Members that the HTTP events of all gateways share, parsed leniently.
//!
//! Real events differ from the documents: members are missing or null; a value is a string, a list
//! of strings, or `true` for a key without a value; `isBase64Encoded` is a boolean or a string;
//! header names have any case.
//!
//! # Guarantees
//! No event panics. One that cannot be read is refused with [`ErrorCode::Event`] or
//! [`ErrorCode::BodyEncoding`].
//!
//! # Not covered
//! Which member contains what (`scf::event`, `lambda::event`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::error::{Error, ErrorCode};
use crate::request::{AddressSource, ClientAddress, Inbound};

/// A parsed event: its headers, if they could be read, and the request or why it is refused.
pub(super) struct Event {
    pub(super) headers: HeaderMap,
    pub(super) request: Result<Inbound, Error>,
}

impl Event {
    /// Reads the headers first: with them, a page can read the refusal of the rest.
    pub(super) fn new(
        headers: Result<HeaderMap, Error>,
        read: impl FnOnce(HeaderMap) -> Result<Inbound, Error>,
    ) -> Self {
        match headers {
            Ok(headers) => Self { request: read(headers.clone()), headers },
            Err(error) => Self::refused(error),
        }
    }

    pub(super) fn refused(error: Error) -> Self {
        Self { headers: HeaderMap::new(), request: Err(error) }
    }
}

/// A refusal of the event.
pub(super) fn refuse(message: &'static str) -> Error {
    Error::new(ErrorCode::Event, message)
}

/// A member, unless it is missing or null.
pub(super) fn member<'a>(event: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    event.get(name).filter(|value| !value.is_null())
}

/// A member of the request context.
pub(super) fn context<'a>(event: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    event.get("requestContext")?.get(name).filter(|value| !value.is_null())
}

/// The client's address; one that cannot be read counts as missing.
pub(super) fn address(value: Option<&Value>) -> Option<ClientAddress> {
    let address = value?.as_str()?.parse().ok()?;
    Some(ClientAddress { address, source: AddressSource::Platform })
}

pub(super) fn method(text: &str) -> Result<Method, Error> {
    Method::from_bytes(text.as_bytes())
        .map_err(|_| refuse("the event's method is not an HTTP method"))
}

/// The name and value pairs of an encoded query.
pub(super) fn wire_query(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A map of headers; empty when the map is missing.
pub(super) fn headers(map: Option<&Value>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    for (name, text) in pairs(map)? {
        let name = HeaderName::try_from(name)
            .map_err(|_| refuse("the event has a header whose name is not possible"))?;
        let value = HeaderValue::try_from(text)
            .map_err(|_| refuse("the event has a header whose value is not possible"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// A map of names to one value or several, as pairs; empty when the map is missing.
pub(super) fn pairs(map: Option<&Value>) -> Result<Vec<(String, String)>, Error> {
    let members = match map {
        None => return Ok(Vec::new()),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(refuse("the event's headers or query are not an object"));
        }
    };
    let mut pairs = Vec::new();
    for (name, value) in members {
        let texts = texts(value)
            .ok_or_else(|| refuse("the event has a header or query value that is not a string"))?;
        pairs.extend(texts.into_iter().map(|text| (name.clone(), text)));
    }
    Ok(pairs)
}

/// One string, several, or an empty one for a key without a value.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(_) => Some(vec![String::new()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        Value::Null | Value::Object(_) => None,
    }
}

/// The body, decoded when the event marks it as base64.
pub(super) fn body(event: &Map<String, Value>, text: &str) -> Result<Vec<u8>, Error> {
    let is_base64_encoded = match member(event, "isBase64Encoded") {
        None => false,
        Some(Value::Bool(is_encoded)) => *is_encoded,
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => true,
        Some(Value::String(text)) if text.is_empty() || text.eq_ignore_ascii_case("false") => false,
        Some(_) => {
            return Err(refuse("the event's `isBase64Encoded` is not true or false"));
        }
    };
    if !is_base64_encoded {
        return Ok(text.as_bytes().to_vec());
    }
    STANDARD.decode(text).map_err(|_| {
        Error::new(ErrorCode::BodyEncoding, "the body is marked as base64 but is not base64")
    })
}

/// The member `body`, a string.
pub(super) fn body_text(event: &Map<String, Value>) -> Result<&str, Error> {
    match member(event, "body") {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(refuse("the event's `body` is not a string")),
    }
}
