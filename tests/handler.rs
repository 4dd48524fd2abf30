//! The handler is total: a panic behind it is answered too.

#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a helper that fails must fail its test"
)]

use std::sync::Arc;

use cos_issuer::config::{Config, Environment};
use cos_issuer::request::{Request, RequestId, Unverified};
use cos_issuer::response::Response;
use cos_issuer::time::Clock;
use http::{HeaderMap, Method};
use serde_json::Value;

struct BrokenClock;

impl Clock for BrokenClock {
    fn unix_milliseconds(&self) -> u64 {
        panic!("CANARY: the clock is broken")
    }
}

#[tokio::test]
async fn a_panic_is_answered_and_the_next_request_is_served() {
    let environment: Environment = [
        ("AUTH", "none"),
        ("SECRET_ID", "AKIDexample"),
        ("SECRET_KEY", "example"),
        ("BUCKET", "examplebucket-1250000000"),
        ("REGION", "ap-guangzhou"),
        ("PREFIX", "users/"),
        ("ALLOW", "upload"),
        ("STS_ENDPOINTS", "http://127.0.0.1:9"),
    ]
    .into_iter()
    .collect();
    let config = Config::read(&environment, &|_| Ok(Vec::new()), Arc::new(BrokenClock));
    let handler = config
        .unwrap_or_else(|problems| panic!("{problems:?}"))
        .handler;

    let response = handler.handle(&request("/sign")).await;
    assert_eq!(response.status.as_u16(), 500);
    let body = body(&response);
    assert_eq!(body["codeDesc"], "InternalError");
    assert_eq!(body["requestId"], "request-1");
    assert!(!response.body.contains("CANARY"));

    let response = handler.handle(&request("/healthz")).await;
    assert_eq!(response.status.as_u16(), 200);
}

fn request(path: &str) -> Request {
    let unverified = Unverified {
        method: Method::GET,
        path: path.to_owned(),
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Vec::new(),
        identity: None,
    };
    Request::new(
        unverified,
        RequestId::from_platform(Some("request-1")),
        None,
    )
    .expect("a request")
}

fn body(response: &Response) -> Value {
    serde_json::from_str(&response.body).expect("JSON")
}
