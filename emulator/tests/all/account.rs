//! What a caller may request from the STS: policies of users and roles, trust, revoked keys,
//! limits, account files.

use cos_emulator::{Cloud, KeyPair, Role, Trust, User};
use serde_json::{Value, json};
use tencent::cam::Policy;

use super::support::{Tc3, code, encode, federation, issued, role};

fn policy(statements: &str) -> Policy {
    Policy::parse(&format!(r#"{{"version":"2.0","statement":[{statements}]}}"#)).unwrap()
}

fn statement(effect: &str, action: &str, resource: &str) -> String {
    format!(r#"{{"effect":"{effect}","action":"{action}","resource":"{resource}"}}"#)
}

fn key(name: &str) -> KeyPair {
    KeyPair {
        secret_id: format!("AKIDEMU{name}"),
        secret_key: "a key of thirty-two characters..".to_owned(),
    }
}

/// A cloud whose one user has these policies, and its key.
async fn with_user(policies: Vec<Policy>) -> (Cloud, KeyPair) {
    let user = User::new("limited", 7).policies(policies).key(key("limited"));
    let uploader = Role::new("uploader").trust(Trust::Users(vec![7]));
    let other = Role::new("other").trust(Trust::Users(vec![8]));
    let cloud = Cloud::builder().user(user).role(uploader).role(other);
    (cloud.start().await.unwrap(), key("limited"))
}

async fn call(cloud: &Cloud, by: &KeyPair, action: &str, parameters: &Value) -> Value {
    Tc3::new(by, action, parameters).send(cloud.sts()).await
}

#[tokio::test]
async fn a_user_may_ask_for_what_its_policies_allow() {
    let federate = statement("allow", "name/sts:GetFederationToken", "*");
    let (cloud, by) = with_user(vec![policy(&federate)]).await;
    issued(&call(&cloud, &by, "GetFederationToken", &federation()).await);
    let refused = call(&cloud, &by, "AssumeRole", &role(&cloud, "uploader")).await;
    assert_eq!(code(&refused), "UnauthorizedOperation");
    let message = refused["Response"]["Error"]["Message"].as_str().unwrap();
    assert!(message.contains("(name/sts:AssumeRole)"), "{message}");
    assert!(message.contains("roleName/uploader"), "{message}");

    let assume =
        statement("allow", "sts:AssumeRole", "qcs::cam::uin/100000000001:roleName/uploader");
    let (cloud, by) = with_user(vec![policy(&assume)]).await;
    issued(&call(&cloud, &by, "AssumeRole", &role(&cloud, "uploader")).await);
    for (action, parameters) in [
        ("GetFederationToken", federation()),
        ("AssumeRole", role(&cloud, "issuer")),
        ("AssumeRole", role(&cloud, "other")),
    ] {
        let refused = call(&cloud, &by, action, &parameters).await;
        assert_eq!(code(&refused), "UnauthorizedOperation", "{parameters}");
    }
}

#[tokio::test]
async fn without_a_policy_nothing_is_allowed_and_a_deny_wins() {
    let all = statement("allow", "name/sts:*", "*");
    let deny = statement("deny", "name/sts:*", "*");
    for policies in [Vec::new(), vec![policy(&format!("{all},{deny}"))]] {
        let (cloud, by) = with_user(policies).await;
        for (action, parameters) in
            [("GetFederationToken", federation()), ("AssumeRole", role(&cloud, "uploader"))]
        {
            let refused = call(&cloud, &by, action, &parameters).await;
            assert_eq!(code(&refused), "UnauthorizedOperation", "{action}");
        }
        let me = call(&cloud, &by, "GetCallerIdentity", &json!({})).await;
        assert_eq!(me["Response"]["PrincipalId"], "7");
    }
    // COS actions do not include those of the STS.
    let cos = statement("allow", "name/cos:*", "*");
    let (cloud, by) = with_user(vec![policy(&cos)]).await;
    let refused = call(&cloud, &by, "GetFederationToken", &federation()).await;
    assert_eq!(code(&refused), "UnauthorizedOperation");
}

#[tokio::test]
async fn a_role_is_meant_by_either_of_its_names() {
    let by_id = Role::new("by-id");
    let allow = statement("allow", "name/sts:*", "*");
    let deny =
        statement("deny", "name/sts:AssumeRole", "qcs::cam::uin/100000000001:roleName/by-id");
    let user = User::new("limited", 7)
        .policies(vec![policy(&format!("{allow},{deny}"))])
        .key(key("limited"));
    let cloud = Cloud::builder().user(user).role(by_id);
    let cloud = cloud.start().await.unwrap();
    let refused = call(&cloud, &key("limited"), "AssumeRole", &role(&cloud, "by-id")).await;
    assert_eq!(code(&refused), "UnauthorizedOperation");
    // The number of the role, from the answer to one who may.
    let answer = call(&cloud, cloud.root_key(), "AssumeRole", &role(&cloud, "by-id")).await;
    let (pair, token) = issued(&answer);
    let mut whoami = Tc3::new(&pair, "GetCallerIdentity", &json!({}));
    whoami.token = Some(token);
    let whoami = whoami.send(cloud.sts()).await;
    let user_id = whoami["Response"]["UserId"].as_str().unwrap();
    let id = user_id.split(':').next().unwrap();
    let parameters = json!({
        "RoleArn": format!("qcs::cam::uin/100000000001:role/{id}"),
        "RoleSessionName": "test-session",
    });
    issued(&call(&cloud, cloud.root_key(), "AssumeRole", &parameters).await);
    let refused = call(&cloud, &key("limited"), "AssumeRole", &parameters).await;
    assert_eq!(code(&refused), "UnauthorizedOperation", "the other name");
}

#[tokio::test]
async fn a_session_asks_with_no_more_than_it_was_given() {
    let cloud = Cloud::builder().start().await.unwrap();
    let by = cloud.sub_account_key();
    let session = call(&cloud, by, "GetFederationToken", &federation()).await;
    let (pair, token) = issued(&session);
    let mut chained = Tc3::new(&pair, "AssumeRole", &role(&cloud, "issuer"));
    chained.token = Some(token);
    let refused = chained.send(cloud.sts()).await;
    assert_eq!(code(&refused), "UnauthorizedOperation");
}

#[tokio::test]
async fn calls_beyond_the_limit_are_refused() {
    let cloud = Cloud::builder().sts_calls_per_second(0);
    let cloud = cloud.start().await.unwrap();
    let by = cloud.sub_account_key();
    for (action, parameters) in [
        ("GetFederationToken", federation()),
        ("AssumeRole", role(&cloud, "issuer")),
        ("GetCallerIdentity", json!({})),
    ] {
        let refused = call(&cloud, by, action, &parameters).await;
        assert_eq!(code(&refused), "RequestLimitExceeded", "{action}");
    }
}

#[tokio::test]
async fn a_session_policy_is_read_as_it_will_be_evaluated() {
    let cloud = Cloud::builder().start().await.unwrap();
    let with = |text: &str| json!({ "Name": "test", "Policy": encode(text) });
    let right = r#"{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:PutObject","resource":"*"}]}"#;
    let by = cloud.sub_account_key();
    for text in [
        right.to_owned(),
        right.replace("\"effect\"", "\"principal\":{\"qcs\":\"*\"},\"effect\""),
        right.replace("effect", "Effect").replace("allow", "Allow"),
        right.replace("\"version\"", "\"Version\"").replace("statement", "Statement"),
    ] {
        issued(&call(&cloud, by, "GetFederationToken", &with(&text)).await);
    }
    for (text, expected) in [
        (right.replace("\"effect\"", "\"effect\":\"deny\",\"effect\""), "StrategyFormatError"),
        (right.replace("\"effect\"", "\"Effect\":\"deny\",\"effect\""), "StrategyFormatError"),
        (right.replace("\"version\"", "\"statement\":[],\"version\""), "StrategyFormatError"),
        (right.replace("allow", "deny"), "StrategyInvalid"),
        (right.replace("\"effect\"", "\"efect\":1,\"effect\""), "StrategyInvalid"),
        (
            right.replace(
                "\"resource\"",
                "\"condition\":{\"string_equals\":{\"a\":\"b\"}},\"resource\"",
            ),
            "StrategyInvalid",
        ),
        (right.replace("name/cos:PutObject", "PutObject"), "StrategyInvalid"),
        (right.replace("\"*\"", "\"qcs:id/0:cos:::*\""), "ResouceError"),
        (right.replace("\"*\"", "\"qcs::cos:::b-1250000000/${uin}\""), "ResouceError"),
        (right.replace("\"*\"", "\"qcs::cos::uid/1250000009:*\""), "GrantOtherResource"),
    ] {
        let refused = call(&cloud, by, "GetFederationToken", &with(&text)).await;
        assert_eq!(code(&refused), format!("InvalidParameter.{expected}"), "{text}");
    }
}

#[tokio::test]
async fn an_account_file_is_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.toml");
    let text = r#"
appid = 1250000007
region = "ap-beijing"
buckets = ["b-1250000007", "c-1250000007"]
[[user]]
name = "reader"
uin = 9
policies = ['{"version":"2.0","statement":[{"effect":"allow","action":"name/cos:GetObject","resource":"*"}]}']
[[user.key]]
secret_id = "AKIDEMUreader"
secret_key = "a key of thirty-two characters.."
"#;
    std::fs::write(&path, text).unwrap();
    let cloud = Cloud::builder().account_file(&path).start().await.unwrap();
    assert_eq!(cloud.account().bucket, "b-1250000007");
    assert_eq!(cloud.account().more_buckets, ["c-1250000007"]);
    assert_eq!(cloud.sub_account_key().secret_id, "AKIDEMUreader");
    let refused = call(&cloud, &key("reader"), "GetFederationToken", &federation()).await;
    assert_eq!(code(&refused), "InvalidParameter.GrantOtherResource");
    let refused = call(&cloud, &key("reader"), "AssumeRole", &role(&cloud, "issuer")).await;
    assert_eq!(code(&refused), "InternalError.GetRoleError", "only roles of the file");

    std::fs::write(&path, "unknown = 1").unwrap();
    let error = Cloud::builder().account_file(&path).start().await;
    let message = error.err().unwrap().to_string();
    assert!(message.contains("account.toml:1: unknown field `unknown`"), "{message}");
}
