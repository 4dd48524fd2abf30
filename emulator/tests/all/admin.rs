//! The admin API: what it does, and which requests it refuses.

use cos_emulator::{Cloud, Platform};
use reqwest::header::{HOST, HeaderName, ORIGIN};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tencent::time::Clock as _;

use crate::support::{Tc3, builder, code, federation, issued, plain_client};

async fn cloud() -> Cloud {
    Cloud::builder().admin_port(0).start().await.unwrap()
}

/// A request without its token.
fn bare(cloud: &Cloud, method: Method, path: &str) -> RequestBuilder {
    let url = format!("{}{path}", cloud.admin().unwrap().url());
    plain_client().request(method, url)
}

fn request(cloud: &Cloud, method: Method, path: &str) -> RequestBuilder {
    bare(cloud, method, path).bearer_auth(cloud.admin().unwrap().token())
}

fn body(request: RequestBuilder, value: &Value) -> RequestBuilder {
    request.header("content-type", "application/json").body(value.to_string())
}

async fn post(cloud: &Cloud, path: &str, order: &Value) -> (StatusCode, Value) {
    sent(body(request(cloud, Method::POST, path), order)).await
}

async fn sent(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let is_error = response.headers().contains_key("x-emulator-error");
    assert_eq!(is_error, !status.is_success(), "{status}");
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap())
}

#[tokio::test]
async fn the_root_lists_every_service() {
    let builder = builder(Platform::ScfWeb).seed(9).admin_port(0);
    let cloud = builder.start().await.unwrap();
    let (status, root) = sent(request(&cloud, Method::GET, "")).await;
    assert_eq!(status, 200);
    assert_eq!(root["services"]["gateway"], cloud.gateway_url().unwrap());
    assert_eq!(root["services"]["sts"], cloud.sts().https_url());
    assert_eq!(root["services"]["stsHttp"], cloud.sts().http_url());
    assert_eq!(root["seed"], 9);
    assert_eq!(root["clock"]["frozen"], false);
    for secret in cloud.secrets() {
        assert!(!root.to_string().contains(&secret));
    }
    let (status, decisions) = sent(request(&cloud, Method::GET, "/decisions")).await;
    assert_eq!(status, 200);
    assert!(decisions["decisions"].is_array());
}

#[tokio::test]
async fn the_admin_api_starts_only_when_asked_for() {
    let cloud = crate::support::sts_only().await;
    assert!(cloud.admin().is_none());
    let cloud = builder(Platform::ScfWeb).start().await.unwrap();
    let url = format!("{}/_emulator/faults", cloud.gateway_url().unwrap());
    let response = plain_client().get(url).send().await.unwrap();
    let answer = response.text().await.unwrap();
    assert!(answer.contains("/_emulator/faults"), "the function's own path: {answer}");
}

#[tokio::test]
async fn faults_are_added_listed_felt_and_taken_away() {
    let cloud = cloud().await;
    let outage = json!({ "service": "sts", "kind": "outage", "nth": 1 });
    let latency = json!({ "service": "gateway", "kind": "latency", "delay_ms": 5 });
    let (status, added) = post(&cloud, "/faults", &json!([outage, latency])).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(added, json!({ "ids": [1, 2] }));
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let refused = plain_client().post(cloud.sts().http_url()).send();
    assert_eq!(refused.await.unwrap().status(), 503);
    issued(&call.send(cloud.sts()).await);
    let (_, listed) = sent(request(&cloud, Method::GET, "/faults")).await;
    assert_eq!(listed["faults"][0]["struck"], 1);
    assert_eq!(listed["faults"][0]["calls"], 2);
    assert_eq!(listed["faults"][1]["kind"], "latency");
    let (status, left) = sent(request(&cloud, Method::DELETE, "/faults/1")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(left["faults"].as_array().unwrap().len(), 1);
    let (status, _) = sent(request(&cloud, Method::DELETE, "/faults/1")).await;
    assert_eq!(status, 404);
    sent(request(&cloud, Method::DELETE, "/faults")).await;
    assert!(cloud.faults().list().is_empty());
}

#[tokio::test]
async fn the_clock_is_moved_stopped_and_reset() {
    let cloud = cloud().await;
    let post = async |order: Value| post(&cloud, "/clock", &order).await;
    let (_, time) = post(json!({ "set": "2019-02-25T16:44:25Z" })).await;
    let now = time["now"].as_str().unwrap();
    assert!(now.starts_with("2019-02-25T16:44:2"), "{time}");
    post(json!({ "frozen": true })).await;
    post(json!({ "set": 1_551_113_065 })).await;
    let (_, time) = post(json!({ "advance": "31m" })).await;
    assert_eq!(time["unixSeconds"], 1_551_113_065 + 1860);
    let (_, time) = post(json!({ "advance": -60 })).await;
    assert_eq!(time["unixSeconds"], 1_551_113_065 + 1800);
    assert_eq!(time["frozen"], true);
    assert_eq!(cloud.clock().now().unix_seconds(), 1_551_113_065 + 1800);
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let answer = call.send(cloud.sts()).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureExpire");
    let (_, time) = post(json!({ "reset": true })).await;
    assert_eq!(time["frozen"], false);
    assert_eq!(time["offsetSeconds"], 0);
    issued(&call.send(cloud.sts()).await);
    let (_, read) = sent(request(&cloud, Method::GET, "/clock")).await;
    assert_eq!(read["offsetSeconds"], 0);
}

#[tokio::test]
async fn a_revoked_key_works_no_more() {
    let cloud = cloud().await;
    let id = cloud.sub_account_key().secret_id.clone();
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    issued(&call.send(cloud.sts()).await);
    let (status, _) = sent(request(&cloud, Method::DELETE, &format!("/keys/{id}"))).await;
    assert_eq!(status, 200);
    let answer = call.send(cloud.sts()).await;
    assert_eq!(code(&answer), "AuthFailure.SecretIdNotFound");
    let (status, _) = sent(request(&cloud, Method::DELETE, &format!("/keys/{id}"))).await;
    assert_eq!(status, 404);
    let (status, _) = sent(request(&cloud, Method::GET, &format!("/keys/{id}"))).await;
    assert_eq!(status, 405, "keys are not read");
}

#[tokio::test]
async fn a_recycled_instance_ends_and_a_fresh_one_serves() {
    let cloud = builder(Platform::ScfWeb).admin_port(0).start().await.unwrap();
    cloud.wait_ready().await.unwrap();
    let [process] = cloud.function_processes()[..] else { panic!("one instance") };
    let (_, before) = sent(request(&cloud, Method::GET, "/instances")).await;
    assert_eq!(before["functions"][0]["gateway"], "gateway");
    assert_eq!(before["functions"][0]["instances"][0]["process"], process);
    for unknown in ["0", "x", "-1"] {
        let path = format!("/instances/{unknown}");
        let (status, error) = sent(request(&cloud, Method::DELETE, &path)).await;
        assert_eq!((status.as_u16(), &error["error"]["code"]), (404, &json!("NoSuchInstance")));
    }
    let path = format!("/instances/{process}");
    let (status, after) = sent(request(&cloud, Method::DELETE, &path)).await;
    assert_eq!((status.as_u16(), &after["functions"][0]["instances"]), (200, &json!([])));
    cloud.wait_ready().await.unwrap();
    assert!(matches!(cloud.function_processes()[..], [fresh] if fresh != process));
    let (status, _) = sent(request(&cloud, Method::DELETE, "/instances")).await;
    assert_eq!((status.as_u16(), cloud.function_processes().len()), (200, 0));
}

#[tokio::test]
async fn the_trace_is_lines_of_json_without_secrets() {
    let cloud = cloud().await;
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    issued(&call.send(cloud.sts()).await);
    let response = request(&cloud, Method::GET, "/trace").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    assert_eq!(text.lines().count(), 1, "the admin API is not traced");
    assert!(text.contains("GetFederationToken"));
    for secret in cloud.secrets() {
        assert!(!text.contains(&secret));
    }
}

#[tokio::test]
async fn invalid_orders_change_nothing() {
    let cloud = cloud().await;
    let post = async |path: &str, order: &Value| post(&cloud, path, order).await;
    for order in [
        json!({}),
        json!([]),
        json!({ "advance": "soon" }),
        json!({ "advance": 1.5 }),
        json!({ "advance": null }),
        json!({ "advance": i64::MAX }),
        json!({ "advance": i64::MIN }),
        json!({ "advance": "70000000h" }),
        json!({ "set": "9999-12-31T23:59:59Z" }),
        json!({ "set": i64::MAX }),
        json!({ "set": "tomorrow" }),
        json!({ "set": -1 }),
        json!({ "frozen": "yes" }),
        json!({ "reset": false }),
        json!({ "advance": 60, "frozen": true }),
        json!({ "back": 60 }),
    ] {
        assert_eq!(post("/clock", &order).await.0, 400, "{order}");
    }
    assert_eq!(cloud.clock().offset_seconds(), 0);
    assert!(!cloud.clock().is_frozen());
    let outage = json!({ "service": "sts", "kind": "outage" });
    for order in [
        json!({}),
        json!({ "service": "sts" }),
        json!({ "service": "sts", "kind": "outage", "nht": 1 }),
        json!({ "service": "sts", "kind": "dns-fail" }),
        json!([outage, { "service": "gateway", "kind": "stale-pair" }]),
        json!([outage, { "service": "sts", "kind": "dns-fail" }]),
        json!([outage, { "service": "sts", "kind": "latency", "delay_ms": u64::MAX }]),
        json!([outage, { "service": "cos", "kind": "http", "status": 500, "content_type": "a\nb: c" }]),
        json!("outage"),
    ] {
        assert_eq!(post("/faults", &order).await.0, 400, "{order}");
    }
    assert!(cloud.faults().list().is_empty(), "all or none");
    let not_json = request(&cloud, Method::POST, "/faults")
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(sent(not_json).await.0, 400);
    let large = json!({ "service": "sts", "kind": "error", "code": "x".repeat(70_000) });
    assert_eq!(post("/faults", &large).await.0, 413);
    for (method, path, status) in [
        (Method::PUT, "/faults", 405),
        (Method::GET, "/faults/1", 405),
        (Method::DELETE, "/clock", 405),
        (Method::GET, "/secrets", 404),
        (Method::GET, "/../_emulator/secrets", 404),
        (Method::DELETE, "/keys", 404),
        (Method::GET, "s", 404),
        (Method::GET, "clock", 404),
        (Method::DELETE, "faults", 404),
    ] {
        let refused = sent(request(&cloud, method.clone(), path)).await;
        assert_eq!(refused.0, status, "{method} {path}");
    }
}

/// Every order that changes something.
fn orders(cloud: &Cloud) -> [(Method, String, Option<Value>); 4] {
    let outage = json!({ "service": "sts", "kind": "outage" });
    let hour = json!({ "advance": 3600 });
    let id = &cloud.sub_account_key().secret_id;
    [
        (Method::POST, "/faults".to_owned(), Some(outage)),
        (Method::POST, "/clock".to_owned(), Some(hour)),
        (Method::DELETE, format!("/keys/{id}"), None),
        (Method::DELETE, "/faults".to_owned(), None),
    ]
}

/// A cloud with one fault that a request could remove.
async fn cloud_with_a_fault() -> Cloud {
    let cloud = cloud().await;
    let kept = json!({ "service": "gateway", "kind": "outage" });
    post(&cloud, "/faults", &kept).await;
    cloud
}

/// Sends every order, tampered with, and expects this refusal.
async fn refused(
    cloud: &Cloud,
    case: &str,
    status: u16,
    tamper: impl Fn(RequestBuilder) -> RequestBuilder,
) {
    for (method, path, value) in orders(cloud) {
        let mut tampered = tamper(bare(cloud, method.clone(), &path));
        if let Some(value) = value {
            tampered = body(tampered, &value);
        }
        let response = tampered.send().await.unwrap();
        assert_eq!(response.status(), status, "{case}: {method} {path}");
        let cors =
            response.headers().keys().any(|name| name.as_str().starts_with("access-control"));
        assert!(!cors, "{case}");
    }
}

/// The effect of every order is absent.
async fn nothing_happened(cloud: &Cloud) {
    let faults = cloud.faults().list();
    assert_eq!(faults.len(), 1, "neither added nor taken away");
    assert_eq!(faults[0].service, cos_emulator::Service::Gateway);
    assert_eq!(cloud.clock().offset_seconds(), 0);
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    issued(&call.send(cloud.sts()).await);
}

#[tokio::test]
async fn without_the_token_nothing_changes() {
    let cloud = cloud_with_a_fault().await;
    let token = cloud.admin().unwrap().token().to_owned();
    let part: String = token.chars().take(39).collect();
    let swapped: String = token.chars().rev().collect();
    #[rustfmt::skip]
    let headers = [
        ("x-nothing", String::new()),
        ("authorization", "Bearer ".to_owned()),
        ("authorization", format!("Bearer {part}")),
        ("authorization", format!("Bearer {token}x")),
        ("authorization", format!("Bearer {swapped}")),
        ("authorization", format!("Bearer {}", cloud.root_key().secret_key)),
        ("x-token", token.clone()),
        ("cookie", format!("token={token}")),
    ];
    for (name, value) in headers {
        let case = format!("{name}: {value}");
        refused(&cloud, &case, 401, |request| request.header(name, &value)).await;
    }
    let basic = |request: RequestBuilder| request.basic_auth("token", Some(&token));
    refused(&cloud, "another scheme", 401, basic).await;
    let twice = |request: RequestBuilder| request.bearer_auth(&token).bearer_auth(&token);
    refused(&cloud, "twice", 401, twice).await;
    nothing_happened(&cloud).await;
}

#[tokio::test]
async fn a_page_in_a_browser_changes_nothing_even_with_the_token() {
    let cloud = cloud_with_a_fault().await;
    let admin = cloud.admin().unwrap();
    let tampered = |name: HeaderName, value: &str| {
        let value = value.to_owned();
        move |request: RequestBuilder| request.bearer_auth(admin.token()).header(&name, &value)
    };
    for host in [
        "evil.example",
        "evil.example:5000",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "",
    ] {
        refused(&cloud, host, 403, tampered(HOST, host)).await;
    }
    let own = admin.url().replace("/_emulator", "");
    for origin in ["https://evil.example", "null", "http://localhost:5000", own.as_str()] {
        refused(&cloud, origin, 403, tampered(ORIGIN, origin)).await;
    }
    nothing_happened(&cloud).await;
}

#[tokio::test]
async fn a_form_or_a_preflight_changes_nothing() {
    let cloud = cloud_with_a_fault().await;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
    {
        for (method, path, value) in orders(&cloud) {
            let Some(value) = value else { continue };
            let mut tampered = request(&cloud, method, &path).body(value.to_string());
            if !content_type.is_empty() {
                tampered = tampered.header("content-type", content_type);
            }
            let status = tampered.send().await.unwrap().status();
            assert_eq!(status, 415, "{content_type}: {path}");
        }
    }
    let preflight =
        bare(&cloud, Method::OPTIONS, "/faults").header("access-control-request-method", "POST");
    assert_eq!(preflight.send().await.unwrap().status(), 401);
    nothing_happened(&cloud).await;
}
