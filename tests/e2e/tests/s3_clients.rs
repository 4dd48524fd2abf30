//! What an app does with an S3 client, from the function's credential to the last deletion, against
//! the local COS: boto3, unmodified. Other S3 clients run in `tests/interop/s3.py`.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::collections::BTreeMap;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{Client, Storage, Variables, issuer_on, pattern};
use serde_json::{Value, json};

const BUCKET: &str = "examplebucket-1250000000";
const REGION: &str = "ap-guangzhou";
const PREFIX: &str = "users/1/";

#[tokio::test(flavor = "multi_thread")]
async fn boto3_with_a_temporary_key_and_the_buckets_own_host() {
    let cloud = start(false).await;
    let issuer = ("ISSUER_URL", format!("{}/sts", cloud.gateway_url().unwrap()));
    let line = drive(&cloud, "story", [issuer, ("STYLE", "virtual".to_owned())]).await;
    passed(&line, "allowed outside the prefix");
    let stored = Storage::of(&cloud).unwrap().read(BUCKET, &format!("{PREFIX}large.bin")).await;
    assert!(stored.unwrap() == pattern(5 * 1024 * 1024 + 12345));
    let refused = cloud.decisions().into_iter().filter(|record| !record.is_authorized);
    let reasons: Vec<String> = refused.filter_map(|record| record.reason).collect();
    let explained = |reason: &&String| reason.contains("session policy");
    assert!(reasons.iter().filter(explained).count() >= 6, "{reasons:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_with_a_permanent_key_and_the_bucket_in_the_path() {
    let cloud = start(false).await;
    let key = cloud.root_key();
    let settings = [("SECRET_ID", &key.secret_id), ("SECRET_KEY", &key.secret_key)];
    let line = drive(&cloud, "story", settings.map(|(name, text)| (name, text.clone()))).await;
    passed(&line, "refused outside the prefix");
}

/// As on COS; see docs/emulator.md.
#[tokio::test(flavor = "multi_thread")]
async fn checksums_in_trailers_are_refused_unless_they_are_allowed() {
    for (is_allowed, expected) in [(false, json!("MissingContentLength")), (true, json!(true))] {
        let cloud = start(is_allowed).await;
        let issuer = ("ISSUER_URL", format!("{}/sts", cloud.gateway_url().unwrap()));
        let ca = cloud.sts().ca_file().to_str().unwrap().to_owned();
        let url = ("COS_HTTPS_URL", cloud.cos().https_url());
        let line = drive(&cloud, "checksums", [issuer, url, ("CA_FILE", ca)]).await;
        let checks = json!({ "when_supported": expected, "when_required": true });
        assert_eq!(line["checks"], checks, "{line}");
    }
}

/// Every check is passed but `but`, which is the other key's.
fn passed(line: &Value, but: &str) {
    assert_eq!(line["outcome"], "ok", "{line}");
    let made: BTreeMap<String, bool> = serde_json::from_value(line["checks"].clone()).unwrap();
    let failed: Vec<&String> =
        made.iter().filter(|(_, holds)| !**holds).map(|(name, _)| name).collect();
    assert_eq!(failed, [but], "{line}");
    assert_eq!(made.len(), 21, "{line}");
}

async fn start(trailers: bool) -> Cloud {
    let builder = issuer_on(Platform::ScfWeb).unwrap();
    let builder = builder.env("PREFIX", PREFIX).env("ALLOW", "upload,download,list,delete");
    let builder = if trailers { builder.s3_trailers() } else { builder };
    builder.start().await.unwrap()
}

async fn drive<const N: usize>(
    cloud: &Cloud,
    what: &str,
    more: [(&'static str, String); N],
) -> Value {
    let mut settings = Variables::from([
        ("COS_ADDRESS", cloud.cos().address().to_string()),
        ("BUCKET", BUCKET.to_owned()),
        ("REGION", REGION.to_owned()),
        ("PREFIX", PREFIX.to_owned()),
    ]);
    settings.extend(more);
    Client::S3Python.drive(&[what], &settings).await.unwrap()
}
