//! Uploads that the policy limits in size and type, by every verb that uploads.
//!
//! The limit applies where COS sees a length in the request: PutObject and PostObject. Verbs that
//! build an object out of pieces or of another object could get around it, so a policy with a limit
//! does not have them.

use std::io::Write;

use serde_json::json;
use tempfile::NamedTempFile;

use crate::row::{DENIED, row};
use crate::world::{BUCKET, REGION, SECOND, Sdk, World};

const NOBODY: &str = "no statement";

/// 4000 bytes of a picture at the most; a form's own fields count (inferred, see the table of
/// accesses).
const GRANT: &str = r#"
[[grant]]
name = "pictures"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/1/"
allow = ["upload"]
max_size_bytes = 4000
content_types = ["image/png"]
acl = ["private"]
"#;

/// The local COS is asked over HTTP, and from no VPC.
const ELSEWHERE: &str = r#"
[[grant]]
name = "by-https"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/1/"
allow = ["upload", "download"]
https_only = true

[[grant]]
name = "from-a-vpc"
match = "everyone"
bucket = "second-1250000000"
region = "ap-guangzhou"
prefix = "users/1/"
allow = ["upload", "download"]
vpc = ["vpc-a1"]
"#;

/// The function reads the file when its first request comes.
async fn limited() -> (World, NamedTempFile) {
    of_grants(GRANT).await
}

async fn of_grants(grants: &str) -> (World, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(grants.as_bytes()).unwrap();
    let world = World::start(&[("GRANTS_FILE", file.path().to_str().unwrap())]).await;
    (world, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_by_every_verb() {
    let (world, _file) = limited().await;
    let key = || json!({"Key": "users/1/new.png"});
    let png = || json!({"Key": "users/1/new.png", "ContentType": "image/png"});
    let source = format!("{BUCKET}.cos.{REGION}.myqcloud.com/users/2/secret.txt");
    let copy = json!({"Key": "users/1/new.png", "ContentType": "image/png", "CopySource": source});
    let append = json!({"Key": "users/1/new.png", "ContentType": "image/png", "Position": 0});
    let form = |upload: u32| json!({"Key": "users/1/new.png", "upload": upload, "most": 5000, "fields": {"Content-Type": "image/png"}});
    #[rustfmt::skip]
    let rows = [
        row("one byte too many", "putObject", png(), DENIED, "cos:content-length").bytes(4001),
        row("an empty object", "putObject", png(), DENIED, "cos:content-length").bytes(0),
        row("a file that is too large", "uploadFile", key(), DENIED, "cos:content-length").bytes(5000),
        row("in parts", "sliceUploadFile", png(), DENIED, NOBODY).bytes(1_100_000),
        row("beginning parts", "multipartInit", png(), DENIED, NOBODY),
        row("by appending", "appendObject", append, DENIED, NOBODY).bytes(10),
        row("by a copy", "putObjectCopy", copy, DENIED, "cos:content-length"),
        row("by a form", "form", form(3000), DENIED, "cos:content-length"),
    ];
    world.refuses(Sdk::Node, &rows).await;
    #[rustfmt::skip]
    let rows = [
        row("one byte too many", "putObject", png(), DENIED, "cos:content-length").bytes(4001),
        row("by the SDK's form", "postObject", png(), DENIED, "cos:content-length").bytes(4001),
    ];
    world.refuses(Sdk::MiniProgram, &rows).await;
    let rows =
        [row("one byte too many", "put_object", png(), DENIED, "cos:content-length").bytes(4001)];
    world.refuses(Sdk::Python, &rows).await;
    let rows =
        [row("one byte too many", "putObject", png(), DENIED, "cos:content-length").bytes(4001)];
    world.refuses(Sdk::Browser, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_another_type_or_none() {
    let (world, _file) = limited().await;
    let of = |kind: &str| json!({"Key": "users/1/new.png", "ContentType": kind});
    let none = json!({"Key": "users/1/new.png"});
    let form = json!({"Key": "users/1/new.png", "fields": {"Content-Type": "text/html"}});
    #[rustfmt::skip]
    let rows = [
        row("a page", "putObject", of("text/html"), DENIED, "cos:content-type").bytes(9),
        row("a picture of another type", "putObject", of("image/jpeg"), DENIED, "cos:content-type").bytes(9),
        row("a type with a parameter", "putObject", of("image/png; x=y"), DENIED, "cos:content-type").bytes(9),
        row("no type", "putObject", none.clone(), DENIED, "cos:content-type").bytes(9),
        row("a page by a form", "form", form, DENIED, "cos:content-type"),
        row("no type in a form", "form", none, DENIED, "cos:content-type"),
    ];
    world.refuses(Sdk::Node, &rows).await;
    let rows = [row("a page", "put_object", of("text/html"), DENIED, "cos:content-type").bytes(9)];
    world.refuses(Sdk::Python, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_acl() {
    let (world, _file) = limited().await;
    let of = |acl: &str| json!({"Key": "users/1/new.png", "ContentType": "image/png", "ACL": acl});
    let form = json!({"Key": "users/1/new.png", "fields": {"Content-Type": "image/png", "acl": "public-read"}});
    #[rustfmt::skip]
    let rows = [
        row("for everyone", "putObject", of("public-read"), DENIED, "cos:x-cos-acl").bytes(9),
        row("for every account", "putObject", of("authenticated-read"), DENIED, "cos:x-cos-acl").bytes(9),
        row("for everyone by a form", "form", form, DENIED, "cos:x-cos-acl"),
    ];
    world.refuses(Sdk::Node, &rows).await;
    let rows =
        [row("for everyone", "put_object", of("public-read"), DENIED, "cos:x-cos-acl").bytes(9)];
    world.refuses(Sdk::Python, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_elsewhere_or_without_tls() {
    let (world, _file) = of_grants(ELSEWHERE).await;
    let key = || json!({"Key": "users/1/own.txt"});
    let second = || json!({"Bucket": SECOND, "Key": "users/1/secret.txt"});
    #[rustfmt::skip]
    let rows = [
        row("an upload over HTTP", "putObject", key(), DENIED, "cos:secure-transport").bytes(9),
        row("a download over HTTP", "getObject", key(), DENIED, "cos:secure-transport"),
        row("an upload from no VPC", "putObject", second(), DENIED, "vpc:requester_vpc").bytes(9),
        row("a download from no VPC", "getObject", second(), DENIED, "vpc:requester_vpc"),
    ];
    world.refuses(Sdk::Node, &rows).await;
}

/// The refusals above would mean nothing if nothing fitted.
#[tokio::test(flavor = "multi_thread")]
async fn what_fits_is_stored() {
    let (world, _file) = limited().await;
    let call = json!({"name": "", "method": "putObject", "bytes": 4000, "params": {"Key": "users/1/new.png", "ContentType": "image/png", "ACL": "private"}});
    let form = json!({"name": "", "method": "form", "params": {"Key": "users/1/form.png", "fields": {"Content-Type": "image/png"}}});
    let none = std::collections::BTreeMap::new();
    let told = world.call(Sdk::Node, &none, &[call, form]).await;
    assert_eq!(told[0]["status"], 200, "{}", told[0]);
    assert_eq!(told[1]["status"], 204, "{}", told[1]);
    let stored = world.storage.read(BUCKET, "users/1/new.png").await.unwrap();
    assert_eq!(stored, cos_issuer_e2e::pattern(4000));
}
