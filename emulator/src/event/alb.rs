//! Lambda behind an application load balancer, multi-value headers off (the default).
//!
//! Documented: `requestContext.elb`, query values still percent-encoded, base64 by content type, 1
//! MB for a body and for the JSON of a response, 502 as an HTML page, also for a function that was
//! throttled
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>).
//! Inferred: which value of a repeated query name stays (the last).

use bytes::Bytes;
use http::Response;
use serde_json::{Map, Value, json};

use super::{GatewayRequest, reply, rest};
use crate::platform::{LambdaEvent, Platform, PlatformError};

pub(super) fn event(request: &GatewayRequest) -> Value {
    let (mut headers, _) = rest::header_maps(request);
    headers.insert("x-forwarded-for".to_owned(), json!(request.source_ip));
    headers.insert("x-forwarded-proto".to_owned(), json!("http"));
    headers.insert("x-forwarded-port".to_owned(), json!("80"));
    let (body, base64) = request.body_by_content_type();
    json!({
        "requestContext": {
            "elb": {
                "targetGroupArn": "arn:aws:elasticloadbalancing:ap-southeast-1:123456789012:targetgroup/emulator/49e9d65c45c6791a",
            },
        },
        "httpMethod": request.method.as_str(),
        "path": request.path,
        "queryStringParameters": raw_query(request),
        "headers": headers,
        "body": body,
        "isBase64Encoded": base64,
    })
}

/// The response; `None` when it is malformed.
pub(super) fn reply(bytes: &[u8]) -> Option<Response<Bytes>> {
    if bytes.len() > Platform::Lambda(LambdaEvent::Alb).reply_limit_bytes() {
        return None;
    }
    rest::reply(bytes)
}

pub(super) fn failure(error: Option<&PlatformError>) -> Response<Bytes> {
    let (status, title) = match error {
        Some(PlatformError::RequestTooLarge) => (413, "413 Request Entity Too Large"),
        _ => (502, "502 Bad Gateway"),
    };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    reply::text(status, "text/html", page)
}

fn raw_query(request: &GatewayRequest) -> Map<String, Value> {
    let pairs = request.query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), json!(value))
        })
        .collect()
}
