//! Versions: kept, listed, read, deleted for good, and there after a restart.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::Config;
use tencent::time::{Clock as _, SystemClock};

use super::{HOST, World, header, read_xml, refusal, reopen, sent, status, texts};
use crate::cos::listing::{Entry, Query};
use crate::cos::settings::Versioning;
use crate::cos::store::{Bucket, Durability, Store, Version};

const BUCKET: &str = super::BUCKET;

async fn set_versioning(world: &World, status_text: &str) {
    let body = format!(
        "<VersioningConfiguration><Status>{status_text}</Status></VersioningConfiguration>"
    );
    assert_eq!(status(world.request("PUT", "/?versioning").body(body)).await, 200);
    let root = world.document("/?versioning").await;
    assert_eq!(root.text_of("Status"), Some(status_text));
}

/// Puts an object; returns the id of its version, if the answer has one.
async fn put(world: &World, target: &str, body: &'static str) -> Option<String> {
    let answer = sent(world.request("PUT", target).body(body)).await;
    assert_eq!(answer.status(), 200);
    answer.headers().get("x-cos-version-id").map(|id| id.to_str().unwrap().to_owned())
}

async fn text(world: &World, target: &str) -> String {
    world.get(target).await.text().await.unwrap()
}

#[tokio::test]
async fn versions_are_kept_read_and_deleted_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    assert!(world.document("/?versioning").await.children.is_empty());
    assert_eq!(put(&world, "/a", "before").await, None);
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "Version", "VersionId"), [""]);
    set_versioning(&world, "Enabled").await;
    let first = put(&world, "/a", "first").await.unwrap();
    let second = put(&world, "/a", "second").await.unwrap();
    assert_ne!(first, second);
    let version = |id: &str| format!("/a?versionId={id}");
    assert_eq!(text(&world, "/a").await, "second");
    assert_eq!(header(&world.get("/a").await, "x-cos-version-id"), second);
    assert_eq!(text(&world, &version(&first)).await, "first");
    assert_eq!(text(&world, &version("null")).await, "before");
    assert_eq!(refusal(world.request("GET", &version("x"))).await, "404 NoSuchVersion");

    // A deletion leaves a marker.
    let deleted = sent(world.request("DELETE", "/a")).await;
    assert_eq!(deleted.status(), 204);
    assert_eq!(header(&deleted, "x-cos-delete-marker"), "true");
    let marker = header(&deleted, "x-cos-version-id");
    assert_eq!(refusal(world.request("GET", "/a")).await, "404 NoSuchKey");
    assert_eq!(refusal(world.request("GET", &version(&marker))).await, "404 NoSuchKey");
    assert!(world.document("/").await.child("Contents").is_none());
    assert_eq!(refusal(world.request("DELETE", "/")).await, "409 BucketNotEmpty");
    drop(world);

    let world = World::in_directory(directory.path());
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "DeleteMarker", "VersionId"), [marker.as_str()]);
    assert_eq!(texts(&root, "DeleteMarker", "IsLatest"), ["true"]);
    assert_eq!(texts(&root, "Version", "VersionId"), [&second, &first, "null"]);
    assert_eq!(texts(&root, "Version", "IsLatest"), ["false"; 3]);
    assert_eq!(texts(&root, "Version", "Size"), ["6", "5", "6"]);
    // Without its marker, the object is back.
    let deleted = sent(world.request("DELETE", &version(&marker))).await;
    assert_eq!(header(&deleted, "x-cos-delete-marker"), "true");
    assert_eq!(text(&world, "/a").await, "second");
    let deleted = sent(world.request("DELETE", &version(&second))).await;
    assert_eq!(header(&deleted, "x-cos-version-id"), second);
    assert!(!deleted.headers().contains_key("x-cos-delete-marker"));
    assert_eq!(text(&world, "/a").await, "first");
    for id in [first.as_str(), "null", "null", "x"] {
        assert_eq!(status(world.request("DELETE", &version(id))).await, 204, "{id}");
    }
    assert!(world.document("/?versions").await.child("Version").is_none());
    assert_eq!(status(world.request("DELETE", "/")).await, 204);
}

#[tokio::test]
async fn a_suspended_bucket_has_one_null_version() {
    let world = World::new();
    set_versioning(&world, "Enabled").await;
    let first = put(&world, "/a", "first").await.unwrap();
    set_versioning(&world, "Suspended").await;
    assert_eq!(put(&world, "/a", "null 1").await, None);
    assert_eq!(put(&world, "/a", "null 2").await, None);
    assert_eq!(header(&world.get("/a").await, "x-cos-version-id"), "null");
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "Version", "VersionId"), ["null", &first]);
    assert_eq!(text(&world, "/a").await, "null 2");
    // The marker takes the place of the null version.
    let deleted = sent(world.request("DELETE", "/a")).await;
    assert_eq!(header(&deleted, "x-cos-version-id"), "null");
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "DeleteMarker", "VersionId"), ["null"]);
    assert_eq!(texts(&root, "Version", "VersionId"), [first.as_str()]);
    sent(world.request("DELETE", "/a?versionId=null")).await;
    assert_eq!(text(&world, "/a").await, "first");
    let again = "<VersioningConfiguration><Status>Disabled</Status></VersioningConfiguration>";
    for body in [again, "<VersioningConfiguration/>", ""] {
        let refused = refusal(world.request("PUT", "/?versioning").body(body)).await;
        assert_eq!(refused, "400 MalformedXML", "{body}");
    }
}

#[tokio::test]
async fn an_appendable_object_takes_no_part_in_versions() {
    let world = World::new();
    let append = |position| world.request("POST", &format!("/log?append&position={position}"));
    for (position, versioning) in [(0, "Enabled"), (1, "Enabled"), (2, "Suspended")] {
        set_versioning(&world, versioning).await;
        let appended = sent(append(position).body("1")).await;
        assert!(!appended.headers().contains_key("x-cos-version-id"), "{position}");
    }
    assert_eq!(text(&world, "/log").await, "111");
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "Version", "VersionId"), ["null"]);
    // Another upload of the key makes a version, which cannot be appended to.
    set_versioning(&world, "Enabled").await;
    let normal = put(&world, "/log", "normal").await.unwrap();
    assert_eq!(refusal(append(6).body("1")).await, "409 ObjectNotAppendable");
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "Version", "VersionId"), [&normal, "null"]);
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let world = World::new();
    set_versioning(&world, "Enabled").await;
    for target in ["/a", "/a", "/b/1", "/b/2", "/c", "/c"] {
        put(&world, target, "1").await;
    }
    sent(world.request("DELETE", "/a")).await;
    for (more, expected) in [
        ("", vec!["a", "a", "a", "b/1", "b/2", "c", "c"]),
        ("&delimiter=/", vec!["a", "a", "a", "b/", "c", "c"]),
        ("&prefix=b", vec!["b/1", "b/2"]),
    ] {
        let (mut marker, mut found) = (String::new(), Vec::new());
        loop {
            let root = world.document(&format!("/?versions&max-keys=1{marker}{more}")).await;
            for name in ["DeleteMarker", "Version"] {
                found.extend(texts(&root, name, "Key"));
            }
            found.extend(texts(&root, "CommonPrefixes", "Prefix"));
            if root.text_of("IsTruncated") == Some("false") {
                break;
            }
            let key = root.text_of("NextKeyMarker").unwrap();
            let id = root.text_of("NextVersionIdMarker").unwrap();
            marker = format!("&key-marker={key}&version-id-marker={id}");
        }
        assert_eq!(found, expected, "{more}");
    }
    let refused = refusal(world.request("GET", "/?versions&max-keys=x")).await;
    assert_eq!(refused, "400 InvalidArgument");
}

#[tokio::test]
async fn a_version_has_its_own_attributes_and_can_be_copied() {
    let world = World::new();
    set_versioning(&world, "Enabled").await;
    let first = put(&world, "/a", "first").await.unwrap();
    let second = put(&world, "/a", "second").await.unwrap();
    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    let target = format!("/a?tagging&versionId={first}");
    assert_eq!(status(world.request("PUT", &target).body(tags)).await, 200);
    let acl = world.request("PUT", &format!("/a?acl&versionId={first}"));
    assert_eq!(status(acl.header("x-cos-acl", "public-read")).await, 200);
    // No new version, and nothing of the current one.
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "Version", "VersionId"), [second.as_str(), &first]);
    assert!(!world.get("/a").await.headers().contains_key("x-cos-tagging-count"));
    let old = world.get(&format!("/a?versionId={first}")).await;
    assert_eq!(header(&old, "x-cos-tagging-count"), "1");
    let source = format!("{HOST}/a?versionId={first}");
    let copy = |source: &str| world.request("PUT", "/a").header("x-cos-copy-source", source);
    let answer = sent(copy(&source)).await;
    assert_eq!(header(&answer, "x-cos-copy-source-version-id"), first);
    let third = header(&answer, "x-cos-version-id");
    assert_eq!(read_xml(answer).await.text_of("VersionId"), Some(third.as_str()));
    assert_eq!(text(&world, "/a").await, "first");
    let missing = format!("{HOST}/a?versionId=x");
    assert_eq!(refusal(copy(&missing)).await, "404 NoSuchVersion");
    // An upload in parts is a version too.
    let begun = read_xml(sent(world.request("POST", "/b?uploads")).await).await;
    let id = begun.text_of("UploadId").unwrap().to_owned();
    let part = world.request("PUT", &format!("/b?partNumber=1&uploadId={id}")).body("1");
    let etag = header(&sent(part).await, "etag");
    let parts = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    let done = sent(world.request("POST", &format!("/b?uploadId={id}")).body(parts)).await;
    assert_eq!(
        header(&done, "x-cos-version-id"),
        header(&world.get("/b").await, "x-cos-version-id")
    );
}

#[tokio::test]
async fn several_versions_go_at_once() {
    let world = World::new();
    set_versioning(&world, "Enabled").await;
    let first = put(&world, "/a", "first").await.unwrap();
    put(&world, "/b", "1").await;
    let body = format!(
        "<Delete><Object><Key>a</Key><VersionId>{first}</VersionId></Object>\
         <Object><Key>b</Key></Object></Delete>"
    );
    let delete = |body: &str| {
        let md5 = crate::cos::checksum::Checksums::of(body.as_bytes()).md5;
        let md5 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, md5);
        world.request("POST", "/?delete").header("content-md5", md5).body(body.to_owned())
    };
    let root = read_xml(sent(delete(&body)).await).await;
    let deleted: Vec<_> = root.all("Deleted").collect();
    assert_eq!(deleted[0].text_of("VersionId"), Some(first.as_str()));
    assert_eq!(deleted[0].text_of("DeleteMarker"), None);
    assert_eq!(deleted[1].text_of("DeleteMarker"), Some("true"));
    let marker = deleted[1].text_of("DeleteMarkerVersionId").unwrap();
    let root = world.document("/?versions").await;
    assert_eq!(texts(&root, "DeleteMarker", "VersionId"), [marker]);
    assert_eq!(texts(&root, "Version", "Key"), ["b"]);
}

#[derive(Clone, Debug)]
enum Step {
    Put(&'static str, u8),
    Delete(&'static str),
    /// One of the versions of the key, by its place.
    DeleteVersion(&'static str, usize),
    Versioning(Versioning),
    Compact,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop::sample::select(vec!["a", "b"]);
    prop_oneof![
        4 => (key(), any::<u8>()).prop_map(|(key, byte)| Step::Put(key, byte)),
        2 => key().prop_map(Step::Delete),
        3 => (key(), 0..4_usize).prop_map(|(key, place)| Step::DeleteVersion(key, place)),
        1 => prop::sample::select(vec![Versioning::Enabled, Versioning::Suspended])
            .prop_map(Step::Versioning),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

/// The versions of each key, the latest first: whether it has an id of its own, and its byte, or
/// `None` for a marker.
#[derive(Default)]
struct Model {
    versioning: Option<Versioning>,
    versions: BTreeMap<&'static str, Vec<(bool, Option<u8>)>>,
}

impl Model {
    fn push(&mut self, key: &'static str, byte: Option<u8>) {
        let has_id = self.versioning == Some(Versioning::Enabled);
        let versions = self.versions.entry(key).or_default();
        if !has_id {
            versions.retain(|(has_id, _)| *has_id);
        }
        versions.insert(0, (has_id, byte));
    }
}

/// What the store has, in the form of the model, and the ids.
async fn stored(store: &Store, key: &str) -> Vec<(String, bool, Option<u8>)> {
    let versions: Vec<Version> = store.read().buckets[BUCKET].versions_of(key).collect();
    let mut found = Vec::new();
    for version in versions {
        let id = version.mark().id();
        let byte = match version {
            Version::Object(object) => {
                let bytes = object.content.clone().reader().next().await.unwrap().unwrap();
                Some(bytes[0])
            }
            Version::DeleteMarker(_) => None,
        };
        found.push((id.clone(), id != "null", byte));
    }
    found
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(24) })]

    #[test]
    fn versions_are_those_of_a_naive_list(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(steps));
    }
}

async fn compare(steps: Vec<Step>) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = Store::open(directory.path(), Durability::Process).unwrap();
    let now = SystemClock.now();
    store.create_bucket(BUCKET, &Bucket::new("ap-guangzhou".to_owned(), now), |_| Ok(())).unwrap();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Put(key, byte) => {
                let object = reopen::object(&store, &[byte; 5000]).await;
                store.put_object(BUCKET, key, |_| Ok(object)).unwrap();
                model.push(key, Some(byte));
            }
            Step::Delete(key) => {
                store.delete_object(BUCKET, key, None, now).unwrap();
                match model.versioning {
                    Some(_) => model.push(key, None),
                    None => drop(model.versions.remove(key)),
                }
            }
            Step::DeleteVersion(key, place) => {
                if let Some((id, ..)) = stored(&store, key).await.get(place) {
                    store.delete_object(BUCKET, key, Some(id), now).unwrap();
                    model.versions.get_mut(key).unwrap().remove(place);
                }
            }
            Step::Versioning(versioning) => {
                store.change_settings(BUCKET, |old| old.with_versioning(versioning)).unwrap();
                model.versioning = Some(versioning);
            }
            Step::Compact => store.compact(),
            Step::Reopen => {
                drop(store);
                store = Store::open(directory.path(), Durability::Process).unwrap();
            }
        }
        for key in ["a", "b"] {
            let expected = model.versions.get(key).cloned().unwrap_or_default();
            let found = stored(&store, key).await;
            let found: Vec<_> = found.into_iter().map(|(_, has_id, byte)| (has_id, byte)).collect();
            assert_eq!(found, expected, "{key}");
            let is_visible = expected.first().is_some_and(|(_, byte)| byte.is_some());
            assert_eq!(store.read().object(BUCKET, key).is_some(), is_visible);
        }
        let query = Query { limit: 1000, ..Query::default() };
        let listed = store.read().buckets[BUCKET].list_versions(&query, "").entries;
        let expected: usize = model.versions.values().map(Vec::len).sum();
        assert_eq!(listed.len(), expected);
        assert!(listed.iter().all(|entry| matches!(entry, Entry::Item(_))));
        assert_eq!(store.read().count, expected, "each version counts once");
    }
    // Bytes without a version are gone.
    let objects: usize =
        model.versions.values().flatten().filter(|(_, byte)| byte.is_some()).count();
    drop(store);
    drop(Store::open(directory.path(), Durability::Process).unwrap());
    assert_eq!(std::fs::read_dir(directory.path().join("blobs")).unwrap().count(), objects);
}
