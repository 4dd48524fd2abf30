//! STS on a bad day: what the caller gets, what never reaches them, and that the next request is
//! served.

#![expect(clippy::indexing_slicing, reason = "a fault in a helper of these tests is a failed test")]
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use cos_emulator::{Cloud, Fault, FaultRule, Member, Platform, Service};
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
const UNUSABLE: Told = (502, "InternalError.UpstreamAnswer");

const CANARY: &str = "CANARY account 100000000001";

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_answer_has_its_code_and_the_next_request_is_served() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    let http = |status: u16, content_type: &str, body: &[u8]| Fault::Http {
        status,
        content_type: content_type.to_owned(),
        body: body.to_vec(),
    };
    let html = format!("<html><body>{CANARY}</body></html>");
    let large = vec![b' '; 70 * 1024];
    for (fault, told) in [
        (http(500, "text/plain", CANARY.as_bytes()), UNAVAILABLE),
        (http(503, "text/plain", b""), UNAVAILABLE),
        (http(302, "text/plain", b""), UNAVAILABLE),
        (http(200, "text/html", html.as_bytes()), UNUSABLE),
        (http(200, "application/json", b""), UNUSABLE),
        (http(200, "application/json", b"{\"Response\":"), UNUSABLE),
        (http(200, "application/json", b"[]"), UNUSABLE),
        (http(200, "application/json", b"{\"Response\":{}}"), UNUSABLE),
        (http(200, "application/json", &large), UNUSABLE),
        (Fault::CloseAfter { bytes: 40 }, UNAVAILABLE),
        (Fault::Expired { seconds_ago: 1 }, UNUSABLE),
        (Fault::Expired { seconds_ago: 86_400 }, UNUSABLE),
    ] {
        let case = format!("{fault:?}").chars().take(80).collect::<String>();
        let answer = during(&cloud, &browser, fault).await;
        assert_failure(&answer, told, &case);
        assert_eq!(browser.get("/sign").await.unwrap().status, 200, "after {case}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_empty_member_is_a_failure_and_never_an_empty_string() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for member in Member::ALL {
        // GetFederationToken's own documentation allows `Expiration` to be null; it is not read.
        let is_needed = member != Member::Expiration;
        for fault in [Fault::Without(member), Fault::Empty(member)] {
            let case = format!("{fault:?}");
            let answer = during(&cloud, &browser, fault).await;
            if is_needed {
                assert_failure(&answer, UNUSABLE, &case);
            } else {
                assert_eq!(answer.status, 200, "{case}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_error_of_sts_has_its_code_and_its_text_stays_in_the_log() {
    let (cloud, browser) = start(Platform::ScfWeb, &[]).await.unwrap();
    for (code, told) in [
        ("AuthFailure.SecretIdNotFound", REFUSED),
        ("AuthFailure.SignatureExpire", REFUSED),
        ("AuthFailure.SignatureFailure", REFUSED),
        ("AuthFailure.TokenFailure", REFUSED),
        ("FailedOperation.TempKeyNotAllowed", REFUSED),
        ("InternalError", UNAVAILABLE),
        ("InternalError.DbError", UNAVAILABLE),
        ("InternalError.GetRoleError", REFUSED),
        ("InvalidParameter.GrantOtherResource", REFUSED),
        ("InvalidParameter.OverLimit", THROTTLED),
        ("InvalidParameter.PolicyTooLong", REFUSED),
        ("InvalidParameter.ResouceError", REFUSED),
        ("RequestLimitExceeded", THROTTLED),
        ("RequestLimitExceeded.UinLimitExceeded", THROTTLED),
        ("ResourceNotFound.RoleNotFound", REFUSED),
        ("ServiceUnavailable", UNAVAILABLE),
        ("UnauthorizedOperation", REFUSED),
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
async fn a_refused_connection_is_a_failure() {
    let closed = ClosedPort::take().unwrap();
    let endpoint = format!("http://127.0.0.1:{}", closed.port());
    let cloud =
        issuer_on(Platform::ScfWeb).unwrap().env("STS_ENDPOINTS", endpoint).start().await.unwrap();
    let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
    assert_failure(&answer, UNAVAILABLE, "refused");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_given_up_within_the_deadline() {
    let (cloud, browser) = start(Platform::ScfWeb, &[("STS_DEADLINE_MS", "300")]).await.unwrap();
    cloud.sts().inject([Fault::Delay(Duration::from_secs(20))]);
    assert_failure(&browser.get("/sign").await.unwrap(), TIMEOUT, "delay");
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
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
async fn a_certificate_that_is_not_trusted_is_a_failed_connection() {
    let cloud =
        issuer_on(Platform::ScfWeb).unwrap().without_env("STS_CA_FILE").start().await.unwrap();
    let answer = Browser::of(&cloud).unwrap().get("/sign").await.unwrap();
    assert_failure(&answer, UNAVAILABLE, "untrusted");
    assert_eq!(cloud.sts().call_count(), 0);
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
