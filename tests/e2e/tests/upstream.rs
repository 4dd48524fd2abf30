//! STS on a bad day: what never reaches the caller, and which connections are made. `fault_matrix`
//! has the table of faults, the unit tests that of STS's error codes.

#![expect(clippy::indexing_slicing, reason = "a fault in a helper of these tests is a failed test")]
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use cos_emulator::{Cloud, Fault, FaultRule, Platform, Service};
use cos_issuer_e2e::{
    Answer, Browser, Canary, ClosedPort, ConnectProxy, FlakyPort, KeyServer, Process, VARIABLES,
    issuer_on, printed, start,
};
use serde_json::Value;
use tencent::time::{Clock as _, SystemClock};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// What a caller gets: the status and the stable name.
type Told = (u16, &'static str);
const REFUSED: Told = (502, "InternalError.UpstreamRefused");
const THROTTLED: Told = (503, "RequestLimitExceeded.Upstream");
const TIMEOUT: Told = (504, "InternalError.UpstreamTimeout");
const UNAVAILABLE: Told = (502, "InternalError.UpstreamUnavailable");

const CANARY: &str = "CANARY account 100000000001";

#[tokio::test(flavor = "multi_thread")]
async fn each_error_of_sts_has_its_code_and_its_text_stays_in_the_log() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for (code, told) in [
        ("InternalError.DbError", UNAVAILABLE),
        ("InvalidParameter.PolicyTooLong", REFUSED),
        ("RequestLimitExceeded", THROTTLED),
        ("NeverHeardOf", REFUSED),
    ] {
        let fault = Fault::ApiError { code: code.to_owned(), message: CANARY.to_owned() };
        let answer = during(&cloud, &browser, fault).await;
        assert_failure(&answer, told, code);
        assert!(!answer.body["message"].to_string().contains(code), "{code} is for the operator");
        assert!(printed(&cloud, code).await, "{code} is not in the log");
        assert_eq!(answer.headers.contains_key("retry-after"), told != REFUSED, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_key_is_the_operators_affair() {
    let builder = issuer_on(Platform::ScfWeb).unwrap().env("SECRET_KEY", "CANARY-wrong-secret-key");
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    let answer = browser.get("/sign").await.unwrap();
    assert_failure(&answer, REFUSED, "wrong key");
    assert!(printed(&cloud, "\"code\":\"InternalError.UpstreamRefused\"").await);
    // A probe that failed would take every instance away, and none could find a new key.
    assert_eq!(browser.get("/readyz").await.unwrap().status, 200);
    let outcomes: Vec<String> = cloud.sts().calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["AuthFailure.SignatureFailure"], "not tried again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_of_another_account_is_the_operators_affair() {
    let builder = issuer_on(Platform::ScfWeb).unwrap().env("BUCKET", "examplebucket-1259999999");
    let cloud = builder.start().await.unwrap();
    let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
    assert_failure(&answer, REFUSED, "other account");
    assert!(printed(&cloud, "InvalidParameter.GrantOtherResource").await);
    assert!(printed(&cloud, "the appid in BUCKET").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_endpoint_serves_when_the_first_cannot() {
    let closed = ClosedPort::take().unwrap();
    let dead = format!("http://127.0.0.1:{}", closed.port());
    // The STS's own port is known only once a cloud runs, so the function is given that of another
    // one.
    let other = issuer_on(Platform::ScfWeb).unwrap().start().await.unwrap();
    let key = other.sub_account_key();
    let builder = issuer_on(Platform::ScfWeb)
        .unwrap()
        .env("STS_ENDPOINTS", format!("{dead},{}", other.sts().http_url()))
        .env("SECRET_ID", key.secret_id.clone())
        .env("SECRET_KEY", key.secret_key.clone());
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    // A refusal is final: the next endpoint would say the same.
    other.sts().inject([Fault::ApiError {
        code: "UnauthorizedOperation".to_owned(),
        message: String::new(),
    }]);
    assert_eq!(browser.get("/sign").await.unwrap().status, 502);
    assert_eq!(other.sts().call_count(), 2);
}

/// The platforms of this test are scripted and end nothing, so a busy machine cannot be late. What
/// counts is when the function gives up: within its limit, and at once when the rest would not do
/// for an answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_limit_ends_a_call_before_the_platform_does() {
    const SCF: (&str, &str) = ("SCF_RUNTIME_API", r#"{"httpMethod":"GET","path":"/sign"}"#);
    const LAMBDA: (&str, &str) = (
        "AWS_LAMBDA_RUNTIME_API",
        r#"{"version":"2.0","rawPath":"/sign","requestContext":{"http":{"method":"GET"}}}"#,
    );
    for (limit, calls_sts) in [(5000, true), (150, false)] {
        for (platform_at, event) in [SCF, LAMBDA] {
            let deadline = SystemClock.unix_milliseconds().saturating_add(limit);
            let headers = format!(
                "request_id: 1\r\ntime_limit_in_ms: {limit}\r\n\
                 lambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
                 lambda-runtime-invoked-function-arn: arn"
            );
            let platform = KeyServer::start(&Value::Null).await.unwrap();
            platform.answer_with(&format!("HTTP/1.1 200 OK\r\n{headers}"), event.as_bytes());
            let url = platform.url();
            let at = url.trim_start_matches("http://").trim_end_matches("/keys");
            let (host, port) = at.split_once(':').unwrap();
            let at = if platform_at == SCF.0 { host } else { at };
            // The system accepts the connection; nobody answers.
            let sts = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let endpoint = format!("http://{}", sts.local_addr().unwrap());
            let of_test = [
                (platform_at, at),
                ("SCF_RUNTIME_API_PORT", port),
                ("AWS_LAMBDA_FUNCTION_NAME", "cos-issuer"),
                ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
                ("STS_ENDPOINTS", &endpoint),
                ("STS_DEADLINE_MS", "60000"),
            ];
            let mut function = Process::start(VARIABLES.into_iter().chain(of_test)).unwrap();
            let told = function.printed(TIMEOUT.1).await;
            assert!(told.is_ok(), "{platform_at}, {limit} ms: {told:?}");
            // A connection that is made ahead carries no call.
            let called = async {
                let (stream, _) = sts.accept().await.unwrap();
                stream.peek(&mut [0]).await.unwrap()
            };
            let call = timeout(Duration::from_millis(100), called).await;
            assert_eq!(call.is_ok(), calls_sts, "{platform_at}, {limit} ms");
        }
    }
}

/// Nothing was sent, so nothing can have been issued twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fails_is_made_again_even_with_one_endpoint() {
    let sts = issuer_on(Platform::ScfWeb).unwrap().start().await.unwrap();
    let (sts, key) = (sts.sts(), sts.sub_account_key());
    // The connection that is made ahead may be one of those that fail.
    for (failures, status) in [(1, 200), (4, 200), (6, 502)] {
        let port = FlakyPort::start(failures, sts.https_address()).await.unwrap();
        let builder = issuer_on(Platform::ScfWeb).unwrap();
        let builder = builder
            .env("STS_ENDPOINTS", port.https_url())
            .env("STS_CA_FILE", sts.ca_file().display().to_string())
            .env("SECRET_ID", key.secret_id.clone())
            .env("SECRET_KEY", key.secret_key.clone());
        let cloud = builder.start().await.unwrap();
        let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
        assert_eq!(answer.status, status, "{failures}: {answer:?}");
    }
    assert_eq!(sts.call_count(), 2);
}

/// Cut, once, and never with a secret of the call.
#[tokio::test(flavor = "multi_thread")]
async fn what_sts_writes_is_logged_twice_and_cut() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let secret = cloud.sub_account_key().secret_key.clone();
    for (message, logged) in [("长话".repeat(6000), 512), (format!("{secret} is wrong"), 0)] {
        let before = cloud.function_output().len();
        cloud.sts().inject([Fault::ApiError {
            code: "UnauthorizedOperation".to_owned(),
            message: message.clone(),
        }]);
        assert_failure(&browser.get("/sign").await.unwrap(), REFUSED, "long");
        assert!(printed(&cloud, "sts:GetFederationToken").await, "no remedy");
        let output = cloud.function_output();
        let lines = output.get(before..).unwrap_or_default();
        assert_eq!(lines.matches('长').count() + lines.matches('话').count(), logged);
        // In the audit log, and next to what to do about it.
        assert_eq!(lines.matches("STS answered").count(), 2, "{lines}");
        assert!(!lines.contains(&secret) && lines.len() < 4096, "{}", lines.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed() {
    let canary = Canary::start("HTTP/1.1 200 OK").await.unwrap();
    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {}", canary.url());
    let redirecting = Canary::start(&redirect).await.unwrap();
    let builder = issuer_on(Platform::ScfWeb).unwrap().env("STS_ENDPOINTS", redirecting.url());
    let cloud = builder.start().await.unwrap();
    let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
    assert_failure(&answer, UNAVAILABLE, "redirect");
    assert!(redirecting.connections() > 0);
    assert_eq!(canary.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_used_when_it_is_configured_and_never_from_the_environment() {
    let proxy = ConnectProxy::start().await.unwrap();
    let names = "HTTP_PROXY HTTPS_PROXY ALL_PROXY http_proxy https_proxy all_proxy STS_PROXY";
    let builder = issuer_on(Platform::ScfWeb).unwrap();
    let names = names.split(' ');
    let builder = names.fold(builder, |builder, name| builder.env(name, proxy.url()));
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    // STS is on this machine, where no proxy is needed.
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    assert_eq!(proxy.connections(), 0);

    let builder = issuer_on(Platform::ScfWeb).unwrap();
    let builder = builder
        .env("SECRET_ID", "example")
        .env("STS_ENDPOINTS", "sts.example.com")
        .env("STS_PROXY", proxy.url());
    let cloud = builder.start().await.unwrap();
    let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
    // The proxy connects only to loopback addresses.
    assert_failure(&answer, UNAVAILABLE, "a proxy that refuses");
    assert!(proxy.connections() > 0);
}

/// The answer while every call of STS meets this fault.
async fn during(cloud: &Cloud, browser: &Browser, fault: Fault) -> Answer {
    let id = cloud.faults().add(FaultRule::new(Service::Sts, fault)).unwrap();
    let answer = browser.get("/sign").await.unwrap();
    assert!(cloud.faults().remove(id));
    answer
}

#[track_caller]
fn assert_failure(answer: &Answer, (status, name): Told, case: &str) {
    assert_eq!(answer.status, status, "{case}: {answer:?}");
    assert_eq!(answer.body["codeDesc"], name, "{case}");
    let told = answer.body.to_string();
    assert!(!told.contains("CANARY") && !told.contains("100000000001"), "{case}: {told}");
    assert!(
        answer.body.get("data").is_none() && answer.body.get("credentials").is_none(),
        "{case}"
    );
}
