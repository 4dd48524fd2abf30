//! Directories as crashes leave them, one moment after the other; and directories that no crash
//! leaves.

use std::fs;
use std::path::Path;

use tencent::time::{Clock as _, SystemClock};

use super::BUCKET;
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::Checksums;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::store::{Bucket, Content, Durability, Initiated, Object, ObjectMetadata, Store};

pub(super) const UPLOAD: (&str, &str, &str) = (BUCKET, "whole", "id");

/// Two parts: one in a file of its own, one in its record.
const FIRST: &str = match std::str::from_utf8(&[b'1'; 5000]) {
    Ok(text) => text,
    Err(_) => "",
};
const SECOND: &str = "second";

fn whole() -> String {
    format!("{FIRST}{SECOND}")
}

pub(super) async fn object(store: &Store, bytes: &[u8]) -> Object {
    let mut sink = store.sink();
    sink.write(bytes).await.unwrap();
    let written = sink.finish().await.unwrap();
    let sums = written.checksums;
    Object {
        metadata: ObjectMetadata::new(sums.length, sums.etag(), sums.crc64, SystemClock.now()),
        content: written.content,
    }
}

/// A store with one object and one upload of two parts.
pub(super) async fn filled(directory: &Path) -> Store {
    let store = Store::open(directory, Durability::Process).unwrap();
    let now = SystemClock.now();
    store.create_bucket(BUCKET, &Bucket::new("ap-guangzhou".to_owned(), now), |_| Ok(())).unwrap();
    let plain = object(&store, b"plain").await;
    store.put_object(BUCKET, "plain", |_| Ok(plain)).unwrap();
    let initiated = Initiated {
        headers: ObjectHeaders::default(),
        attributes: ObjectAttributes::default(),
        initiator: "somebody".to_owned(),
        at: now,
    };
    store.begin_upload(UPLOAD.0, UPLOAD.1, UPLOAD.2, initiated).unwrap();
    for (number, bytes) in [(1, FIRST), (2, SECOND)] {
        let part = object(&store, bytes.as_bytes()).await;
        store.put_part(UPLOAD, number, part).unwrap();
    }
    store
}

pub(super) fn complete(store: &Store) {
    let whole = store.complete_upload(UPLOAD, |upload, _| {
        let mut content = Content::default();
        for part in upload.parts.values() {
            content.append(&part.content);
        }
        let sums = Checksums::of(whole().as_bytes());
        let metadata = ObjectMetadata::new(sums.length, sums.etag(), sums.crc64, SystemClock.now());
        Ok(Object { metadata, content })
    });
    whole.unwrap();
}

async fn text(store: &Store, key: &str) -> Option<String> {
    let object = store.read().object(BUCKET, key)?;
    let (mut reader, mut bytes) = (object.content.clone().reader(), Vec::new());
    while let Some(chunk) = reader.next().await.unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    Some(String::from_utf8(bytes).unwrap())
}

/// The directory opens with these two objects and no garbage.
async fn check(directory: &Path, whole: Option<&str>, uploads: usize) {
    let store = Store::open(directory, Durability::Process).unwrap();
    assert_eq!(text(&store, "plain").await.as_deref(), Some("plain"));
    assert_eq!(text(&store, "whole").await.as_deref(), whole);
    assert_eq!(store.read().buckets[BUCKET].uploads.len(), uploads);
    let blobs = usize::from(uploads == 1 || whole.is_some());
    assert_eq!(fs::read_dir(directory.join("blobs")).unwrap().count(), blobs);
    assert_eq!(fs::read_dir(directory).unwrap().count(), 3, "only lock, log and blobs");
}

fn refused(directory: &Path) -> String {
    let opened = Store::open(directory, Durability::Process);
    opened.expect_err("the directory opens").to_string()
}

#[tokio::test]
async fn an_upload_that_ended_in_an_object_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path()).await;
    assert!(refused(directory.path()).contains("another process"));
    complete(&store);
    drop(store);
    check(directory.path(), Some(&whole()), 0).await;
}

#[tokio::test]
async fn parts_end_with_their_upload() {
    let directory = tempfile::tempdir().unwrap();
    let store = filled(directory.path()).await;
    store.abort_upload(UPLOAD).unwrap();
    drop(store);
    check(directory.path(), None, 0).await;
}

#[tokio::test]
async fn what_was_not_finished_is_swept() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    drop(filled(directory).await);
    fs::write(directory.join("log.unfinished"), "half a log").unwrap();
    fs::write(directory.join("blobs/0"), "half an obj").unwrap();
    check(directory, None, 1).await;
}

#[tokio::test]
async fn a_directory_that_does_not_fit_together_is_refused_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    drop(filled(directory).await);
    fs::write(directory.join("blobs/0"), "garbage, unless something is wrong").unwrap();
    let blobs: Vec<_> = fs::read_dir(directory.join("blobs")).unwrap().collect();
    let path = |entry: &fs::DirEntry| (entry.file_name() != "0").then(|| entry.path());
    let blob = blobs.iter().find_map(|entry| path(entry.as_ref().unwrap())).unwrap();
    let (name, bytes) = (blob.file_name().unwrap().to_str().unwrap(), fs::read(&blob).unwrap());
    for length in [0, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&blob, &bytes[..length]).unwrap();
        assert!(refused(directory).contains(name));
    }
    fs::remove_file(&blob).unwrap();
    assert!(refused(directory).contains(name));
    fs::write(&blob, &bytes).unwrap();
    let log = directory.join("log");
    let changes = fs::read(&log).unwrap();
    for length in [0, 1, 15] {
        fs::write(&log, &changes[..length]).unwrap();
        assert!(refused(directory).contains("log: at byte 0: its beginning is missing"));
    }
    fs::remove_file(&log).unwrap();
    assert!(refused(directory).contains("log: at byte 0: it is missing"));
    fs::write(&log, &changes).unwrap();
    // A refusal destroys nothing.
    assert!(directory.join("blobs/0").exists());
    check(directory, None, 1).await;
}

#[test]
fn a_directory_of_somebody_else_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blobs").join("holiday.jpg");
    fs::create_dir(directory.path().join("blobs")).unwrap();
    fs::write(&file, "mine").unwrap();
    assert!(refused(directory.path()).contains("other files"));
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_directory_of_an_earlier_version_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("lock"), "").unwrap();
    for (folder, file) in [("records", "1.json"), ("blobs", "0")] {
        fs::create_dir(directory.path().join(folder)).unwrap();
        fs::write(directory.path().join(folder).join(file), "{}").unwrap();
    }
    let error = refused(directory.path());
    assert!(error.contains("earlier version") && error.contains("another directory"), "{error}");
    assert!(directory.path().join("records/1.json").exists());
    assert!(directory.path().join("blobs/0").exists());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}
