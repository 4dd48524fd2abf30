//! A record is replaced in one step: a reader, at any moment, finds the old one or the
//! new one, and whole.
//!
//! A kill seldom falls between two steps, so what `crash.rs` tries again and again is here seen
//! from the side.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tencent::time::{Clock as _, SystemClock};

use super::BUCKET;
use crate::cos::cors::Cors;
use crate::cos::store::{Bucket, Durability, Store};

/// A store with one bucket, and the file of its record.
fn store(directory: &Path) -> (Store, PathBuf) {
    let store = Store::open(directory, Durability::Process).unwrap();
    let made = store.create_bucket(
        BUCKET,
        Bucket::new("ap-guangzhou".to_owned(), SystemClock.now()),
        |_| Ok(()),
    );
    made.unwrap();
    let mut records = fs::read_dir(directory.join("records")).unwrap();
    let path = records.next().unwrap().unwrap().path();
    assert!(records.next().is_none(), "only the bucket's record");
    (store, path)
}

/// Rules of a length that differs from one to the next.
fn rules(count: usize) -> Option<Cors> {
    let origins = (0..count % 50).map(|number| format!("http://{number}.example.com"));
    Some(Cors::for_origins(origins.collect()))
}

#[test]
fn the_file_of_the_old_record_is_left_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (store, path) = store(directory.path());
    let old = fs::read(&path).unwrap();
    // A second name of the same file: what is written into that file, or cut off it, shows here.
    let kept = directory.path().join("kept");
    fs::hard_link(&path, &kept).unwrap();
    store.set_cors(BUCKET, rules(40)).unwrap();
    assert_eq!(fs::read(&kept).unwrap(), old);
    let new = fs::read(&path).unwrap();
    assert!(new.len() > old.len());
    store.set_cors(BUCKET, None).unwrap();
    assert_eq!(fs::read(&path).unwrap(), old);
    let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "no other file is left");
}

#[test]
fn there_is_no_moment_without_a_whole_record() {
    let directory = tempfile::tempdir().unwrap();
    let (store, path) = store(directory.path());
    let is_over = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = 0_u64;
            while !is_over.load(Ordering::SeqCst) {
                let bytes = fs::read(&path).expect("there is a record");
                let whole = serde_json::from_slice::<serde_json::Value>(&bytes);
                assert!(whole.is_ok(), "{} bytes are no record", bytes.len());
                looks += 1;
            }
            looks
        });
        for count in 0..300 {
            store.set_cors(BUCKET, rules(count)).unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        watcher.join().unwrap()
    });
    assert!(looks > 0, "the reader never ran");
}
