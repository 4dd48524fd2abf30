//! SCF API gateway trigger, integrated request and response.
//!
//! Documented: all members, `httpMethod: ANY` in the request context (the definition, not the
//! request), the string `"true"` for base64, the bodies for malformed responses. Observed:
//! lower-case header names. Inferred: their status, 403.

use bytes::Bytes;
use http::{Response, header};
use serde_json::{Map, Value, json};

use super::GatewayRequest;
use super::reply::{self, Lists};

pub(super) fn event(request: &GatewayRequest) -> Value {
    let mut headers = request.scf_headers();
    for (name, value) in [
        ("x-api-requestid", request.request_id.as_str()),
        ("x-qualifier", "$DEFAULT"),
        ("x-anonymous-consumer", "true"),
        ("requestsource", "APIGW"),
        ("endpoint-timeout", "15"),
    ] {
        headers.insert(name.to_owned(), json!(value));
    }
    let (body, base64) = request.body_by_utf8();
    let mut event = json!({
        "requestContext": {
            "serviceId": "service-emulator",
            "path": "/",
            "httpMethod": "ANY",
            "requestId": request.request_id,
            "identity": {},
            "sourceIp": request.source_ip,
            "stage": "release",
        },
        "headers": headers,
        "headerParameters": {},
        "pathParameters": {},
        "queryStringParameters": {},
        "queryString": request.query_union(),
        "stageVariables": { "stage": "release" },
        "path": request.path,
        "httpMethod": request.method.as_str(),
        "body": body,
    });
    if let (true, Some(members)) = (base64, event.as_object_mut()) {
        members.insert("isBase64Encoded".to_owned(), json!("true"));
    }
    event
}

pub(super) fn reply(bytes: &[u8], request_id: &str) -> Response<Bytes> {
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else {
        return not_json(request_id);
    };
    value.as_object().and_then(integrated).unwrap_or_else(malformed)
}

/// An integrated response; `None` when it is malformed.
pub(super) fn integrated(members: &Map<String, Value>) -> Option<Response<Bytes>> {
    let status = reply::status(members)?;
    let mut headers = reply::headers(members, "headers", Lists::Accept)?;
    // Documented: no redirects through the gateway.
    headers.remove(header::LOCATION);
    let body = reply::body(members)?;
    Some(reply::response(status, headers, body))
}

pub(super) fn malformed() -> Response<Bytes> {
    let error = "Invalid scf response format. please check your scf response format.";
    reply::json(403, &json!({ "errno": 403, "error": error }))
}

pub(super) fn not_json(request_id: &str) -> Response<Bytes> {
    let error =
        format!("requestId {request_id} , Invalid scf response. expected scf response valid JSON.");
    reply::json(403, &json!({ "errno": 403, "error": error }))
}
