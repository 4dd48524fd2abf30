//! Killed in the middle of writing, again and again: an object is there whole or not at all, and
//! what was promised is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::child::{self, Served};
use super::{AUTHORIZED, BUCKET, HOST, noise};
use crate::cos::checksum::Checksums;
use crate::cos::http::xml;
use crate::cos::store::{Durability, Store};

const TEST: &str =
    "cos::tests::crash::what_was_promised_survives_a_kill_and_nothing_is_there_by_half";
const WRITERS: u32 = 4;

/// The version that each key has for certain, and the one that it may have; `None` means that it
/// does not exist.
type Ledger = Arc<Mutex<BTreeMap<String, (Option<u32>, Option<u32>)>>>;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_survives_a_kill_and_nothing_is_there_by_half() {
    if child::serves().await {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (ledger, written) = (Ledger::default(), Arc::new(AtomicU32::new(0)));
    for round in 0..6 {
        let served = Served::start(TEST, directory.path()).await;
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let url = format!("http://{}", served.address);
                tokio::spawn(write(url, writer, round, Arc::clone(&ledger), Arc::clone(&written)))
            })
            .collect();
        // After a number of changes, however busy the machine is; at any point of the next ones.
        let enough = written.load(Ordering::SeqCst) + 17 + 5 * round;
        while written.load(Ordering::SeqCst) < enough {
            assert!(!writers.iter().all(tokio::task::JoinHandle::is_finished), "nobody writes");
            tokio::time::sleep(Duration::from_micros(100)).await;
        }
        served.kill();
        for writer in writers {
            writer.await.unwrap();
        }
        check(directory.path(), &ledger).await;
    }
}

/// Changes its own keys until the server is gone, and counts the changes that were promised.
async fn write(url: String, writer: u32, round: u32, ledger: Ledger, written: Arc<AtomicU32>) {
    let client = super::client();
    for count in 0.. {
        let key = format!("{writer}/{}", count % 3);
        let version = (round << 20) | (writer << 16) | count;
        let wanted = (count % 5 != 4).then_some(version);
        let certain = ledger.lock().unwrap().entry(key.clone()).or_default().0;
        ledger.lock().unwrap().insert(key.clone(), (certain, wanted));
        let target = format!("{url}/{key}");
        let done = match (wanted, count % 4) {
            (None, _) => send(&client, "DELETE", &target, Vec::new()).await.map(drop),
            (Some(version), 3) => in_parts(&client, &target, version).await,
            (Some(version), _) => send(&client, "PUT", &target, body(version)).await.map(drop),
        };
        if done.is_none() {
            return;
        }
        ledger.lock().unwrap().insert(key, (wanted, wanted));
        written.fetch_add(1, Ordering::SeqCst);
    }
}

/// `None` when the server is gone.
async fn send(
    client: &reqwest::Client,
    method: &str,
    url: &str,
    body: Vec<u8>,
) -> Option<reqwest::Response> {
    let method = http::Method::from_bytes(method.as_bytes()).unwrap();
    let request = client
        .request(method, url)
        .header("host", HOST)
        .header(AUTHORIZED.0, AUTHORIZED.1)
        .header("content-length", body.len())
        .body(body);
    let answer = request.send().await.ok()?;
    assert!(answer.status().is_success(), "{url}: {answer:?}");
    Some(answer)
}

async fn in_parts(client: &reqwest::Client, url: &str, version: u32) -> Option<()> {
    let begun = send(client, "POST", &format!("{url}?uploads"), Vec::new()).await?;
    let begun = xml::parse(&begun.bytes().await.ok()?)?;
    let id = begun.text_of("UploadId").unwrap();
    let body = body_of_parts(version);
    let mut etags = Vec::new();
    for (number, part) in (1..).zip(body.chunks(1024 * 1024)) {
        let target = format!("{url}?partNumber={number}&uploadId={id}");
        send(client, "PUT", &target, part.to_vec()).await?;
        etags.push((number, Checksums::of(part).etag()));
    }
    let parts = xml::document("CompleteMultipartUpload", |root| {
        for (number, etag) in etags {
            root.element("Part", |part| {
                part.text("PartNumber", number);
                part.text("ETag", etag);
            });
        }
    });
    let done = send(client, "POST", &format!("{url}?uploadId={id}"), parts.into()).await?;
    done.bytes().await.ok().map(drop)
}

/// Opens what the killed process left.
async fn check(directory: &Path, ledger: &Ledger) {
    let store = Store::open(directory, Durability::Process).unwrap();
    let mut found = BTreeMap::new();
    let mut used = BTreeSet::new();
    let objects = store.read().buckets[BUCKET].objects.clone();
    for (key, object) in objects {
        let (mut reader, mut bytes) = (object.content.clone().reader(), Vec::new());
        while let Some(chunk) = reader.next().await.unwrap() {
            bytes.extend_from_slice(&chunk);
        }
        let version = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        assert!(bytes == body(version) || bytes == body_of_parts(version), "{key} is torn");
        used.extend(object.content.blob_ids());
        found.insert(key, version);
    }
    for upload in store.read().buckets[BUCKET].uploads.values() {
        used.extend(upload.parts.values().flat_map(|part| part.content.blob_ids()));
    }
    let mut ledger = ledger.lock().unwrap();
    for (key, (certain, possible)) in ledger.iter_mut() {
        let version = found.remove(key);
        assert!(
            version == *certain || version == *possible,
            "{key}: {version:?}, not {certain:?} or {possible:?}"
        );
        (*certain, *possible) = (version, version);
    }
    assert!(found.is_empty(), "never written: {found:?}");
    let blobs = std::fs::read_dir(directory.join("blobs")).unwrap().count();
    assert_eq!(blobs, used.len(), "rubbish of the crash stays");
    assert!(!directory.join("log.unfinished").exists());
}

fn body(version: u32) -> Vec<u8> {
    sized(version, 5 + (version as usize * 7919) % 300_000)
}

/// Two parts.
fn body_of_parts(version: u32) -> Vec<u8> {
    sized(version, 1024 * 1024 + 5 + (version as usize * 7919) % 300_000)
}

fn sized(version: u32, length: usize) -> Vec<u8> {
    let mut bytes = noise(length, version as u8);
    bytes[..4].copy_from_slice(&version.to_be_bytes());
    bytes
}
