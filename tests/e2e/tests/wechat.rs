//! `AUTH=wechat` on the deployed binary: a login code is sent to WeChat once, and only its answer
//! makes a caller. A refusal makes no call to STS. The table of WeChat's numbers is in the unit
//! tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::time::Duration;

use cos_emulator::{Cloud, LambdaEvent, Platform, ScfEvent};
use cos_issuer_e2e::{Answer, Browser, ClosedPort, KeyServer, Process, cloud, printed};
use serde_json::{Value, json};

const CODE: &str = "0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P";
const OPEN_ID: &str = "oCANARY-openid-of-a-user_0123";
const SECRET: &str = "CANARY0wechat1secret2of3a4test5abc";

/// A web function, which is a plain server, and one event platform of each cloud.
const ON: [Platform; 3] =
    [Platform::ScfWeb, Platform::Scf(ScfEvent::ApiGateway), Platform::Lambda(LambdaEvent::HttpApi)];

#[tokio::test(flavor = "multi_thread")]
async fn a_login_code_makes_its_user_the_caller() {
    for platform in ON {
        let wechat = wechat(&user()).await;
        let (cloud, browser) = start(platform, &[&wechat.origin()], &[]).await;
        let answer = ask(&browser, CODE).await;
        assert_eq!(answer.status, 200, "{platform:?}: {answer:?}");
        assert_eq!((wechat.requests(), cloud.sts().call_count()), (1, 1), "{platform:?}");
        let asked = wechat.last_request();
        for part in ["GET /sns/jscode2session?", CODE, "grant_type=authorization_code", SECRET] {
            assert!(asked.contains(part), "{asked}");
        }
        assert!(printed(&cloud, "\"auth_method\":\"wechat\"").await, "{platform:?}");
        nothing_leaks(&cloud, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wechat_refuses_is_refused_and_never_asked_twice() {
    let wechat = wechat(&user()).await;
    let unused = KeyServer::start(&user()).await.unwrap();
    let hosts = [&*wechat.origin(), &*unused.origin()];
    let (cloud, browser) = start(Platform::ScfWeb, &hosts, &[]).await;
    let failure = |errcode: i64| json!({"errcode": errcode, "errmsg": "CANARY, rid: 5f-1a"});
    let mut calls = 0;
    for (answer, status, code) in [
        (failure(40029), 401, "AuthFailure.WechatCode"),
        (failure(40163), 401, "AuthFailure.WechatCode"),
        (failure(40226), 403, "UnauthorizedOperation.WechatUserBlocked"),
        (failure(45011), 429, "RequestLimitExceeded.Wechat"),
        (failure(40125), 503, "InternalError.WechatConfiguration"),
        (failure(-1), 503, "InternalError.WechatUnavailable"),
        (json!("<html>"), 503, "InternalError.WechatUnavailable"),
    ] {
        wechat.answer_with("HTTP/1.1 200 OK", answer.to_string().as_bytes());
        refused(&ask(&browser, CODE).await, status, code);
        calls += 1;
        assert_eq!(wechat.requests(), calls, "{answer}");
    }
    for head in ["HTTP/1.1 500 Internal Server Error", "HTTP/1.1 302 Found\r\nlocation: /user"] {
        wechat.answer_with(head, user().to_string().as_bytes());
        refused(&ask(&browser, CODE).await, 503, "InternalError.WechatUnavailable");
    }
    assert_eq!((unused.requests(), cloud.sts().call_count()), (0, 0));
    assert!(!cloud.function_output().contains("CANARY,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_code_causes_no_call() {
    let wechat = wechat(&user()).await;
    let (cloud, browser) = start(Platform::ScfWeb, &[&wechat.origin()], &[]).await;
    let long = "a".repeat(129);
    for code in ["", " ", "a b", "a%26secret=b", "a&openid=b", "../x", "é", &long] {
        let answer = ask(&browser, code).await;
        assert!(matches!(answer.status, 400 | 401), "{code}: {answer:?}");
    }
    let request = browser.request("GET", "/sts").header("X-WX-OPENID", OPEN_ID);
    let answer = browser.send(request).await.unwrap();
    refused(&answer, 401, "AuthFailure.ProofMissing");
    assert_eq!((wechat.requests(), cloud.sts().call_count()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_host_is_asked_only_when_the_first_cannot_be_reached() {
    let closed = ClosedPort::take().unwrap();
    let first = format!("http://127.0.0.1:{}", closed.port());
    let second = wechat(&user()).await;
    let (_cloud, browser) = start(Platform::ScfWeb, &[&first, &second.origin()], &[]).await;
    assert_eq!(ask(&browser, CODE).await.status, 200);
    assert_eq!(second.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_one_code_share_one_call() {
    let wechat = wechat(&user()).await;
    wechat.delay(Duration::from_millis(500));
    let cloud = cloud().start().await.unwrap();
    let mut server = Process::calling(&cloud, &settings(&wechat.origin())).unwrap();
    let browser = Browser::at(format!("http://{}", server.address().await.unwrap())).unwrap();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let browser = browser.clone();
        requests.spawn(async move { ask(&browser, CODE).await.status });
    }
    assert_eq!(requests.join_all().await, [200; 10]);
    assert_eq!(wechat.requests(), 1);
}

/// The code proves nothing before the call.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_an_address_counts_before_the_call() {
    let wechat = wechat(&json!({"errcode": 40029})).await;
    let limit = [("RATE_LIMIT", "2/1h")];
    let (cloud, browser) = start(Platform::ScfWeb, &[&wechat.origin()], &limit).await;
    for (status, code) in [
        (401, "AuthFailure.WechatCode"),
        (401, "AuthFailure.WechatCode"),
        (429, "RequestLimitExceeded.RateLimit"),
        (429, "RequestLimitExceeded.RateLimit"),
    ] {
        refused(&ask(&browser, CODE).await, status, code);
    }
    assert_eq!((wechat.requests(), cloud.sts().call_count()), (2, 0));
}

fn user() -> Value {
    json!({"openid": OPEN_ID, "session_key": "CANARY-session-key-of-a-user"})
}

async fn wechat(answer: &Value) -> KeyServer {
    KeyServer::start(answer).await.unwrap()
}

async fn start(platform: Platform, hosts: &[&str], more: &[(&str, &str)]) -> (Cloud, Browser) {
    let hosts = hosts.join(",");
    let mut variables = settings(&hosts).to_vec();
    variables.extend_from_slice(more);
    cos_issuer_e2e::start(platform, &variables).await.unwrap()
}

fn settings(hosts: &str) -> [(&'static str, &str); 5] {
    [
        ("AUTH", "wechat"),
        ("WECHAT_APPID", "wx0123456789abcdef"),
        ("WECHAT_SECRET", SECRET),
        ("WECHAT_ENDPOINTS", hosts),
        ("PREFIX", "users/{sub}/"),
    ]
}

async fn ask(browser: &Browser, code: &str) -> Answer {
    let request = browser.request("GET", "/sts");
    let value = format!("WeChat {code}");
    browser.send(request.header("Authorization", value)).await.unwrap()
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, answer.body["codeDesc"].as_str()), (status, Some(code)));
}

fn nothing_leaks(cloud: &Cloud, answer: &Answer) {
    let (output, body) = (cloud.function_output(), answer.body.to_string());
    for secret in [CODE, SECRET, "CANARY-session-key-of-a-user"] {
        assert!(!output.contains(secret) && !body.contains(secret), "{secret}");
    }
    assert!(!output.contains(OPEN_ID));
}
