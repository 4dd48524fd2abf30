//! Reads a directory, and deletes the garbage of a crash.
//!
//! # Guarantees
//!
//! Nothing is deleted before everything is understood. An inconsistency is an error that names the
//! file, and the place in the log.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::iter;
use std::path::Path;
use std::sync::Arc;

use super::blob::Blob;
use super::files::Files;
use super::index::{Index, Version};
use super::log::{Frames, Log};
use super::record::Record;

/// Opens the log of a directory, or creates it, and builds the index from its changes.
pub(super) fn load(path: &Path, directory: &Arc<Path>, files: &Files) -> io::Result<(Log, Index)> {
    let mut blobs = all_blobs(directory)?;
    if !path.exists() {
        if !blobs.is_empty() {
            return Err(damaged(path, 0, &"it is missing"));
        }
        return Ok((Log::create(path, files, iter::empty())?, Index::default()));
    }
    let (mut index, mut compact) = (Index::default(), None);
    let mut frames = Frames::open(path)?;
    loop {
        match frames.advance() {
            Ok(false) => break,
            Ok(true) if frames.payload().is_empty() => compact = Some(frames.offset()),
            Ok(true) => change(&mut index, frames.payload(), directory, &mut blobs)
                .map_err(|error| damaged(path, frames.offset(), &error))?,
            Err(error) => return Err(damaged(path, frames.offset(), &error)),
        }
    }
    let compact = compact.ok_or_else(|| damaged(path, 0, &"its beginning is missing"))?;
    if !blobs.is_empty() {
        check_files(&index)?;
    }
    let log = Log::open(path, files, frames.offset(), compact)?;
    for blob in blobs.values() {
        blob.unlink();
    }
    Ok((log, index))
}

/// All blob files. Each has one link of its own, so that none is deleted before the log is read.
fn all_blobs(directory: &Arc<Path>) -> io::Result<HashMap<String, Arc<Blob>>> {
    let mut blobs = HashMap::new();
    for entry in fs::read_dir(directory)? {
        if let Ok(id) = entry?.file_name().into_string() {
            blobs.insert(id.clone(), linked(directory, id));
        }
    }
    Ok(blobs)
}

fn linked(directory: &Arc<Path>, id: String) -> Arc<Blob> {
    let blob = Blob::in_file(directory, id);
    blob.link();
    Arc::new(blob)
}

fn change(
    index: &mut Index,
    payload: &[u8],
    directory: &Arc<Path>,
    blobs: &mut HashMap<String, Arc<Blob>>,
) -> io::Result<()> {
    let (record, bytes) = Record::read(payload)?;
    let content = record.content(bytes, |id| match blobs.get(id) {
        Some(blob) => Ok(Arc::clone(blob)),
        // Of an object that a later change removes, or the file is missing.
        None if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            let blob = linked(directory, id.to_owned());
            blobs.insert(id.to_owned(), Arc::clone(&blob));
            Ok(blob)
        }
        None => Err(io::Error::other("a data file must not be a path")),
    })?;
    let applied = index.apply(record, content);
    applied.map(drop).ok_or_else(|| io::Error::other("its bucket, version or upload is missing"))
}

fn check_files(index: &Index) -> io::Result<()> {
    for bucket in index.buckets.values() {
        let older = bucket.history.values().flatten().filter_map(|version| match version {
            Version::Object(object) => Some(object),
            Version::DeleteMarker(_) => None,
        });
        let parts = bucket.uploads.values().flat_map(|upload| upload.parts.values());
        for object in bucket.objects.values().chain(older).chain(parts) {
            object.content.check_files()?;
        }
    }
    Ok(())
}

fn damaged(path: &Path, offset: u64, error: &dyn std::fmt::Display) -> io::Error {
    let path = path.display();
    io::Error::other(format!(
        "{path}: at byte {offset}: {error}; remove the directory to start over"
    ))
}
