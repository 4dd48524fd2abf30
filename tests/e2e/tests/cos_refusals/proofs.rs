//! Credentials and signatures that are not valid: expired, altered, mixed, revoked, altered after
//! signing, or not there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::row::{DENIED, Row, row};
use crate::world::{ALL, Sdk, World};

const KEY: (u16, &str) = (403, "InvalidAccessKeyId");
const SIGNATURE: (u16, &str) = (403, "SignatureDoesNotMatch");

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_mixed_or_revoked_credential() {
    let world = World::start(&ALL).await;
    let (good, other) =
        (world.credential("").await, world.credential("?durationSeconds=900").await);
    let with = |member: &str, value: Value| {
        let mut changed = good.clone();
        changed[member] = value;
        changed
    };
    let revoked = world.credential("?durationSeconds=1000").await;
    assert!(world.cloud.revoke(revoked["TmpSecretId"].as_str().unwrap()));
    let credentials = BTreeMap::from([
        ("altered token", with("SecurityToken", altered(&good["SecurityToken"]))),
        ("token of another", with("SecurityToken", other["SecurityToken"].clone())),
        ("key of another", with("TmpSecretKey", other["TmpSecretKey"].clone())),
        ("altered key", with("TmpSecretKey", altered(&good["TmpSecretKey"]))),
        ("unknown name", with("TmpSecretId", json!("AKIDEMUnobodyhasthisname"))),
        ("revoked", revoked),
        ("good", good),
    ]);
    let rows = |method: &str| {
        let key = json!({"Key": "users/1/new"});
        [
            ("altered token", KEY, "the token is not the one"),
            ("token of another", KEY, "the token is not the one"),
            ("key of another", SIGNATURE, "the signature is not the one"),
            ("altered key", SIGNATURE, "the signature is not the one"),
            ("unknown name", KEY, "did not issue this key"),
            ("revoked", KEY, "revoked"),
        ]
        .map(|(name, told, reason)| row(name, method, key.clone(), told, reason).bytes(9).by(name))
    };
    for (sdk, method) in [
        (Sdk::Node, "putObject"),
        (Sdk::Browser, "putObject"),
        (Sdk::Python, "put_object"),
        (Sdk::MiniProgram, "postObject"),
    ] {
        world.refuses_with(sdk, &credentials, &rows(method)).await;
    }
    let call = json!({"name": "", "as": "good", "method": "putObject", "bytes": 9, "params": {"Key": "users/1/new"}});
    let told = world.call(Sdk::Node, &credentials, &[call]).await;
    assert_eq!(told[0]["status"], 200, "what was altered was good: {}", told[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_credential() {
    let world = World::start(&ALL).await;
    let credentials = BTreeMap::from([("late", world.credential("?durationSeconds=900").await)]);
    world.cloud.advance_clock(901);
    let late = |method: &str, told: (u16, &'static str)| {
        let key = json!({"Key": "users/1/new"});
        row("after its end", method, key, told, "expired at").by("late")
    };
    let expired = (400, "ExpiredToken");
    let rows = [
        late("putObject", expired).bytes(9),
        late("getObject", expired),
        late("sliceUploadFile", expired).bytes(1_100_000),
    ];
    world.refuses_with(Sdk::Node, &credentials, &rows).await;
    world.refuses_with(Sdk::Browser, &credentials, &rows).await;
    let rows = [late("put_object", expired).bytes(9), late("get_object", expired)];
    world.refuses_with(Sdk::Python, &credentials, &rows).await;
    let rows = [late("postObject", expired).bytes(9)];
    world.refuses_with(Sdk::MiniProgram, &credentials, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_url_is_good_for_what_was_signed() {
    let world = World::start(&ALL).await;
    let mut short = world.credential("").await;
    // Without it the SDK signs for the time that is asked for, and not for the life of the
    // credential.
    short["StartTime"] = Value::Null;
    let credentials = BTreeMap::from([("short", short)]);
    let url = |more: Value| {
        let mut params = json!({"Key": "users/1/own.txt", "Method": "GET"});
        for (name, value) in more.as_object().unwrap() {
            params[name] = value.clone();
        }
        params
    };
    let alter = |from: &str, to: &str| url(json!({"alter": [from, to]}));
    let put = json!({"Key": "users/1/new", "Method": "PUT", "sent": "DELETE"});
    #[rustfmt::skip]
    let rows = [
        row("another object", "presigned", alter("own.txt", "own.tyt"), SIGNATURE, "the signature is not the one"),
        row("another's object", "presigned", alter("users/1/own", "users/2/secret"), SIGNATURE, "the signature is not the one"),
        row("a longer life", "presigned", alter(";", ";9"), SIGNATURE, "the signature is not the one"),
        row("without its token", "presigned", alter("x-cos-security-token", "x-cos-nothing"), KEY, "must be the token of the temporary key"),
        row("sent as an upload", "presigned", url(json!({"sent": "PUT", "upload": 9})), SIGNATURE, "the signature is not the one"),
        row("sent as a deletion", "presigned", url(json!({"sent": "DELETE"})), SIGNATURE, "the signature is not the one"),
        row("an upload sent as a deletion", "presigned", put, SIGNATURE, "the signature is not the one"),
    ];
    world.refuses(Sdk::Node, &rows).await;
    let call = json!({"name": "", "as": "short", "method": "presigned", "params": url(json!({"expires": 60}))});
    let told = world.call(Sdk::Node, &credentials, &[call]).await;
    assert_eq!(told[0]["status"], 200, "what was altered was good: {}", told[0]);
    world.cloud.advance_clock(61);
    let late = url(json!({"expires": 60}));
    let rows =
        [row("after its end", "presigned", late, DENIED, "the signature is valid from")
            .by("short")];
    world.refuses_with(Sdk::Node, &credentials, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_good_for_what_its_policy_allows() {
    let world = World::start(&ALL).await;
    let form = |fields: Value| json!({"Key": "users/1/new", "fields": fields});
    let large = json!({"Key": "users/1/new", "most": 9, "upload": 10});
    let theirs = json!({"Key": "users/2/new"});
    #[rustfmt::skip]
    let rows: [Row; 8] = [
        row("another key of one's own", "form", form(json!({"key": "users/1/other"})), DENIED, "requires another `key`"),
        row("another's key", "form", theirs, DENIED, "allows the action, but not on"),
        row("one byte too many", "form", large, DENIED, "bytes by its policy"),
        row("another signature", "form", form(json!({"q-signature": "0".repeat(40)})), SIGNATURE, "the signature is not the one"),
        row("another policy", "form", form(json!({"policy": "e30="})), SIGNATURE, "the signature is not the one"),
        row("a second signature", "form", form(json!({"Signature": "x"})), DENIED, "must not have both a policy and the field Signature"),
        row("another token", "form", form(json!({"x-cos-security-token": "x"})), KEY, "the token is not the one"),
        row("without a name of a key", "form", form(json!({"q-ak": ""})), DENIED, "q-ak: must be a SecretId"),
    ];
    world.refuses(Sdk::Node, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_nobody_signed_are_refused() {
    let world = World::start(&ALL).await;
    let ask = |method: &str, path: &str| json!({"method": method, "path": path, "upload": 0});
    let bearer = json!({"method": "GET", "path": "/users/1/own.txt", "headers": {"authorization": "Bearer x"}});
    let sigv4 =
        "AWS4-HMAC-SHA256 Credential=a/b/c/s3/aws4_request, SignedHeaders=host, Signature=0";
    let sigv4 =
        json!({"method": "GET", "path": "/users/1/own.txt", "headers": {"authorization": sigv4}});
    let service = json!({"method": "GET", "path": "/", "host": "service.cos.myqcloud.com"});
    #[rustfmt::skip]
    let rows = [
        row("reading", "unsigned", ask("GET", "/users/1/own.txt"), DENIED, "not signed"),
        row("uploading", "unsigned", ask("PUT", "/users/1/new"), DENIED, "not signed"),
        row("deleting", "unsigned", ask("DELETE", "/users/1/own.txt"), DENIED, "not signed"),
        row("listing", "unsigned", ask("GET", "/"), DENIED, "not signed"),
        row("listing buckets", "unsigned", service, DENIED, "not signed"),
        row("with a bearer token", "unsigned", bearer, DENIED, "q-sign-algorithm"),
        row("with AWS's signature", "unsigned", sigv4, DENIED, "x-amz-date"),
    ];
    world.refuses(Sdk::Node, &rows).await;
}

/// Another text of the same form.
fn altered(text: &Value) -> Value {
    let text = text.as_str().unwrap();
    let last = text.chars().next_back().unwrap();
    let rest = text.strip_suffix(last).unwrap();
    let last = if last == 'a' { 'b' } else { 'a' };
    json!(format!("{rest}{last}"))
}
