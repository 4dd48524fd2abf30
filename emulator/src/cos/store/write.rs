//! Changes: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use cos_issuer::time::Timestamp;
use http::StatusCode;

use super::Store;
use super::index::{Bucket, Object, Upload};
use super::record::{self, Initiated, Record};
use crate::cos::cors::Cors;
use crate::cos::error::CosError;

type Done<T> = Result<T, CosError>;

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
            Some(_) => {
                return Err(CosError::new(
                    StatusCode::CONFLICT,
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty.",
                ));
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
            index.count = index.count.saturating_sub(1);
        }
        Ok(())
    }

    /// Begins a multipart upload.
    pub(crate) fn begin_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        initiated: Initiated,
    ) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.read().buckets.contains_key(bucket) {
            return Err(no_such_bucket());
        }
        self.room()?;
        self.put(|| Record::Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: id.to_owned(),
            initiated: initiated.clone(),
        })?;
        let mut index = self.write();
        if let Some(found) = index.buckets.get_mut(bucket) {
            let upload = Upload {
                initiated,
                parts: std::collections::BTreeMap::new(),
            };
            found
                .uploads
                .insert((key.to_owned(), id.to_owned()), upload);
            index.count = index.count.saturating_add(1);
        }
        Ok(())
    }

    /// Puts a part into an upload, in place of the one of that number.
    pub(crate) fn put_part(
        &self,
        (bucket, key, id): (&str, &str, &str),
        number: u16,
        part: Object,
    ) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().upload(bucket, key, id).is_none() {
            return Err(no_such_upload());
        }
        self.room()?;
        self.put(|| Record::Part {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: id.to_owned(),
            number,
            facts: part.facts.clone(),
            segments: record::slices(&part.content),
        })?;
        part.content.link();
        let mut index = self.write();
        let place = (key.to_owned(), id.to_owned());
        let replaced = index
            .buckets
            .get_mut(bucket)
            .and_then(|found| found.uploads.get_mut(&place))
            .and_then(|upload| upload.parts.insert(number, Arc::new(part)));
        match replaced {
            Some(old) => old.content.unlink(),
            None => index.count = index.count.saturating_add(1),
        }
        Ok(())
    }

    /// Makes an object of an upload and ends the upload. A crash in between leaves the object; the next start ends the upload.
    pub(crate) fn complete_upload(
        &self,
        (bucket, key, id): (&str, &str, &str),
        make: impl FnOnce(&Upload, Option<&Object>) -> Done<Object>,
    ) -> Done<Arc<Object>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let object = {
            let index = self.read();
            let upload = index.upload(bucket, key, id).ok_or_else(no_such_upload)?;
            make(upload, index.object(bucket, key).as_deref())?
        };
        let object = self.commit_object(bucket, key, object)?;
        self.end_upload(bucket, key, id)?;
        Ok(object)
    }

    /// Ends an upload and lets its parts go.
    pub(crate) fn abort_upload(&self, (bucket, key, id): (&str, &str, &str)) -> Done<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().upload(bucket, key, id).is_none() {
            return Err(no_such_upload());
        }
        self.end_upload(bucket, key, id)
    }

    fn commit_object(&self, bucket: &str, key: &str, object: Object) -> Done<Arc<Object>> {
        self.room()?;
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
        match replaced {
            Some(old) => old.content.unlink(),
            None => index.count = index.count.saturating_add(1),
        }
        Ok(object)
    }

    fn end_upload(&self, bucket: &str, key: &str, id: &str) -> Done<()> {
        let numbers: Vec<u16> = match self.read().upload(bucket, key, id) {
            Some(upload) => upload.parts.keys().copied().collect(),
            None => return Ok(()),
        };
        // The upload first: parts that a crash leaves without one are swept at the next start.
        let mut names = vec![record::upload_file(bucket, key, id)];
        names.extend(
            numbers
                .iter()
                .map(|number| record::part_file(bucket, key, id, *number)),
        );
        self.remove(&names)?;
        let mut index = self.write();
        let place = (key.to_owned(), id.to_owned());
        let ended = index
            .buckets
            .get_mut(bucket)
            .and_then(|found| found.uploads.remove(&place));
        if let Some(upload) = ended {
            for part in upload.parts.values() {
                part.content.unlink();
            }
            let gone = upload.parts.len().saturating_add(1);
            index.count = index.count.saturating_sub(gone);
        }
        Ok(())
    }

    fn put(&self, record: impl FnOnce() -> Record) -> Done<()> {
        match &self.disk {
            Some(disk) => disk.put(&record()).map_err(|error| internal(&error)),
            None => Ok(()),
        }
    }

    fn remove(&self, names: &[String]) -> Done<()> {
        match &self.disk {
            Some(disk) => disk.remove(names).map_err(|error| internal(&error)),
            None => Ok(()),
        }
    }

    fn room(&self) -> Done<()> {
        if self.read().count < MAX_RECORDS {
            return Ok(());
        }
        Err(internal(
            &"this cloud holds no more than a million objects and parts",
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
