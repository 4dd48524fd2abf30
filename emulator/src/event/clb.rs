//! SCF behind a load balancer (CLB).
//!
//! Documented: method and path only as `X-Method` and `X-Uri`, `payload` an object,
//! `isBase64Encoded` a string, base64 for all but a few content types, the body for a malformed
//! response. Inferred: that `X-Uri` carries the query, a payload that is not a JSON object as a
//! string, status 403, that the load balancer's headers replace a client's of the same name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::{GatewayRequest, reply, scf_api_gateway};

pub(super) fn event(request: &GatewayRequest) -> Value {
    let own = [
        ("X-Stgw-Time", format!("{}.000", request.unix_seconds)),
        ("X-Client-Proto", "http".to_owned()),
        ("X-Forwarded-Proto", "http".to_owned()),
        ("X-Client-Proto-Ver", "HTTP/1.1".to_owned()),
        ("X-Real-IP", request.source_ip.clone()),
        ("X-Real-Port", "44347".to_owned()),
        ("X-Forwarded-For", request.source_ip.clone()),
        ("X-Method", request.method.to_string()),
        ("X-Uri", request.target()),
    ];
    let mut headers = Map::new();
    for (name, value) in request.scf_headers() {
        // A client's own `x-method` would follow the load balancer's, in another letter case.
        if !own.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            headers.insert(title_case(&name), value);
        }
    }
    for (name, value) in own {
        headers.insert(name.to_owned(), Value::String(value));
    }
    let (payload, base64) = payload(request);
    json!({
        "headers": headers,
        "payload": payload,
        "isBase64Encoded": if base64 { "true" } else { "false" },
    })
}

pub(super) fn reply(bytes: &[u8]) -> Response<Bytes> {
    serde_json::from_slice::<Map<String, Value>>(bytes)
        .ok()
        .as_ref()
        .and_then(scf_api_gateway::integrated)
        .unwrap_or_else(|| {
            let error = json!({ "errno": 403, "error": "Analyse scf response failed." });
            reply::json(403, &error)
        })
}

fn payload(request: &GatewayRequest) -> (Value, bool) {
    match request.body_by_content_type() {
        (_, true) => (Value::String(STANDARD.encode(&request.body)), true),
        (text, false) => match serde_json::from_str::<Value>(&text) {
            Ok(object @ Value::Object(_)) => (object, false),
            _ => (Value::String(text), false),
        },
    }
}

/// `content-type` as `Content-type`, the way the documented sample writes it.
fn title_case(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
