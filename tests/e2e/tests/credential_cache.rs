//! The credential cache of the deployed binary, and in the test's own process where time has to
//! pass: who shares a credential, for how long, and that nobody gets another's.

#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cos_emulator::{
    Cloud, CloudBuilder, EmulatedClock, Fault, FaultRule, Platform, Service, StsCall,
};
use cos_issuer_e2e::{
    Browser, InProcess, PLATFORMS, Process, VARIABLES, cloud, issuer_on, printed,
};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_served_from_the_cache_on_every_platform() {
    for platform in PLATFORMS {
        let (cloud, browser) = start(issuer_on(platform).unwrap().env("CACHE", "on")).await;
        let first = browser.get("/sign").await.unwrap();
        let again = browser.get("/sign?t=2").await.unwrap();
        assert_eq!((first.status, again.status), (200, 200), "{platform:?}");
        assert_eq!(first.body["data"]["credentials"], again.body["data"]["credentials"]);
        assert_eq!(first.body["data"]["startTime"], again.body["data"]["startTime"]);
        assert_ne!(first.body["data"]["requestId"], again.body["data"]["requestId"]);
        // Another representation of the same credential.
        let sdk = browser.get("/sts").await.unwrap();
        assert_eq!(sdk.body["expiredTime"], first.body["data"]["expiredTime"]);
        assert_eq!(cloud.sts().call_count(), 1, "{platform:?}");
        for result in ["miss", "hit"] {
            assert!(printed(&cloud, &format!("\"cache\":\"{result}\"")).await, "{platform:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_makes_its_own_call() {
    let builder = issuer_on(Platform::ScfWeb).unwrap().env("CACHE", "on");
    let (cloud, browser) = start(builder.env("EXTENSIONS", "jpg")).await;
    let scope = |key: &str| {
        json!([{"action": "name/cos:PutObject", "bucket": "examplebucket-1250000000", "region": "ap-guangzhou", "prefix": format!("users/{key}")}]).to_string()
    };
    let mut secret_ids = HashSet::new();
    for (path, body) in [
        ("/sign", String::new()),
        // A shorter life is never cut from a longer one, nor a longer from a shorter.
        ("/sts?durationSeconds=900", String::new()),
        ("/sts?durationSeconds=1799", String::new()),
        ("/sts", scope("a")),
        ("/sts", scope("b")),
        // Each has a key of its own.
        ("/getKeyAndCredentials?ext=jpg", String::new()),
        ("/getKeyAndCredentials?ext=jpg", String::new()),
    ] {
        let answer = browser.send(browser.request("POST", path).body(body)).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(secret_ids.insert(secret_id(&answer.body)), "{path} shares a credential");
    }
    assert_eq!(cloud.sts().call_count(), 7);
    assert!(printed(&cloud, "\"cache\":\"off\"").await, "a generated key is not looked up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_not_kept() {
    let (cloud, browser) = start(issuer_on(Platform::ScfWeb).unwrap().env("CACHE", "on")).await;
    let code = "UnauthorizedOperation".to_owned();
    cloud.sts().inject([Fault::ApiError { code, message: String::new() }]);
    assert_eq!(browser.get("/sign").await.unwrap().status, 502);
    assert_eq!(browser.get("/sign").await.unwrap().status, 200);
    assert_eq!(cloud.sts().call_count(), 2);
}

/// Each over a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_requests_at_once_make_one_call() {
    let cloud = cloud().start().await.unwrap();
    let address = serve(&cloud).await;
    cloud.sts().inject([Fault::Delay(Duration::from_secs(1))]);
    let callers: Vec<_> = (0..1000).map(|_| tokio::spawn(get(address.clone()))).collect();
    let mut issued = HashSet::new();
    for caller in callers {
        issued.insert(secret_id(&caller.await.unwrap()));
    }
    assert_eq!((issued.len(), cloud.sts().call_count()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_callers_at_once_get_each_their_own() {
    let slow = FaultRule::new(Service::Sts, Fault::Delay(Duration::from_secs(5)));
    let cloud = cloud().sts_calls_per_second(100_000).fault(slow).start().await.unwrap();
    let settings = [("STS_CONCURRENCY_MAX", "1000"), ("STS_DEADLINE_MS", "60000")];
    let function = InProcess::start(&cloud, &settings, Arc::new(SystemClock)).unwrap();
    let ask = |caller: usize| {
        let function = function.clone();
        tokio::spawn(async move { (caller, function.get("/sts", caller).await.unwrap()) })
    };
    // Each twice: the second one joins. Connections are made in turn, since a busy machine is late
    // for a thousand at the same moment; the calls are answered after the last one was made.
    let mut callers = Vec::new();
    for caller in 0..1000 {
        callers.extend([ask(caller), ask(caller)]);
        while cloud.sts().call_count() + 50 < caller {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    let calls: HashMap<String, StsCall> = cloud
        .sts()
        .calls()
        .into_iter()
        .map(|call| (call.issued_secret_id.clone().unwrap(), call))
        .collect();
    for (caller, answer) in answers {
        assert_eq!(answer.status, 200, "{caller}: {answer:?}");
        let policy = calls[&secret_id(&answer.body)].policy.as_deref().unwrap();
        let prefix = format!("/users/person-{caller}/*\"");
        assert!(policy.contains(&prefix), "{caller} got {policy}");
    }
    assert_eq!((cloud.sts().call_count(), calls.len()), (1000, 1000));
}

/// No queue: what is over the limit is refused at once, and the next one is served.
#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_the_limit_are_refused_at_once() {
    let slow = FaultRule::new(Service::Sts, Fault::Delay(Duration::from_secs(1))).times(4);
    for cache in ["on", "off"] {
        let cloud = cloud().fault(slow.clone()).start().await.unwrap();
        let settings = [("STS_CONCURRENCY_MAX", "4"), ("CACHE", cache)];
        let function = InProcess::start(&cloud, &settings, Arc::new(SystemClock)).unwrap();
        let ask = |caller: usize| {
            let function = function.clone();
            tokio::spawn(async move { function.get("/sts", caller).await.unwrap() })
        };
        let callers: Vec<_> = (0..10).map(ask).collect();
        let mut refused = 0;
        for caller in callers {
            let answer = caller.await.unwrap();
            if answer.status == 503 {
                refused += 1;
                assert_eq!(answer.body["codeDesc"], "RequestLimitExceeded.Concurrency");
                assert!(["1", "2"].contains(&answer.header("retry-after")), "{cache}");
            }
        }
        assert_eq!((refused, cloud.sts().call_count()), (6, 4), "{cache}");
        assert_eq!(ask(10).await.unwrap().status, 200, "{cache}");
    }
}

/// Every minute for four hours, with a frozen hour in between.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_half_of_its_life_left_at_any_time() {
    let clock = Arc::new(EmulatedClock::over(Arc::new(SystemClock)));
    let cloud = cloud().clock(clock.clone()).start().await.unwrap();
    let least = [("MIN_REMAINING_SECONDS", "400")];
    let function = InProcess::start(&cloud, &least, clock.clone()).unwrap();
    let mut requests = 0;
    for minute in 0..240_u64 {
        let path = if minute % 2 == 0 { "/sts" } else { "/sts?durationSeconds=900" };
        let answer = function.get(path, 0).await.unwrap();
        requests += 1;
        assert_eq!(answer.status, 200, "{minute}: {answer:?}");
        let now = clock.now().unix_seconds();
        let of = |name: &str| answer.body[name].as_i64().unwrap();
        // A second may pass between the answer and this line.
        let least = if minute % 2 == 0 { 899 } else { 449 };
        assert!(of("expiredTime") - now >= least, "minute {minute}");
        assert!(of("startTime") <= now, "minute {minute}");
        clock.advance(if minute == 100 { 3600 } else { 60 });
        // A refresh ahead is a task of its own.
        tokio::task::yield_now().await;
    }
    let calls = cloud.sts().call_count();
    assert!(calls < requests / 3, "{calls} calls for {requests} requests");
}

async fn start(builder: CloudBuilder) -> (Cloud, Browser) {
    let cloud = builder.start().await.unwrap();
    let browser = Browser::of(&cloud).unwrap();
    (cloud, browser)
}

/// The deployed binary as a server with its cache: where it listens.
async fn serve(cloud: &Cloud) -> String {
    let (key, url) = (cloud.sub_account_key(), cloud.sts().http_url());
    let settings = [
        ("CACHE", "on"),
        ("SECRET_ID", key.secret_id.as_str()),
        ("SECRET_KEY", &key.secret_key),
        ("STS_ENDPOINTS", &url),
    ];
    let mut process = Process::start(VARIABLES.into_iter().chain(settings)).unwrap();
    let address = process.address().await.unwrap();
    // Read what it prints until the test ends; it would wait otherwise.
    tokio::spawn(async move { process.printed("\0").await });
    address
}

/// The body of an answer with a credential.
async fn get(address: String) -> Value {
    let request = b"GET /sign HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answer = String::new();
    // A connection that a busy test leaves silent for seconds is closed.
    while answer.is_empty() {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        if stream.write_all(request).await.is_ok() {
            let _closed = stream.read_to_string(&mut answer).await;
        }
    }
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    serde_json::from_str(body).unwrap()
}

fn secret_id(body: &Value) -> String {
    let credentials = body.pointer("/data/credentials").or_else(|| body.get("credentials"));
    credentials.unwrap()["tmpSecretId"].as_str().unwrap().to_owned()
}
