//! The clock: moving it moves signatures, tokens, events and dates of every service together.

use cos_emulator::{Cloud, LambdaEvent, Platform};
use serde_json::Value;
use tencent::time::{Clock as _, Timestamp};

use crate::support::{
    Tc3, builder, client, code, federation, host_of, issued, plain_client, role, sts_only,
};

async fn sign_at(cloud: &Cloud, timestamp: Timestamp) -> Value {
    let mut call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    call.timestamp = timestamp;
    call.send(cloud.sts()).await
}

#[tokio::test]
async fn a_signature_of_now_is_late_in_the_future_and_early_in_the_past() {
    let cloud = sts_only().await;
    for (seconds, expected) in [
        (299, None),
        (-299, None),
        (301, Some("AuthFailure.SignatureExpire")),
        (-301, Some("AuthFailure.SignatureExpire")),
        (86_400, Some("AuthFailure.SignatureExpire")),
    ] {
        cloud.clock().reset();
        cloud.clock().freeze();
        let signed_at = cloud.clock().now();
        cloud.advance_clock(seconds);
        let answer = sign_at(&cloud, signed_at).await;
        match expected {
            Some(expected) => assert_eq!(code(&answer), expected, "{seconds}"),
            None => drop(issued(&answer)),
        }
        issued(&sign_at(&cloud, cloud.clock().now()).await);
    }
    assert_eq!(cloud.secrets().len(), 2 + 2 * 7, "nothing more was issued");
}

#[tokio::test]
async fn a_temporary_key_ends_with_its_time() {
    let cloud = sts_only().await;
    let call = Tc3::new(cloud.sub_account_key(), "AssumeRole", &role(&cloud, "issuer"));
    let answer = call.send(cloud.sts()).await;
    let (key, token) = issued(&answer);
    let use_it = async || {
        let mut call = Tc3::new(&key, "AssumeRole", &role(&cloud, "issuer"));
        call.token = Some(token.clone());
        call.timestamp = cloud.clock().now();
        call.send(cloud.sts()).await
    };
    issued(&use_it().await);
    cloud.advance_clock(7199);
    cloud.clock().freeze();
    let left =
        answer["Response"]["ExpiredTime"].as_i64().unwrap() - cloud.clock().now().unix_seconds();
    cloud.advance_clock(left - 1);
    issued(&use_it().await);
    cloud.advance_clock(1);
    assert_eq!(code(&use_it().await), "AuthFailure.TokenFailure");
    cloud.clock().reset();
    issued(&use_it().await);
}

#[tokio::test]
async fn a_frozen_clock_shows_one_moment_everywhere() {
    let cloud = builder(Platform::Lambda(LambdaEvent::FunctionUrl)).start().await.unwrap();
    let moment = Timestamp::from_unix_seconds(1_551_113_065).unwrap();
    cloud.clock().set(moment);
    cloud.clock().freeze();
    let url = format!("{}/sign", cloud.gateway_url().unwrap());
    for _ in 0..2 {
        let response = plain_client().get(&url).send().await.unwrap();
        assert_eq!(response.headers()["date"], "Mon, 25 Feb 2019 16:44:25 GMT");
        let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let event_time = &body["event"]["requestContext"]["timeEpoch"];
        assert_eq!(event_time.as_i64(), Some(1_551_113_065_000));
    }
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let mut request = client(cloud.sts()).post(cloud.sts().https_url()).body(call.body.clone());
    for (name, value) in call.headers(&host_of(&cloud.sts().https_url())) {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["date"], "Mon, 25 Feb 2019 16:44:25 GMT");
    let answer = crate::support::read(response).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureExpire", "signed today");
    let right = sign_at(&cloud, moment).await;
    issued(&right);
    assert_eq!(right["Response"]["ExpiredTime"], 1_551_113_065 + 1800);
}

#[tokio::test]
async fn time_passes_for_the_cloud_each_time_an_instance_is_frozen() {
    let cloud = builder(Platform::ScfWeb).freeze_jump(2400).start().await.unwrap();
    cloud.clock().freeze();
    let start = cloud.clock().now().unix_seconds();
    for jumps in 1..=2 {
        let url = cloud.gateway_url().unwrap();
        let answer = plain_client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 201, "a frozen instance wakes");
        let mut passed = 0;
        for _ in 0..500 {
            passed = cloud.clock().now().unix_seconds() - start;
            if passed == jumps * 2400 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(passed, jumps * 2400);
    }
}
