//! Changes of buckets and objects: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use tencent::time::Timestamp;

use super::Store;
use super::content::Content;
use super::index::{Applied, Bucket, Object, Version};
use super::log::Frame;
use super::record::{DeleteMarker, ObjectMetadata, Record};
use super::version::{Deleted, VersionMark};
use crate::cos::cors::Cors;
use crate::cos::error::{self, CosError};
use crate::cos::settings::{BucketSettings, Versioning};

/// A change that is not made yet.
pub(super) struct Staged {
    record: Record,
    content: Content,
    /// With a disk.
    frame: Option<Frame>,
}

pub(super) type StoreResult<T> = Result<T, CosError>;

impl Store {
    /// Creates a bucket, unless `check` returns an error.
    pub(crate) fn create_bucket(
        &self,
        name: &str,
        bucket: &Bucket,
        check: impl FnOnce(&super::Index) -> StoreResult<()>,
    ) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        check(&self.read())?;
        self.make(bucket.record(name))
    }

    /// Sets or removes a bucket's CORS rules.
    pub(crate) fn set_cors(&self, name: &str, cors: Option<Cors>) -> StoreResult<()> {
        self.change_bucket(name, |bucket| Bucket {
            cors: cors.map(Arc::new),
            settings: Arc::clone(&bucket.settings),
            ..Bucket::new(bucket.region.clone(), bucket.created)
        })
    }

    /// Changes a bucket's settings.
    pub(crate) fn change_settings(
        &self,
        name: &str,
        change: impl FnOnce(BucketSettings) -> BucketSettings,
    ) -> StoreResult<()> {
        self.change_bucket(name, |bucket| Bucket {
            cors: bucket.cors.clone(),
            settings: Arc::new(change(BucketSettings::clone(&bucket.settings))),
            ..Bucket::new(bucket.region.clone(), bucket.created)
        })
    }

    /// Changes the properties of a bucket to those of the one that `change` returns.
    fn change_bucket(&self, name: &str, change: impl FnOnce(&Bucket) -> Bucket) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = match self.read().buckets.get(name) {
            Some(bucket) => change(bucket),
            None => return Err(error::no_such_bucket()),
        };
        self.make(changed.record(name))
    }

    /// Removes an empty bucket.
    pub(crate) fn delete_bucket(&self, name: &str) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        match self.read().buckets.get(name) {
            None => return Err(error::no_such_bucket()),
            Some(bucket)
                if bucket.objects.is_empty()
                    && bucket.history.is_empty()
                    && bucket.uploads.is_empty() => {}
            Some(bucket) => {
                let (objects, uploads) = (bucket.objects.len(), bucket.uploads.len());
                let older: usize = bucket.history.values().map(Vec::len).sum();
                return Err(error::bucket_not_empty().because(format!(
                    "the bucket has {objects} objects, {older} other versions and {uploads} \
                     unfinished uploads"
                )));
            }
        }
        self.make(Record::BucketDeleted { name: name.to_owned() })
    }

    /// Replaces the current object, unless `check` returns an error. Only the replacement is
    /// serialized with other changes; the bytes of a large object are written before it.
    pub(crate) fn replace_object(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        check: impl FnOnce(Option<&Object>) -> StoreResult<()>,
    ) -> StoreResult<Arc<Object>> {
        self.versioning(bucket)?;
        let staged = self.stage_object(bucket, key, object)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        check(self.read().object(bucket, key).as_deref())?;
        self.commit_version(bucket, staged)
    }

    /// Replaces the current object, which `make` receives, with the one that it returns.
    pub(crate) fn put_object(
        &self,
        bucket: &str,
        key: &str,
        make: impl FnOnce(Option<&Object>) -> StoreResult<Object>,
    ) -> StoreResult<Arc<Object>> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = match self.read().buckets.get(bucket) {
            Some(found) => found.objects.get(key).cloned(),
            None => return Err(error::no_such_bucket()),
        };
        let object = make(current.as_deref())?;
        self.commit_version(bucket, self.stage_object(bucket, key, object)?)
    }

    /// Changes the metadata of an object, or of one of its versions; its bytes stay.
    pub(crate) fn change_object(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        change: impl FnOnce(&mut ObjectMetadata),
    ) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.change_locked(bucket, key, version_id, change)
    }

    /// The same, while `changing` is locked.
    pub(super) fn change_locked(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        change: impl FnOnce(&mut ObjectMetadata),
    ) -> StoreResult<()> {
        let current = self.read().object_or_version(bucket, key, version_id)?;
        let mut metadata = current.metadata.clone();
        change(&mut metadata);
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let record = Record::Object { bucket, key, metadata, segments: Vec::new() };
        // The new one weighs as much as the old one.
        self.commit(self.stage(record, current.content.clone())?).map(drop)
    }

    /// Removes an object, or one of its versions; a missing one is not an error. With versioning,
    /// a delete marker takes the place of the object.
    pub(crate) fn delete_object(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.delete_locked(bucket, key, version_id, now)
    }

    /// The same, while `changing` is locked.
    pub(super) fn delete_locked(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        let (versioning, removed) = {
            let index = self.read();
            let Some(found) = index.buckets.get(bucket) else {
                return Ok(Deleted::default());
            };
            let removed = match version_id {
                Some(id) => found.version(key, id),
                None => found.objects.get(key).cloned().map(Version::Object),
            };
            (found.settings.versioning, removed)
        };
        if let (None, Some(versioning)) = (version_id, versioning) {
            return self.put_delete_marker(bucket, key, versioning, now);
        }
        let version_id = version_id.map(str::to_owned);
        let Some(removed) = removed else {
            return Ok(Deleted { version_id, is_marker: false });
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.make(Record::VersionDeleted { bucket, key, version: removed.mark() })?;
        Ok(Deleted { version_id, is_marker: matches!(removed, Version::DeleteMarker(_)) })
    }

    fn put_delete_marker(
        &self,
        bucket: &str,
        key: &str,
        versioning: Versioning,
        now: Timestamp,
    ) -> StoreResult<Deleted> {
        self.check_capacity(1)?;
        let marker = DeleteMarker { version: self.next_version(versioning, now), modified: now };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.make(Record::DeleteMarker { bucket, key, marker })?;
        Ok(Deleted { version_id: Some(marker.version.id()), is_marker: true })
    }

    /// The mark of a new version: later than all others, also when the clock was moved back.
    fn next_version(&self, versioning: Versioning, now: Timestamp) -> VersionMark {
        let now = u64::try_from(now.unix_seconds()).unwrap_or_default().saturating_mul(1_000_000);
        let sequence = self.read().last_sequence().saturating_add(1).max(now);
        VersionMark { sequence, has_id: versioning == Versioning::Enabled }
    }

    /// The versioning of a bucket, once it is found.
    fn versioning(&self, bucket: &str) -> StoreResult<Option<Versioning>> {
        let settings = self.read().settings(bucket).ok_or_else(error::no_such_bucket)?;
        Ok(settings.versioning)
    }

    /// Stores a new object or version, while `changing` is locked.
    pub(super) fn commit_version(
        &self,
        bucket: &str,
        mut staged: Staged,
    ) -> StoreResult<Arc<Object>> {
        // A version gets its number in the order of the changes.
        if let (Some(versioning), Record::Object { metadata, .. }) =
            (self.versioning(bucket)?, &mut staged.record)
        {
            // Documented: these take no part in versions.
            let is_suspended = metadata.is_appendable;
            let versioning = if is_suspended { Versioning::Suspended } else { versioning };
            metadata.version = self.next_version(versioning, metadata.modified);
            staged = self.stage(staged.record, staged.content)?;
        }
        self.commit(staged)?.object.ok_or_else(error::no_such_key)
    }

    /// Prepares a new object or version.
    pub(super) fn stage_object(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
    ) -> StoreResult<Staged> {
        self.check_capacity(object.content.weight())?;
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let Object { mut metadata, content } = object;
        metadata.version = VersionMark::default();
        self.stage(Record::Object { bucket, key, metadata, segments: Vec::new() }, content)
    }

    /// Prepares a change, and writes the bytes of a large object. Nothing refers to them yet.
    pub(super) fn stage(&self, mut record: Record, mut content: Content) -> StoreResult<Staged> {
        let frame = match &self.disk {
            Some(disk) => Some(
                disk.settle(&mut content)
                    .and_then(|()| Frame::of(Some(&mut record), &content))
                    .map_err(|error| error::storage(&error))?,
            ),
            None => None,
        };
        Ok(Staged { record, content, frame })
    }

    /// Makes a change, while `changing` is locked.
    pub(super) fn commit(&self, staged: Staged) -> StoreResult<Applied> {
        if let (Some(disk), Some(frame)) = (&self.disk, staged.frame) {
            disk.append(frame, || self.read()).map_err(|error| error::storage(&error))?;
        }
        let applied = self.write().apply(staged.record, staged.content);
        applied.ok_or_else(error::no_such_bucket)
    }

    /// The same of one that has no bytes.
    pub(super) fn make(&self, record: Record) -> StoreResult<()> {
        self.commit(self.stage(record, Content::default())?).map(drop)
    }

    pub(super) fn check_capacity(&self, weight: usize) -> StoreResult<()> {
        if self.read().count.saturating_add(weight) <= MAX_WEIGHT {
            return Ok(());
        }
        Err(error::entity_too_large().because(
            "the emulator stores at most a million objects and parts; each slice of a copied or \
             appended one counts",
        ))
    }
}

const MAX_WEIGHT: usize = 1_000_000;
