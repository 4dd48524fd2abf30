//! Changes of multipart uploads: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use super::Store;
use super::index::{Object, Upload};
use super::record::{Initiated, Record};
use super::write::StoreResult;
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
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        self.make(Record::Upload { bucket, key, id, initiated })
    }

    /// Puts a part into an upload, in place of the one with that number.
    pub(crate) fn put_part(
        &self,
        upload: (&str, &str, &str),
        number: u16,
        part: Object,
    ) -> StoreResult<()> {
        let (bucket, key, id) = (upload.0.to_owned(), upload.1.to_owned(), upload.2.to_owned());
        let Object { metadata, content } = part;
        self.check_capacity(content.weight())?;
        let segments = Vec::new();
        let record = Record::Part { bucket, key, id, number, metadata, segments };
        let staged = self.stage(record, content)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().upload(upload).is_none() {
            return Err(error::no_such_upload());
        }
        self.commit(staged).map(drop)
    }

    /// Makes an object of an upload and ends the upload, in one change.
    pub(crate) fn complete_upload(
        &self,
        (bucket, key, id): (&str, &str, &str),
        make: impl FnOnce(&Upload, Option<&Object>) -> StoreResult<Object>,
    ) -> StoreResult<Arc<Object>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut object = {
            let index = self.read();
            let upload = index.upload((bucket, key, id)).ok_or_else(error::no_such_upload)?;
            make(upload, index.object(bucket, key).as_deref())?
        };
        object.metadata.upload_id = Some(id.to_owned());
        self.commit_version(bucket, self.stage_object(bucket, key, object)?)
    }

    /// Ends an upload and releases its parts.
    pub(crate) fn abort_upload(&self, (bucket, key, id): (&str, &str, &str)) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().upload((bucket, key, id)).is_none() {
            return Err(error::no_such_upload());
        }
        self.end_upload(bucket, key, id)
    }

    /// The same, while `changing` is locked.
    pub(super) fn end_upload(&self, bucket: &str, key: &str, id: &str) -> StoreResult<()> {
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        self.make(Record::UploadEnded { bucket, key, id })
    }
}
