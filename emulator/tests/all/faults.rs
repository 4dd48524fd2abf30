//! Faults: each is seen by a real client, affects the call it names, and not the next one.

use std::time::{Duration, Instant};

use cos_emulator::{Cloud, Fault, FaultRule, Platform, ScfEvent, Service, WhichKey};
use serde_json::Value;

use crate::support::{
    Tc3, builder, client, code, federation, function, host_of, issued, plain_client, role, sts_only,
};

fn sts(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Sts, fault)
}

/// One call, each over a connection of its own.
async fn raw(
    cloud: &Cloud,
    action: &str,
    parameters: &Value,
) -> reqwest::Result<reqwest::Response> {
    let call = Tc3::new(cloud.sub_account_key(), action, parameters);
    let mut request = client(cloud.sts())
        .post(cloud.sts().https_url())
        .body(call.body.clone());
    for (name, value) in call.headers(&host_of(&cloud.sts().https_url())) {
        request = request.header(name, value);
    }
    request.send().await
}

async fn federate(cloud: &Cloud) -> reqwest::Result<reqwest::Response> {
    raw(cloud, "GetFederationToken", &federation()).await
}

async fn answer(cloud: &Cloud) -> Value {
    let text = federate(cloud).await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The error code of a second use of an issued key, if there is one.
async fn assume_with(cloud: &Cloud, answer: &Value) -> Option<String> {
    let (key, token) = issued(answer);
    let mut call = Tc3::new(&key, "AssumeRole", &role(cloud, "issuer"));
    call.token = Some(token);
    let answer = call.send(cloud.sts()).await;
    answer["Response"]["Error"]["Code"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test]
async fn an_outage_issues_nothing_and_ends_when_it_is_taken_away() {
    let cloud = sts_only().await;
    let before = cloud.secrets().len();
    let id = cloud.faults().add(sts(Fault::Outage)).unwrap();
    for _ in 0..3 {
        assert_eq!(federate(&cloud).await.unwrap().status(), 503);
    }
    assert_eq!(cloud.secrets().len(), before);
    assert_eq!(
        (
            cloud.faults().list()[0].calls,
            cloud.faults().list()[0].fired
        ),
        (3, 3)
    );
    assert!(cloud.faults().remove(id));
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn only_the_named_action_and_the_named_call_meet_the_fault() {
    let rule = sts(Fault::Outage).action("AssumeRole").nth(2);
    let cloud = Cloud::builder().fault(rule).start().await.unwrap();
    let mut statuses = Vec::new();
    for action in [
        "GetFederationToken",
        "AssumeRole",
        "GetFederationToken",
        "AssumeRole",
        "AssumeRole",
    ] {
        let parameters = if action == "AssumeRole" {
            role(&cloud, "issuer")
        } else {
            federation()
        };
        statuses.push(
            raw(&cloud, action, &parameters)
                .await
                .unwrap()
                .status()
                .as_u16(),
        );
    }
    assert_eq!(statuses, [200, 200, 200, 503, 200]);
}

#[tokio::test]
async fn latency_outlasts_an_impatient_client_and_serves_a_patient_one() {
    let cloud = sts_only().await;
    let delay = Duration::from_millis(300);
    cloud.faults().add(sts(Fault::Delay(delay))).unwrap();
    let impatient = tokio::time::timeout(Duration::from_millis(100), federate(&cloud)).await;
    assert!(impatient.is_err());
    #[expect(clippy::disallowed_methods, reason = "the delay is what is looked at")]
    let start = Instant::now();
    issued(&answer(&cloud).await);
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn a_throttle_answers_as_the_service_does_until_the_second_is_over() {
    let cloud = sts_only().await;
    cloud.clock().freeze();
    cloud
        .faults()
        .add(sts(Fault::Throttle { per_second: 2 }))
        .unwrap();
    for _ in 0..2 {
        issued(&answer(&cloud).await);
    }
    for _ in 0..2 {
        assert_eq!(code(&answer(&cloud).await), "RequestLimitExceeded");
    }
    cloud.advance_clock(1);
    issued(&answer(&cloud).await);
    assert_eq!(cloud.sts().calls()[2].outcome, "RequestLimitExceeded");
}

#[tokio::test]
async fn a_throttled_gateway_answers_as_its_platform_does() {
    // What the function of these tests answers.
    for (platform, status, served) in [
        (Platform::Scf(ScfEvent::FunctionUrl), 432, 201),
        (Platform::ScfWeb, 432, 201),
        (
            Platform::Lambda(cos_emulator::LambdaEvent::FunctionUrl),
            429,
            201,
        ),
    ] {
        let rule =
            FaultRule::new(Service::Gateway, Fault::Throttle { per_second: 0 }).action("/sign");
        let cloud = builder(platform).fault(rule).start().await.unwrap();
        let get = async |path: &str| {
            let url = format!("{}{path}", cloud.gateway_url().unwrap());
            plain_client()
                .get(url)
                .send()
                .await
                .unwrap()
                .status()
                .as_u16()
        };
        assert_eq!(get("/sign").await, status);
        assert!(
            cloud.function_processes().is_empty(),
            "the function was not asked"
        );
        assert_eq!(get("/other").await, served);
    }
}

#[tokio::test]
async fn chance_and_bursts_repeat_with_the_seed() {
    let run = async |seed| {
        let rule = sts(Fault::Outage).probability(0.3).burst(2);
        let cloud = Cloud::builder()
            .seed(seed)
            .fault(rule)
            .start()
            .await
            .unwrap();
        let mut fired = Vec::new();
        for _ in 0..24 {
            fired.push(federate(&cloud).await.unwrap().status() == 503);
        }
        fired
    };
    let first = run(11).await;
    assert_eq!(first, run(11).await);
    assert_ne!(first, run(12).await);
    let pairs = first
        .split(|fired| !fired)
        .filter(|burst| !burst.is_empty());
    let ended = first.iter().rposition(|fired| !fired).unwrap();
    assert!(pairs.clone().count() > 0);
    let early = first[..=ended]
        .split(|fired| !fired)
        .filter(|burst| !burst.is_empty());
    assert!(
        early.into_iter().all(|burst| burst.len() % 2 == 0),
        "{first:?}"
    );
}

#[tokio::test]
async fn a_slow_body_arrives_whole_for_who_waits() {
    let cloud = sts_only().await;
    let pause = Duration::from_millis(20);
    cloud
        .faults()
        .add(sts(Fault::SlowBody { bytes: 100, pause }))
        .unwrap();
    let response = federate(&cloud).await.unwrap();
    let length = response.content_length().unwrap();
    let impatient = tokio::time::timeout(Duration::from_millis(1), response.bytes()).await;
    assert!(impatient.is_err() && length > 400);
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn a_body_is_cut_where_the_fault_says() {
    let cloud = sts_only().await;
    cloud
        .faults()
        .add(sts(Fault::CloseAfter { bytes: 10 }))
        .unwrap();
    let mut response = federate(&cloud).await.unwrap();
    assert!(response.content_length().unwrap() > 100);
    assert_eq!(
        &response.chunk().await.unwrap().unwrap()[..],
        b"{\"Response"
    );
    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn connections_close_at_the_gateway_too() {
    let rule = FaultRule::new(Service::Gateway, Fault::CloseBefore).nth(1);
    let cloud = builder(Platform::ScfWeb).fault(rule).start().await.unwrap();
    let url = cloud.gateway_url().unwrap();
    assert!(plain_client().post(&url).send().await.is_err());
    assert_eq!(
        plain_client().post(&url).send().await.unwrap().status(),
        201
    );
}

#[tokio::test]
async fn half_a_body_is_complete_http_and_broken_json() {
    let cloud = sts_only().await;
    cloud.faults().add(sts(Fault::Malformed).times(1)).unwrap();
    let response = federate(&cloud).await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(text.starts_with("{\"Response\":"), "{}", text.len());
    assert!(serde_json::from_str::<Value>(&text).is_err());
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn an_api_error_is_http_200_and_issues_nothing() {
    let cloud = sts_only().await;
    let before = cloud.secrets().len();
    let error = Fault::ApiError {
        code: "InternalError.DbError".to_owned(),
        message: "x".to_owned(),
    };
    cloud.faults().add(sts(error).times(1)).unwrap();
    assert_eq!(code(&answer(&cloud).await), "InternalError.DbError");
    assert_eq!(cloud.secrets().len(), before);
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn a_wrong_clock_refuses_right_signatures_and_says_so_in_its_date() {
    let cloud = sts_only().await;
    for seconds in [301, -301] {
        cloud
            .faults()
            .add(sts(Fault::WrongClock { seconds }).times(1))
            .unwrap();
        let response = federate(&cloud).await.unwrap();
        let wrong = response.headers()["date"].clone();
        let answer = crate::support::read(response).await;
        assert_eq!(code(&answer), "AuthFailure.SignatureExpire", "{seconds}");
        let right = federate(&cloud).await.unwrap();
        assert_ne!(wrong, right.headers()["date"]);
        issued(&crate::support::read(right).await);
    }
}

#[tokio::test]
async fn a_key_that_expires_at_once_says_so_and_works_no_more() {
    let cloud = sts_only().await;
    cloud.faults().add(sts(Fault::ExpiredNow).nth(1)).unwrap();
    let call = Tc3::new(
        cloud.sub_account_key(),
        "AssumeRole",
        &role(&cloud, "issuer"),
    );
    let stale = call.send(cloud.sts()).await;
    let expires = stale["Response"]["ExpiredTime"].as_i64().unwrap();
    assert!(expires <= crate::support::now().unix_seconds());
    let refused = assume_with(&cloud, &stale).await;
    assert_eq!(refused.as_deref(), Some("AuthFailure.TokenFailure"));
    let right = call.send(cloud.sts()).await;
    assert_eq!(assume_with(&cloud, &right).await, None);
}

#[tokio::test]
async fn a_revoked_key_is_as_if_it_had_never_been() {
    let cloud = sts_only().await;
    cloud
        .faults()
        .add(sts(Fault::RevokeKey(WhichKey::Issued)).nth(1))
        .unwrap();
    let call = Tc3::new(
        cloud.sub_account_key(),
        "AssumeRole",
        &role(&cloud, "issuer"),
    );
    let revoked = call.send(cloud.sts()).await;
    let refused = assume_with(&cloud, &revoked).await;
    assert_eq!(refused.as_deref(), Some("AuthFailure.SecretIdNotFound"));

    issued(&answer(&cloud).await);
    cloud
        .faults()
        .add(sts(Fault::RevokeKey(WhichKey::Calling)).nth(1))
        .unwrap();
    for _ in 0..2 {
        assert_eq!(code(&answer(&cloud).await), "AuthFailure.SecretIdNotFound");
    }
    let root = Tc3::new(cloud.root_key(), "GetFederationToken", &federation());
    issued(&root.send(cloud.sts()).await);
}

#[tokio::test]
async fn a_stale_pair_has_the_token_of_an_earlier_key_and_is_refused() {
    let cloud = sts_only().await;
    cloud.faults().add(sts(Fault::StalePair).from(1)).unwrap();
    let call = Tc3::new(
        cloud.sub_account_key(),
        "AssumeRole",
        &role(&cloud, "issuer"),
    );
    let (first, second) = (call.send(cloud.sts()).await, call.send(cloud.sts()).await);
    cloud.faults().clear();
    for stale in [&first, &second] {
        let refused = assume_with(&cloud, stale).await;
        assert_eq!(refused.as_deref(), Some("AuthFailure.TokenFailure"));
    }
    assert!(
        cloud.secrets().contains(&issued(&second).1),
        "a real token, of another key"
    );
}

#[tokio::test]
async fn a_certificate_of_a_stranger_is_refused_by_the_client() {
    let cloud = sts_only().await;
    cloud.faults().add(sts(Fault::TlsFailure).nth(1)).unwrap();
    let error = federate(&cloud).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(cloud.sts().call_count(), 0, "no call came through");
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_stands_between_the_function_and_the_sts() {
    let cloud = Cloud::builder()
        .function(function())
        .env("BEHAVIOUR", "environment")
        .fault(sts(Fault::DnsFailure))
        .start()
        .await
        .unwrap();
    let url = cloud.gateway_url().unwrap();
    let text = plain_client()
        .get(url)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let environment: Value = serde_json::from_str(&text).unwrap();
    let proxy = environment["STS_PROXY"].as_str().unwrap();
    assert!(proxy.contains(".invalid"), "{proxy}");
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .proxy(reqwest::Proxy::all(proxy).unwrap())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let error = client
        .get(cloud.sts().https_url())
        .send()
        .await
        .unwrap_err();
    assert!(error.is_connect() || error.is_timeout(), "{error:?}");
    assert_eq!(cloud.sts().call_count(), 0);
    let late = cloud.faults().add(sts(Fault::DnsFailure));
    assert!(late.unwrap_err().to_string().contains("from the start"));
}

#[tokio::test]
async fn an_invalid_fault_stops_the_start() {
    for rule in [
        FaultRule::new(Service::Gateway, Fault::StalePair),
        sts(Fault::Outage).nth(1).every(2),
        sts(Fault::Outage).probability(2.0),
    ] {
        let error = Cloud::builder().fault(rule).start().await.unwrap_err();
        assert!(error.to_string().contains("fault rule: "), "{error}");
    }
}

#[tokio::test]
async fn no_header_of_a_request_orders_a_fault() {
    let cloud = builder(Platform::ScfWeb).start().await.unwrap();
    let url = cloud.gateway_url().unwrap();
    for name in ["x-emulator-fault", "x-fault", "x-emulator-clock"] {
        let answer = plain_client().get(&url).header(name, "outage").send().await;
        assert_eq!(answer.unwrap().status(), 201);
    }
    assert!(cloud.faults().list().is_empty());
}
