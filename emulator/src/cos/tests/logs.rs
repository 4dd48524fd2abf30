//! The log, cut and damaged at every byte, and the directory as it is before each call of the
//! system: each change is complete or absent.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tencent::time::{Clock as _, SystemClock};

use super::reopen::{self, UPLOAD, filled, object};
use super::{BUCKET, noise};
use crate::clock::ClockState;
use crate::cos::store::files::{FileSystem, Native};
use crate::cos::store::{Bucket, Durability, Initiated, Store};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// All that is stored, with all bytes.
async fn stored(store: &Store) -> Vec<u8> {
    let mut state = store.state(ClockState::default());
    let mut all = Vec::new();
    while let Some(bytes) = state.next().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    all
}

fn open(directory: &Path) -> Store {
    Store::open(directory, Durability::Process).unwrap()
}

/// Stores an object, whose bytes depend on the seed.
async fn put(store: &Store, key: &str, length: usize, seed: u8) -> bool {
    let object = object(store, &noise(length, seed)).await;
    store.replace_object(BUCKET, key, object, |_| Ok(())).is_ok()
}

/// The log and the data files.
fn files(directory: &Path) -> Files {
    let blobs = fs::read_dir(directory.join("blobs")).unwrap();
    let paths = blobs.map(|entry| entry.unwrap().path());
    let logs = ["log", "log.unfinished"].map(|name| directory.join(name));
    let all = paths.chain(logs).filter(|path| path.exists());
    all.map(|path| (path.strip_prefix(directory).unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

/// A directory with these files.
fn directory(files: &Files) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("blobs")).unwrap();
    fs::write(directory.path().join("lock"), "").unwrap();
    for (path, bytes) in files {
        fs::write(directory.path().join(path), bytes).unwrap();
    }
    directory
}

/// A log with changes of all kinds.
struct History {
    /// All files there ever were, and the last log.
    files: Files,
    /// The end of each change, and what is stored after it.
    changes: Vec<(usize, Vec<u8>)>,
}

impl History {
    async fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let store = filled(temporary.path()).await;
        let mut history = Self { files: Files::new(), changes: Vec::new() };
        let (now, other) = (SystemClock.now(), "other-1250000000");
        history.note(temporary.path(), &store).await;
        store.change_object(BUCKET, "plain", None, |metadata| metadata.crc64 = 1).unwrap();
        history.note(temporary.path(), &store).await;
        reopen::complete(&store);
        history.note(temporary.path(), &store).await;
        assert!(put(&store, "plain", 6000, 1).await);
        history.note(temporary.path(), &store).await;
        let versioned = |settings: crate::cos::settings::BucketSettings| {
            settings.with_versioning(crate::cos::settings::Versioning::Enabled)
        };
        store.change_settings(BUCKET, versioned).unwrap();
        history.note(temporary.path(), &store).await;
        assert!(put(&store, "plain", 0, 2).await);
        history.note(temporary.path(), &store).await;
        store.delete_object(BUCKET, "plain", None, now).unwrap();
        history.note(temporary.path(), &store).await;
        store.delete_object(BUCKET, "plain", Some("null"), now).unwrap();
        history.note(temporary.path(), &store).await;
        let begun = Initiated {
            headers: Default::default(),
            attributes: Default::default(),
            initiator: String::new(),
            at: now,
        };
        store.begin_upload(UPLOAD.0, UPLOAD.1, "again", begun).unwrap();
        history.note(temporary.path(), &store).await;
        store.abort_upload((UPLOAD.0, UPLOAD.1, "again")).unwrap();
        history.note(temporary.path(), &store).await;
        store.create_bucket(other, &Bucket::new("ap-beijing".to_owned(), now), |_| Ok(())).unwrap();
        history.note(temporary.path(), &store).await;
        store.delete_bucket(other).unwrap();
        history.note(temporary.path(), &store).await;
        history
    }

    async fn note(&mut self, directory: &Path, store: &Store) {
        self.files.extend(files(directory));
        self.changes.push((self.log().len(), stored(store).await));
    }

    fn log(&self) -> &Vec<u8> {
        &self.files[Path::new("log")]
    }

    fn with_log(&self, log: &[u8]) -> TempDir {
        let mut files = self.files.clone();
        files.insert("log".into(), log.to_vec());
        directory(&files)
    }

    /// What is stored in the first bytes of the log.
    fn stored_in(&self, bytes: usize) -> &[u8] {
        &self.changes.iter().rfind(|(end, _)| *end <= bytes).unwrap().1
    }

    /// The places after the first changes.
    fn places(&self) -> Range<usize> {
        self.changes[0].0..self.log().len()
    }
}

#[tokio::test]
async fn a_log_that_is_cut_has_each_change_or_not() {
    let history = History::new().await;
    for place in history.places() {
        let directory = history.with_log(&history.log()[..place]);
        let store = open(directory.path());
        assert!(stored(&store).await == history.stored_in(place), "cut at {place}");
        // It goes on from there.
        if place % 5 == 0 {
            assert!(put(&store, "next", 3, 3).await);
            let expected = stored(&store).await;
            drop(store);
            assert!(stored(&open(directory.path())).await == expected, "cut at {place}");
        }
    }
}

#[tokio::test]
async fn damage_is_an_error_unless_it_is_in_the_last_change() {
    let history = History::new().await;
    let last = history.changes[history.changes.len() - 2].0;
    for place in 0..history.log().len() {
        let mut log = history.log().clone();
        log[place] ^= 1 << (place % 8);
        let directory = history.with_log(&log);
        match Store::open(directory.path(), Durability::Process) {
            Ok(store) => {
                assert!(place >= last, "{place} is damaged");
                assert!(stored(&store).await == history.stored_in(last), "damage at {place}");
            }
            Err(error) => {
                let error = error.to_string();
                assert!(place < last, "{error}");
                assert!(error.contains("log: at byte ") && error.contains("damaged"), "{error}");
                let found = files(directory.path());
                assert!(found[Path::new("log")] == log, "a refusal destroys nothing");
                assert_eq!(found.len(), history.files.len(), "a refusal destroys nothing");
            }
        }
    }
}

#[tokio::test]
async fn bytes_that_look_like_a_change_are_none() {
    let temporary = tempfile::tempdir().unwrap();
    let store = filled(temporary.path()).await;
    let log = fs::read(temporary.path().join("log")).unwrap();
    let before = stored(&store).await;
    let copy = object(&store, &log[..2000.min(log.len())]).await;
    store.replace_object(BUCKET, "copy", copy, |_| Ok(())).unwrap();
    drop(store);
    let all = files(temporary.path());
    let log = &all[Path::new("log")];
    for cut in 1..200 {
        let mut files = all.clone();
        files.insert("log".into(), log[..log.len() - cut].to_vec());
        let directory = directory(&files);
        assert!(stored(&open(directory.path())).await == before, "{cut}");
    }
}

/// Takes a copy of the directory before each call, and before the second half of each write.
#[derive(Clone, Default)]
struct Copies {
    directory: PathBuf,
    is_on: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<Files>>>,
}

impl Copies {
    fn take(&self) {
        if self.is_on.load(Ordering::SeqCst) {
            self.taken.lock().unwrap().push(files(&self.directory));
        }
    }
}

impl FileSystem for Copies {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.take();
        Native.create(path)
    }

    fn write(&self, file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.take();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        Native.write(file, path, first, offset)?;
        self.take();
        Native.write(file, path, second, offset + first.len() as u64)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.take();
        Native.rename(from, to)
    }
}

#[tokio::test]
async fn a_crash_while_the_log_is_compacted_leaves_one_of_both() {
    let temporary = tempfile::tempdir().unwrap();
    drop(filled(temporary.path()).await);
    let copies = Copies { directory: temporary.path().to_owned(), ..Copies::default() };
    let system = Box::new(copies.clone());
    let store = Store::open_by(temporary.path(), Durability::Process, system).unwrap();
    for seed in 0..20 {
        assert!(put(&store, "plain", 3000, seed).await);
    }
    let length = || fs::metadata(temporary.path().join("log")).unwrap().len();
    let before = (stored(&store).await, length());
    copies.is_on.store(true, Ordering::SeqCst);
    store.compact();
    assert!(length() < before.1 / 10, "{} bytes are left", length());
    assert!(put(&store, "large", 5000, 1).await);
    copies.take();
    let after = stored(&store).await;
    let taken = std::mem::take(&mut *copies.taken.lock().unwrap());
    assert_eq!(taken.len(), 4 + 5 + 1, "before each call of a compaction, and of a large object");
    for (number, files) in taken.iter().enumerate() {
        let directory = directory(files);
        let found = stored(&open(directory.path())).await;
        let expected = if number == taken.len() - 1 { &after } else { &before.0 };
        assert!(found == *expected, "at call {number}");
    }
}

#[tokio::test]
async fn a_key_that_is_replaced_all_day_does_not_fill_the_disk() {
    let temporary = tempfile::tempdir().unwrap();
    let store = filled(temporary.path()).await;
    let log = || fs::metadata(temporary.path().join("log")).unwrap().len();
    let mut largest = 0;
    for round in 0..6000_u32 {
        assert!(put(&store, "plain", 4000, round as u8).await);
        largest = largest.max(log());
    }
    assert!((8_000_000..9_000_000).contains(&largest), "{largest}");
    assert!(log() < largest, "it was compacted");
    let expected = stored(&store).await;
    drop(store);
    assert!(stored(&open(temporary.path())).await == expected);
}

/// Fails at the calls in its list.
#[derive(Clone, Default)]
struct Failing(Arc<Mutex<Vec<&'static str>>>);

impl Failing {
    fn check(&self, call: &str) -> io::Result<()> {
        match self.0.lock().unwrap().contains(&call) {
            true => Err(io::Error::other("the disk is full")),
            false => Ok(()),
        }
    }
}

impl FileSystem for Failing {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.check("create")?;
        Native.create(path)
    }

    fn write(&self, file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.check("write").is_err() {
            Native.write(file, path, &bytes[..bytes.len() / 2], offset)?;
        }
        self.check("write")?;
        Native.write(file, path, bytes, offset)
    }

    fn truncate(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.check("truncate")?;
        Native.truncate(file, path, length)
    }

    fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        if path.ends_with("log") {
            self.check("sync log")?;
        }
        Native.sync(file, path)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.check("sync directory")?;
        Native.sync_directory(directory)
    }
}

/// A put while these calls fail, and one after; then what a start finds. `true` for each that
/// succeeds or is found.
async fn failing(calls: &[&'static str], is_compacted: bool, length: usize) -> [bool; 4] {
    let temporary = tempfile::tempdir().unwrap();
    drop(filled(temporary.path()).await);
    let failing = Failing::default();
    let system = Box::new(failing.clone());
    let store = Store::open_by(temporary.path(), Durability::Power, system).unwrap();
    failing.0.lock().unwrap().extend(calls);
    if is_compacted {
        store.compact();
    }
    let during = put(&store, "during", length, 1).await;
    failing.0.lock().unwrap().clear();
    let after = put(&store, "after", 10, 2).await;
    let is_there = |store: &Store, key| store.read().object(BUCKET, key).is_some();
    assert_eq!([during, after], ["during", "after"].map(|key| is_there(&store, key)));
    drop(store);
    assert!(!temporary.path().join("log.unfinished").exists());
    let again = open(temporary.path());
    assert!(is_there(&again, "plain"));
    [during, after, is_there(&again, "during"), is_there(&again, "after")]
}

#[tokio::test]
async fn a_disk_that_fails_leaves_no_half_of_a_change() {
    // In the log, and in a file of its own.
    for length in [3000, 5000] {
        let failing = async |calls: &[&'static str]| failing(calls, false, length).await;
        assert_eq!(failing(&["write"]).await, [false, true, false, true]);
        assert_eq!(failing(&["sync log"]).await, [false; 4]);
    }
    assert_eq!(failing(&["write", "truncate"], false, 10).await, [false; 4]);
    // It is written, but was not promised.
    assert_eq!(failing(&["sync log", "truncate"], false, 10).await, [false, false, true, false]);
    // A compaction is tried again later.
    assert_eq!(failing(&["create"], true, 10).await, [true; 4]);
    assert_eq!(failing(&["write"], true, 10).await, [false, true, false, true]);
    assert_eq!(failing(&["sync directory"], true, 10).await, [false; 4]);
}
