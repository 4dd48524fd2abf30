//! Instances that crash, hang, never become ready or talk out of turn: the request ends with the
//! platform's own error, and a fresh instance serves the next.

use std::sync::Arc;
use std::time::Duration;

use cos_emulator::{
    Cloud, CloudBuilder, KeyPair, LambdaEvent, Outcome, Platform, PlatformError, ScfEvent,
};
use serde_json::{Value, json};
use tencent::time::Clock as _;
use tokio::task::JoinSet;

use crate::support::{Tc3, builder, code, issued, now, role};

pub(crate) const SCF: Platform = Platform::Scf(ScfEvent::FunctionUrl);
pub(crate) const LAMBDA: Platform = Platform::Lambda(LambdaEvent::FunctionUrl);

/// Has this behaviour only in the first instance.
pub(crate) async fn once(platform: Platform, behaviour: &str) -> (Cloud, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let cloud = behaving(platform, behaviour).env("ONCE_FILE", once_file(&directory));
    (cloud.start().await.unwrap(), directory)
}

fn once_file(directory: &tempfile::TempDir) -> String {
    directory.path().join("once").display().to_string()
}

pub(crate) fn behaving(platform: Platform, behaviour: &str) -> CloudBuilder {
    builder(platform).env("BEHAVIOUR", behaviour)
}

pub(crate) async fn outcome(cloud: &Cloud, behave: &str) -> Outcome {
    cloud.invoke(json!({ "behave": behave }).to_string()).await.outcome
}

/// The body of the function's reply.
#[track_caller]
pub(crate) fn reply(outcome: &Outcome) -> Value {
    let Outcome::Response(bytes) = outcome else { panic!("no response but {outcome:?}") };
    let reply: Value = serde_json::from_slice(bytes).unwrap();
    serde_json::from_str(reply["body"].as_str().unwrap()).unwrap()
}

#[track_caller]
pub(crate) fn refused(outcome: &Outcome) -> &PlatformError {
    match outcome {
        Outcome::PlatformError(error) => error,
        other => panic!("no platform error but {other:?}"),
    }
}

pub(crate) async fn until(condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come about within five seconds");
}

pub(crate) fn runs(pid: i32) -> bool {
    // A process that has ended but was not yet waited for is a zombie.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
}

#[tokio::test]
async fn one_instance_serves_one_after_the_other() {
    for platform in [SCF, LAMBDA] {
        let cloud = builder(platform).start().await.unwrap();
        let first = reply(&outcome(&cloud, "echo").await);
        let second = reply(&outcome(&cloud, "echo").await);
        assert_eq!(first["served"], 1);
        assert_eq!(second["served"], 2);
        assert_eq!(first["pid"], second["pid"]);
        assert_eq!(first["event"], json!({ "behave": "echo" }));
    }
}

#[tokio::test]
async fn parallel_requests_get_instances_of_their_own_up_to_the_limit() {
    let cloud =
        builder(SCF).max_instances(2).call_timeout(Duration::from_secs(2)).start().await.unwrap();
    let (one, two, three) = tokio::join!(
        outcome(&cloud, "hang-busy"),
        outcome(&cloud, "hang-busy"),
        outcome(&cloud, "echo"),
    );
    assert!(matches!(refused(&one), PlatformError::CallTimeout { .. }));
    assert!(matches!(refused(&two), PlatformError::CallTimeout { .. }));
    assert_eq!(refused(&three), &PlatformError::Throttled);
    assert_eq!(refused(&three).scf_code().0, 432);
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
}

#[tokio::test]
async fn twenty_parallel_requests_are_served_by_default() {
    let cloud = Arc::new(builder(SCF).start().await.unwrap());
    let mut requests = JoinSet::new();
    for _ in 0..20 {
        let cloud = Arc::clone(&cloud);
        requests.spawn(async move { outcome(&cloud, "echo").await });
    }
    for outcome in requests.join_all().await {
        assert_eq!(reply(&outcome)["event"]["behave"], "echo");
    }
}

#[tokio::test]
async fn crash_in_init() {
    let (cloud, _directory) = once(SCF, "crash-init").await;
    let first = outcome(&cloud, "echo").await;
    assert!(
        matches!(refused(&first), PlatformError::ExitedInInit { status } if status.contains('3'))
    );
    assert_eq!(refused(&first).scf_code().0, 405);
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
}

#[tokio::test]
async fn a_reported_failure_of_the_start() {
    let cloud = behaving(LAMBDA, "init-error").start().await.unwrap();
    let first = outcome(&cloud, "echo").await;
    assert!(
        matches!(refused(&first), PlatformError::InitFailed { message } if message.contains("no configuration"))
    );
}

#[tokio::test]
async fn hang_in_init_and_never_ready() {
    for behaviour in ["hang-init", "never-ready", "empty-ready"] {
        let directory = tempfile::tempdir().unwrap();
        let cloud = behaving(SCF, behaviour).env("ONCE_FILE", once_file(&directory));
        let cloud = cloud.init_timeout(Duration::from_secs(2));
        let cloud = cloud.start().await.unwrap();
        let first = outcome(&cloud, "echo").await;
        let timeout = matches!(refused(&first), PlatformError::InitTimeout { .. });
        assert!(timeout, "{behaviour}: {first:?}");
        assert_eq!(refused(&first).scf_code().0, 450);
        let second = reply(&outcome(&cloud, "echo").await);
        assert_eq!(second["served"], 1, "{behaviour}");
    }
}

#[tokio::test]
async fn crash_in_idle() {
    for (platform, freezes) in [(SCF, true), (SCF, false), (LAMBDA, true), (LAMBDA, false)] {
        let cloud = builder(platform).freeze(freezes).start().await.unwrap();
        let first = reply(&outcome(&cloud, "crash-idle").await);
        if !freezes {
            // A frozen one cannot crash before its next request.
            until(|| cloud.function_processes().is_empty()).await;
        }
        let second = reply(&outcome(&cloud, "echo").await);
        assert_eq!(second["served"], 1);
        assert_ne!(first["pid"], second["pid"]);
    }
}

#[tokio::test]
async fn an_event_that_was_not_fetched_goes_to_a_fresh_instance() {
    // Exits right after it reported that it is ready, before or after the event is there.
    let (cloud, _directory) = once(SCF, "crash-ready").await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);

    // And if every instance does so, the request still ends.
    let cloud = behaving(SCF, "crash-ready").start().await.unwrap();
    let error = outcome(&cloud, "echo").await;
    assert!(matches!(refused(&error), PlatformError::ExitedBusy { .. }), "{error:?}");
}

#[tokio::test]
async fn crash_in_busy() {
    for platform in [SCF, LAMBDA] {
        for (behave, expected) in [("crash-busy", "status: 7"), ("panic", "SIGABRT")] {
            let cloud = builder(platform).start().await.unwrap();
            let first = outcome(&cloud, behave).await;
            assert!(
                matches!(refused(&first), PlatformError::ExitedBusy { status } if status.contains(expected)),
                "{first:?}"
            );
            assert_eq!(refused(&first).scf_code().0, 439);
            assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
        }
    }
}

#[tokio::test]
async fn hang_in_busy() {
    for platform in [SCF, LAMBDA] {
        let builder = builder(platform).call_timeout(Duration::from_millis(600));
        let cloud = builder.start().await.unwrap();
        let first = outcome(&cloud, "hang-busy").await;
        assert!(matches!(refused(&first), PlatformError::CallTimeout { .. }), "{first:?}");
        assert_eq!(refused(&first).scf_code().0, 433);
        assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
    }
}

#[tokio::test]
async fn ready_but_never_fetching() {
    let cloud = behaving(SCF, "never-fetch")
        .call_timeout(Duration::from_millis(300))
        .start()
        .await
        .unwrap();
    let first = outcome(&cloud, "echo").await;
    assert!(matches!(refused(&first), PlatformError::FetchTimeout { .. }));
}

#[tokio::test]
async fn a_second_next_gets_the_same_event() {
    for platform in [SCF, LAMBDA] {
        let cloud = builder(platform).start().await.unwrap();
        let twice = reply(&outcome(&cloud, "twice-next").await);
        assert_eq!(twice, json!({ "same": true }));
    }
}

#[tokio::test]
async fn the_first_response_wins_and_the_second_is_acknowledged() {
    for (platform, status) in [(SCF, "200"), (LAMBDA, "202")] {
        let cloud = builder(platform).start().await.unwrap();
        let first = outcome(&cloud, "twice-response").await;
        assert_eq!(reply(&first), json!({ "answer": "first" }));
        assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 2);
        let line = format!("second response acknowledged with {status}");
        until(|| cloud.function_output().contains(&line)).await;
    }
}

#[tokio::test]
async fn a_late_response_is_not_taken_for_that_of_the_next_request() {
    for platform in [SCF, LAMBDA] {
        let cloud = builder(platform).start().await.unwrap();
        let late = reply(&outcome(&cloud, "late-response").await);
        assert_eq!(late, json!({ "served": 1 }));
        // Delivered while the function is still about to post its late response.
        assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 2);
    }
}

#[tokio::test]
async fn an_error_of_the_function_is_reported_and_the_instance_lives_on() {
    for platform in [SCF, LAMBDA] {
        let cloud = builder(platform).start().await.unwrap();
        let error = Outcome::FunctionError("parse event error".to_owned());
        assert_eq!(outcome(&cloud, "error").await, error);
        assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 2);
    }
}

#[tokio::test]
async fn payloads_over_the_limit() {
    for platform in [SCF, LAMBDA] {
        let cloud = builder(platform).start().await.unwrap();
        let response = outcome(&cloud, "too-large").await;
        let expected = PlatformError::ResponseTooLarge;
        assert_eq!(refused(&response), &expected, "{platform:?}");
        assert_eq!(refused(&response).scf_code().0, 407);
        let event = vec![b' '; 6 * 1024 * 1024 + 1];
        let request = cloud.invoke(event).await.outcome;
        assert_eq!(refused(&request), &PlatformError::RequestTooLarge);
    }
}

#[tokio::test]
async fn calls_that_do_not_exist() {
    for (platform, status) in [(SCF, 404), (LAMBDA, 400)] {
        let cloud = builder(platform).start().await.unwrap();
        let unasked = reply(&outcome(&cloud, "unasked").await);
        assert_eq!(unasked, json!({ "status": status }));
    }
}

#[tokio::test]
async fn the_headers_of_next() {
    let limited = builder(SCF).call_timeout(Duration::from_secs(7));
    let cloud = limited.start().await.unwrap();
    let invocation = cloud.invoke("{}").await;
    let next = reply(&invocation.outcome)["next"].clone();
    assert_eq!(next["request_id"], json!(invocation.request_id));
    assert_eq!(next["memory_limit_in_mb"], "128");
    assert_eq!(next["time_limit_in_ms"], "7000");
    let mut spellings = std::collections::HashSet::new();
    for _ in 0..16 {
        for name in reply(&outcome(&cloud, "names").await).as_array().unwrap() {
            let name = name.as_str().unwrap();
            if name.eq_ignore_ascii_case("time_limit_in_ms") {
                spellings.insert(name.to_owned());
            }
        }
    }
    let count = spellings.len();
    assert!(count > 2, "the case changes from call to call: {spellings:?}");

    let cloud = builder(LAMBDA).start().await.unwrap();
    let before = u128::try_from(now().unix_seconds()).unwrap() * 1000;
    let invocation = cloud.invoke("{}").await;
    let next = reply(&invocation.outcome)["next"].clone();
    let header = |name: &str| next[format!("lambda-runtime-{name}")].as_str().unwrap();
    assert_eq!(header("aws-request-id"), invocation.request_id);
    let deadline: u128 = header("deadline-ms").parse().unwrap();
    assert!((before..before + 60_000).contains(&deadline), "{deadline}");
    let trace = header("trace-id");
    assert!(trace.starts_with("Root=1-"), "{trace}");
    assert!(trace.contains(";Parent="), "{trace}");
    let arn = header("invoked-function-arn");
    assert!(arn.starts_with("arn:aws:lambda:"), "{arn}");
}

#[tokio::test]
async fn keys_of_the_execution_role_end_after_two_hours() {
    let cloud = builder(SCF).start().await.unwrap();
    let environment = reply(&outcome(&cloud, "environment").await);
    let text = |name: &str| environment[name].as_str().unwrap().to_owned();
    let key = KeyPair {
        secret_id: text("TENCENTCLOUD_SECRETID"),
        secret_key: text("TENCENTCLOUD_SECRETKEY"),
    };
    let call = async || {
        let mut call = Tc3::new(&key, "AssumeRole", &role(&cloud, "issuer"));
        call.token = Some(text("TENCENTCLOUD_SESSIONTOKEN"));
        call.timestamp = cloud.clock().now();
        call.send(cloud.sts()).await
    };
    cloud.advance_clock(7100);
    issued(&call().await);
    cloud.advance_clock(200);
    assert!(code(&call().await).starts_with("AuthFailure."));
}

#[tokio::test]
async fn the_environment_is_the_platforms_and_ours_and_nothing_else() {
    let changed = builder(SCF).env("LOG", "debug");
    let cloud = changed.without_env("SECRET_KEY").start();
    let cloud = cloud.await.unwrap();
    let environment = reply(&outcome(&cloud, "environment").await);
    for (name, expected) in [
        ("SCF_RUNTIME_API", "127.0.0.1"),
        ("TENCENTCLOUD_RUNENV", "SCF"),
        ("TENCENTCLOUD_APPID", "1250000000"),
        ("SECRET_ID", &cloud.sub_account_key().secret_id),
        ("STS_ENDPOINTS", &cloud.sts().https_url()),
        ("BUCKET", "examplebucket-1250000000"),
        ("LOG", "debug"),
    ] {
        assert_eq!(environment[name], expected, "{name}");
    }
    for absent in ["SECRET_KEY", "CARGO_MANIFEST_DIR", "CARGO", "AWS_LAMBDA_RUNTIME_API", "PORT"] {
        assert_eq!(environment.get(absent), None, "{absent}");
    }
    // The execution role's keys are real ones of this cloud.
    let text = |name: &str| environment[name].as_str().unwrap().to_owned();
    let key = KeyPair {
        secret_id: text("TENCENTCLOUD_SECRETID"),
        secret_key: text("TENCENTCLOUD_SECRETKEY"),
    };
    let mut call = Tc3::new(&key, "AssumeRole", &role(&cloud, "issuer"));
    call.token = Some(text("TENCENTCLOUD_SESSIONTOKEN"));
    issued(&call.send(cloud.sts()).await);

    let cloud = builder(LAMBDA).sts_over_http().start().await.unwrap();
    let environment = reply(&outcome(&cloud, "environment").await);
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_NAME"], "cos-issuer");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_VERSION"], "$LATEST");
    assert_eq!(environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"], "128");
    assert_eq!(environment["STS_ENDPOINTS"], json!(cloud.sts().http_url()));
    for absent in ["SCF_RUNTIME_API", "TENCENTCLOUD_RUNENV", "CARGO"] {
        assert_eq!(environment.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn what_the_function_prints_is_kept() {
    let cloud = builder(SCF).start().await.unwrap();
    cloud.wait_ready().await.unwrap();
    until(|| cloud.function_output().contains("ready answered with 200")).await;
    let output = cloud.function_output();
    assert!(output.contains("function started as echo\n"), "{output}");
    let error = "and says so on standard error too\n";
    assert!(output.contains(error), "{output}");
}

#[tokio::test]
async fn nothing_outlives_the_cloud() {
    for platform in [SCF, LAMBDA, Platform::ScfWeb] {
        let cloud = builder(platform).start().await.unwrap();
        cloud.wait_ready().await.unwrap();
        let processes = cloud.function_processes();
        assert_eq!(processes.len(), 1);
        assert!(runs(processes[0]));
        drop(cloud);
        until(|| !runs(processes[0])).await;
    }
    // Descendants go too: with a drop, and with the death of their leader.
    let cloud = builder(SCF).start().await.unwrap();
    let descendant = |reply: Value| i32::try_from(reply["pid"].as_i64().unwrap()).unwrap();
    let first = descendant(reply(&outcome(&cloud, "descendant").await));
    assert!(runs(first));
    refused(&outcome(&cloud, "crash-busy").await);
    until(|| !runs(first)).await;
    let second = descendant(reply(&outcome(&cloud, "descendant").await));
    assert!(runs(second));
    drop(cloud);
    until(|| !runs(second)).await;
}

#[tokio::test]
async fn a_polite_end_is_enforced_when_it_is_ignored() {
    let cloud = behaving(SCF, "ignore-term").start().await.unwrap();
    cloud.wait_ready().await.unwrap();
    until(|| cloud.function_output().contains("ready answered")).await;
    let process = cloud.function_processes()[0];
    cloud.shut_down(Duration::from_millis(200)).await;
    until(|| !runs(process)).await;
}

#[tokio::test]
async fn a_caller_who_leaves_does_not_break_the_instance() {
    let single = builder(SCF).max_instances(1);
    let cloud = single.call_timeout(Duration::from_millis(600)).start();
    let cloud = cloud.await.unwrap();
    cloud.wait_ready().await.unwrap();
    let left = tokio::time::timeout(Duration::from_millis(100), outcome(&cloud, "hang-busy"));
    assert!(left.await.is_err());
    // Still busy for the rest of its time, then replaced.
    let second = outcome(&cloud, "echo").await;
    assert_eq!(refused(&second), &PlatformError::Throttled);
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
}
