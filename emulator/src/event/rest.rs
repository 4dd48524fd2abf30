//! Lambda behind a REST API: payload 1.0 with its pairs of single and multi-value maps.
//!
//! Documented: the members, that a response needs `statusCode`, 502 for a malformed one and 500
//! where Lambda took no invocation
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html>), 504 after the
//! gateway's own limit
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>). Inferred: 413,
//! and base64 for a body that is not text (the gateway's binary media types are configuration).

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::GatewayRequest;
use super::reply::{self, Lists};
use crate::platform::PlatformError;

pub(super) fn event(request: &GatewayRequest) -> Value {
    let (headers, multi_value_headers) = header_maps(request);
    let (query, multi_value_query) = query_maps(request.query_pairs());
    let (body, base64) = request.body_by_utf8();
    json!({
        "resource": "/{proxy+}",
        "path": request.path,
        "httpMethod": request.method.as_str(),
        "headers": headers,
        "multiValueHeaders": multi_value_headers,
        "queryStringParameters": or_null(query),
        "multiValueQueryStringParameters": or_null(multi_value_query),
        "pathParameters": { "proxy": request.path.trim_start_matches('/') },
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "emulatorrest",
            "domainName": request.host(),
            "resourcePath": "/{proxy+}",
            "path": format!("/prod{}", request.path),
            "httpMethod": request.method.as_str(),
            "protocol": "HTTP/1.1",
            "requestId": request.request_id,
            "stage": "prod",
            "requestTimeEpoch": request.unix_seconds.saturating_mul(1000),
            "identity": {
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent"),
            },
        },
        "body": if body.is_empty() { Value::Null } else { json!(body) },
        "isBase64Encoded": base64,
    })
}

/// The response; `None` when it is malformed.
pub(super) fn reply(bytes: &[u8]) -> Option<Response<Bytes>> {
    let members: Map<String, Value> = serde_json::from_slice(bytes).ok()?;
    let status = reply::status(&members)?;
    let headers = both_header_maps(&members)?;
    let body = reply::body(&members)?;
    Some(reply::response(status, headers, body))
}

pub(super) fn failure(error: Option<&PlatformError>) -> Response<Bytes> {
    match error {
        Some(PlatformError::Throttled) => {
            reply::json(500, &json!({ "message": "Internal server error" }))
        }
        Some(PlatformError::GatewayTimeout { .. }) => {
            reply::json(504, &json!({ "message": "Endpoint request timed out" }))
        }
        Some(PlatformError::RequestTooLarge) => {
            reply::json(413, &json!({ "message": "Request Too Long" }))
        }
        _ => reply::json(502, &json!({ "message": "Internal server error" })),
    }
}

/// `headers` and `multiValueHeaders`; a name in both is taken from the second.
fn both_header_maps(members: &Map<String, Value>) -> Option<http::HeaderMap> {
    let mut headers = reply::headers(members, "headers", Lists::Refuse)?;
    let multi_value = reply::headers(members, "multiValueHeaders", Lists::Accept)?;
    for name in multi_value.keys() {
        headers.remove(name);
    }
    for (name, value) in &multi_value {
        headers.append(name.clone(), value.clone());
    }
    Some(headers)
}

/// The last value of each name, and the list of all.
pub(super) fn header_maps(request: &GatewayRequest) -> (Map<String, Value>, Map<String, Value>) {
    let pairs = request.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    maps(pairs)
}

fn query_maps(pairs: Vec<(String, Option<String>)>) -> (Map<String, Value>, Map<String, Value>) {
    maps(pairs.into_iter().map(|(name, value)| (name, value.unwrap_or_default())))
}

fn maps(pairs: impl Iterator<Item = (String, String)>) -> (Map<String, Value>, Map<String, Value>) {
    let (mut last, mut all) = (Map::new(), Map::new());
    for (name, value) in pairs {
        last.insert(name.clone(), json!(value));
        if let Some(list) = all.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            list.push(json!(value));
        }
    }
    (last, all)
}

fn or_null(members: Map<String, Value>) -> Value {
    if members.is_empty() { Value::Null } else { Value::Object(members) }
}
