//! Faults: each affects one call, and the next call is right again.

use std::time::Duration;

use cos_emulator::{Cloud, Fault, Member};
use serde_json::Value;

use crate::support::{Tc3, client, code, federation, host_of, issued, sts_only};

async fn raw(cloud: &Cloud) -> reqwest::Result<reqwest::Response> {
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let mut request = client(cloud.sts()).post(cloud.sts().https_url()).body(call.body.clone());
    for (name, value) in call.headers(&host_of(&cloud.sts().https_url())) {
        request = request.header(name, value);
    }
    request.send().await
}

async fn answer(cloud: &Cloud) -> Value {
    let text = raw(cloud).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn answers_of_http_itself() {
    let cloud = sts_only().await;
    cloud.sts().inject([Fault::Http {
        status: 500,
        content_type: "text/html".to_owned(),
        body: b"<html>".to_vec(),
    }]);
    let before = cloud.secrets().len();
    let response = raw(&cloud).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.text().await.unwrap(), "<html>");
    assert_eq!(cloud.secrets().len(), before, "nothing was issued");
    issued(&answer(&cloud).await);
    assert_eq!(cloud.sts().calls()[0].outcome, "Fault");
    assert_eq!(cloud.sts().calls()[1].outcome, "Success");
}

#[tokio::test]
async fn connections_that_break_off() {
    let cloud = sts_only().await;
    cloud.sts().inject([
        Fault::CloseBefore,
        Fault::CloseAfter { bytes: 0 },
        Fault::CloseAfter { bytes: 40 },
    ]);
    // A client may retry when not a byte came back, so each fault gets a client of
    // its own.
    assert!(raw(&cloud).await.is_err());
    for _ in 0..2 {
        let response = raw(&cloud).await.unwrap();
        assert_eq!(response.status(), 200);
        assert!(response.bytes().await.is_err());
    }
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn an_api_error_of_any_code() {
    let cloud = sts_only().await;
    cloud.sts().inject([Fault::ApiError {
        code: "InternalError.DbError".to_owned(),
        message: "database".to_owned(),
    }]);
    let refused = answer(&cloud).await;
    assert_eq!(code(&refused), "InternalError.DbError");
    assert!(refused["Response"].get("Credentials").is_none());
    assert_eq!(cloud.sts().calls()[0].outcome, "InternalError.DbError");
}

#[tokio::test]
async fn every_member_can_be_missing_or_empty() {
    let cloud = sts_only().await;
    for member in Member::ALL {
        cloud.sts().inject([Fault::Without(member), Fault::Empty(member)]);
        let right = answer(&cloud).await;
        let place = match member {
            Member::Credentials => "/Response/Credentials",
            Member::Expiration => "/Response/Expiration",
            Member::ExpiredTime => "/Response/ExpiredTime",
            Member::RequestId => "/Response/RequestId",
            Member::TmpSecretId => "/Response/Credentials/TmpSecretId",
            Member::TmpSecretKey => "/Response/Credentials/TmpSecretKey",
            Member::Token => "/Response/Credentials/Token",
        };
        assert_eq!(right.pointer(place), None, "{place}");
        let empty = answer(&cloud).await;
        let empty = empty.pointer(place).unwrap();
        let is_empty =
            empty == "" || empty == 0 || empty.as_object().is_some_and(|it| it.is_empty());
        assert!(is_empty, "{place}: {empty}");
    }
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn an_answer_that_expired_already() {
    let cloud = sts_only().await;
    cloud.sts().inject([Fault::Expired { seconds_ago: 60 }]);
    let stale = answer(&cloud).await;
    issued(&stale);
    let expired_time = stale["Response"]["ExpiredTime"].as_i64().unwrap();
    assert!(expired_time <= crate::support::now().unix_seconds() - 59);
}

#[tokio::test]
async fn a_delay_outlasts_an_impatient_client_and_ends_in_the_right_answer() {
    let cloud = sts_only().await;
    cloud
        .sts()
        .inject([Fault::Delay(Duration::from_secs(30)), Fault::Delay(Duration::from_millis(1))]);
    let impatient = tokio::time::timeout(Duration::from_millis(500), raw(&cloud)).await;
    assert!(impatient.is_err());
    issued(&answer(&cloud).await);
    assert_eq!(cloud.sts().call_count(), 2);
}
