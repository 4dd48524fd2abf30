//! STS that fails, hangs, is dead, or has another time: what is tried again, where, how often, and
//! what the caller gets.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use cos_emulator::{
    Cloud, CloudBuilder, EmulatedClock, Fault, FaultRule, Member, Platform, ScfEvent, Service,
};
use cos_issuer_e2e::{
    Browser, Canary, InProcess, NO_CACHE, Process, VARIABLES, cloud, issuer_on, printed,
};
use tencent::time::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const UNREACHABLE: (u16, &str) = (502, "InternalError.UpstreamUnavailable");

/// The unit tests of `failure` have the table.
#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_passes_is_tried_again_and_a_refusal_is_not() {
    let (cloud, browser) = start(issuer_on(Platform::ScfWeb).unwrap()).await;
    let api = |code: &str| Fault::ApiError { code: code.to_owned(), message: String::new() };
    for (fault, status, calls) in [
        (Fault::CloseBefore, 200, 2),
        (Fault::Outage, 200, 2),
        (Fault::Without(Member::Token), 200, 2),
        (api("RequestLimitExceeded"), 200, 2),
        // The clocks agree, so there is nothing to learn.
        (api("AuthFailure.SignatureExpire"), 502, 1),
        (api("UnauthorizedOperation"), 502, 1),
        (Fault::Expired { seconds_ago: 1 }, 502, 1),
    ] {
        let case = format!("{fault:?}");
        let before = cloud.sts().call_count();
        cloud.sts().inject([fault]);
        let answer = browser.get("/sign").await.unwrap();
        assert_eq!(answer.status, status, "{case}: {answer:?}");
        assert_eq!(cloud.sts().call_count().saturating_sub(before), calls, "{case}");
    }
}

/// One line an attempt, each with the id of its request.
#[tokio::test(flavor = "multi_thread")]
async fn each_attempt_is_a_line_with_the_id_of_its_request() {
    let (cloud, browser) = start(issuer_on(Platform::ScfWeb).unwrap().env("LOG", "info")).await;
    cloud.sts().inject([Fault::Outage]);
    let answer = browser.get("/sign").await.unwrap();
    let code = "AuthFailure.SecretIdNotFound".to_owned();
    cloud.sts().inject([Fault::ApiError { code: code.clone(), message: String::new() }]);
    let refused = browser.get("/sign").await.unwrap();
    assert!(printed(&cloud, "no credential could be issued").await);
    let id = |answer: &cos_issuer_e2e::Answer| answer.header("x-request-id").to_owned();
    let output = cloud.function_output();
    let lines = |id: &str| -> Vec<&str> {
        let of_request = format!("\"request_id\":\"{id}\"");
        let attempts = output.lines().filter(|line| line.contains("STS attempt"));
        attempts.filter(|line| line.contains(&of_request)).collect()
    };
    let [first, second] = lines(&id(&answer))[..] else { panic!("{output}") };
    assert!(first.contains("\"attempt\":1") && first.contains("\"outcome\":\"status\""), "{first}");
    assert!(second.contains("\"attempt\":2") && second.contains("\"outcome\":\"ok\""), "{second}");
    let [line] = lines(&id(&refused))[..] else { panic!("{output}") };
    assert!(line.contains(&code) && line.contains("\"remedy\":\"SECRET_ID"), "{line}");
}

/// The first attempt leaves time for a second one.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_hangs_leaves_time_for_another() {
    let builder = issuer_on(Platform::ScfWeb).unwrap().env("STS_DEADLINE_MS", "4000");
    let (cloud, browser) = start(builder).await;
    cloud.sts().inject([Fault::Delay(Duration::from_secs(20))]);
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    assert_eq!(cloud.sts().call_count(), 2);
}

/// The STS of each endpoint counts its calls.
#[tokio::test(flavor = "multi_thread")]
async fn one_failure_is_enough_to_prefer_the_next_endpoint() {
    let sts = cloud().start().await.unwrap();
    let failing = Canary::start("HTTP/1.1 500 Internal Server Error").await.unwrap();
    let clock = Arc::new(EmulatedClock::over(Arc::new(SystemClock)));
    let endpoints = format!("{},{}", failing.url(), sts.sts().http_url());
    let settings = [("STS_ENDPOINTS", endpoints.as_str()), NO_CACHE];
    let function = InProcess::start(&sts, &settings, clock.clone()).unwrap();
    for _ in 0..20 {
        assert_eq!(function.get("/sts", 0).await.unwrap().status, 200);
    }
    assert_eq!((failing.connections(), sts.sts().call_count()), (1, 20));
    // Half a minute later one request at a time tries it again.
    clock.advance(30);
    let ask = |caller| {
        let function = function.clone();
        tokio::spawn(async move { function.get("/sts", caller).await.unwrap().status })
    };
    let callers: Vec<_> = (0..20).map(ask).collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 200);
    }
    assert_eq!((failing.connections(), sts.sts().call_count()), (2, 40));
}

/// Any 200 requests after the first 60, and they are answered with a refusal.
#[tokio::test(flavor = "multi_thread")]
async fn while_everything_fails_sts_gets_at_most_1_2_calls_a_request() {
    let outage = FaultRule::new(Service::Sts, Fault::Outage);
    let sts = cloud().fault(outage).start().await.unwrap();
    let function = InProcess::start(&sts, &[NO_CACHE], Arc::new(SystemClock)).unwrap();
    let mut calls = vec![0];
    for caller in 0..460 {
        let answer = function.get("/sts", caller).await.unwrap();
        let told = (answer.status, answer.body["codeDesc"].as_str().unwrap());
        assert_eq!(told, UNREACHABLE, "{caller}");
        assert!(["1", "2"].contains(&answer.header("retry-after")));
        calls.push(sts.sts().call_count());
    }
    let most = calls.iter().skip(60).zip(calls.iter().skip(260));
    let most = most.map(|(before, after)| after.saturating_sub(*before)).max().unwrap();
    assert!((200..=240).contains(&most), "{most} calls for 200 requests");
}

/// The machine's clock is hours or days off. The first signature teaches the time of STS.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_corrected_with_one_more_call() {
    for seconds in [-3 * 86_400, -3600, 3600, 3 * 86_400] {
        let (cloud, browser) = start(issuer_on(Platform::ScfWeb).unwrap()).await;
        cloud.advance_clock(seconds);
        for _ in 0..2 {
            let answer = browser.get("/sts").await.unwrap();
            assert_eq!(answer.status, 200, "{seconds}: {answer:?}");
            let now = cloud.clock().now().unix_seconds();
            let of = |name: &str| answer.body[name].as_i64().unwrap();
            assert!((now - 5..=now).contains(&of("startTime")), "{seconds}");
            assert!((now + 1795..=now + 1800).contains(&of("expiredTime")), "{seconds}");
        }
        let outcomes: Vec<String> =
            cloud.sts().calls().into_iter().map(|call| call.outcome).collect();
        assert_eq!(outcomes, ["AuthFailure.SignatureExpire", "Success", "Success"], "{seconds}");
        // The clock is set right.
        cloud.clock().reset();
        assert_eq!(browser.get("/sts").await.unwrap().status, 200, "{seconds}");
        assert_eq!(cloud.sts().call_count(), 5, "{seconds}");
    }
}

/// With a certificate that is not trusted, a peer cannot even move the clock.
#[tokio::test(flavor = "multi_thread")]
async fn the_date_of_a_refused_peer_is_never_learned() {
    let forger = cloud().start().await.unwrap();
    forger.advance_clock(86_400);
    let sts = cloud().start().await.unwrap();
    let endpoints = format!("{},{}", forger.sts().https_url(), sts.sts().http_url());
    let settings = [("STS_ENDPOINTS", endpoints.as_str()), NO_CACHE];
    let function = InProcess::start(&sts, &settings, Arc::new(SystemClock)).unwrap();
    assert_eq!(function.get("/sts", 0).await.unwrap().status, 200);
    let outcomes: Vec<String> = sts.sts().calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!((outcomes, forger.sts().call_count()), (vec!["Success".to_owned()], 0));
}

/// The execution role's key of a warm instance lapses: one clear refusal, then a new instance.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_key_that_lapsed_ends_the_instance() {
    for platform in [Platform::ScfWeb, Platform::Scf(ScfEvent::FunctionUrl)] {
        let builder =
            issuer_on(platform).unwrap().without_env("SECRET_ID").without_env("SECRET_KEY");
        let builder = builder.env("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/issuer");
        let (cloud, browser) = start(builder).await;
        assert_eq!(browser.get("/sign").await.unwrap().status, 200, "{platform:?}");
        let before = cloud.function_processes();
        assert!(cloud.expire(&role_key_id(&cloud)));
        let answer = browser.get("/sign").await.unwrap();
        assert_eq!(answer.status, 503, "{platform:?}: {answer:?}");
        assert_eq!(answer.body["codeDesc"], "InternalError.CallingKeyExpired");
        assert!(answer.headers.contains_key("retry-after"));
        // The platform may freeze the instance before it ends, which costs a few requests more.
        let mut next = browser.get("/sign").await.unwrap();
        for _ in 0..50 {
            if next.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            next = browser.get("/sign").await.unwrap();
        }
        assert_eq!(next.status, 200, "{platform:?}: {next:?}");
        assert!(printed(&cloud, "the execution role's key has expired").await, "{platform:?}");
        assert_ne!(cloud.function_processes(), before, "{platform:?}");
    }
}

/// A wrong key does not end one instance after the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_never_worked_ends_nothing() {
    let builder = issuer_on(Platform::ScfWeb).unwrap();
    let builder = builder.without_env("SECRET_ID").without_env("SECRET_KEY");
    let builder = builder.env("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/issuer");
    let (cloud, browser) = start(builder).await;
    cloud.wait_ready().await.unwrap();
    let before = cloud.function_processes();
    assert!(cloud.expire(&role_key_id(&cloud)));
    for _ in 0..2 {
        let answer = browser.get("/sign").await.unwrap();
        assert_eq!(answer.body["codeDesc"], "InternalError.UpstreamRefused", "{answer:?}");
    }
    assert_eq!(cloud.function_processes(), before);
}

/// `ROLE_KEYS=headers`: a key counts for the request that brings it, and for no other.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_key_in_the_headers_is_used_for_its_request_only() {
    let cloud = issuer_on(Platform::ScfWeb).unwrap().start().await.unwrap();
    cloud.wait_ready().await.unwrap();
    let names = ["SECRETID", "SECRETKEY", "SESSIONTOKEN"];
    let [id, key, token] = names.map(|name| variable(&cloud, &format!("TENCENTCLOUD_{name}")));
    let sts = cloud.sts().http_url();
    let is_of_key = |(name, _): &(&str, &str)| name.starts_with("SECRET_");
    let variables = VARIABLES.into_iter().filter(|variable| !is_of_key(variable)).chain([
        ("CACHE", "on"),
        ("ROLE_KEYS", "headers"),
        ("ROLE_ARN", "qcs::cam::uin/100000000001:roleName/issuer"),
        ("STS_ENDPOINTS", sts.as_str()),
    ]);
    let mut process = Process::start(variables).unwrap();
    let address = process.address().await.unwrap();
    let ask = async |id: &str, key: &str| {
        let headers = format!(
            "x-scf-secret-id: {id}\r\nx-scf-secret-key: {key}\r\nx-scf-session-token: {token}\r\n"
        );
        get(&address, if id.is_empty() { "" } else { &headers }).await
    };
    assert_eq!(ask(&id, &key).await, "200");
    // The same credential again, which the key of nobody else gets.
    assert_eq!(ask(&id, &key).await, "200");
    assert_eq!(ask("AKIDEMUforged", "CANARY-wrong-secret-key").await, "502");
    assert_eq!(ask("", "").await, "500");
    let outcomes: Vec<String> = cloud.sts().calls().into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["Success", "AuthFailure.SecretIdNotFound"]);
}

/// The status of `GET /sign` with these headers.
async fn get(address: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request =
        format!("GET /sign HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

/// The key that the platform set for the only instance.
fn role_key_id(cloud: &Cloud) -> String {
    variable(cloud, "TENCENTCLOUD_SECRETID")
}

/// A variable of the only instance.
fn variable(cloud: &Cloud, name: &str) -> String {
    let process = *cloud.function_processes().first().unwrap();
    let variables = std::fs::read(format!("/proc/{process}/environ")).unwrap();
    let variables = String::from_utf8(variables).unwrap();
    let mut pairs = variables.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.find(|(found, _)| *found == name).unwrap().1.to_owned()
}

async fn start(builder: CloudBuilder) -> (Cloud, Browser) {
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    (cloud, browser)
}
