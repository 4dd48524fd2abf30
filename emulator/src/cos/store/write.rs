//! Changes of buckets and objects: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use http::StatusCode;
use tencent::time::Timestamp;

use super::Store;
use super::index::{Bucket, Object};
use super::record::{self, Record};
use crate::cos::cors::Cors;
use crate::cos::error::CosError;

pub(super) type Done<T> = Result<T, CosError>;

impl Store {
    /// A new bucket, unless `check` minds what is there.
    pub(crate) fn create_bucket(
        &self,
        name: &str,
        region: &str,
        now: Timestamp,
        check: impl FnOnce(&super::Index) -> Done<()>,
    ) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        check(&self.read())?;
        self.put(|| bucket_record(name, region, now, None))?;
        let bucket = Bucket::new(region.to_owned(), now);
        self.write().buckets.insert(name.to_owned(), bucket);
        Ok(())
    }

    /// Sets or removes a bucket's CORS rules.
    pub(crate) fn set_cors(&self, name: &str, cors: Option<Cors>) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (region, created) = match self.read().buckets.get(name) {
            Some(bucket) => (bucket.region.clone(), bucket.created),
            None => return Err(no_such_bucket()),
        };
        self.put(|| bucket_record(name, &region, created, cors.clone()))?;
        if let Some(bucket) = self.write().buckets.get_mut(name) {
            bucket.cors = cors.map(Arc::new);
        }
        Ok(())
    }

    /// Removes an empty bucket.
    pub(crate) fn delete_bucket(&self, name: &str) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.read().buckets.get(name) {
            None => return Err(no_such_bucket()),
            Some(bucket) if bucket.objects.is_empty() && bucket.uploads.is_empty() => {}
            Some(bucket) => {
                let (objects, uploads) = (bucket.objects.len(), bucket.uploads.len());
                return Err(CosError::new(
                    StatusCode::CONFLICT,
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty.",
                )
                .because(format!(
                    "it has {objects} objects and {uploads} unfinished uploads"
                )));
            }
        }
        self.remove(&[record::bucket_file(name)])?;
        self.write().buckets.remove(name);
        Ok(())
    }

    /// Puts the object that `make` makes in place of the one that it is shown.
    pub(crate) fn put_object(
        &self,
        bucket: &str,
        key: &str,
        make: impl FnOnce(Option<&Object>) -> Done<Object>,
    ) -> Done<Arc<Object>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = match self.read().buckets.get(bucket) {
            Some(found) => found.objects.get(key).cloned(),
            None => return Err(no_such_bucket()),
        };
        let object = make(current.as_deref())?;
        self.commit_object(bucket, key, object)
    }

    /// Removes an object; whether there is one makes no difference.
    pub(crate) fn delete_object(&self, bucket: &str, key: &str) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().object(bucket, key).is_none() {
            return Ok(());
        }
        self.remove(&[record::object_file(bucket, key)])?;
        let mut index = self.write();
        if let Some(found) = index.buckets.get_mut(bucket)
            && let Some(object) = found.objects.remove(key)
        {
            object.content.unlink();
            index.count = index.count.saturating_sub(object.content.weight());
        }
        Ok(())
    }

    pub(super) fn commit_object(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
    ) -> Done<Arc<Object>> {
        let weight = object.content.weight();
        self.room(weight)?;
        self.put(|| Record::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            facts: object.facts.clone(),
            segments: record::slices(&object.content),
        })?;
        object.content.link();
        let object = Arc::new(object);
        let mut index = self.write();
        let replaced = index
            .buckets
            .get_mut(bucket)
            .and_then(|found| found.objects.insert(key.to_owned(), Arc::clone(&object)));
        index.count = index.count.saturating_add(weight);
        if let Some(old) = replaced {
            old.content.unlink();
            index.count = index.count.saturating_sub(old.content.weight());
        }
        Ok(object)
    }

    pub(super) fn put(&self, record: impl FnOnce() -> Record) -> Done<()> {
        match &self.disk {
            Some(disk) => disk.put(&record()).map_err(|error| internal(&error)),
            None => Ok(()),
        }
    }

    pub(super) fn remove(&self, names: &[String]) -> Done<()> {
        match &self.disk {
            Some(disk) => disk.remove(names).map_err(|error| internal(&error)),
            None => Ok(()),
        }
    }

    pub(super) fn room(&self, weight: usize) -> Done<()> {
        if self.read().count.saturating_add(weight) <= MAX_RECORDS {
            return Ok(());
        }
        Err(internal(
            &"this cloud holds no more than a million objects and parts, each slice of a copied or appended one counted",
        ))
    }
}

fn bucket_record(name: &str, region: &str, created: Timestamp, cors: Option<Cors>) -> Record {
    Record::Bucket {
        name: name.to_owned(),
        region: region.to_owned(),
        created,
        cors,
    }
}

pub(crate) fn no_such_bucket() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchBucket",
        "The specified bucket does not exist.",
    )
}

/// The text is inferred.
pub(crate) fn no_such_upload() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchUpload",
        "The specified multipart upload does not exist.",
    )
}

/// What went wrong on this machine, told to its developer.
pub(crate) fn internal(reason: &dyn std::fmt::Display) -> CosError {
    CosError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalError",
        "We encountered an internal error. Please try again.",
    )
    .because(reason.to_string())
}

const MAX_RECORDS: usize = 1_000_000;
