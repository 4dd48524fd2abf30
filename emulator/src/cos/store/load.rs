//! Loads a store from its directory, and deletes the garbage of a crash.
//!
//! # Guarantees
//!
//! Nothing is deleted before everything is understood. An inconsistency is an error that names the
//! file.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::blob::{Blob, Storage};
use super::disk::{Disk, UNFINISHED};
use super::index::{Bucket, Index, Object, Version};
use super::record::{self, Record};

impl Disk {
    /// The index that the records describe. Garbage is deleted once everything else is understood.
    pub(super) fn load(&self) -> io::Result<Index> {
        let blobs = self.all_blobs()?;
        let (mut records, mut garbage) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.records)? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == UNFINISHED) {
                garbage.push(path);
                continue;
            }
            let record: Record = serde_json::from_slice(&fs::read(&path)?)
                .map_err(|error| damaged(&path, &error))?;
            records.push((path, record));
        }
        // Buckets before their content, uploads before their parts.
        records.sort_by_key(|(_, record)| rank(record));
        let mut index = Index::default();
        for (path, record) in records {
            if is_orphan(&index, &record) {
                garbage.push(path);
                continue;
            }
            add(&mut index, record, &blobs).map_err(|error| damaged(&path, &error))?;
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

    /// All blob files. Each has one link of its own, so that none is deleted before all records are
    /// read.
    fn all_blobs(&self) -> io::Result<HashMap<String, Arc<Blob>>> {
        let mut blobs = HashMap::new();
        for entry in fs::read_dir(&self.blobs)? {
            let path = entry?.path();
            if let Some(id) = path.file_name().and_then(|name| name.to_str()) {
                let id = id.to_owned();
                let blob = Blob::new(id.clone(), Storage::File(path));
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

fn add(index: &mut Index, record: Record, blobs: &HashMap<String, Arc<Blob>>) -> io::Result<()> {
    let inserted = match record {
        Record::Bucket { name, region, created, cors, settings } => {
            let (cors, settings) = (cors.map(Arc::new), Arc::new(settings));
            let bucket = Bucket { cors, settings, ..Bucket::new(region, created) };
            index.buckets.insert(name, bucket);
            Some(())
        }
        Record::Object { bucket, key, metadata, segments } => {
            let content = record::content(&segments, blobs)?;
            content.check(metadata.length)?;
            let is_null = metadata.version.is_default();
            let object = Arc::new(Object { metadata, content });
            match is_null {
                true => index.insert_object(&bucket, key, object),
                false => index.insert_loaded(&bucket, key, Version::Object(object)),
            }
        }
        Record::DeleteMarker { bucket, key, marker } => {
            index.insert_loaded(&bucket, key, Version::DeleteMarker(marker))
        }
        Record::Upload { bucket, key, id, initiated } => {
            index.insert_upload((&bucket, &key, &id), initiated)
        }
        Record::Part { bucket, key, id, number, metadata, segments } => {
            let content = record::content(&segments, blobs)?;
            content.check(metadata.length)?;
            index.insert_part((&bucket, &key, &id), number, Object { metadata, content })
        }
    };
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

fn rank(record: &Record) -> u8 {
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
