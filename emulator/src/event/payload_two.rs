//! AWS payload format 2.0, which function URLs and HTTP APIs share.
//!
//! Documented: the members, repeated query names and headers joined by commas, cookies apart, the
//! inference of a response without `statusCode`. Inferred: paths go out as they came in.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::{Map, Value, json};
use tencent::time::Timestamp;

use super::GatewayRequest;
use super::reply::{self, Lists};

/// The event, for an API whose id and domain are given.
pub(super) fn event(request: &GatewayRequest, api_id: &str, domain: &str) -> Value {
    let mut headers = request.joined_headers();
    let cookies: Vec<String> = headers
        .remove(header::COOKIE.as_str())
        .and_then(|cookies| cookies.as_str().map(str::to_owned))
        .map(|cookies| cookies.split(';').map(|one| one.trim().to_owned()).collect())
        .unwrap_or_default();
    headers.insert("x-forwarded-for".to_owned(), json!(request.source_ip));
    headers.insert("x-forwarded-proto".to_owned(), json!("https"));
    headers.insert("x-forwarded-port".to_owned(), json!("443"));
    let (body, base64) = request.body_by_content_type();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": api_id,
            "domainName": domain,
            "domainPrefix": api_id,
            "http": {
                "method": request.method.as_str(),
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent").unwrap_or_default(),
            },
            "requestId": request.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": Timestamp::from_unix_seconds(request.unix_seconds).map(Timestamp::iso_8601),
            "timeEpoch": request.unix_seconds.saturating_mul(1000),
        },
        "isBase64Encoded": base64,
    });
    // Absent, not empty, without a value.
    if let Some(members) = event.as_object_mut() {
        if !body.is_empty() {
            members.insert("body".to_owned(), json!(body));
        }
        if !cookies.is_empty() {
            members.insert("cookies".to_owned(), json!(cookies));
        }
        if !request.query.is_empty() {
            members.insert("queryStringParameters".to_owned(), joined_query(request));
        }
    }
    event
}

/// The response; `None` when it is malformed.
pub(super) fn reply(bytes: &[u8]) -> Option<Response<Bytes>> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let Some(members) = value.as_object().filter(|it| it.contains_key("statusCode")) else {
        return Some(inferred(&value));
    };
    let status = reply::status(members)?;
    let mut headers = reply::headers(members, "headers", Lists::Refuse)?;
    for cookie in members.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        let cookie = HeaderValue::from_str(cookie.as_str()?).ok()?;
        headers.append(header::SET_COOKIE, cookie);
    }
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    let body = reply::body(members)?;
    Some(reply::response(status, headers, body))
}

fn inferred(value: &Value) -> Response<Bytes> {
    let body = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    reply::text(200, "application/json", body)
}

fn joined_query(request: &GatewayRequest) -> Value {
    let mut joined: Map<String, Value> = Map::new();
    for (name, value) in request.query_pairs() {
        let value = value.unwrap_or_default();
        let value = match joined.get(&name).and_then(Value::as_str) {
            Some(first) => format!("{first},{value}"),
            None => value,
        };
        joined.insert(name, Value::String(value));
    }
    Value::Object(joined)
}
