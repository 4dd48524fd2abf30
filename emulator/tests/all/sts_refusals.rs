//! Refusals: each documented error by its own trigger, in the documented shape, with nothing
//! issued.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cos_emulator::{Cloud, KeyPair, Role, Trust};
use serde_json::{Value, json};
use tencent::time::{Clock, SystemClock, Timestamp};

use crate::support::{
    self, POLICY, Tc3, client, code, encode, federation, host_of, issued, post, post_form, read,
    role, sts_only, v1_parameters, v1_signed,
};

/// A policy with one resource.
fn policy_on(resource: &str) -> String {
    encode(&POLICY.replace(
        "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*",
        resource,
    ))
}

fn with(mut parameters: Value, name: &str, value: Value) -> Value {
    parameters[name] = value;
    parameters
}

fn without(mut parameters: Value, name: &str) -> Value {
    parameters.as_object_mut().unwrap().remove(name).unwrap();
    parameters
}

#[tokio::test]
async fn values_of_a_federation_token() {
    let cloud = sts_only().await;
    let policy = |text: &str| with(federation(), "Policy", json!(encode(text)));
    let resource = |text: &str| with(federation(), "Policy", json!(policy_on(text)));
    let duration = |value: Value| with(federation(), "DurationSeconds", value);
    let long = POLICY.replace("users/*", &format!("{}*", "a".repeat(6144)));
    let cases = [
        (without(federation(), "Name"), "MissingParameter"),
        (with(federation(), "Name", json!("")), "MissingParameter"),
        (with(federation(), "Name", json!(7)), "InvalidParameter"),
        (without(federation(), "Policy"), "MissingParameter"),
        (with(federation(), "Policy", json!("")), "MissingParameter"),
        (duration(json!("1800")), "InvalidParameter"),
        (duration(json!(-1)), "InvalidParameter"),
        (duration(json!(1.5)), "InvalidParameter"),
        (duration(json!(0)), "InvalidParameter.ParamError"),
        (duration(json!(129_601)), "InvalidParameter.OverTimeError"),
        (duration(json!(u64::MAX)), "InvalidParameter.OverTimeError"),
        (policy("{"), "InvalidParameter.StrategyFormatError"),
        (policy("%7B"), "InvalidParameter.StrategyFormatError"),
        (
            policy(&encode(POLICY)),
            "InvalidParameter.StrategyFormatError",
        ),
        (policy("[]"), "InvalidParameter.StrategyInvalid"),
        (
            policy(&POLICY.replace("2.0", "1.0")),
            "InvalidParameter.StrategyInvalid",
        ),
        (
            policy(r#"{"version":"2.0"}"#),
            "InvalidParameter.StrategyInvalid",
        ),
        (
            policy(r#"{"version":"2.0","statement":[]}"#),
            "InvalidParameter.StrategyInvalid",
        ),
        (
            policy(&POLICY.replace("allow", "permit")),
            "InvalidParameter.StrategyInvalid",
        ),
        (
            policy(&POLICY.replace("\"action\"", "\"verb\"")),
            "InvalidParameter.StrategyInvalid",
        ),
        (
            policy(&POLICY.replace("[\"name/cos:PutObject\"]", "[]")),
            "InvalidParameter.StrategyInvalid",
        ),
        (policy(&long), "InvalidParameter.PolicyTooLong"),
        (
            resource("examplebucket-1250000000/*"),
            "InvalidParameter.ResouceError",
        ),
        (
            resource("qcs::cos:ap-guangzhou:uid/1250000000"),
            "InvalidParameter.ResouceError",
        ),
        (
            resource("qcs::cos:ap-guangzhou:appid/1250000000:x/*"),
            "InvalidParameter.ResouceError",
        ),
        (
            resource("qcs::cos:ap-guangzhou:uid/1250000000:"),
            "InvalidParameter.ResouceError",
        ),
        (
            resource("qcs::cos:ap-guangzhou:uid/1259999999:x-1259999999/*"),
            "InvalidParameter.GrantOtherResource",
        ),
        (
            resource("qcs::cos:ap-guangzhou:uin/100000000009:x/*"),
            "InvalidParameter.GrantOtherResource",
        ),
    ];
    let before = cloud.secrets().len();
    for (parameters, expected) in &cases {
        let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", parameters);
        let answer = call.send(cloud.sts()).await;
        assert_eq!(code(&answer), *expected, "{parameters}");
        assert!(answer["Response"]["RequestId"].is_string());
        assert!(answer["Response"]["Error"]["Message"].is_string());
        assert!(answer["Response"].get("Credentials").is_none());
    }
    assert_eq!(cloud.secrets().len(), before, "nothing was issued");
    let outcomes: Vec<String> = cloud
        .sts()
        .calls()
        .into_iter()
        .map(|call| call.outcome)
        .collect();
    let expected: Vec<&str> = cases.iter().map(|(_, code)| *code).collect();
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn what_the_service_tolerates() {
    let cloud = sts_only().await;
    let tolerated = [
        with(federation(), "Policy", json!(POLICY)),
        with(
            federation(),
            "Policy",
            json!(encode(POLICY).replace("%20", "+")),
        ),
        with(federation(), "Policy", json!(policy_on("*"))),
        with(
            federation(),
            "Policy",
            json!(policy_on("qcs::cos:::examplebucket-1250000000/*")),
        ),
        with(
            federation(),
            "Policy",
            json!(policy_on(
                "qcs::cos:ap-guangzhou:uid/1250000000:prefix//1250000000/examplebucket/users/*"
            )),
        ),
        with(
            federation(),
            "Policy",
            json!(encode(&POLICY.replace(
                "\"effect\"",
                "\"principal\":{\"qcs\":[\"*\"]},\"effect\""
            ))),
        ),
        with(federation(), "Name", json!("cos-sts-nodejs")),
        with(federation(), "Stray", json!({ "any": ["thing"] })),
        with(federation(), "DurationSeconds", json!(129_600)),
        without(federation(), "DurationSeconds"),
    ];
    for parameters in &tolerated {
        let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", parameters);
        issued(&call.send(cloud.sts()).await);
    }
    let role = with(role(&cloud, "issuer"), "Policy", json!(""));
    let role = with(role, "ExternalId", json!(""));
    issued(
        &Tc3::new(cloud.sub_account_key(), "AssumeRole", &role)
            .send(cloud.sts())
            .await,
    );
}

#[tokio::test]
async fn a_root_key_has_a_shorter_limit() {
    let cloud = sts_only().await;
    let request = |seconds| with(federation(), "DurationSeconds", json!(seconds));
    let call = Tc3::new(cloud.root_key(), "GetFederationToken", &request(7200));
    issued(&call.send(cloud.sts()).await);
    let call = Tc3::new(cloud.root_key(), "GetFederationToken", &request(7201));
    assert_eq!(
        code(&call.send(cloud.sts()).await),
        "InvalidParameter.OverTimeError"
    );
}

async fn cloud_with_roles() -> Cloud {
    Cloud::builder()
        .role(Role::new("short").max_session_seconds(3600))
        .role(Role::new("guarded").external_id("known-to-both"))
        .role(Role::new("platform").trust(Trust::Service))
        .start()
        .await
        .unwrap()
}

fn tags(count: usize) -> Value {
    (0..count)
        .map(|index| json!({ "Key": format!("k{index}"), "Value": "v" }))
        .collect()
}

async fn assume(cloud: &Cloud, parameters: &Value) -> Value {
    let call = Tc3::new(cloud.sub_account_key(), "AssumeRole", parameters);
    call.send(cloud.sts()).await
}

#[tokio::test]
async fn values_of_a_role_session() {
    let cloud = cloud_with_roles().await;
    let issuer = |name, value| with(role(&cloud, "issuer"), name, value);
    let bad = "InvalidParameter.ParamError";
    let twice = json!([{ "Key": "k", "Value": "1" }, { "Key": "k", "Value": "2" }]);
    let cases = [
        (
            without(role(&cloud, "issuer"), "RoleArn"),
            "MissingParameter",
        ),
        (
            without(role(&cloud, "issuer"), "RoleSessionName"),
            "MissingParameter",
        ),
        (issuer("RoleSessionName", json!("x")), bad),
        (issuer("RoleSessionName", json!("a b")), bad),
        (issuer("RoleSessionName", json!("x".repeat(129))), bad),
        (issuer("ExternalId", json!("x")), bad),
        (
            issuer("RoleArn", json!("arn:aws:iam::123456789012:role/x")),
            bad,
        ),
        (
            issuer("RoleArn", json!("qcs::cam::uin/100000000001:user/x")),
            bad,
        ),
        (issuer("Tags", tags(51)), bad),
        (issuer("Tags", twice), bad),
        (
            issuer("DurationSeconds", json!(43_201)),
            "InvalidParameter.OverTimeError",
        ),
        (
            issuer("Policy", json!("nonsense")),
            "InvalidParameter.StrategyFormatError",
        ),
    ];
    for (parameters, expected) in &cases {
        assert_eq!(
            code(&assume(&cloud, parameters).await),
            *expected,
            "{parameters}"
        );
    }
    issued(&assume(&cloud, &issuer("DurationSeconds", json!(43_200))).await);
    issued(&assume(&cloud, &issuer("Tags", tags(50))).await);
}

#[tokio::test]
async fn roles_decide_who_may_have_them_and_for_how_long() {
    let cloud = cloud_with_roles().await;
    let arn = |text: &str| with(role(&cloud, "issuer"), "RoleArn", json!(text));
    let guarded = |id: &str| with(role(&cloud, "guarded"), "ExternalId", json!(id));
    let short = |seconds| with(role(&cloud, "short"), "DurationSeconds", json!(seconds));
    let cases = [
        (
            arn("qcs::cam::uin/100000000001:roleName/nobody"),
            "InternalError.GetRoleError",
        ),
        (
            arn("qcs::cam::uin/100000000001:role/1"),
            "InternalError.GetRoleError",
        ),
        (
            arn("qcs::cam::uin/100000000009:roleName/issuer"),
            "InternalError.GetRoleError",
        ),
        (short(3601), "InvalidParameter.OverTimeError"),
        (role(&cloud, "guarded"), "UnauthorizedOperation"),
        (guarded("a-guess"), "UnauthorizedOperation"),
        (role(&cloud, "platform"), "UnauthorizedOperation"),
    ];
    for (parameters, expected) in &cases {
        assert_eq!(
            code(&assume(&cloud, parameters).await),
            *expected,
            "{parameters}"
        );
    }
    for right in [guarded("known-to-both"), short(3600), role(&cloud, "short")] {
        issued(&assume(&cloud, &right).await);
    }
}

#[tokio::test]
async fn a_federation_token_takes_a_permanent_key() {
    let cloud = sts_only().await;
    let assume = Tc3::new(
        cloud.sub_account_key(),
        "AssumeRole",
        &role(&cloud, "issuer"),
    );
    let (key, token) = issued(&assume.send(cloud.sts()).await);
    let mut call = Tc3::new(&key, "GetFederationToken", &federation());
    call.token = Some(token);
    assert_eq!(
        code(&call.send(cloud.sts()).await),
        "FailedOperation.TempKeyNotAllowed"
    );
}

#[tokio::test]
async fn who_and_when_of_tc3() {
    let cloud = sts_only().await;
    let right = || Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let now = support::now();
    let mut cases: Vec<(Tc3, &str)> = Vec::new();
    let mut case = |change: &dyn Fn(&mut Tc3), expected| {
        let mut call = right();
        change(&mut call);
        cases.push((call, expected));
    };
    case(
        &|call| call.action = "DescribeInstances".to_owned(),
        "InvalidAction",
    );
    case(&|call| call.action = String::new(), "MissingParameter");
    case(
        &|call| call.version = "2017-03-12".to_owned(),
        "NoSuchVersion",
    );
    case(&|call| call.version = String::new(), "MissingParameter");
    case(
        &|call| call.secret_id = "AKIDEMUnobody".to_owned(),
        "AuthFailure.SecretIdNotFound",
    );
    case(
        &|call| call.secret_id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE".to_owned(),
        "AuthFailure.SecretIdNotFound",
    );
    case(
        &|call| call.secret_key = "wrong".to_owned(),
        "AuthFailure.SignatureFailure",
    );
    case(
        &|call| call.timestamp = now.minus_seconds(330),
        "AuthFailure.SignatureExpire",
    );
    case(
        &|call| call.timestamp = now.plus_seconds(330),
        "AuthFailure.SignatureExpire",
    );
    case(
        &|call| call.service = "cvm".to_owned(),
        "AuthFailure.SignatureFailure",
    );
    case(
        &|call| call.token = Some("a-token".to_owned()),
        "AuthFailure.TokenFailure",
    );
    case(
        &|call| call.body = "not JSON".to_owned(),
        "InvalidParameter",
    );
    case(&|call| call.body = "[]".to_owned(), "InvalidParameter");
    for (call, expected) in &cases {
        assert_eq!(code(&call.send(cloud.sts()).await), *expected);
    }
    for near in [now.minus_seconds(240), now.plus_seconds(240)] {
        let mut call = right();
        call.timestamp = near;
        issued(&call.send(cloud.sts()).await);
    }
}

#[tokio::test]
async fn the_shape_of_the_authorization_header() {
    let cloud = sts_only().await;
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let right = call.headers(&host_of(&cloud.sts().https_url()));
    let changes: [(&str, &str); 8] = [
        ("TC3-HMAC-SHA256 ", "AWS4-HMAC-SHA256 "),
        ("SignedHeaders=content-type;host", "SignedHeaders=host"),
        (
            "SignedHeaders=content-type;host",
            "SignedHeaders=content-type",
        ),
        ("SignedHeaders=content-type;host, ", ""),
        (", Signature=", ", Sig="),
        ("/tc3_request", "/tc4_request"),
        ("/sts/tc3_request", ""),
        ("Credential=", "Cred="),
    ];
    for (from, to) in changes {
        let mut headers = right.clone();
        headers[0].1 = headers[0].1.replacen(from, to, 1);
        let answer = post(cloud.sts(), &headers, &call.body).await;
        assert_eq!(
            code(&answer),
            "AuthFailure.InvalidAuthorization",
            "{from} -> {to}"
        );
    }
    for value in ["SKIP", "", "Bearer x"] {
        let mut headers = right.clone();
        headers[0].1 = value.to_owned();
        let answer = post(cloud.sts(), &headers, &call.body).await;
        assert_eq!(code(&answer), "AuthFailure.InvalidAuthorization", "{value}");
    }
    let answer = post(cloud.sts(), &right[1..], &call.body).await;
    assert_eq!(code(&answer), "AuthFailure.InvalidAuthorization", "none");
    let no_time: Vec<_> = right
        .into_iter()
        .filter(|(name, _)| name != "X-TC-Timestamp")
        .collect();
    assert_eq!(
        code(&post(cloud.sts(), &no_time, &call.body).await),
        "MissingParameter"
    );
}

#[tokio::test]
async fn who_and_when_of_v1() {
    let cloud = sts_only().await;
    let key = cloud.sub_account_key();
    let host = host_of(&cloud.sts().https_url());
    let untrusted = KeyPair {
        secret_id: "AKIDEMUnobody".to_owned(),
        secret_key: "whatever".to_owned(),
    };
    let wrong_key = KeyPair {
        secret_id: key.secret_id.clone(),
        secret_key: "wrong".to_owned(),
    };
    let old = support::now().minus_seconds(330).unix_seconds().to_string();
    let cases: [(&str, Option<&str>, &KeyPair, &str); 13] = [
        ("Action", None, key, "MissingParameter"),
        ("Action", Some("Nothing"), key, "InvalidAction"),
        ("Version", Some("2017-03-12"), key, "NoSuchVersion"),
        ("SecretId", None, key, "MissingParameter"),
        (
            "SecretId",
            Some(&untrusted.secret_id),
            &untrusted,
            "AuthFailure.SecretIdNotFound",
        ),
        ("Nonce", None, key, "MissingParameter"),
        ("Nonce", Some("0"), key, "InvalidParameterValue"),
        ("Nonce", Some("many"), key, "InvalidParameter"),
        ("Timestamp", None, key, "MissingParameter"),
        ("Timestamp", Some("yesterday"), key, "InvalidParameterValue"),
        ("Timestamp", Some(&old), key, "AuthFailure.SignatureExpire"),
        ("DurationSeconds", Some("soon"), key, "InvalidParameter"),
        (
            "Region",
            Some("ap-guangzhou"),
            &wrong_key,
            "AuthFailure.SignatureFailure",
        ),
    ];
    for (name, value, signer, expected) in cases {
        let mut parameters = v1_parameters(key, "GetFederationToken", &federation());
        parameters.retain(|(other, _)| other != name);
        if let Some(value) = value {
            parameters.push((name.to_owned(), value.to_owned()));
        }
        let body = v1_signed("POST", &host, signer, parameters);
        assert_eq!(
            code(&post_form(cloud.sts(), body).await),
            expected,
            "{name} {value:?}"
        );
    }
    let unsigned = support::form(&v1_parameters(key, "GetFederationToken", &federation()));
    assert_eq!(
        code(&post_form(cloud.sts(), unsigned).await),
        "MissingParameter"
    );
    let mut parameters = v1_parameters(key, "GetFederationToken", &federation());
    parameters.push(("SignatureMethod".to_owned(), "HmacMD5".to_owned()));
    let body = v1_signed("POST", &host, key, parameters);
    assert_eq!(
        code(&post_form(cloud.sts(), body).await),
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn what_is_no_request_of_this_api() {
    let cloud = sts_only().await;
    let sts = cloud.sts();
    let url = sts.https_url();
    let put = client(sts).put(&url).send().await.unwrap();
    assert_eq!(code(&read(put).await), "UnsupportedProtocol");
    let text = client(sts)
        .post(&url)
        .header("Content-Type", "text/plain")
        .body("x");
    assert_eq!(
        code(&read(text.send().await.unwrap()).await),
        "InvalidRequest"
    );
    let bare = client(sts).post(&url).send().await.unwrap();
    assert_eq!(code(&read(bare).await), "InvalidRequest");
    let latin = client(sts)
        .post(&url)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(vec![b'a', b'=', 0xe9]);
    assert_eq!(
        code(&read(latin.send().await.unwrap()).await),
        "InvalidRequest"
    );
    let long = client(sts).get(format!("{url}/?a={}", "x".repeat(33_000)));
    assert_eq!(
        code(&read(long.send().await.unwrap()).await),
        "RequestSizeLimitExceeded"
    );
    let big_form = format!("a={}", "x".repeat(1024 * 1024));
    let answer = post_form(sts, big_form).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureFailure");
    let message = answer["Response"]["Error"]["Message"].as_str().unwrap();
    assert!(
        message.contains("exceeding request size limit"),
        "{message}"
    );
    let elsewhere = client(sts)
        .get(format!("{url}/v2/index.php"))
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), 404);
    let bare_get = client(sts).get(&url).send().await.unwrap();
    assert_eq!(code(&read(bare_get).await), "MissingParameter");
}

#[tokio::test]
async fn messages_follow_the_language() {
    let cloud = sts_only().await;
    let mut call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    call.secret_id = "AKIDEMUnobody".to_owned();
    let message = |answer: Value| {
        answer["Response"]["Error"]["Message"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let english = "The SecretId is not found, please ensure that your SecretId is correct.";
    assert_eq!(message(call.send(cloud.sts()).await), english);
    call.language = Some("en-US".to_owned());
    assert_eq!(message(call.send(cloud.sts()).await), english);
    call.language = Some("zh-CN".to_owned());
    assert_eq!(
        message(call.send(cloud.sts()).await),
        "SecretId不存在，请输入正确的密钥。"
    );

    let foreign = with(
        federation(),
        "Policy",
        json!(policy_on("qcs::cos::uid/1:x-1/*")),
    );
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &foreign);
    assert_eq!(
        message(call.send(cloud.sts()).await),
        "[QC_STS] cant grant other resource "
    );
}

/// The machine's clock, moved.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn unix_milliseconds(&self) -> u64 {
        let moved = self.0.load(Ordering::SeqCst) * 1000;
        SystemClock
            .unix_milliseconds()
            .checked_add_signed(moved)
            .unwrap()
    }
}

#[tokio::test]
async fn a_temporary_key_ends_with_its_time() {
    let clock = Arc::new(Moved(AtomicI64::new(0)));
    let cloud = Cloud::builder().clock(clock.clone()).start().await.unwrap();
    let parameters = with(role(&cloud, "issuer"), "DurationSeconds", json!(600));
    let assume = Tc3::new(cloud.sub_account_key(), "AssumeRole", &parameters);
    let (key, token) = issued(&assume.send(cloud.sts()).await);
    let identity = |offset: i64| {
        let mut call = Tc3::new(&key, "GetCallerIdentity", &json!({}));
        call.token = Some(token.clone());
        call.timestamp =
            Timestamp::from_unix_seconds(support::now().unix_seconds() + offset).unwrap();
        call
    };
    clock.0.store(500, Ordering::SeqCst);
    assert!(identity(500).send(cloud.sts()).await["Response"]["Arn"].is_string());
    clock.0.store(700, Ordering::SeqCst);
    assert_eq!(
        code(&identity(700).send(cloud.sts()).await),
        "AuthFailure.TokenFailure"
    );
}
