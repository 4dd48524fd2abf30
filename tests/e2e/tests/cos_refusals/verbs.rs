//! Verbs outside the grant: a grant of uploads does not allow reading, listing or deleting, and no
//! grant allows changing the rules of the bucket.

use serde_json::json;

use crate::row::{DENIED, row};
use crate::world::{ALL, BUCKET, REGION, Sdk, World};

const NOBODY: &str = "no statement";

#[tokio::test(flavor = "multi_thread")]
async fn who_may_upload_may_do_nothing_else() {
    let world = World::start(&[("ALLOW", "upload")]).await;
    let own = || json!({"Key": "users/1/own.txt"});
    let source = format!("{BUCKET}.cos.{REGION}.myqcloud.com/users/1/own.txt");
    let copy = json!({"Key": "users/1/copy.txt", "CopySource": source});
    let list = || json!({"Prefix": "users/1/"});
    let presigned = |method: &str| json!({"Key": "users/1/own.txt", "Method": method});
    #[rustfmt::skip]
    let rows = [
        row("reading what it uploaded", "getObject", own(), DENIED, NOBODY),
        row("looking at what it uploaded", "headObject", own(), (403, ""), NOBODY),
        row("deleting what it uploaded", "deleteObject", own(), DENIED, NOBODY),
        row("copying what it uploaded", "putObjectCopy", copy, DENIED, NOBODY),
        row("listing what it uploaded", "getBucket", list(), DENIED, NOBODY),
        row("the ACL of what it uploaded", "getObjectAcl", own(), DENIED, NOBODY),
        row("a signed URL to read", "presigned", presigned("GET"), DENIED, NOBODY),
        row("a signed URL to delete", "presigned", presigned("DELETE"), DENIED, NOBODY),
    ];
    world.refuses(Sdk::Node, &rows).await;
    #[rustfmt::skip]
    let rows = [
        row("reading what it uploaded", "getObject", own(), DENIED, NOBODY),
        row("deleting what it uploaded", "deleteObject", own(), DENIED, NOBODY),
        row("listing what it uploaded", "getBucket", list(), DENIED, NOBODY),
    ];
    world.refuses(Sdk::MiniProgram, &rows).await;
    #[rustfmt::skip]
    let rows = [
        row("reading what it uploaded", "get_object", own(), DENIED, NOBODY),
        row("deleting what it uploaded", "delete_object", own(), DENIED, NOBODY),
        row("listing what it uploaded", "list_objects", list(), DENIED, NOBODY),
    ];
    world.refuses(Sdk::Python, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_changes_rules_of_the_bucket() {
    let world = World::start(&ALL).await;
    let rules = json!({"CORSRules": [{"AllowedOrigin": ["*"], "AllowedMethod": ["GET"]}]});
    let anyone = json!({"ACL": "public-read-write"});
    let own = json!({"Key": "users/1/own.txt", "ACL": "public-read"});
    let policy = json!({"Policy": {"version": "2.0", "Statement": []}});
    #[rustfmt::skip]
    let rows = [
        row("new CORS rules", "putBucketCors", rules, DENIED, NOBODY),
        row("the CORS rules", "getBucketCors", json!({}), DENIED, NOBODY),
        row("no CORS rules", "deleteBucketCors", json!({}), DENIED, NOBODY),
        row("the ACL of the bucket", "getBucketAcl", json!({}), DENIED, NOBODY),
        row("a bucket for everybody", "putBucketAcl", anyone, DENIED, NOBODY),
        row("an object for everybody", "putObjectAcl", own, DENIED, NOBODY),
        row("a policy for the bucket", "putBucketPolicy", policy, DENIED, NOBODY),
    ];
    world.refuses(Sdk::Node, &rows).await;
}
