//! A grants file and two callers whose prefixes begin alike: what each may not do, with the
//! credential that it got.

use std::collections::BTreeMap;
use std::io::Write;

use cos_issuer_e2e::{API_KEY, OTHER_API_KEY};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::row::{DENIED, row};
use crate::world::{Sdk, World};

const ELSEWHERE: &str = "allows the action, but not on";

const GRANTS: &str = r#"
[[grant]]
name = "own"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload", "download", "list", "delete"]
max_size_bytes = 4000
content_types = ["image/png"]
"#;

/// SHA-256 of each key.
const API_KEYS: &str = "one=711e5a8b4f6787584b814a252dd59ca8ea7f08260ccc7cc44582f76dc8bcd5c8 sub=1; \
     ten=0ebec36823266ebeceec9e9c91e753abf3091140898a67a51c5d31c7fcb530cb sub=10";

#[tokio::test(flavor = "multi_thread")]
async fn each_caller_has_a_place_of_its_own() {
    let (world, credentials) = two_callers().await;
    let key = |key: &str| json!({"Key": key});
    let png = |key: &str| json!({"Key": key, "ContentType": "image/png"});
    let prefix = |prefix: &str| json!({"Prefix": prefix});
    #[rustfmt::skip]
    let rows = [
        row("1 reads what is 10's", "getObject", key("users/10/secret.txt"), DENIED, ELSEWHERE).by("1"),
        row("1 uploads to 10", "putObject", png("users/10/new.png"), DENIED, ELSEWHERE).bytes(9).by("1"),
        row("1 lists what is 10's", "getBucket", prefix("users/10/"), DENIED, ELSEWHERE).by("1"),
        row("1 deletes what is 10's", "deleteObject", key("users/10/secret.txt"), DENIED, ELSEWHERE).by("1"),
        row("10 reads what is 1's", "getObject", key("users/1/own.txt"), DENIED, ELSEWHERE).by("10"),
        row("10 uploads to 1", "putObject", png("users/1/new.png"), DENIED, ELSEWHERE).bytes(9).by("10"),
        row("10 lists both", "getBucket", prefix("users/1"), DENIED, ELSEWHERE).by("10"),
        row("10 deletes what is 1's", "deleteObject", key("users/1/own.txt"), DENIED, ELSEWHERE).by("10"),
    ];
    for sdk in [Sdk::Node, Sdk::Browser] {
        world.refuses_with(sdk, &credentials, &rows).await;
    }
    let own = [
        json!({"name": "", "as": "1", "method": "putObject", "bytes": 4000, "params": png("users/1/new.png")}),
        json!({"name": "", "as": "10", "method": "getObject", "params": key("users/10/secret.txt")}),
    ];
    for outcome in world.call(Sdk::Browser, &credentials, &own).await {
        assert_eq!(outcome["status"], 200, "{outcome}");
    }
}

async fn two_callers() -> (World, BTreeMap<&'static str, Value>) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(GRANTS.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let settings = [("AUTH", "api-key"), ("API_KEYS", API_KEYS), ("GRANTS_FILE", path.as_str())];
    let world = World::start(&settings).await;
    let credentials = BTreeMap::from([
        ("1", world.credential_of(API_KEY).await),
        ("10", world.credential_of(OTHER_API_KEY).await),
    ]);
    (world, credentials)
}
