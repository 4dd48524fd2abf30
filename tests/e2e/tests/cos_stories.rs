//! What an app does, by each real client, from the function's credential to the last deletion,
//! against the local COS.
//!
//! Uploads small and in parts, pauses, resumes, gives up, looks, reads ranges, copies, deletes;
//! each client checks what it reads byte for byte, and the owner of the account checks once more.
//! How each client is pointed here: `docs/local-cloud-clients.md`.
//!
//! # Not covered
//!
//! What a credential does not cover (`cos_refusals.rs`).
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

const PAGE: &str = include_str!("../../../docs/local-cloud-clients.md");
const IN_NODE: &str = include_str!("../../clients/cos_client.js");
const IN_PYTHON: &str = include_str!("../../clients/cos_client.py");
const IN_A_BROWSER: &str = include_str!("../../clients/cos_page.js");

/// Client, option and its driver.
#[rustfmt::skip]
const OPTIONS: [(&str, &str, &str); 10] = [
    ("Node.js, `cos-nodejs-sdk-v5`", "`Protocol`", IN_NODE),
    ("Node.js, `cos-nodejs-sdk-v5`", "`Ip`", IN_NODE),
    ("browser, `cos-js-sdk-v5`", "`Protocol`", IN_A_BROWSER),
    ("browser, `cos-js-sdk-v5`", "`Domain`", IN_A_BROWSER),
    ("browser, `cos-js-sdk-v5`", "`ServiceDomain`", IN_A_BROWSER),
    ("mini-programs, `cos-wx-sdk-v5`", "`Domain`", IN_NODE),
    ("Python, `cos-python-sdk-v5`", "`Scheme`", IN_PYTHON),
    ("Python, `cos-python-sdk-v5`", "`IP`", IN_PYTHON),
    ("Python, `cos-python-sdk-v5`", "`Port`", IN_PYTHON),
    ("Python, `cos-python-sdk-v5`", "`ServiceDomain`", IN_PYTHON),
];

#[test]
fn the_page_shows_how_the_drivers_point_each_sdk_here() {
    let (table, _) = PAGE.split_once("\n## ").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let told: Vec<Vec<&str>> =
        rows.map(|row| row.split('|').map(str::trim).skip(1).take(2).collect()).collect();
    let expected = OPTIONS.map(|(client, option, _)| vec![client, option]);
    assert_eq!(told, expected);
    for (client, option, driver) in OPTIONS {
        let name = option.trim_matches('`');
        let is_set = [format!("{name}: "), format!("{name}=")];
        assert!(is_set.iter().any(|text| driver.contains(text)), "{client}: {option}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk() {
    let cloud = start(Platform::ScfWeb).await;
    let line = drive(&cloud, Client::Cos, &["cos-nodejs-sdk-v5", "story"]).await;
    passed(&line, &[&STORY[..], &["the large object is downloaded in ranges"]].concat());
    uploaded(&cloud, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mini_program_sdk() {
    let cloud = start(Platform::ScfWeb).await;
    let line = drive(&cloud, Client::Cos, &["cos-wx-sdk-v5", "story"]).await;
    passed(&line, &[&STORY[..], &["a form is read back"]].concat());
    uploaded(&cloud, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdk() {
    let cloud = start(Platform::ScfWeb).await;
    let line = drive(&cloud, Client::CosPython, &["story"]).await;
    let mut names = STORY.to_vec();
    // It hides the status, and has no pause: what it resumes is what was left.
    names.retain(|name| ![TAKEN_UP, "a range is partial content"].contains(name));
    names.push("the large object is downloaded in ranges");
    passed(&line, &names);
    uploaded(&cloud, true).await;
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
    uploaded(&cloud, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdk_stores_and_downloads_pictures() {
    let cloud = configured(Platform::ScfWeb).env("EXTENSIONS", "").start().await.unwrap();
    let line = drive_freely(&cloud, Client::Cos, &["cos-nodejs-sdk-v5", "pictures"]).await;
    passed(&line, &PICTURES);
}

/// The checks of `tests/clients/cos_pictures.js`.
const PICTURES: [&str; 6] = [
    "an upload stores a smaller picture",
    "the original is described",
    "an upload in parts stores another format",
    "a stored object is turned",
    "a download is resized",
    "nothing is stored elsewhere",
];

/// The checks of `tests/clients/cos_story.js`, and of the story in `cos_client.py`.
const STORY: [&str; 16] = [
    "a small upload has a quoted ETag",
    "head tells the type",
    "head tells the ETag",
    "the small object is read back",
    "the large upload was paused and resumed",
    "the large object is read back",
    "a range is partial content",
    "a range is the bytes asked for",
    TAKEN_UP,
    "a large upload was cancelled",
    "no parts are left",
    "the copy is read back",
    "the list has the objects",
    "the list has the folder",
    "what was deleted is gone",
    "several were deleted at once",
];

const TAKEN_UP: &str = "what was left of an upload was taken up again";

/// Every check was made, and held.
fn passed(line: &Value, names: &[&str]) {
    assert_eq!(line["outcome"], "ok", "{line}");
    let made: BTreeMap<String, bool> = serde_json::from_value(line["checks"].clone()).unwrap();
    let expected = names.iter().map(|name| ((*name).to_owned(), true));
    assert_eq!(made, expected.collect());
}

/// The upload that was paused is one upload, whole; nothing else is left.
async fn uploaded(cloud: &Cloud, is_python: bool) {
    let storage = Storage::of(cloud).unwrap();
    let key = format!("{PREFIX}large.bin");
    let stored = storage.read(BUCKET, &key).await.unwrap();
    assert!(stored == pattern(LARGE_BYTES), "{} bytes", stored.len());
    let told = storage.snapshot().await.unwrap();
    let objects = &told[&format!("{BUCKET}.cos.{REGION}.myqcloud.com/")];
    assert_eq!(objects.matches("<Key>").count(), 1, "{objects}");
    let uploads = &told[&format!("{BUCKET}.cos.{REGION}.myqcloud.com/?uploads")];
    assert!(!uploads.contains("<UploadId>"), "{uploads}");
    let decisions = cloud.decisions();
    let count = |operation: &str, key: &str| {
        let target = format!("{BUCKET}/{PREFIX}{key}");
        let matching = decisions
            .iter()
            .filter(|record| record.target == target && record.operation == operation);
        matching.count()
    };
    assert_eq!(count("InitiateMultipartUpload", "large.bin"), 1);
    assert!(count("UploadPart", "large.bin") >= 6);
    assert_eq!(count("CompleteMultipartUpload", "large.bin"), 1);
    assert!(count("AbortMultipartUpload", "given-up.bin") >= 1);
    // One upload that was begun once, and whose parts were asked for: not sent all over again.
    let taken_up = if is_python { "large.bin" } else { "taken-up.bin" };
    assert_eq!(count("InitiateMultipartUpload", taken_up), 1);
    assert!(count("ListParts", taken_up) >= 1);
}

async fn start(platform: Platform) -> Cloud {
    configured(platform).start().await.unwrap()
}

fn configured(platform: Platform) -> CloudBuilder {
    issuer_on(platform).unwrap().env("PREFIX", PREFIX).env("ALLOW", "upload,download,list,delete")
}

async fn drive(cloud: &Cloud, client: Client, arguments: &[&str]) -> Value {
    let line = drive_freely(cloud, client, arguments).await;
    none_was_refused(cloud, &line);
    line
}

/// The same with requests that may be refused.
async fn drive_freely(cloud: &Cloud, client: Client, arguments: &[&str]) -> Value {
    let settings = Variables::from([
        ("ISSUER_URL", format!("{}/sts", cloud.gateway_url().unwrap())),
        ("COS_ADDRESS", cloud.cos().address().to_string()),
        ("BUCKET", BUCKET.to_owned()),
        ("REGION", REGION.to_owned()),
        ("PREFIX", PREFIX.to_owned()),
    ]);
    client.drive(arguments, &settings).await.unwrap()
}

fn none_was_refused(cloud: &Cloud, line: &Value) {
    let mut refused = cloud.decisions();
    refused.retain(|record| !record.is_authorized);
    assert!(refused.is_empty(), "{line} {refused:#?}");
}

/// Opens the page in a browser and waits for its outcome.
async fn open(page: &PageServer) -> Value {
    let browser = Chromium::open(&page.origin()).unwrap();
    let outcome = page.outcome(Duration::from_secs(60)).await;
    outcome.unwrap_or_else(|fault| panic!("{fault}; the browser said:\n{}", browser.said()))
}
