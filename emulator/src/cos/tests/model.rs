//! Random sequences of operations, against a model that is a map and nothing else; with a
//! directory, the store is closed and opened in between.

use std::collections::BTreeMap;
use std::path::Path;

use http::HeaderMap;
use proptest::prelude::*;
use proptest::test_runner::Config;
use tencent::time::{Clock as _, SystemClock};

use super::noise;
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::{Checksums, combined_crc64};
use crate::cos::error::CosError;
use crate::cos::http::byte_range::ByteRange;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::listing::{Entry, Query};
use crate::cos::store::{Bucket, Content, Durability, Initiated, Object, ObjectMetadata, Store};

const BUCKET: &str = "b-1250000000";

#[derive(Clone, Debug)]
enum Step {
    Put(String, Vec<u8>),
    Delete(String),
    Copy(String, String),
    Append(String, Vec<u8>),
    Get(String, u64, u64),
    List {
        prefix: String,
        slash: bool,
        marker: String,
        limit: usize,
    },
    Begin(String),
    /// The upload is one of those that are open, by its place.
    Part(usize, u16, Vec<u8>),
    Complete(usize),
    Abort(usize),
    Compact,
    Reopen,
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a/", "a/b", "a/b/c", "ab", "b", "中/文", "z\u{0}", "Z"])
        .prop_map(str::to_owned)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let small = prop::collection::vec(any::<u8>(), 0..600);
    let large = (4_000..9_000_usize, any::<u8>()).prop_map(|(length, seed)| noise(length, seed));
    prop_oneof![4 => small, 1 => large]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (key(), bytes()).prop_map(|(key, bytes)| Step::Put(key, bytes)),
        2 => key().prop_map(Step::Delete),
        2 => (key(), key()).prop_map(|(from, to)| Step::Copy(from, to)),
        2 => (key(), bytes()).prop_map(|(key, bytes)| Step::Append(key, bytes)),
        3 => (key(), 0..700_u64, 0..700_u64).prop_map(|(key, start, length)| Step::Get(key, start, length)),
        3 => (prop_oneof![Just(String::new()), key()], any::<bool>(), prop_oneof![Just(String::new()), key()], 0..5_usize)
            .prop_map(|(prefix, slash, marker, limit)| Step::List { prefix, slash, marker, limit }),
        2 => key().prop_map(Step::Begin),
        4 => (0..4_usize, 1..5_u16, bytes()).prop_map(|(place, number, bytes)| Step::Part(place, number, bytes)),
        2 => (0..4_usize).prop_map(Step::Complete),
        1 => (0..4_usize).prop_map(Step::Abort),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
    ]
}

/// What should be there.
#[derive(Default)]
struct Model {
    objects: BTreeMap<String, Vec<u8>>,
    uploads: Vec<(String, String, BTreeMap<u16, Vec<u8>>)>,
}

struct Both<'a> {
    store: Option<Store>,
    directory: Option<&'a Path>,
    model: Model,
    serial: usize,
}

impl Both<'_> {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn written(&self, bytes: &[u8]) -> Object {
        let mut sink = self.store().sink();
        for chunk in bytes.chunks(97) {
            sink.write(chunk).await.unwrap();
        }
        let written = sink.finish().await.unwrap();
        assert_eq!(written.checksums, Checksums::of(bytes));
        Object { metadata: metadata(written.checksums), content: written.content }
    }

    async fn check(&self) {
        let objects: Vec<_> = {
            let index = self.store().read();
            let bucket = &index.buckets[BUCKET];
            assert_eq!(bucket.uploads.len(), self.model.uploads.len());
            bucket.objects.iter().map(|(key, object)| (key.clone(), object.clone())).collect()
        };
        let keys: Vec<&String> = objects.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, self.model.objects.keys().collect::<Vec<_>>());
        for (key, object) in &objects {
            let expected = &self.model.objects[key];
            assert_eq!(&read(object.content.clone()).await, expected, "{key}");
            assert_eq!(object.metadata.length, expected.len() as u64);
            assert_eq!(object.metadata.crc64, Checksums::of(expected).crc64);
        }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Put(key, bytes) => {
                let object = self.written(&bytes).await;
                self.put(&key, object);
                self.model.objects.insert(key, bytes);
            }
            Step::Delete(key) => {
                self.store().delete_object(BUCKET, &key, None, SystemClock.now()).unwrap();
                self.model.objects.remove(&key);
            }
            Step::Copy(from, to) => self.copy(&from, to),
            Step::Append(key, bytes) => {
                let more = self.written(&bytes).await;
                let put =
                    self.store().put_object(BUCKET, &key, |current| Ok(appended(current, &more)));
                put.unwrap();
                self.model.objects.entry(key).or_default().extend(bytes);
            }
            Step::Get(key, start, length) => self.get(&key, start, length).await,
            Step::List { prefix, slash, marker, limit } => {
                self.list(&prefix, slash, &marker, limit)
            }
            Step::Begin(key) => self.begin(key),
            Step::Part(place, number, bytes) => self.part(place, number, bytes).await,
            Step::Complete(place) => self.complete(place),
            Step::Abort(place) => {
                if place < self.model.uploads.len() {
                    let (key, id, _) = self.model.uploads.remove(place);
                    self.store().abort_upload((BUCKET, &key, &id)).unwrap();
                }
            }
            Step::Compact => self.store().compact(),
            Step::Reopen => {
                if let Some(directory) = self.directory {
                    self.store = None;
                    self.store = Some(Store::open(directory, Durability::Process).unwrap());
                }
            }
        }
    }

    fn put(&self, key: &str, object: Object) {
        self.store().replace_object(BUCKET, key, object, |_| Ok(())).unwrap();
    }

    fn copy(&mut self, from: &str, to: String) {
        let Some(source) = self.store().read().object(BUCKET, from) else {
            assert!(!self.model.objects.contains_key(from));
            return;
        };
        let copy = Object { metadata: source.metadata.clone(), content: source.content.clone() };
        self.put(&to, copy);
        let bytes = self.model.objects[from].clone();
        self.model.objects.insert(to, bytes);
    }

    fn begin(&mut self, key: String) {
        if self.model.uploads.len() < 4 {
            self.serial += 1;
            let id = format!("{:074}", self.serial);
            let initiated = Initiated {
                headers: ObjectHeaders::of(&HeaderMap::new()).unwrap(),
                attributes: ObjectAttributes::default(),
                initiator: "somebody".to_owned(),
                at: SystemClock.now(),
            };
            let begun = self.store().begin_upload(BUCKET, &key, &id, initiated);
            begun.unwrap();
            self.model.uploads.push((key, id, BTreeMap::new()));
        }
    }

    async fn part(&mut self, place: usize, number: u16, bytes: Vec<u8>) {
        let part = self.written(&bytes).await;
        let Some((key, id, parts)) = self.model.uploads.get_mut(place) else {
            let refused = self.store().put_part((BUCKET, "a", "none"), number, part);
            assert_eq!(refused.unwrap_err().code, "NoSuchUpload");
            return;
        };
        let store = self.store.as_ref().unwrap();
        store.put_part((BUCKET, key, id), number, part).unwrap();
        parts.insert(number, bytes);
    }

    async fn get(&self, key: &str, start: u64, length: u64) {
        let object = self.store().read().object(BUCKET, key);
        let expected = self.model.objects.get(key);
        assert_eq!(object.is_some(), expected.is_some());
        if let (Some(object), Some(expected)) = (object, expected) {
            let end = start.saturating_add(length);
            let slice = ByteRange { start, end };
            let found = read(object.content.slice(slice)).await;
            let cut = |at: u64| usize::try_from(at).unwrap().min(expected.len());
            assert_eq!(found, expected[cut(start)..cut(end)]);
        }
    }

    fn list(&self, prefix: &str, slash: bool, marker: &str, limit: usize) {
        let query = Query {
            prefix: prefix.to_owned(),
            delimiter: slash.then_some('/'),
            marker: marker.to_owned(),
            limit,
        };
        let page = self.store().read().buckets[BUCKET].list(&query);
        let found: Vec<String> = page
            .entries
            .into_iter()
            .map(|entry| match entry {
                Entry::Item((key, _)) => key,
                Entry::Prefix(prefix) => format!("[{prefix}]"),
            })
            .collect();
        // Every line there is, the naive way, and then the first few.
        let mut lines: Vec<String> = Vec::new();
        for key in self.model.objects.keys() {
            if !key.starts_with(prefix) || key.as_str() <= marker {
                continue;
            }
            let rest = &key[prefix.len()..];
            let line = match rest.find('/').filter(|_| slash) {
                Some(at) if format!("{prefix}{}/", &rest[..at]) == marker => continue,
                Some(at) => format!("[{prefix}{}/]", &rest[..at]),
                None => key.clone(),
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        assert_eq!(page.is_truncated, limit > 0 && lines.len() > limit);
        lines.truncate(limit);
        assert_eq!(found, lines, "{query:?}");
    }

    fn complete(&mut self, place: usize) {
        if place >= self.model.uploads.len() {
            return;
        }
        let (key, id, parts) = self.model.uploads.remove(place);
        let made = self.store().complete_upload((BUCKET, &key, &id), |upload, _| {
            let mut whole: Option<Object> = None;
            for part in upload.parts.values() {
                whole = Some(appended(whole.as_ref(), part));
            }
            let mut whole =
                whole.ok_or_else(|| CosError::new(http::StatusCode::BAD_REQUEST, "None", ""))?;
            whole.metadata.upload_id = Some(id.clone());
            Ok(whole)
        });
        if parts.is_empty() {
            assert_eq!(made.unwrap_err().code, "None");
            self.model.uploads.insert(place, (key, id, parts));
        } else {
            made.unwrap();
            let bytes = parts.into_values().collect::<Vec<_>>().concat();
            self.model.objects.insert(key, bytes);
        }
    }
}

fn metadata(sums: Checksums) -> ObjectMetadata {
    ObjectMetadata::new(sums.length, sums.etag(), sums.crc64, SystemClock.now())
}

fn appended(current: Option<&Object>, more: &Object) -> Object {
    let mut metadata = more.metadata.clone();
    let mut content = Content::default();
    if let Some(current) = current {
        metadata.crc64 = combined_crc64(current.metadata.crc64, metadata.crc64, metadata.length);
        metadata.length += current.metadata.length;
        content = current.content.clone();
    }
    content.append(&more.content);
    Object { metadata, content }
}

async fn read(content: Content) -> Vec<u8> {
    let (mut reader, mut bytes) = (content.reader(), Vec::new());
    while let Some(chunk) = reader.next().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    bytes
}

fn run(steps: Vec<Step>, store: Store, directory: Option<&Path>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        store
            .create_bucket(
                BUCKET,
                &Bucket::new("ap-guangzhou".to_owned(), SystemClock.now()),
                |_| Ok(()),
            )
            .unwrap();
        let mut both = Both { store: Some(store), directory, model: Model::default(), serial: 0 };
        for step in steps {
            both.run(step).await;
        }
        both.check().await;
        if directory.is_some() {
            both.run(Step::Reopen).await;
            both.check().await;
        }
    });
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(200) })]

    #[test]
    fn a_store_in_memory_is_a_map(steps in prop::collection::vec(step(), 1..60)) {
        run(steps, Store::in_memory(u64::MAX), None);
    }
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(12) })]

    #[test]
    fn a_store_in_a_directory_is_a_map(steps in prop::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), Durability::Process).unwrap();
        run(steps, store, Some(directory.path()));
        let blobs = std::fs::read_dir(directory.path().join("blobs")).unwrap().count();
        let store = Store::open(directory.path(), Durability::Process).unwrap();
        let index = store.read();
        let bucket = &index.buckets[BUCKET];
        let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values());
        let mut used: Vec<String> = bucket.objects.values().chain(parts)
            .flat_map(|object| object.content.blob_ids())
            .collect();
        used.sort();
        used.dedup();
        prop_assert_eq!(blobs, used.len());
    }
}
