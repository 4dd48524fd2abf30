//! The trace: the same from run to run, and without secrets.

use std::path::Path;

use cos_emulator::{Cloud, Fault, FaultRule, Platform, Service, StartError};
use serde_json::Value;
use tencent::time::{Clock as _, Timestamp};

use crate::support::{
    Tc3, builder, encode, federation, host_of, issued, plain_client, role, sts_only, v1_parameters,
    v1_signed,
};

/// One run: calls of every kind to a cloud whose clock is frozen.
async fn run(file: &Path, seed: u64) -> Cloud {
    let fault = FaultRule::new(Service::Sts, Fault::Outage).probability(0.5);
    let cloud =
        builder(Platform::ScfWeb).seed(seed).fault(fault).trace_file(file).start().await.unwrap();
    cloud.clock().set(Timestamp::from_unix_seconds(1_551_113_065).unwrap());
    cloud.clock().freeze();
    let now = cloud.clock().now();
    let url = cloud.sts().http_url();
    let mut keys = vec![(cloud.sub_account_key().clone(), None)];
    for number in 0..8 {
        let (key, token) = keys[number % keys.len()].clone();
        let mut call = Tc3::new(&key, "AssumeRole", &role(&cloud, "issuer"));
        call.timestamp = now;
        call.token = token;
        let mut request = plain_client().post(&url).body(call.body.clone());
        for (name, value) in call.headers(&host_of(&url)) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap().text().await.unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        if answer["Response"]["Credentials"].is_object() {
            let (key, token) = issued(&answer);
            keys.push((key, Some(token)));
        }
    }
    let (key, token) = keys.last().unwrap().clone();
    let mut parameters = v1_parameters(&key, "GetFederationToken", &federation());
    parameters.retain(|(name, _)| name != "Timestamp");
    parameters.push(("Timestamp".to_owned(), now.unix_seconds().to_string()));
    parameters.push(("Token".to_owned(), token.unwrap_or_default()));
    let query = v1_signed("GET", &host_of(&url), &key, parameters);
    plain_client().get(format!("{url}/?{query}")).send().await.unwrap();

    let gateway = cloud.gateway_url().unwrap();
    for secret in cloud.secrets() {
        // In a header, in the path, in the query; glued to something, and percent-encoded.
        plain_client()
            .get(format!(
                "{gateway}/a/x{secret}y/%2F{secret}?token={secret}&filename={}",
                encode(&secret)
            ))
            .bearer_auth(format!("caller.{secret}"))
            .header("x-api-key", &secret)
            .header("user-agent", format!("a client with {secret}"))
            .send()
            .await
            .unwrap();
    }
    cloud
}

#[tokio::test]
async fn two_runs_with_one_seed_give_the_same_trace_and_no_secret() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second, other] =
        ["first", "second", "other"].map(|name| directory.path().join(name));
    let cloud = run(&first, 5).await;
    let again = run(&second, 5).await;
    run(&other, 6).await;
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    let trace = read(&first);
    assert_eq!(trace, read(&second));
    assert_ne!(trace, read(&other));
    assert_eq!(cloud.trace(), trace.lines().collect::<Vec<&str>>());
    assert_eq!(cloud.trace(), again.trace());
    assert!(cloud.secrets().len() > 6, "there is something to look for");
    for secret in cloud.secrets() {
        assert!(!trace.contains(&secret));
    }
    for expected in [
        "\"service\":\"sts\"",
        "\"service\":\"gateway\"",
        "\"action\":\"AssumeRole\"",
        "\"fault\":\"outage\"",
        "\"reason\":\"Success\"",
        "\"reason\":\"Fault\"",
        "\"time\":\"2019-02-25T16:44:25Z\"",
        "TC3-HMAC-SHA256 Credential=key-1/2019-02-25/sts/tc3_request, SignedHeaders=content-type;host, Signature=signature",
        "\"x-tc-token\":\"secret-",
        "Bearer value-",
        "\"x-api-key\":\"secret-",
        "127.0.0.1:stsHttp",
    ] {
        assert!(trace.contains(expected), "{expected} in\n{trace}");
    }
    for line in trace.lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["n"].is_u64(), "{line}");
    }
}

#[tokio::test]
async fn callers_that_leave_and_connections_that_close_have_their_lines() {
    let cloud = sts_only().await;
    cloud.sts().inject([Fault::CloseBefore]);
    let url = cloud.sts().http_url();
    assert!(plain_client().post(&url).send().await.is_err());
    plain_client().post(&url).send().await.unwrap();
    let lines: Vec<Value> =
        cloud.trace().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["status"], Value::Null);
    assert_eq!(lines[0]["fault"], "close");
    assert_eq!(lines[1]["status"], 200);
    assert_eq!(lines[1]["reason"], "InvalidRequest");
}

#[tokio::test]
async fn memory_is_bounded_however_many_calls_there_are() {
    let cloud = sts_only().await;
    let client = plain_client();
    let url = cloud.sts().http_url();
    for _ in 0..1010 {
        client.post(&url).header("user-agent", "x".repeat(5000)).send().await.unwrap();
    }
    let lines = cloud.trace();
    assert_eq!(lines.len(), 1000);
    assert!(lines[999].contains("\"n\":1010,"));
    assert!(lines.iter().all(|line| line.len() < 3000), "{}", lines[0].len());
}

#[tokio::test]
async fn a_trace_file_that_cannot_be_opened_stops_the_start() {
    let error = Cloud::builder().trace_file("no/such/directory/trace").start().await.unwrap_err();
    assert!(matches!(&error, StartError::Trace { path, .. } if path.ends_with("trace")), "{error}");
}
