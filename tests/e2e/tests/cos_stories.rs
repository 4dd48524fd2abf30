//! What an app does, by each real client, from the function's credential to the last deletion, against the local COS.
//!
//! Uploads small and in parts, pauses, resumes, gives up, looks, reads ranges, copies, deletes; each client checks what it reads byte
//! for byte, and the owner of the account checks once more. How each client is pointed here: `docs/local-cloud-clients.md`.
//! Leaves out: what a credential does not cover (`cos_refusals.rs`).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use cos_emulator::{Cloud, CloudBuilder, Platform};
use cos_issuer_e2e::{Chromium, Client, PageServer, Storage, Variables, issuer_on, pattern};
use serde_json::{Value, json};

const BUCKET: &str = "examplebucket-1250000000";
const REGION: &str = "ap-guangzhou";
const PREFIX: &str = "users/1/";
const LARGE_BYTES: usize = 5 * 1024 * 1024 + 12345;

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk() {
    let cloud = start(Platform::ScfWeb).await;
    let line = drive(&cloud, Client::Cos, &["cos-nodejs-sdk-v5", "story"]).await;
    passed(
        &line,
        &[&STORY[..], &["the large object is downloaded in ranges"]].concat(),
    );
    uploaded(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mini_program_sdk() {
    let cloud = start(Platform::ScfWeb).await;
    let line = drive(&cloud, Client::Cos, &["cos-wx-sdk-v5", "story"]).await;
    passed(&line, &[&STORY[..], &["a form is read back"]].concat());
    uploaded(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk() {
    let cloud = start(Platform::ScfWeb).await;
    let line = drive(&cloud, Client::CosPython, &["story"]).await;
    let mut names = STORY.to_vec();
    // It hides the status.
    names.retain(|name| *name != "a range is partial content");
    names.push("the large object is downloaded in ranges");
    passed(&line, &names);
    uploaded(&cloud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_sdk_on_a_page_of_another_origin() {
    let page = PageServer::start().await.unwrap();
    let cloud = configured(Platform::ScfWeb)
        .env("ALLOWED_ORIGINS", page.origin())
        .cors([page.origin()])
        .start()
        .await
        .unwrap();
    page.give(json!({
        "what": "story",
        "issuer_url": format!("{}/sts", cloud.gateway_url().unwrap()),
        "cos_port": cloud.cos().address().port(),
        "bucket": BUCKET,
        "region": REGION,
        "prefix": PREFIX,
    }));
    let line = open(&page).await;
    none_was_refused(&cloud, &line);
    passed(&line, &STORY);
    uploaded(&cloud).await;
}

/// The checks of `tests/clients/cos_story.js`, and of the story in `cos_client.py`.
const STORY: [&str; 15] = [
    "a small upload has a quoted ETag",
    "head tells the type",
    "head tells the ETag",
    "the small object is read back",
    "the large upload was paused and resumed",
    "the large object is read back",
    "a range is partial content",
    "a range is the bytes asked for",
    "a large upload was cancelled",
    "no parts are left",
    "the copy is read back",
    "the list has the objects",
    "the list has the folder",
    "what was deleted is gone",
    "several were deleted at once",
];

/// Every check was made, and held.
fn passed(line: &Value, names: &[&str]) {
    assert_eq!(line["outcome"], "ok", "{line}");
    let made: BTreeMap<String, bool> = serde_json::from_value(line["checks"].clone()).unwrap();
    let expected = names.iter().map(|name| ((*name).to_owned(), true));
    assert_eq!(made, expected.collect());
}

/// The upload that was paused is one upload, whole; nothing else is left.
async fn uploaded(cloud: &Cloud) {
    let storage = Storage::of(cloud).unwrap();
    let key = format!("{PREFIX}large.bin");
    let stored = storage.read(BUCKET, &key).await.unwrap();
    assert!(stored == pattern(LARGE_BYTES), "{} bytes", stored.len());
    let told = storage.snapshot().await.unwrap();
    let objects = &told[&format!("{BUCKET}.cos.{REGION}.myqcloud.com/")];
    assert_eq!(objects.matches("<Key>").count(), 1, "{objects}");
    let uploads = &told[&format!("{BUCKET}.cos.{REGION}.myqcloud.com/?uploads")];
    assert!(!uploads.contains("<UploadId>"), "{uploads}");
    let target = format!("{BUCKET}/{key}");
    let decisions = cloud.decisions();
    let count = |operation: &str| {
        let matching = decisions
            .iter()
            .filter(|record| record.target == target && record.operation == operation);
        matching.count()
    };
    assert_eq!(count("InitiateMultipartUpload"), 1);
    assert!(count("UploadPart") >= 6);
    assert_eq!(count("CompleteMultipartUpload"), 1);
    let aborted = decisions
        .iter()
        .filter(|record| record.operation == "AbortMultipartUpload");
    assert!(aborted.count() >= 1);
}

async fn start(platform: Platform) -> Cloud {
    configured(platform).start().await.unwrap()
}

fn configured(platform: Platform) -> CloudBuilder {
    issuer_on(platform)
        .unwrap()
        .env("PREFIX", PREFIX)
        .env("ALLOW", "upload,download,list,delete")
}

async fn drive(cloud: &Cloud, client: Client, arguments: &[&str]) -> Value {
    let settings = Variables::from([
        (
            "ISSUER_URL",
            format!("{}/sts", cloud.gateway_url().unwrap()),
        ),
        ("COS_ADDRESS", cloud.cos().address().to_string()),
        ("BUCKET", BUCKET.to_owned()),
        ("REGION", REGION.to_owned()),
        ("PREFIX", PREFIX.to_owned()),
    ]);
    let line = client.drive(arguments, &settings).await.unwrap();
    none_was_refused(cloud, &line);
    line
}

fn none_was_refused(cloud: &Cloud, line: &Value) {
    let mut refused = cloud.decisions();
    refused.retain(|record| !record.is_admitted);
    assert!(refused.is_empty(), "{line} {refused:#?}");
}

/// Opens the page in a browser and waits for what it says.
async fn open(page: &PageServer) -> Value {
    let browser = Chromium::open(&page.origin()).unwrap();
    let outcome = page.outcome(Duration::from_secs(60)).await;
    outcome.unwrap_or_else(|fault| panic!("{fault}; the browser said:\n{}", browser.said()))
}
