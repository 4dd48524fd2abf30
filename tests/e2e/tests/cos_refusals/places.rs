//! Places outside the grant: other people's prefixes, a prefix that begins alike, other buckets,
//! the whole bucket, the account.

use serde_json::json;

use crate::row::{DENIED, row};
use crate::world::{ALL, BUCKET, FOREIGN, REGION, SECOND, Sdk, World};

const NOBODY: &str = "no statement";
const ELSEWHERE: &str = "allows the action, but not on";

#[tokio::test(flavor = "multi_thread")]
async fn node_stays_in_its_prefix() {
    let world = World::start(&ALL).await;
    let upload = &world.others_upload;
    let theirs = json!({"Key": "users/2/large.bin", "UploadId": upload});
    let source = |key: &str| format!("{BUCKET}.cos.{REGION}.myqcloud.com/{key}");
    let from = json!({"Key": "users/1/taken.txt", "CopySource": source("users/2/secret.txt")});
    let to = json!({"Key": "users/2/given.txt", "CopySource": source("users/1/own.txt")});
    let part = json!({"Key": "users/2/large.bin", "UploadId": upload, "PartNumber": 1});
    let parts = json!([{"PartNumber": 1, "ETag": "\"x\""}]);
    let complete = json!({"Key": "users/2/large.bin", "UploadId": upload, "Parts": parts});
    let key = |key: &str| json!({"Key": key});
    #[rustfmt::skip]
    let rows = [
        row("an upload to another's prefix", "putObject", key("users/2/new"), DENIED, ELSEWHERE).bytes(9),
        row("replacing another's object", "putObject", key("users/2/secret.txt"), DENIED, ELSEWHERE).bytes(9),
        row("reading another's object", "getObject", key("users/2/secret.txt"), DENIED, ELSEWHERE),
        row("looking at another's object", "headObject", key("users/2/secret.txt"), (403, ""), ELSEWHERE),
        row("deleting another's object", "deleteObject", key("users/2/secret.txt"), DENIED, ELSEWHERE),
        row("an upload to a prefix that begins alike", "putObject", key("users/10/new"), DENIED, ELSEWHERE).bytes(9),
        row("reading where the prefix begins alike", "getObject", key("users/10/secret.txt"), DENIED, ELSEWHERE),
        row("the prefix without its slash", "putObject", key("users/1"), DENIED, ELSEWHERE).bytes(9),
        row("a key in capitals", "putObject", key("Users/1/new"), DENIED, ELSEWHERE).bytes(9),
        row("the root of the bucket", "putObject", key("new"), DENIED, ELSEWHERE).bytes(9),
        row("a large upload to another's prefix", "sliceUploadFile", key("users/2/new"), DENIED, ELSEWHERE).bytes(1_100_000),
        row("a part for another's upload", "multipartUpload", part, DENIED, ELSEWHERE).bytes(9),
        row("the parts of another's upload", "multipartListPart", theirs.clone(), DENIED, ELSEWHERE),
        row("completing another's upload", "multipartComplete", complete, DENIED, ELSEWHERE),
        row("giving up another's upload", "multipartAbort", theirs, DENIED, ELSEWHERE),
        row("a copy of another's object", "putObjectCopy", from, DENIED, ELSEWHERE),
        row("a copy into another's prefix", "putObjectCopy", to, DENIED, ELSEWHERE),
        row("appending in another's prefix", "appendObject", json!({"Key": "users/2/log", "Position": 0}), DENIED, NOBODY).bytes(9),
    ];
    world.refuses(Sdk::Node, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_sees_no_lists_of_others_and_no_other_bucket() {
    let world = World::start(&ALL).await;
    let prefix = |prefix: &str| json!({"Prefix": prefix});
    let second = json!({"Bucket": SECOND, "Key": "users/1/secret.txt"});
    let foreign = json!({"Bucket": FOREIGN, "Key": "users/1/new"});
    let elsewhere = json!({"Region": "ap-beijing", "Key": "users/1/new"});
    #[rustfmt::skip]
    let rows = [
        row("the list of the whole bucket", "getBucket", json!({}), DENIED, ELSEWHERE),
        row("the list above the prefix", "getBucket", prefix("users/"), DENIED, ELSEWHERE),
        row("the list of another's prefix", "getBucket", prefix("users/2/"), DENIED, ELSEWHERE),
        row("the list of what begins alike", "getBucket", prefix("users/1"), DENIED, ELSEWHERE),
        row("the uploads of the whole bucket", "multipartList", json!({}), DENIED, ELSEWHERE),
        row("the uploads of another", "multipartList", prefix("users/2/"), DENIED, ELSEWHERE),
        row("the buckets of the account", "getService", json!({}), DENIED, NOBODY),
        row("reading from another bucket", "getObject", second.clone(), DENIED, ELSEWHERE),
        row("replacing in another bucket", "putObject", second, DENIED, ELSEWHERE).bytes(9),
        row("an upload to another account", "putObject", foreign, DENIED, "not a bucket of this account").bytes(9),
        row("the same bucket in another region", "putObject", elsewhere, DENIED, ELSEWHERE).bytes(9),
        row("making a bucket", "putBucket", json!({"Bucket": "third-1250000000"}), DENIED, NOBODY),
        row("deleting the bucket", "deleteBucket", json!({}), DENIED, NOBODY),
        row("deleting another bucket", "deleteBucket", json!({"Bucket": SECOND}), DENIED, NOBODY),
    ];
    world.refuses(Sdk::Node, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_and_the_browser_stay_in_their_prefix() {
    let world = World::start(&ALL).await;
    let key = |key: &str| json!({"Key": key});
    let source = json!({"Bucket": BUCKET, "Region": REGION, "Key": "users/2/secret.txt"});
    let copy = json!({"Key": "users/1/taken.txt", "CopySource": source});
    #[rustfmt::skip]
    let rows = [
        row("an upload to another's prefix", "put_object", key("users/2/new"), DENIED, ELSEWHERE).bytes(9),
        row("reading what begins alike", "get_object", key("users/10/secret.txt"), DENIED, ELSEWHERE),
        row("deleting another's object", "delete_object", key("users/2/secret.txt"), DENIED, ELSEWHERE),
        row("a copy of another's object", "copy_object", copy, DENIED, ELSEWHERE),
        row("beginning another's upload", "create_multipart_upload", key("users/2/new"), DENIED, ELSEWHERE),
        row("the list above the prefix", "list_objects", json!({"Prefix": "users/"}), DENIED, ELSEWHERE),
        row("the buckets of the account", "list_buckets", json!({"Bucket": null}), DENIED, NOBODY),
        row("the uploads of the bucket", "list_multipart_uploads", json!({}), DENIED, ELSEWHERE),
        row("replacing in another bucket", "put_object", json!({"Bucket": SECOND, "Key": "users/1/secret.txt"}), DENIED, ELSEWHERE).bytes(9),
    ];
    world.refuses(Sdk::Python, &rows).await;
    #[rustfmt::skip]
    let rows = [
        row("an upload to another's prefix", "putObject", key("users/2/new"), DENIED, ELSEWHERE).bytes(9),
        row("an upload to what begins alike", "putObject", key("users/10/new"), DENIED, ELSEWHERE).bytes(9),
        row("a large upload to another's prefix", "sliceUploadFile", key("users/2/new"), DENIED, ELSEWHERE).bytes(1_100_000),
        row("reading another's object", "getObject", key("users/2/secret.txt"), DENIED, ELSEWHERE),
        row("deleting another's object", "deleteObject", key("users/2/secret.txt"), DENIED, ELSEWHERE),
        row("the list of the whole bucket", "getBucket", json!({}), DENIED, ELSEWHERE),
    ];
    world.refuses(Sdk::Browser, &rows).await;
}

/// Documented: the request succeeds, and each key that may not be deleted is an error in it.
#[tokio::test(flavor = "multi_thread")]
async fn of_several_keys_none_of_another_is_deleted() {
    let world = World::start(&ALL).await;
    let before = world.storage.snapshot().await.unwrap();
    let theirs = ["users/2/secret.txt", "users/10/secret.txt"];
    let objects = json!(theirs.map(|key| json!({"Key": key})));
    for (sdk, method, params) in [
        (Sdk::Node, "deleteMultipleObject", json!({"Objects": objects})),
        (Sdk::Python, "delete_objects", json!({"Delete": {"Object": objects, "Quiet": "false"}})),
    ] {
        let call = json!({"name": "", "method": method, "params": params});
        let told = world.call(sdk, &std::collections::BTreeMap::new(), &[call]).await;
        let errors = theirs.map(|key| json!({"key": key, "code": "AccessDenied"}));
        assert_eq!(told[0]["errors"], json!(errors), "{sdk:?}: {}", told[0]);
    }
    assert_eq!(before, world.storage.snapshot().await.unwrap());
}
