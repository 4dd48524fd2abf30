//! What is written, synced and renamed, and in which order: after a loss of power a disk may have
//! any part of what was not synced, so the order is what there is to check.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tencent::time::{Clock as _, SystemClock};

use super::reopen::object;
use super::{BUCKET, noise};
use crate::cos::store::files::{FileSystem, Native};
use crate::cos::store::{Bucket, Durability, Store};

/// Records each call and makes it.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn record(&self, call: &str, path: &Path) {
        let parent = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = match (parent, path.extension().and_then(|end| end.to_str())) {
            ("blobs", _) => "blob",
            ("records", Some("unfinished")) => "temporary",
            ("records", _) => "record",
            _ => name,
        };
        let line = format!("{call} {name}");
        let mut lines = self.0.lock().unwrap();
        // A large body is written in pieces.
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }

    fn taken(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(", ")
    }
}

impl FileSystem for Recorder {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.record("create", path);
        Native.create(path)
    }

    fn write(&self, file: &mut File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.record("write", path);
        Native.write(file, path, bytes)
    }

    fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.record("sync", path);
        Native.sync(file, path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record("rename", from);
        self.record("to", to);
        Native.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.record("remove", path);
        Native.remove(path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.record("sync", directory);
        Native.sync_directory(directory)
    }
}

/// The calls of one small object, one of a single chunk, one of several, and a deletion.
async fn calls(durability: Durability) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::default();
    let store = Store::open_by(directory.path(), durability, Box::new(recorder.clone())).unwrap();
    let now = SystemClock.now();
    store.create_bucket(BUCKET, Bucket::new("ap-guangzhou".to_owned(), now), |_| Ok(())).unwrap();
    recorder.taken();
    let mut calls = Vec::new();
    for length in [10, 100_000, 1_000_000] {
        let object = object(&store, &noise(length, 0)).await;
        store.replace_object(BUCKET, "a", object, |_| Ok(())).unwrap();
        calls.push(recorder.taken());
    }
    store.delete_object(BUCKET, "a", None, now).unwrap();
    calls.push(recorder.taken());
    calls
}

#[tokio::test]
async fn a_change_is_synced_before_it_is_visible() {
    let record = "create temporary, write temporary, sync temporary, \
                  rename temporary, to record, sync records";
    let blob = format!("create blob, write blob, sync blob, sync blobs, {record}");
    let expected = [record, &blob, &blob, "remove record, sync records"];
    assert_eq!(calls(Durability::Power).await, expected);
}

#[tokio::test]
async fn a_kill_needs_no_sync() {
    let record = "create temporary, write temporary, rename temporary, to record";
    let blob = format!("create blob, write blob, {record}");
    assert_eq!(calls(Durability::Process).await, [record, &blob, &blob, "remove record"]);
}
