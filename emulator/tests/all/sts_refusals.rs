//! Refusals: each documented error by its own trigger, in the documented shape, with nothing
//! issued.

use cos_emulator::{Cloud, KeyPair, Role, Trust};
use serde_json::{Value, json};

use crate::support::{
    self, POLICY, Tc3, client, code, encode, federation, host_of, issued, post, post_form, read,
    role, sts_only, v1_parameters, v1_signed,
};

const DURATION: &str = "InvalidParameter.OverTimeError";
const FORMAT: &str = "InvalidParameter.StrategyFormatError";
const STRATEGY: &str = "InvalidParameter.StrategyInvalid";
const RESOURCE: &str = "InvalidParameter.ResouceError";
const FOREIGN: &str = "InvalidParameter.GrantOtherResource";
const MISSING: &str = "MissingParameter";
const VALUE: &str = "InvalidParameter.ParamError";

const ALLOWED: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*";

fn with(mut parameters: Value, name: &str, value: impl Into<Value>) -> Value {
    parameters[name] = value.into();
    parameters
}

fn without(mut parameters: Value, name: &str) -> Value {
    parameters.as_object_mut().unwrap().remove(name).unwrap();
    parameters
}

/// A federation with another value of one parameter.
fn named(name: &str, value: impl Into<Value>) -> Value {
    with(federation(), name, value)
}

/// A federation with this policy.
fn policy(text: &str) -> Value {
    named("Policy", encode(text))
}

/// A federation whose policy is the right one with a replacement.
fn changed(from: &str, to: &str) -> Value {
    policy(&POLICY.replace(from, to))
}

async fn federate(cloud: &Cloud, parameters: &Value) -> Value {
    let call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", parameters);
    call.send(cloud.sts()).await
}

#[tokio::test]
async fn values_of_a_federation_token() {
    let cloud = sts_only().await;
    let long = format!("{}*", "a".repeat(6144));
    #[rustfmt::skip]
    let cases = [
        (without(federation(), "Name"), MISSING),
        (named("Name", ""), MISSING),
        (named("Name", 7), "InvalidParameter"),
        (without(federation(), "Policy"), MISSING),
        (named("Policy", ""), MISSING),
        (named("DurationSeconds", "1800"), "InvalidParameter"),
        (named("DurationSeconds", -1), "InvalidParameter"),
        (named("DurationSeconds", 1.5), "InvalidParameter"),
        (named("DurationSeconds", 0), VALUE),
        (named("DurationSeconds", 129_601), DURATION),
        (named("DurationSeconds", u64::MAX), DURATION),
        (policy("{"), FORMAT),
        (policy("%7B"), FORMAT),
        (policy(&encode(POLICY)), FORMAT),
        (policy("[]"), STRATEGY),
        (changed("2.0", "1.0"), STRATEGY),
        (policy(r#"{"version":"2.0"}"#), STRATEGY),
        (policy(r#"{"version":"2.0","statement":[]}"#), STRATEGY),
        (changed("allow", "permit"), STRATEGY),
        (changed("\"action\"", "\"verb\""), STRATEGY),
        (changed("[\"name/cos:PutObject\"]", "[]"), STRATEGY),
        (changed("users/*", &long), "InvalidParameter.PolicyTooLong"),
        (changed(ALLOWED, "examplebucket-1250000000/*"), RESOURCE),
        (changed(ALLOWED, "qcs::cos:ap-guangzhou:uid/1250000000"), RESOURCE),
        (changed(ALLOWED, "qcs::cos:ap-guangzhou:appid/1250000000:x/*"), RESOURCE),
        (changed(ALLOWED, "qcs::cos:ap-guangzhou:uid/1250000000:"), RESOURCE),
        (changed(ALLOWED, "qcs::cos:ap-guangzhou:uid/1259999999:x-1259999999/*"), FOREIGN),
        (changed(ALLOWED, "qcs::cos:ap-guangzhou:uin/100000000009:x/*"), FOREIGN),
    ];
    let before = cloud.secrets().len();
    for (parameters, expected) in &cases {
        let answer = federate(&cloud, parameters).await;
        assert_eq!(code(&answer), *expected, "{parameters}");
        assert!(answer["Response"]["RequestId"].is_string());
        assert!(answer["Response"]["Error"]["Message"].is_string());
        assert!(answer["Response"].get("Credentials").is_none());
    }
    assert_eq!(cloud.secrets().len(), before, "nothing was issued");
    let calls = cloud.sts().calls();
    let outcomes = calls.iter().map(|call| call.outcome.as_str());
    assert!(outcomes.eq(cases.iter().map(|(_, code)| *code)));
}

#[tokio::test]
async fn what_the_service_tolerates() {
    let cloud = sts_only().await;
    let principal = "\"principal\":{\"qcs\":[\"*\"]},\"effect\"";
    let prefixed = "qcs::cos:ap-guangzhou:uid/1250000000:prefix//1250000000/examplebucket/users/*";
    for parameters in [
        named("Policy", POLICY),
        named("Policy", encode(POLICY).replace("%20", "+")),
        changed(ALLOWED, "*"),
        changed(ALLOWED, "qcs::cos:::examplebucket-1250000000/*"),
        changed(ALLOWED, prefixed),
        changed("\"effect\"", principal),
        named("Name", "cos-sts-nodejs"),
        named("Stray", json!({ "any": ["thing"] })),
        named("DurationSeconds", 129_600),
        without(federation(), "DurationSeconds"),
    ] {
        issued(&federate(&cloud, &parameters).await);
    }
    let role = with(role(&cloud, "issuer"), "Policy", "");
    issued(&assume(&cloud, &with(role, "ExternalId", "")).await);
}

#[tokio::test]
async fn a_root_key_has_a_shorter_limit() {
    let cloud = sts_only().await;
    let ask = async |seconds: u32| {
        let parameters = named("DurationSeconds", seconds);
        let call = Tc3::new(cloud.root_key(), "GetFederationToken", &parameters);
        call.send(cloud.sts()).await
    };
    issued(&ask(7200).await);
    assert_eq!(code(&ask(7201).await), DURATION);
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
    (0..count).map(|index| json!({ "Key": format!("k{index}"), "Value": "v" })).collect()
}

async fn assume(cloud: &Cloud, parameters: &Value) -> Value {
    let call = Tc3::new(cloud.sub_account_key(), "AssumeRole", parameters);
    call.send(cloud.sts()).await
}

async fn refuse(cloud: &Cloud, cases: &[(Value, &str)]) {
    for (parameters, expected) in cases {
        let answer = assume(cloud, parameters).await;
        assert_eq!(code(&answer), *expected, "{parameters}");
    }
}

#[tokio::test]
async fn values_of_a_role_session() {
    let cloud = cloud_with_roles().await;
    let right = || role(&cloud, "issuer");
    let issuer = |name: &str, value: Value| with(right(), name, value);
    let twice = json!([{ "Key": "k", "Value": "1" }, { "Key": "k", "Value": "2" }]);
    #[rustfmt::skip]
    let cases = [
        (without(right(), "RoleArn"), MISSING),
        (without(right(), "RoleSessionName"), MISSING),
        (issuer("RoleSessionName", json!("x")), VALUE),
        (issuer("RoleSessionName", json!("a b")), VALUE),
        (issuer("RoleSessionName", json!("x".repeat(129))), VALUE),
        (issuer("ExternalId", json!("x")), VALUE),
        (issuer("RoleArn", json!("arn:aws:iam::123456789012:role/x")), VALUE),
        (issuer("RoleArn", json!("qcs::cam::uin/100000000001:user/x")), VALUE),
        (issuer("Tags", tags(51)), VALUE),
        (issuer("Tags", twice), VALUE),
        (issuer("DurationSeconds", json!(43_201)), DURATION),
        (issuer("Policy", json!("nonsense")), FORMAT),
    ];
    refuse(&cloud, &cases).await;
    issued(&assume(&cloud, &issuer("DurationSeconds", json!(43_200))).await);
    issued(&assume(&cloud, &issuer("Tags", tags(50))).await);
}

#[tokio::test]
async fn roles_decide_who_may_have_them_and_for_how_long() {
    let cloud = cloud_with_roles().await;
    let arn = |text: &str| with(role(&cloud, "issuer"), "RoleArn", text);
    let guarded = |id: &str| with(role(&cloud, "guarded"), "ExternalId", id);
    let short = |seconds: u32| with(role(&cloud, "short"), "DurationSeconds", seconds);
    let nobody = "InternalError.GetRoleError";
    #[rustfmt::skip]
    let cases = [
        (arn("qcs::cam::uin/100000000001:roleName/nobody"), nobody),
        (arn("qcs::cam::uin/100000000001:role/1"), nobody),
        (arn("qcs::cam::uin/100000000009:roleName/issuer"), nobody),
        (short(3601), DURATION),
        (role(&cloud, "guarded"), "UnauthorizedOperation"),
        (guarded("a-guess"), "UnauthorizedOperation"),
        (role(&cloud, "platform"), "UnauthorizedOperation"),
    ];
    refuse(&cloud, &cases).await;
    for right in [guarded("known-to-both"), short(3600), role(&cloud, "short")] {
        issued(&assume(&cloud, &right).await);
    }
}

#[tokio::test]
async fn a_federation_token_takes_a_permanent_key() {
    let cloud = sts_only().await;
    let (key, token) = issued(&assume(&cloud, &role(&cloud, "issuer")).await);
    let mut call = Tc3::new(&key, "GetFederationToken", &federation());
    call.token = Some(token);
    let answer = call.send(cloud.sts()).await;
    assert_eq!(code(&answer), "FailedOperation.TempKeyNotAllowed");
}

#[tokio::test]
async fn who_and_when_of_tc3() {
    let cloud = sts_only().await;
    let right = || Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    let now = support::now();
    type Change<'a> = &'a dyn Fn(&mut Tc3);
    let real = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
    #[rustfmt::skip]
    let cases: [(Change<'_>, &str); 13] = [
        (&|call| call.action = "DescribeInstances".into(), "InvalidAction"),
        (&|call| call.action = String::new(), MISSING),
        (&|call| call.version = "2017-03-12".into(), "NoSuchVersion"),
        (&|call| call.version = String::new(), MISSING),
        (&|call| call.secret_id = "AKIDEMUnobody".into(), "AuthFailure.SecretIdNotFound"),
        (&|call| call.secret_id = real.into(), "AuthFailure.SecretIdNotFound"),
        (&|call| call.secret_key = "wrong".into(), "AuthFailure.SignatureFailure"),
        (&|call| call.timestamp = now.minus_seconds(330), "AuthFailure.SignatureExpire"),
        (&|call| call.timestamp = now.plus_seconds(330), "AuthFailure.SignatureExpire"),
        (&|call| call.service = "cvm".into(), "AuthFailure.SignatureFailure"),
        (&|call| call.token = Some("a-token".into()), "AuthFailure.TokenFailure"),
        (&|call| call.body = "not JSON".into(), "InvalidParameter"),
        (&|call| call.body = "[]".into(), "InvalidParameter"),
    ];
    for (index, (change, expected)) in cases.iter().enumerate() {
        let mut call = right();
        change(&mut call);
        assert_eq!(code(&call.send(cloud.sts()).await), *expected, "{index}");
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
    #[rustfmt::skip]
    let changes: [(&str, &str); 8] = [
        ("TC3-HMAC-SHA256 ", "AWS4-HMAC-SHA256 "),
        ("SignedHeaders=content-type;host", "SignedHeaders=host"),
        ("SignedHeaders=content-type;host", "SignedHeaders=content-type"),
        ("SignedHeaders=content-type;host, ", ""),
        (", Signature=", ", Sig="),
        ("/tc3_request", "/tc4_request"),
        ("/sts/tc3_request", ""),
        ("Credential=", "Cred="),
    ];
    let authorization = &right[0].1;
    let changed = changes.map(|(from, to)| authorization.replacen(from, to, 1));
    let others = ["SKIP", "", "Bearer x"].map(str::to_owned);
    for value in changed.into_iter().chain(others) {
        let mut headers = right.clone();
        headers[0].1.clone_from(&value);
        let answer = post(cloud.sts(), &headers, &call.body).await;
        assert_eq!(code(&answer), "AuthFailure.InvalidAuthorization", "{value}");
    }
    let answer = post(cloud.sts(), &right[1..], &call.body).await;
    assert_eq!(code(&answer), "AuthFailure.InvalidAuthorization", "none");
    let no_time: Vec<_> = right.into_iter().filter(|(name, _)| name != "X-TC-Timestamp").collect();
    let answer = post(cloud.sts(), &no_time, &call.body).await;
    assert_eq!(code(&answer), MISSING);
}

#[tokio::test]
async fn who_and_when_of_v1() {
    let cloud = sts_only().await;
    let key = cloud.sub_account_key();
    let host = host_of(&cloud.sts().https_url());
    let pair = |secret_id: &str, secret_key: &str| KeyPair {
        secret_id: secret_id.to_owned(),
        secret_key: secret_key.to_owned(),
    };
    let nobody = pair("AKIDEMUnobody", "whatever");
    let wrong = pair(&key.secret_id, "wrong");
    let right = || v1_parameters(key, "GetFederationToken", &federation());
    let old = support::now().minus_seconds(330).unix_seconds().to_string();
    #[rustfmt::skip]
    let cases: [(&str, Option<&str>, &KeyPair, &str); 13] = [
        ("Action", None, key, MISSING),
        ("Action", Some("Nothing"), key, "InvalidAction"),
        ("Version", Some("2017-03-12"), key, "NoSuchVersion"),
        ("SecretId", None, key, MISSING),
        ("SecretId", Some(&nobody.secret_id), &nobody, "AuthFailure.SecretIdNotFound"),
        ("Nonce", None, key, MISSING),
        ("Nonce", Some("0"), key, "InvalidParameterValue"),
        ("Nonce", Some("many"), key, "InvalidParameter"),
        ("Timestamp", None, key, MISSING),
        ("Timestamp", Some("yesterday"), key, "InvalidParameterValue"),
        ("Timestamp", Some(&old), key, "AuthFailure.SignatureExpire"),
        ("DurationSeconds", Some("soon"), key, "InvalidParameter"),
        ("Region", Some("ap-guangzhou"), &wrong, "AuthFailure.SignatureFailure"),
    ];
    for (name, value, signer, expected) in cases {
        let mut parameters = right();
        parameters.retain(|(other, _)| other != name);
        if let Some(value) = value {
            parameters.push((name.to_owned(), value.to_owned()));
        }
        let body = v1_signed("POST", &host, signer, parameters);
        let answer = post_form(cloud.sts(), body).await;
        assert_eq!(code(&answer), expected, "{name} {value:?}");
    }
    let unsigned = post_form(cloud.sts(), support::form(&right())).await;
    assert_eq!(code(&unsigned), MISSING);
    let mut parameters = right();
    parameters.push(("SignatureMethod".to_owned(), "HmacMD5".to_owned()));
    let body = v1_signed("POST", &host, key, parameters);
    let answer = post_form(cloud.sts(), body).await;
    assert_eq!(code(&answer), "InvalidParameterValue");
}

#[tokio::test]
async fn what_is_not_a_request_of_this_api() {
    let cloud = sts_only().await;
    let sts = cloud.sts();
    let url = sts.https_url();
    let form = "application/x-www-form-urlencoded";
    let post = || client(sts).post(&url);
    let long = format!("{url}/?a={}", "x".repeat(33_000));
    #[rustfmt::skip]
    let cases = [
        (client(sts).put(&url), "UnsupportedProtocol"),
        (post().header("Content-Type", "text/plain").body("x"), "InvalidRequest"),
        (post(), "InvalidRequest"),
        (post().header("Content-Type", form).body(vec![b'a', b'=', 0xe9]), "InvalidRequest"),
        (client(sts).get(long), "RequestSizeLimitExceeded"),
        (client(sts).get(&url), MISSING),
    ];
    for (request, expected) in cases {
        assert_eq!(code(&read(request.send().await.unwrap()).await), expected);
    }
    let big_form = format!("a={}", "x".repeat(1024 * 1024));
    let answer = post_form(sts, big_form).await;
    assert_eq!(code(&answer), "AuthFailure.SignatureFailure");
    let message = answer["Response"]["Error"]["Message"].as_str().unwrap();
    assert!(message.contains("exceeding request size limit"), "{message}");
    let elsewhere = client(sts).get(format!("{url}/v2/index.php")).send();
    assert_eq!(elsewhere.await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_sts_has_one_path() {
    let cloud = sts_only().await;
    for path in ["/other", "//", "/v2/index.php"] {
        let url = format!("{}{path}", cloud.sts().http_url());
        let answer = support::plain_client().post(url).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert_eq!(answer.text().await.unwrap(), "404 page not found");
    }
}

#[tokio::test]
async fn messages_follow_the_language() {
    let cloud = sts_only().await;
    let mut call = Tc3::new(cloud.sub_account_key(), "GetFederationToken", &federation());
    call.secret_id = "AKIDEMUnobody".to_owned();
    let message = |answer: Value| answer["Response"]["Error"]["Message"].clone();
    let english = "The SecretId is not found, please ensure that your SecretId is correct.";
    for (language, expected) in [
        (None, english),
        (Some("en-US"), english),
        (Some("zh-CN"), "SecretId不存在，请输入正确的密钥。"),
    ] {
        call.language = language.map(str::to_owned);
        assert_eq!(message(call.send(cloud.sts()).await), expected);
    }
    let foreign = federate(&cloud, &changed(ALLOWED, "qcs::cos::uid/1:x-1/*")).await;
    assert_eq!(message(foreign), "[QC_STS] cant grant other resource ");
}
