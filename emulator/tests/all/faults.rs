//! Faults: each is seen by a real client, affects the call it names, and not the next one.

use std::time::{Duration, Instant};

use cos_emulator::{Cloud, Fault, FaultRule, Member, Platform, Service, WhichKey};
use serde_json::Value;

use crate::lifecycle::{LAMBDA, SCF, behaving};
use crate::support::{
    Tc3, builder, client, code, federation, host_of, issued, now, plain_client, read, role,
    sts_only,
};

fn sts(fault: Fault) -> FaultRule {
    FaultRule::new(Service::Sts, fault)
}

/// A cloud whose STS has this fault from the start.
async fn faulty(rule: FaultRule) -> Cloud {
    Cloud::builder().fault(rule).start().await.unwrap()
}

/// One call, each over a connection of its own.
async fn raw(
    cloud: &Cloud,
    action: &str,
    parameters: &Value,
) -> reqwest::Result<reqwest::Response> {
    let call = Tc3::new(cloud.sub_account_key(), action, parameters);
    let mut request = client(cloud.sts()).post(cloud.sts().https_url()).body(call.body.clone());
    for (name, value) in call.headers(&host_of(&cloud.sts().https_url())) {
        request = request.header(name, value);
    }
    request.send().await
}

async fn federate(cloud: &Cloud) -> reqwest::Result<reqwest::Response> {
    raw(cloud, "GetFederationToken", &federation()).await
}

async fn answer(cloud: &Cloud) -> Value {
    read(federate(cloud).await.unwrap()).await
}

/// The answer with a key of a role session.
async fn assume(cloud: &Cloud) -> Value {
    let call = Tc3::new(cloud.sub_account_key(), "AssumeRole", &role(cloud, "issuer"));
    call.send(cloud.sts()).await
}

async fn status(url: &str) -> u16 {
    let response = plain_client().get(url).send().await.unwrap();
    response.status().as_u16()
}

/// The error code of a second use of an issued key, if there is one.
async fn assume_with(cloud: &Cloud, answer: &Value) -> Option<String> {
    let (key, token) = issued(answer);
    let mut call = Tc3::new(&key, "AssumeRole", &role(cloud, "issuer"));
    call.token = Some(token);
    let code = &call.send(cloud.sts()).await["Response"]["Error"]["Code"];
    code.as_str().map(str::to_owned)
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
    let rule = &cloud.faults().list()[0];
    assert_eq!((rule.calls, rule.fired), (3, 3));
    assert!(cloud.faults().remove(id));
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn only_the_named_action_and_the_named_call_meet_the_fault() {
    let rule = sts(Fault::Outage).action("AssumeRole").nth(2);
    let cloud = faulty(rule).await;
    for (action, parameters, expected) in [
        ("GetFederationToken", federation(), 200),
        ("AssumeRole", role(&cloud, "issuer"), 200),
        ("GetFederationToken", federation(), 200),
        ("AssumeRole", role(&cloud, "issuer"), 503),
        ("AssumeRole", role(&cloud, "issuer"), 200),
    ] {
        let response = raw(&cloud, action, &parameters).await.unwrap();
        assert_eq!(response.status(), expected, "{action}");
    }
}

#[tokio::test]
async fn latency_outlasts_an_impatient_client_and_serves_a_patient_one() {
    let delay = Duration::from_millis(300);
    let cloud = faulty(sts(Fault::Delay(delay))).await;
    let impatient = tokio::time::timeout(Duration::from_millis(100), federate(&cloud)).await;
    assert!(impatient.is_err());
    #[expect(clippy::disallowed_methods, reason = "the delay is what is looked at")]
    let start = Instant::now();
    issued(&answer(&cloud).await);
    assert!(start.elapsed() >= delay);
}

#[tokio::test]
async fn a_throttle_answers_as_the_service_does_until_the_second_is_over() {
    let cloud = faulty(sts(Fault::Throttle { per_second: 2 })).await;
    cloud.clock().freeze();
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
async fn a_gateway_with_a_fault_answers_as_its_platform_does_and_asks_no_function() {
    let throttle = || Fault::Throttle { per_second: 0 };
    for (platform, fault, expected) in [
        (SCF, throttle(), 432),
        (Platform::ScfWeb, throttle(), 432),
        (LAMBDA, throttle(), 429),
        (SCF, Fault::Outage, 503),
        (LAMBDA, Fault::Outage, 503),
    ] {
        let rule = FaultRule::new(Service::Gateway, fault).action("/sign");
        let cloud = builder(platform).fault(rule).start().await.unwrap();
        let url = cloud.gateway_url().unwrap();
        assert_eq!(status(&format!("{url}/sign")).await, expected);
        assert!(cloud.function_processes().is_empty());
        assert_eq!(status(&format!("{url}/other")).await, 201);
    }
}

#[tokio::test]
async fn chance_and_bursts_repeat_with_the_seed() {
    let run = async |seed| {
        let rule = sts(Fault::Outage).probability(0.3).burst(2);
        let cloud = Cloud::builder().seed(seed).fault(rule).start().await.unwrap();
        let mut fired = Vec::new();
        for _ in 0..24 {
            fired.push(federate(&cloud).await.unwrap().status() == 503);
        }
        fired
    };
    let first = run(11).await;
    assert_eq!(first, run(11).await);
    assert_ne!(first, run(12).await);
    assert!(first.contains(&true));
    // The last burst may be cut by the end of the run.
    let ended = first.iter().rposition(|fired| !fired).unwrap();
    let mut bursts = first[..=ended].split(|fired| !fired);
    assert!(bursts.all(|burst| burst.len() % 2 == 0), "{first:?}");
}

#[tokio::test]
async fn a_slow_body_arrives_whole_for_who_waits() {
    let pause = Duration::from_millis(20);
    let cloud = faulty(sts(Fault::SlowBody { bytes: 100, pause })).await;
    let response = federate(&cloud).await.unwrap();
    let length = response.content_length().unwrap();
    let impatient = tokio::time::timeout(Duration::from_millis(1), response.bytes()).await;
    assert!(impatient.is_err() && length > 400);
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn a_body_is_cut_where_the_fault_defines_it() {
    let cloud = faulty(sts(Fault::CloseAfter { bytes: 10 })).await;
    let mut response = federate(&cloud).await.unwrap();
    assert!(response.content_length().unwrap() > 100);
    let chunk = response.chunk().await.unwrap().unwrap();
    assert_eq!(&chunk[..], b"{\"Response");
    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn connections_close_at_the_gateway_too() {
    let rule = FaultRule::new(Service::Gateway, Fault::CloseBefore).nth(1);
    let cloud = builder(Platform::ScfWeb).fault(rule).start().await.unwrap();
    let url = cloud.gateway_url().unwrap();
    assert!(plain_client().post(&url).send().await.is_err());
    assert_eq!(status(&url).await, 201);
}

#[tokio::test]
async fn half_a_body_is_complete_http_and_broken_json() {
    let cloud = faulty(sts(Fault::Malformed).times(1)).await;
    let response = federate(&cloud).await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(text.starts_with("{\"Response\":"), "{}", text.len());
    assert!(serde_json::from_str::<Value>(&text).is_err());
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn an_api_error_is_http_200_and_issues_nothing() {
    let error =
        Fault::ApiError { code: "InternalError.DbError".to_owned(), message: "x".to_owned() };
    let cloud = faulty(sts(error).times(1)).await;
    let before = cloud.secrets().len();
    assert_eq!(code(&answer(&cloud).await), "InternalError.DbError");
    assert_eq!(cloud.secrets().len(), before);
    assert_eq!(cloud.sts().calls()[0].outcome, "InternalError.DbError");
    issued(&answer(&cloud).await);
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
    let response = federate(&cloud).await.unwrap();
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.text().await.unwrap(), "<html>");
    assert_eq!(cloud.secrets().len(), before, "nothing was issued");
    issued(&answer(&cloud).await);
    assert_eq!(cloud.sts().calls()[0].outcome, "Fault");
    assert_eq!(cloud.sts().calls()[1].outcome, "Success");
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
    assert!(expired_time <= now().unix_seconds() - 59);
}

#[tokio::test]
async fn a_wrong_clock_refuses_right_signatures_and_shows_in_its_date() {
    for seconds in [301, -301] {
        let cloud = faulty(sts(Fault::WrongClock { seconds }).times(1)).await;
        let response = federate(&cloud).await.unwrap();
        let wrong = response.headers()["date"].clone();
        let answer = read(response).await;
        assert_eq!(code(&answer), "AuthFailure.SignatureExpire", "{seconds}");
        let right = federate(&cloud).await.unwrap();
        assert_ne!(wrong, right.headers()["date"]);
        issued(&read(right).await);
    }
}

#[tokio::test]
async fn a_key_that_expires_at_once_has_its_error_and_works_no_more() {
    let cloud = faulty(sts(Fault::ExpiredNow).nth(1)).await;
    let stale = assume(&cloud).await;
    let expires = stale["Response"]["ExpiredTime"].as_i64().unwrap();
    assert!(expires <= now().unix_seconds());
    let refused = assume_with(&cloud, &stale).await;
    assert_eq!(refused.as_deref(), Some("AuthFailure.TokenFailure"));
    let right = assume(&cloud).await;
    assert_eq!(assume_with(&cloud, &right).await, None);
}

#[tokio::test]
async fn a_revoked_key_is_as_if_it_had_never_been() {
    let cloud = faulty(sts(Fault::RevokeKey(WhichKey::Issued)).nth(1)).await;
    let revoked = assume(&cloud).await;
    let refused = assume_with(&cloud, &revoked).await;
    assert_eq!(refused.as_deref(), Some("AuthFailure.SecretIdNotFound"));

    issued(&answer(&cloud).await);
    let rule = sts(Fault::RevokeKey(WhichKey::Calling)).nth(1);
    cloud.faults().add(rule).unwrap();
    for _ in 0..2 {
        assert_eq!(code(&answer(&cloud).await), "AuthFailure.SecretIdNotFound");
    }
    let root = Tc3::new(cloud.root_key(), "GetFederationToken", &federation());
    issued(&root.send(cloud.sts()).await);
}

#[tokio::test]
async fn a_stale_pair_has_the_token_of_an_earlier_key_and_is_refused() {
    let cloud = faulty(sts(Fault::StalePair).from(1)).await;
    let (first, second) = (assume(&cloud).await, assume(&cloud).await);
    cloud.faults().clear();
    for stale in [&first, &second] {
        let refused = assume_with(&cloud, stale).await;
        assert_eq!(refused.as_deref(), Some("AuthFailure.TokenFailure"));
    }
    let (_, token) = issued(&second);
    assert!(cloud.secrets().contains(&token), "a real token, of another key");
}

#[tokio::test]
async fn an_untrusted_certificate_is_refused_by_the_client() {
    let cloud = faulty(sts(Fault::TlsFailure).nth(1)).await;
    let error = federate(&cloud).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    assert_eq!(cloud.sts().call_count(), 0, "no call came through");
    issued(&answer(&cloud).await);
}

#[tokio::test]
async fn the_function_gets_an_endpoint_whose_name_does_not_resolve() {
    let builder = behaving(SCF, "environment").fault(sts(Fault::DnsFailure));
    let cloud = builder.start().await.unwrap();
    let response = plain_client().get(cloud.gateway_url().unwrap()).send();
    let text = response.await.unwrap().text().await.unwrap();
    let environment: Value = serde_json::from_str(&text).unwrap();
    let endpoint = environment["STS_ENDPOINTS"].as_str().unwrap();
    assert!(endpoint.ends_with(".invalid"), "{endpoint}");
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let request = client.get(endpoint);
    let error = request.send().await.unwrap_err();
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
