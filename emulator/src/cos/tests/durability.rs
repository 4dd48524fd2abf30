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
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let name = match (name(path.parent().unwrap()).as_str(), name(path)) {
            ("blobs", _) => "blob".to_owned(),
            (_, name) if path.join("lock").exists() => name.replace(&name, "directory"),
            (_, name) => name,
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

    fn write(&self, file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.record("write", path);
        Native.write(file, path, bytes, offset)
    }

    fn truncate(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.record("truncate", path);
        Native.truncate(file, path, length)
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

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.record("sync", directory);
        Native.sync_directory(directory)
    }
}

/// The calls of a first start, one small object, one of a single chunk, one of several, a deletion,
/// a compaction, and a start after a change that was cut.
async fn calls(durability: Durability) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::default();
    let open = || Store::open_by(directory.path(), durability, Box::new(recorder.clone())).unwrap();
    let store = open();
    let mut calls = vec![recorder.taken()];
    let now = SystemClock.now();
    store.create_bucket(BUCKET, &Bucket::new("ap-guangzhou".to_owned(), now), |_| Ok(())).unwrap();
    recorder.taken();
    for length in [10, 100_000, 1_000_000] {
        let object = object(&store, &noise(length, 0)).await;
        store.replace_object(BUCKET, "a", object, |_| Ok(())).unwrap();
        calls.push(recorder.taken());
    }
    store.delete_object(BUCKET, "a", None, now).unwrap();
    calls.push(recorder.taken());
    store.compact();
    calls.push(recorder.taken());
    drop(store);
    let log = std::fs::OpenOptions::new().write(true).open(directory.path().join("log")).unwrap();
    log.set_len(log.metadata().unwrap().len() + 5).unwrap();
    drop(open());
    calls.push(recorder.taken());
    calls
}

const POWER: [&str; 7] = [
    "sync directory, create log.unfinished, write log.unfinished, sync log.unfinished, \
     rename log.unfinished, to log, sync directory",
    "write log, sync log",
    "create blob, write blob, sync blob, sync blobs, write log, sync log",
    "create blob, write blob, sync blob, sync blobs, write log, sync log",
    "write log, sync log",
    "create log.unfinished, write log.unfinished, sync log.unfinished, \
     rename log.unfinished, to log, sync directory",
    "sync directory, truncate log, sync log",
];

#[tokio::test]
async fn a_change_is_synced_before_it_is_visible() {
    assert_eq!(calls(Durability::Power).await, POWER);
}

#[tokio::test]
async fn a_kill_needs_no_sync() {
    let without_syncs = POWER.map(|calls| {
        let calls = calls.split(", ").filter(|call| !call.starts_with("sync"));
        calls.collect::<Vec<_>>().join(", ")
    });
    assert_eq!(calls(Durability::Process).await, without_syncs);
}
