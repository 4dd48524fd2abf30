//! Loads a store from its directory, and deletes the garbage of a crash.
//!
//! # Guarantees
//!
//! Nothing is deleted before everything is understood. An inconsistency is an error that names the
//! file.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use super::blob::Blob;
use super::content::Content;
use super::disk::{Disk, MAX_BYTES_IN_RECORD, UNFINISHED};
use super::index::{Index, Version};
use super::record::{self, Record};

/// A record and the bytes after it.
struct Loaded {
    path: PathBuf,
    record: Record,
    bytes: Bytes,
}

impl Disk {
    /// The index that the records describe. Garbage is deleted once everything else is understood.
    pub(super) fn load(&self) -> io::Result<Index> {
        let blobs = self.all_blobs()?;
        let (paths, mut garbage) = self.all_records()?;
        // Buckets before their content, uploads before their parts.
        let mut ranks: [Vec<Loaded>; 4] = Default::default();
        for loaded in in_parallel(&paths, |path| load(path))? {
            if let Some(rank) = ranks.get_mut(rank(&loaded.record)) {
                rank.push(loaded);
            }
        }
        let mut index = Index::default();
        for Loaded { path, record, bytes } in ranks.into_iter().flatten() {
            if is_orphan(&index, &record) {
                garbage.push(path);
                continue;
            }
            add(&mut index, record, bytes, &blobs).map_err(|error| damaged(&path, &error))?;
        }
        index.settle_all();
        for path in garbage {
            fs::remove_file(path)?;
        }
        self.forget_completed(&mut index)?;
        for blob in blobs.values() {
            blob.unlink();
        }
        Ok(index)
    }

    /// The files of records, and those that were not finished.
    fn all_records(&self) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let paths: io::Result<Vec<_>> =
            fs::read_dir(&self.records)?.map(|entry| Ok(entry?.path())).collect();
        let is_record = |path: &PathBuf| path.extension().is_none_or(|end| end != UNFINISHED);
        Ok(paths?.into_iter().partition(is_record))
    }

    /// All blob files. Each has one link of its own, so that none is deleted before all records are
    /// read.
    fn all_blobs(&self) -> io::Result<HashMap<String, Arc<Blob>>> {
        let mut blobs = HashMap::new();
        for entry in fs::read_dir(&self.blobs)? {
            if let Ok(id) = entry?.file_name().into_string() {
                let blob = Blob::in_file(&self.blobs, id.clone());
                blob.link();
                blobs.insert(id, Arc::new(blob));
            }
        }
        Ok(blobs)
    }

    /// A crash between storing the object and ending its upload leaves both.
    fn forget_completed(&self, index: &mut Index) -> io::Result<()> {
        let mut names = Vec::new();
        for (bucket_name, bucket) in &mut index.buckets {
            let (objects, history) = (&bucket.objects, &bucket.history);
            bucket.uploads.retain(|(key, id), upload| {
                let older = history.get(key).into_iter().flatten().filter_map(|each| match each {
                    Version::Object(object) => Some(object),
                    Version::DeleteMarker(_) => None,
                });
                let done = objects
                    .get(key)
                    .into_iter()
                    .chain(older)
                    .any(|object| object.metadata.upload_id.as_ref() == Some(id));
                if done {
                    names.push(record::upload_file(bucket_name, key, id));
                    names.extend(upload.parts.iter().map(|(number, part)| {
                        part.content.unlink();
                        record::part_file(bucket_name, key, id, *number)
                    }));
                }
                !done
            });
        }
        self.remove(&names)
    }
}

/// Applies `work` to all items, on all processors; the results are in the same order.
fn in_parallel<I: Sync, T: Send>(
    items: &[I],
    work: impl Fn(&I) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = items.len().div_ceil(threads).max(MIN_SHARE);
    let results = thread::scope(|scope| {
        let work = &work;
        let start = |items| scope.spawn(move || Iterator::map(<[I]>::iter(items), work).collect());
        let threads: Vec<_> = items.chunks(share).map(start).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, io::Result<Vec<T>>>| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a record cannot be read")))
        };
        threads.into_iter().map(join).collect::<io::Result<Vec<_>>>()
    })?;
    Ok(results.into_iter().flatten().collect())
}

/// Reads a record. Most are shorter than the buffer, so that one call reads them.
fn load(path: &Path) -> io::Result<Loaded> {
    let mut buffer = [0; 2 * MAX_BYTES_IN_RECORD];
    let mut file = File::open(path)?;
    let length = file.read(&mut buffer)?;
    let (start, _) = buffer.split_at(length);
    let mut whole = Vec::new();
    let file = if length < buffer.len() {
        start
    } else {
        whole.extend_from_slice(start);
        file.read_to_end(&mut whole)?;
        &whole
    };
    let (record, bytes) = Record::read(file).map_err(|error| damaged(path, &error))?;
    Ok(Loaded { path: path.to_owned(), record, bytes: Bytes::copy_from_slice(bytes) })
}

fn add(
    index: &mut Index,
    record: Record,
    bytes: Bytes,
    blobs: &HashMap<String, Arc<Blob>>,
) -> io::Result<()> {
    let content = match &record {
        Record::Object { metadata, segments, .. } | Record::Part { metadata, segments, .. } => {
            let content = record::content(segments, bytes, blobs)?;
            content.check(metadata.length)?;
            content
        }
        Record::Bucket { .. } | Record::DeleteMarker { .. } | Record::Upload { .. } => {
            Content::default()
        }
    };
    let inserted = index.insert_record(record, content);
    inserted.ok_or_else(|| io::Error::other("its bucket or upload does not exist"))
}

/// An upload ends with its own record; a crash right after that leaves parts without one.
fn is_orphan(index: &Index, record: &Record) -> bool {
    match record {
        Record::Part { bucket, key, id, .. } => index.upload((bucket, key, id)).is_none(),
        Record::Bucket { .. }
        | Record::Object { .. }
        | Record::DeleteMarker { .. }
        | Record::Upload { .. } => false,
    }
}

fn rank(record: &Record) -> usize {
    match record {
        Record::Bucket { .. } => 0,
        Record::Object { .. } | Record::DeleteMarker { .. } => 1,
        Record::Upload { .. } => 2,
        Record::Part { .. } => 3,
    }
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}; remove the directory to start over", path.display()))
}

/// Fewer records are not worth a thread.
const MIN_SHARE: usize = 1000;
