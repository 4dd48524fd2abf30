//! Directories as crashes leave them, one moment after the other; and directories that no crash
//! leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tencent::time::{Clock as _, SystemClock};

use super::{BUCKET, World, header};
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::Checksums;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::store::{Bucket, Content, Durability, Initiated, Object, ObjectMetadata, Store};

const UPLOAD: (&str, &str, &str) = (BUCKET, "whole", "id");

/// Two parts: one in a file of its own, one in its record.
const FIRST: &str = match std::str::from_utf8(&[b'1'; 5000]) {
    Ok(text) => text,
    Err(_) => "",
};
const SECOND: &str = "second";

fn whole() -> String {
    format!("{FIRST}{SECOND}")
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

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
async fn filled(directory: &Path) -> Store {
    let store = Store::open(directory, Durability::Process).unwrap();
    let now = SystemClock.now();
    store.create_bucket(BUCKET, Bucket::new("ap-guangzhou".to_owned(), now), |_| Ok(())).unwrap();
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

fn complete(store: &Store) {
    let whole = store.complete_upload(UPLOAD, |upload, _| {
        let mut content = Content::default();
        for part in upload.parts.values() {
            content.append(&part.content);
        }
        let sums = Checksums::of(whole().as_bytes());
        let mut metadata =
            ObjectMetadata::new(sums.length, sums.etag(), sums.crc64, SystemClock.now());
        metadata.upload_id = Some(UPLOAD.2.to_owned());
        Ok(Object { metadata, content })
    });
    whole.unwrap();
}

fn files(directory: &Path) -> Files {
    ["records", "blobs"]
        .iter()
        .flat_map(|name| fs::read_dir(directory.join(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// Puts back what a change removed, as if the process had ended before.
fn restore(before: &Files) {
    for (path, bytes) in before {
        if !path.exists() {
            fs::write(path, bytes).unwrap();
        }
    }
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
    let records = 2 + usize::from(whole.is_some()) + 3 * uploads;
    assert_eq!(fs::read_dir(directory.join("records")).unwrap().count(), records);
}

#[tokio::test]
async fn an_upload_that_ended_in_an_object_has_ended() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    let store = filled(directory).await;
    let before = files(directory);
    complete(&store);
    drop(store);
    check(directory, Some(&whole()), 0).await;
    restore(&before);
    check(directory, Some(&whole()), 0).await;
}

#[tokio::test]
async fn parts_without_their_upload_are_rubbish() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    let store = filled(directory).await;
    check_is_busy(directory);
    let before = files(directory);
    store.abort_upload(UPLOAD).unwrap();
    drop(store);
    check(directory, None, 0).await;
    restore(&before);
    check(directory, None, 1).await;
    let upload = before.iter().find(|(_, bytes)| bytes.starts_with(b"{\"upload\""));
    fs::remove_file(upload.unwrap().0).unwrap();
    check(directory, None, 0).await;
}

#[tokio::test]
async fn what_was_not_finished_is_swept() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    drop(filled(directory).await);
    fs::write(directory.join("records/0.unfinished"), "{\"obj").unwrap();
    fs::write(directory.join("blobs/0"), "half an obj").unwrap();
    check(directory, None, 1).await;
}

#[tokio::test]
async fn a_directory_that_does_not_fit_together_is_refused_by_name() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path();
    drop(filled(directory).await);
    let whole = files(directory);
    for (path, bytes) in &whole {
        for length in [bytes.len() / 2, bytes.len() - 1] {
            fs::write(path, &bytes[..length]).unwrap();
            let opened = Store::open(directory, Durability::Process);
            let error = opened.err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("opened with less of {}", path.display()));
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.contains(name), "{error}");
        }
        fs::write(path, bytes).unwrap();
    }
    let odd = directory.join("records/odd.json");
    for text in ["", "{}", "{\"bucket\":{}}", "{\"object\":{\"bucket\":\"none-1250000000\"}}"] {
        fs::write(&odd, text).unwrap();
        assert!(Store::open(directory, Durability::Process).is_err(), "{text}");
    }
    fs::remove_file(odd).unwrap();
    // A refusal destroys nothing.
    assert!(files(directory) == whole);
    check(directory, None, 1).await;
}

#[test]
fn a_directory_of_somebody_else_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blobs").join("holiday.jpg");
    fs::create_dir(directory.path().join("blobs")).unwrap();
    fs::write(&file, "mine").unwrap();
    let error = Store::open(directory.path(), Durability::Process).err().unwrap().to_string();
    assert!(error.contains("other files"), "{error}");
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

fn check_is_busy(directory: &Path) {
    let error = Store::open(directory, Durability::Process).err().unwrap().to_string();
    assert!(error.contains("another process"), "{error}");
}

#[tokio::test]
async fn a_folder_of_an_earlier_version_is_read() {
    let directory = tempfile::tempdir().unwrap();
    drop(World::in_directory(directory.path()));
    let records = directory.path().join("records");
    for entry in fs::read_dir(&records).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let bucket = format!(
        r#"{{"bucket":{{"name":"{BUCKET}","region":"ap-guangzhou","created":1,"cors":null}}}}"#
    );
    let object = format!(
        r#"{{"object":{{"bucket":"{BUCKET}","key":"a","facts":{{"length":0,
            "etag":"d41d8cd98f00b204e9800998ecf8427e","crc64":0,"modified":1,"metadata":{{}},
            "is_appendable":false,"upload_id":null}},"segments":[]}}}}"#
    );
    let in_a_file = object
        .replace(r#""key":"a""#, r#""key":"b""#)
        .replace(r#""length":0"#, r#""length":5"#)
        .replace("[]", r#"[{"blob":"0","start":1,"length":5}]"#);
    fs::write(directory.path().join("blobs/0"), "-hello-").unwrap();
    fs::write(records.join("3.json"), in_a_file).unwrap();
    fs::write(records.join("1.json"), bucket).unwrap();
    fs::write(records.join("2.json"), object).unwrap();
    let world = World::in_directory(directory.path());
    let answer = world.get("/a").await;
    assert_eq!(header(&answer, "etag"), "\"d41d8cd98f00b204e9800998ecf8427e\"");
    assert_eq!(header(&answer, "last-modified"), "Thu, 01 Jan 1970 00:00:01 GMT");
    assert_eq!(world.get("/b").await.text().await.unwrap(), "hello");
}
