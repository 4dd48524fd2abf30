//! Changes of multipart uploads: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use super::Store;
use super::index::{Object, Upload};
use super::record::{self, Initiated, Record};
use super::write::{StoreResult, commit};
use crate::cos::error;

impl Store {
    /// Begins a multipart upload.
    pub(crate) fn begin_upload(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        initiated: Initiated,
    ) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.read().buckets.contains_key(bucket) {
            return Err(error::no_such_bucket());
        }
        self.check_capacity(1)?;
        self.put(|| Record::Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: id.to_owned(),
            initiated: initiated.clone(),
        })?;
        self.write().insert_upload((bucket, key, id), initiated).ok_or_else(error::no_such_bucket)
    }

    /// Puts a part into an upload, in place of the one with that number.
    pub(crate) fn put_part(
        &self,
        (bucket, key, id): (&str, &str, &str),
        number: u16,
        mut part: Object,
    ) -> StoreResult<()> {
        self.check_capacity(part.content.weight())?;
        let staged = self.stage(&mut part.content, |segments| Record::Part {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            id: id.to_owned(),
            number,
            metadata: part.metadata.clone(),
            segments,
        })?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().upload((bucket, key, id)).is_none() {
            return Err(error::no_such_upload());
        }
        commit(staged)?;
        self.write().insert_part((bucket, key, id), number, part).ok_or_else(error::no_such_upload)
    }

    /// Makes an object of an upload and ends the upload. A crash in between leaves the object; the
    /// next start ends the upload.
    pub(crate) fn complete_upload(
        &self,
        (bucket, key, id): (&str, &str, &str),
        make: impl FnOnce(&Upload, Option<&Object>) -> StoreResult<Object>,
    ) -> StoreResult<Arc<Object>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let object = {
            let index = self.read();
            let upload = index.upload((bucket, key, id)).ok_or_else(error::no_such_upload)?;
            make(upload, index.object(bucket, key).as_deref())?
        };
        let object = self.commit_object(bucket, key, object)?;
        self.end_upload(bucket, key, id)?;
        Ok(object)
    }

    /// Ends an upload and releases its parts.
    pub(crate) fn abort_upload(&self, (bucket, key, id): (&str, &str, &str)) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().upload((bucket, key, id)).is_none() {
            return Err(error::no_such_upload());
        }
        self.end_upload(bucket, key, id)
    }

    pub(super) fn end_upload(&self, bucket: &str, key: &str, id: &str) -> StoreResult<()> {
        let numbers: Vec<u16> = match self.read().upload((bucket, key, id)) {
            Some(upload) => upload.parts.keys().copied().collect(),
            None => return Ok(()),
        };
        // The upload first: parts without one are deleted at the next start.
        let mut names = vec![record::upload_file(bucket, key, id)];
        names.extend(numbers.iter().map(|number| record::part_file(bucket, key, id, *number)));
        self.remove(&names)?;
        let mut index = self.write();
        let storage = (key.to_owned(), id.to_owned());
        let ended = index.buckets.get_mut(bucket).and_then(|found| found.uploads.remove(&storage));
        if let Some(upload) = ended {
            index.count = index.count.saturating_sub(1);
            index.release(upload.parts.into_values());
        }
        Ok(())
    }
}
