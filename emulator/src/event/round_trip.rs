//! There and back: the request that an event describes becomes the same event again.
//!
//! What a shape cannot express is omitted: letter case, the order of names, and what the gateway
//! adds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::GatewayRequest;
use crate::platform::{LambdaEvent, Platform, ScfEvent};

#[test]
fn every_shape_contains_the_whole_request() {
    let shapes = [
        Platform::Scf(ScfEvent::FunctionUrl),
        Platform::Scf(ScfEvent::ApiGateway),
        Platform::Scf(ScfEvent::Clb),
        Platform::Lambda(LambdaEvent::FunctionUrl),
        Platform::Lambda(LambdaEvent::HttpApi),
        Platform::Lambda(LambdaEvent::Rest),
        Platform::Lambda(LambdaEvent::Alb),
    ];
    for shape in shapes {
        let event = |request: &GatewayRequest| shape.event_of(request).unwrap();
        for request in requests() {
            let first = event(&request);
            let again = event(&request_of(&first));
            assert_eq!(again, first, "{shape:?}");
            // It describes the request, so that two requests never look alike.
            let shown = request_of(&first);
            assert_eq!(shown.method, request.method, "{shape:?}");
            assert_eq!(shown.path, request.path, "{shape:?}");
            assert_eq!(shown.body, request.body, "{shape:?}");
            assert_eq!(shown.header("x-custom"), request.header("x-custom"), "{shape:?}");
        }
    }
}

#[test]
fn a_client_cannot_write_the_headers_of_a_load_balancer() {
    let mut request = requests().remove(0);
    for name in ["x-method", "x-uri", "x-real-ip", "x-forwarded-for"] {
        request.headers.insert(name, HeaderValue::from_static("forged"));
    }
    let event = Platform::Scf(ScfEvent::Clb).event_of(&request).unwrap();
    assert!(!event.to_string().contains("forged"), "{event}");
}

fn requests() -> Vec<GatewayRequest> {
    let request =
        |method: Method, path: &str, query: &str, kind: &'static str, body: &'static [u8]| {
            GatewayRequest {
                method,
                path: path.to_owned(),
                query: query.to_owned(),
                headers: HeaderMap::from_iter([
                    (http::header::HOST, HeaderValue::from_static("example.test")),
                    (http::header::CONTENT_TYPE, HeaderValue::from_static(kind)),
                    (HeaderName::from_static("x-custom"), HeaderValue::from_static("one")),
                ]),
                body: Bytes::from_static(body),
                request_id: "6add56fa-1111-4222-8333-444444444444".to_owned(),
                source_ip: "127.0.0.1".to_owned(),
                unix_seconds: 1_767_225_600,
            }
        };
    vec![
        request(Method::GET, "/sign", "", "text/plain", b""),
        request(Method::GET, "/sts", "a=1&b=x%2Fy", "text/plain", b""),
        request(Method::POST, "/a%20b", "a=1", "application/json", b"{\"x\":1}"),
        request(Method::PUT, "/", "", "application/octet-stream", &[0xff, 0x00, 0xfe]),
        request(Method::DELETE, "/x", "", "text/plain", "ä".as_bytes()),
    ]
}

/// The request that an event of any shape describes.
fn request_of(event: &Value) -> GatewayRequest {
    let mut headers = HeaderMap::new();
    for (name, value) in members(&event["headers"]) {
        let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).unwrap();
        headers.insert(name, value.as_str().unwrap().parse().unwrap());
    }
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let context = &event["requestContext"];
    let method =
        first([&event["httpMethod"], &context["http"]["method"]]).or_else(|| header("x-method"));
    let target = header("x-uri").unwrap_or_default();
    let (uri_path, uri_query) = target.split_once('?').unwrap_or((&target, ""));
    let path = first([&event["path"], &event["rawPath"]]).unwrap_or_else(|| uri_path.to_owned());
    let query = first([&event["rawQueryString"]]).unwrap_or_else(|| {
        let encoded = !context["elb"].is_null();
        let shown = [&event["queryString"], &event["queryStringParameters"]]
            .into_iter()
            .find(|shown| shown.as_object().is_some_and(|shown| !shown.is_empty()));
        shown.map_or_else(|| uri_query.to_owned(), |shown| query_of(shown, encoded))
    });
    let body = match [&event["body"], &event["payload"]].into_iter().find(|body| !body.is_null()) {
        Some(Value::String(text)) => text.clone(),
        Some(object) => object.to_string(),
        None => String::new(),
    };
    let is_base64 = event["isBase64Encoded"] == true || event["isBase64Encoded"] == "true";
    let body = if is_base64 { STANDARD.decode(body).unwrap() } else { body.into_bytes() };
    let request_id = first([&context["requestId"]]);
    GatewayRequest {
        method: method.unwrap().parse().unwrap(),
        path,
        query,
        headers,
        body: Bytes::from(body),
        request_id: request_id.unwrap_or_else(|| "6add56fa-1111-4222-8333-444444444444".to_owned()),
        source_ip: "127.0.0.1".to_owned(),
        unix_seconds: 1_767_225_600,
    }
}

fn first<const N: usize>(values: [&Value; N]) -> Option<String> {
    values.into_iter().find_map(Value::as_str).map(str::to_owned)
}

fn members(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

fn query_of(shown: &Value, encoded: bool) -> String {
    let encode = |text: &str| {
        if encoded {
            text.to_owned()
        } else {
            utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
        }
    };
    let pairs: Vec<String> = members(shown)
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value.as_str().unwrap())))
        .collect();
    pairs.join("&")
}
