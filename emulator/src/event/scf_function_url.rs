//! SCF function URL.
//!
//! Documented: the members of the event (API gateway's without five of them), `x-scf-remote-addr`,
//! the inference of a response without `statusCode`. Inferred: repeated query names (API gateway's
//! union), base64 for a body that is not text, the response to a reply that is not JSON.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::reply::{self, Lists};
use super::{GatewayRequest, scf_api_gateway};

pub(super) fn event(request: &GatewayRequest) -> Value {
    let mut headers = request.scf_headers();
    headers.insert("x-forwarded-for".to_owned(), json!(request.source_ip));
    headers.insert("x-scf-remote-addr".to_owned(), json!(request.source_ip));
    let (body, base64) = request.body_by_utf8();
    let mut event = json!({
        "httpMethod": request.method.as_str(),
        "path": request.path,
        "headers": headers,
        "queryString": request.query_union(),
        "body": body,
    });
    if let (true, Some(members)) = (base64, event.as_object_mut()) {
        members.insert("isBase64Encoded".to_owned(), json!(true));
    }
    event
}

pub(super) fn reply(bytes: &[u8], request_id: &str) -> Response<Bytes> {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return scf_api_gateway::not_json(request_id);
    };
    let Some(members) = value.as_object().filter(|it| it.contains_key("statusCode")) else {
        // A return without `statusCode` is the body itself.
        return reply::json(200, &value);
    };
    let parts = reply::status(members)
        .zip(reply::headers(members, "headers", Lists::Accept))
        .zip(reply::body(members));
    match parts {
        Some(((status, headers), body)) => reply::response(status, headers, body),
        None => scf_api_gateway::malformed(),
    }
}
