//! Gateways: each event shape round trip, and each front's answer to a function that misbehaves.

use cos_emulator::{Cloud, LambdaEvent, Platform, ScfEvent};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{builder, plain_client};

const SHAPES: [Platform; 7] = [
    Platform::Scf(ScfEvent::FunctionUrl),
    Platform::Scf(ScfEvent::ApiGateway),
    Platform::Scf(ScfEvent::Clb),
    Platform::Lambda(LambdaEvent::FunctionUrl),
    Platform::Lambda(LambdaEvent::HttpApi),
    Platform::Lambda(LambdaEvent::Rest),
    Platform::Lambda(LambdaEvent::Alb),
];

const TARGET: &str = "/sign/a%20b?a=1&b=x%2Fy&a=2&flag";

async fn send(cloud: &Cloud, method: Method, target: &str, body: &str) -> Response {
    plain_client()
        .request(method, format!("{}{target}", cloud.gateway_url().unwrap()))
        .header("Content-Type", "application/json")
        .header("Cookie", "k=v; l=w")
        .header("X-Scf-Secret-Id", "forged")
        .header("X-Custom", "one")
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

/// The event that the function saw.
async fn event(shape: Platform, method: Method, target: &str, body: &str) -> Value {
    let cloud = builder(shape).start().await.unwrap();
    let response = send(&cloud, method, target, body).await;
    assert_eq!(response.status(), 201, "{shape:?}");
    assert_eq!(response.headers()["x-function"], "yes", "{shape:?}");
    assert_eq!(response.headers()["content-type"], "application/json");
    let mut body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    body["event"].take()
}

#[tokio::test]
async fn scf_function_url() {
    let event = event(SHAPES[0], Method::POST, TARGET, "{\"x\":1}").await;
    assert_eq!(event["httpMethod"], "POST");
    assert_eq!(event["path"], "/sign/a%20b");
    assert_eq!(event["queryString"], json!({ "a": ["1", "2"], "b": "x/y", "flag": true }));
    assert_eq!(event["body"], "{\"x\":1}");
    assert_eq!(event["headers"]["x-custom"], "one");
    assert_eq!(event["headers"]["x-scf-remote-addr"], "127.0.0.1");
    assert_eq!(event["headers"].get("x-scf-secret-id"), None, "clients cannot set it");
    for absent in ["requestContext", "isBase64Encoded", "pathParameters", "queryStringParameters"] {
        assert_eq!(event.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn scf_api_gateway() {
    let event = event(SHAPES[1], Method::POST, TARGET, "{\"x\":1}").await;
    assert_eq!(event["httpMethod"], "POST");
    assert_eq!(event["requestContext"]["httpMethod"], "ANY");
    assert_eq!(event["requestContext"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["path"], "/sign/a%20b");
    assert_eq!(event["queryString"], json!({ "a": ["1", "2"], "b": "x/y", "flag": true }));
    assert_eq!(event["queryStringParameters"], json!({}));
    assert_eq!(event["headers"]["requestsource"], "APIGW");
    assert_eq!(event["body"], "{\"x\":1}");
}

#[tokio::test]
async fn scf_load_balancer() {
    let event = event(SHAPES[2], Method::POST, TARGET, "{\"x\":1}").await;
    assert_eq!(event["headers"]["X-Method"], "POST");
    assert_eq!(event["headers"]["X-Uri"], TARGET);
    assert_eq!(event["headers"]["Content-type"], "application/json");
    assert_eq!(event["payload"], json!({ "x": 1 }));
    assert_eq!(event["isBase64Encoded"], "false");
    assert_eq!(event.get("httpMethod"), None);
}

#[tokio::test]
async fn lambda_payload_two() {
    for (shape, domain) in [(SHAPES[3], "lambda-url"), (SHAPES[4], "execute-api")] {
        let event = event(shape, Method::POST, TARGET, "{\"x\":1}").await;
        assert_eq!(event["version"], "2.0");
        assert_eq!(event["rawPath"], "/sign/a%20b");
        assert_eq!(event["rawQueryString"], "a=1&b=x%2Fy&a=2&flag");
        assert_eq!(event["queryStringParameters"], json!({ "a": "1,2", "b": "x/y", "flag": "" }));
        assert_eq!(event["cookies"], json!(["k=v", "l=w"]));
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["requestContext"]["http"]["method"], "POST");
        let name = event["requestContext"]["domainName"].as_str().unwrap();
        assert!(name.contains(domain), "{name}");
        assert_eq!(event["body"], "{\"x\":1}");
        assert_eq!(event["isBase64Encoded"], false);
    }
}

#[tokio::test]
async fn lambda_rest() {
    let event = event(SHAPES[5], Method::POST, TARGET, "{\"x\":1}").await;
    assert_eq!(event["httpMethod"], "POST");
    assert_eq!(event["multiValueQueryStringParameters"]["a"], json!(["1", "2"]));
    assert_eq!(event["queryStringParameters"]["a"], "2");
    assert_eq!(event["multiValueHeaders"]["x-custom"], json!(["one"]));
    assert_eq!(event["requestContext"]["stage"], "prod");
}

#[tokio::test]
async fn lambda_load_balancer() {
    let event = event(SHAPES[6], Method::POST, TARGET, "{\"x\":1}").await;
    assert!(event["requestContext"]["elb"]["targetGroupArn"].is_string());
    assert_eq!(event["queryStringParameters"]["b"], "x%2Fy", "still encoded");
    assert_eq!(event["body"], "{\"x\":1}");
}

#[tokio::test]
async fn a_request_without_query_and_body() {
    for shape in SHAPES {
        let event = event(shape, Method::GET, "/sign", "").await;
        for member in ["queryString", "queryStringParameters"] {
            let value = event.get(member).unwrap_or(&Value::Null);
            assert!(value.is_null() || *value == json!({}), "{shape:?} {member}: {value}");
        }
        let body = event.get("body").unwrap_or(&Value::Null);
        assert!(body.is_null() || body == "", "{shape:?}: {body}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_text() {
    for shape in SHAPES {
        let cloud = builder(shape).start().await.unwrap();
        let response = plain_client()
            .post(cloud.gateway_url().unwrap())
            .header("Content-Type", "application/octet-stream")
            .body(vec![0xff, 0x00, 0xfe])
            .send()
            .await
            .unwrap();
        let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let event = &reply["event"];
        let body = event.get("body").or_else(|| event.get("payload")).unwrap();
        assert_eq!(body, "/wD+", "{shape:?}");
        let flag = &event["isBase64Encoded"];
        assert!(*flag == json!(true) || *flag == json!("true"), "{shape:?}: {flag}");
    }
}

async fn refusal(shape: Platform, behave: &str) -> (u16, String) {
    let cloud = builder(shape).start().await.unwrap();
    let response = send(&cloud, Method::GET, &format!("/?behave={behave}"), "").await;
    let status = response.status().as_u16();
    (status, response.text().await.unwrap())
}

#[tokio::test]
async fn malformed_replies() {
    let invalid = "Invalid scf response format. please check your scf response format.";
    for shape in [SHAPES[0], SHAPES[1]] {
        let (status, body) = refusal(shape, "bad-shape").await;
        assert_eq!(status, 403, "{shape:?}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body, json!({ "errno": 403, "error": invalid }), "{shape:?}");
        let (status, body) = refusal(shape, "not-json").await;
        assert_eq!(status, 403);
        assert!(body.contains("expected scf response valid JSON."), "{body}");
    }
    for behave in ["bad-shape", "not-json"] {
        let (status, body) = refusal(SHAPES[2], behave).await;
        assert_eq!(status, 403);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body, json!({ "errno": 403, "error": "Analyse scf response failed." }));
    }
    for (shape, expected) in [
        (SHAPES[3], "Internal Server Error"),
        (SHAPES[4], r#"{"message":"Internal Server Error"}"#),
        (SHAPES[5], r#"{"message":"Internal server error"}"#),
    ] {
        for behave in ["bad-shape", "not-json", "error", "crash-busy", "too-large"] {
            let (status, body) = refusal(shape, behave).await;
            assert_eq!(status, 502, "{shape:?} {behave}");
            assert_eq!(body, expected, "{shape:?} {behave}");
        }
    }
    let (status, body) = refusal(SHAPES[6], "not-json").await;
    assert_eq!(status, 502);
    assert!(body.starts_with("<html>"), "{body}");
}

#[tokio::test]
async fn errors_of_scf() {
    for (behave, code) in [("error", 430), ("crash-busy", 439), ("too-large", 407)] {
        for shape in [SHAPES[0], SHAPES[1], SHAPES[2]] {
            // A load balancer's event shows the query only inside `X-Uri`, which serves as well.
            let (status, body) = refusal(shape, behave).await;
            assert_eq!(status, code, "{shape:?} {behave}");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["statusCode"], json!(code));
            assert!(body["errorCode"].is_i64() && body["errorMessage"].is_string());
            assert!(body["requestId"].is_string());
        }
    }
}

#[tokio::test]
async fn a_call_that_times_out_behind_the_api_gateway_is_http_200() {
    let limit = std::time::Duration::from_millis(300);
    for (shape, expected) in [(SHAPES[0], 433), (SHAPES[1], 200), (SHAPES[3], 502)] {
        let cloud = builder(shape).call_timeout(limit).start().await.unwrap();
        cloud.wait_ready().await.unwrap();
        let response = send(&cloud, Method::GET, "/?behave=hang-busy", "").await;
        assert_eq!(response.status(), expected, "{shape:?}");
    }
}

#[tokio::test]
async fn requests_over_the_limit() {
    for (shape, expected) in [(SHAPES[0], 406), (SHAPES[3], 413), (Platform::ScfWeb, 406)] {
        let cloud = builder(shape).start().await.unwrap();
        let body = "x".repeat(6 * 1024 * 1024 + 1);
        let response = send(&cloud, Method::POST, "/", &body).await;
        assert_eq!(response.status(), expected, "{shape:?}");
        assert!(cloud.function_processes().is_empty(), "no instance was started for it");
    }
}

async fn raw_reply(shape: Platform, raw: &str) -> Response {
    let cloud = builder(shape).env("BEHAVIOUR", "raw").env("RAW", raw).start().await.unwrap();
    send(&cloud, Method::GET, "/", "").await
}

#[tokio::test]
async fn replies_that_are_understood() {
    let encoded = r#"{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"/wD+","isBase64Encoded":true}"#;
    for shape in SHAPES {
        let response = raw_reply(shape, encoded).await;
        assert_eq!(response.status(), 200, "{shape:?}");
        assert_eq!(response.headers()["content-type"], "image/png");
        assert_eq!(response.bytes().await.unwrap().as_ref(), [0xff, 0x00, 0xfe], "{shape:?}");
    }
    // SCF: lists of header values, no redirects behind the API gateway.
    let lists = r#"{"statusCode":302,"headers":{"X-Many":["v1","v2"],"Location":"/x"},"body":""}"#;
    for (shape, redirects) in [(SHAPES[0], true), (SHAPES[1], false)] {
        let response = raw_reply(shape, lists).await;
        let many: Vec<_> = response.headers().get_all("x-many").iter().collect();
        assert_eq!(many, ["v1", "v2"]);
        assert_eq!(response.headers().contains_key("location"), redirects);
    }
    // No statusCode: the return is the body.
    for (shape, expected) in [(SHAPES[0], "\"hello\""), (SHAPES[3], "hello")] {
        let response = raw_reply(shape, "\"hello\"").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.text().await.unwrap(), expected);
    }
    // Payload 2.0 has cookies, payload 1.0 and load balancers have multi-value headers.
    let cookies = r#"{"statusCode":200,"headers":{},"cookies":["a=1","b=2"],"body":"x"}"#;
    let response = raw_reply(SHAPES[3], cookies).await;
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    let multi = r#"{"statusCode":200,"headers":{"x-a":"0"},"multiValueHeaders":{"X-A":["1","2"]},"body":"x"}"#;
    for shape in [SHAPES[5], SHAPES[6]] {
        let response = raw_reply(shape, multi).await;
        let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"], "{shape:?}");
    }
}

#[tokio::test]
async fn replies_that_are_not() {
    let wrong = [
        r#"{"statusCode":"200","body":""}"#,
        r#"{"statusCode":99,"body":""}"#,
        r#"{"statusCode":200,"body":{"a":1}}"#,
        r#"{"statusCode":200,"body":"%%","isBase64Encoded":true}"#,
        r#"{"statusCode":200,"body":"","isBase64Encoded":"true"}"#,
        r#"{"statusCode":200,"headers":[],"body":""}"#,
        r#"{"statusCode":200,"headers":{"bad name":"x"},"body":""}"#,
        r#"{"statusCode":200,"headers":{"x":"a\nb"},"body":""}"#,
    ];
    for raw in wrong {
        for (shape, status) in [(SHAPES[0], 403), (SHAPES[3], 502)] {
            assert_eq!(raw_reply(shape, raw).await.status(), status, "{shape:?} {raw}");
        }
    }
}
