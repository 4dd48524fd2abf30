//! Memory, time and size: what is over a limit ends as on the platform, and the next request is
//! served.

use std::time::Duration;

use cos_emulator::{Cloud, LambdaEvent, Outcome, Platform, PlatformError, ScfEvent};
use serde_json::{Value, json};

use crate::lifecycle::{LAMBDA, SCF, behaving, outcome, refused, reply, runs, until};
use crate::support::plain_client;

const ALB: Platform = Platform::Lambda(LambdaEvent::Alb);
const REST: Platform = Platform::Lambda(LambdaEvent::Rest);

async fn status(cloud: &Cloud, target: &str, body: Vec<u8>) -> (u16, String) {
    let url = format!("{}{target}", cloud.gateway_url().unwrap());
    let request = plain_client().post(url).body(body);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn too_much_memory_is_noticed_while_it_runs_and_at_its_answer() {
    for platform in [SCF, LAMBDA] {
        for behave in ["memory", "memory-hang"] {
            let cloud = behaving(platform, "echo").start().await.unwrap();
            let ended = outcome(&cloud, behave).await;
            let over = PlatformError::OutOfMemory { limit_mb: 128 };
            assert_eq!(refused(&ended), &over, "{platform:?} {behave}");
            assert_eq!(refused(&ended).scf_code(), (434, "MemoryLimitReached"));
            assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
        }
    }
}

#[tokio::test]
async fn too_much_memory_for_a_moment_is_noticed_too() {
    for _ in 0..8 {
        let cloud = behaving(SCF, "echo").memory_mb(48).start().await.unwrap();
        cloud.wait_ready().await.unwrap();
        let ended = outcome(&cloud, "memory-burst").await;
        let over = PlatformError::OutOfMemory { limit_mb: 48 };
        assert_eq!(refused(&ended), &over);
    }
}

#[tokio::test]
async fn too_much_memory_between_two_requests() {
    let cloud = behaving(SCF, "echo").freeze(false).start().await.unwrap();
    let process = reply(&outcome(&cloud, "memory-idle").await)["pid"].clone();
    let process = i32::try_from(process.as_i64().unwrap()).unwrap();
    until(|| !runs(process)).await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
}

#[tokio::test]
async fn too_much_memory_at_the_start() {
    for platform in [SCF, LAMBDA, Platform::ScfWeb] {
        let cloud = behaving(platform, "memory-init").start().await.unwrap();
        let ended = cloud.wait_ready().await.unwrap_err();
        assert_eq!(ended, PlatformError::OutOfMemory { limit_mb: 128 });
    }
}

#[tokio::test]
async fn the_client_sees_the_platforms_own_answer_to_too_much_memory() {
    let scf = behaving(SCF, "echo").start().await.unwrap();
    let (code, body) = status(&scf, "/?behave=memory", vec![]).await;
    assert_eq!(code, 434);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["errorMessage"], "Task memory exceeded 128 MB");
    let web = behaving(Platform::ScfWeb, "echo").start().await.unwrap();
    assert_eq!(status(&web, "/?behave=memory", vec![]).await.0, 434);
    assert_eq!(status(&web, "/", vec![]).await.0, 201);
    let lambda = behaving(LAMBDA, "echo").start().await.unwrap();
    let expected = (502, "Internal Server Error".to_owned());
    assert_eq!(status(&lambda, "/?behave=memory", vec![]).await, expected);
}

#[tokio::test]
async fn more_memory_is_a_setting() {
    let cloud = behaving(SCF, "echo").memory_mb(640).start().await.unwrap();
    assert_eq!(reply(&outcome(&cloud, "memory").await), json!({ "answer": "too much" }));
    let next = reply(&outcome(&cloud, "echo").await)["next"].clone();
    assert_eq!(next["memory_limit_in_mb"], "640");
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_ignored() {
    for platform in [SCF, LAMBDA] {
        let cloud = behaving(platform, "echo")
            .env("SLOW", "0.9")
            .call_timeout(Duration::from_millis(500))
            .start()
            .await
            .unwrap();
        cloud.wait_ready().await.unwrap();
        let late = outcome(&cloud, "slow").await;
        assert!(matches!(refused(&late), PlatformError::CallTimeout { .. }));
        // In the time in which the late answer would have come.
        for served in 1..=10 {
            assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], served);
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
}

#[tokio::test]
async fn a_time_out_in_the_words_of_scf() {
    let cloud = behaving(SCF, "echo").call_timeout(Duration::from_secs(1)).start().await.unwrap();
    let (code, body) = status(&cloud, "/?behave=hang-busy", vec![]).await;
    assert_eq!(code, 433);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["errorCode"], -1);
    assert_eq!(body["errorMessage"], "Invoking task timed out after 1 seconds");
}

#[tokio::test]
async fn throttled_in_the_words_of_each_front() {
    for (platform, expected) in [
        (SCF, 432),
        (Platform::Scf(ScfEvent::ApiGateway), 432),
        (Platform::Scf(ScfEvent::Clb), 432),
        (Platform::ScfWeb, 432),
        (LAMBDA, 429),
        (Platform::Lambda(LambdaEvent::HttpApi), 503),
        (REST, 500),
        (ALB, 502),
    ] {
        let cloud = behaving(platform, "echo").max_instances(0).start().await.unwrap();
        let (code, _) = status(&cloud, "/", vec![]).await;
        assert_eq!(code, expected, "{platform:?}");
        assert_eq!(cloud.function_output(), "", "nothing ran, nothing is logged");
    }
}

#[tokio::test]
async fn a_gateway_gives_up_before_the_function_does() {
    let limit = Duration::from_millis(500);
    for (platform, expected) in [
        (REST, (504, "Endpoint request timed out")),
        (Platform::Lambda(LambdaEvent::HttpApi), (503, "Service Unavailable")),
    ] {
        let builder = behaving(platform, "echo").env("SLOW", "1").gateway_timeout(limit);
        let cloud = builder.start().await.unwrap();
        cloud.wait_ready().await.unwrap();
        let (code, body) = status(&cloud, "/?behave=slow", vec![]).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code, &body["message"]), (expected.0, &json!(expected.1)), "{platform:?}");
        // The function answers later, and the same instance serves again.
        until(|| cloud.function_output().contains("REPORT")).await;
        assert_eq!(status(&cloud, "/", vec![]).await.0, 201, "{platform:?}");
    }
}

#[tokio::test]
async fn a_load_balancer_takes_one_megabyte_each_way() {
    let over = 1024 * 1024 + 1;
    for (platform, code) in [(ALB, 413), (REST, 201)] {
        let cloud = behaving(platform, "echo").start().await.unwrap();
        assert_eq!(status(&cloud, "/", vec![b'x'; over]).await.0, code, "{platform:?}");
    }
    // The function answers with the event that it got.
    let cloud = behaving(ALB, "echo").start().await.unwrap();
    let (code, _) = status(&cloud, "/", vec![b'x'; over - 2000]).await;
    assert_eq!(code, 502, "with the event around it, the response is over the limit");
}

#[tokio::test]
async fn lambda_takes_a_hundred_bytes_more_as_a_response() {
    for (platform, accepted) in [(SCF, false), (LAMBDA, true)] {
        let cloud = behaving(platform, "just-over").start().await.unwrap();
        let ended = outcome(&cloud, "just-over").await;
        assert_eq!(matches!(ended, Outcome::Response(_)), accepted, "{platform:?}");
    }
}
