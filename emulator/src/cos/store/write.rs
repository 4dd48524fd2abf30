//! Changes of buckets and objects: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use tencent::time::Timestamp;

use super::Store;
use super::content::Content;
use super::disk::Staged;
use super::index::{Bucket, Object, Version};
use super::record::{self, DeleteMarker, ObjectMetadata, Record, SegmentRecord};
use super::version::{Deleted, VersionMark};
use crate::cos::cors::Cors;
use crate::cos::error::{self, CosError};
use crate::cos::settings::{BucketSettings, Versioning};

pub(super) type StoreResult<T> = Result<T, CosError>;

impl Store {
    /// Creates a bucket, unless `check` returns an error.
    pub(crate) fn create_bucket(
        &self,
        name: &str,
        bucket: Bucket,
        check: impl FnOnce(&super::Index) -> StoreResult<()>,
    ) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        check(&self.read())?;
        self.put(|| bucket_record(name, &bucket))?;
        self.write().buckets.insert(name.to_owned(), bucket);
        Ok(())
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
        self.put(|| bucket_record(name, &changed))?;
        if let Some(bucket) = self.write().buckets.get_mut(name) {
            (bucket.cors, bucket.settings) = (changed.cors, changed.settings);
        }
        Ok(())
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
        self.remove(&[record::bucket_file(name)])?;
        self.write().buckets.remove(name);
        Ok(())
    }

    /// Replaces the current object, unless `check` returns an error. Only the replacement is
    /// serialized with other changes; the disk is written before it.
    pub(crate) fn replace_object(
        &self,
        bucket: &str,
        key: &str,
        mut object: Object,
        check: impl FnOnce(Option<&Object>) -> StoreResult<()>,
    ) -> StoreResult<Arc<Object>> {
        self.check_capacity(object.content.weight())?;
        // A version gets its number in the order of the changes.
        let staged = match self.versioning(bucket)? {
            Some(_) => None,
            None => Some(self.stage_object(bucket, key, &mut object)?),
        };
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        check(self.read().object(bucket, key).as_deref())?;
        match (staged, self.versioning(bucket)?) {
            (Some(staged), None) => self.insert_staged(bucket, key, object, staged),
            _ => self.commit_object(bucket, key, object),
        }
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
        self.commit_object(bucket, key, object)
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
        let mark = metadata.version;
        let mut object = Object { metadata, content: current.content.clone() };
        commit(self.stage_object(bucket, key, &mut object)?)?;
        let object = Arc::new(object);
        object.content.link();
        let mut index = self.write();
        if let Some(found) = index.buckets.get_mut(bucket) {
            let history = found.history.get_mut(key).into_iter().flatten();
            let older = history.filter_map(|each| match each {
                Version::Object(older) => Some(older),
                Version::DeleteMarker(_) => None,
            });
            let mut all = found.objects.get_mut(key).into_iter().chain(older);
            if let Some(slot) = all.find(|each| each.metadata.version == mark) {
                *slot = object;
            }
        }
        // The new one weighs as much as the old one, and has its link.
        current.content.unlink();
        Ok(())
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
                Some(id) => found.version(key, id).map(|version| version.mark()),
                None => found.objects.get(key).map(|object| object.metadata.version),
            };
            (found.settings.versioning, removed)
        };
        if let (None, Some(versioning)) = (version_id, versioning) {
            return self.put_delete_marker(bucket, key, versioning, now);
        }
        let Some(mark) = removed else {
            return Ok(Deleted { version_id: version_id.map(str::to_owned), is_marker: false });
        };
        self.remove(&[record::version_file(bucket, key, mark)])?;
        let mut index = self.write();
        let found = index.buckets.get_mut(bucket);
        let removed = found.and_then(|found| found.remove_version(key, mark));
        let is_marker = matches!(removed, Some(Version::DeleteMarker(_)));
        index.release_versions(removed);
        Ok(Deleted { version_id: version_id.map(str::to_owned), is_marker })
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
        self.put(|| Record::DeleteMarker {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            marker,
        })?;
        self.write()
            .insert_version(bucket, key, Version::DeleteMarker(marker))
            .ok_or_else(error::no_such_bucket)?;
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

    /// Stores an object, while `changing` is locked.
    pub(super) fn commit_object(
        &self,
        bucket: &str,
        key: &str,
        mut object: Object,
    ) -> StoreResult<Arc<Object>> {
        self.check_capacity(object.content.weight())?;
        let versioning = self.versioning(bucket)?;
        object.metadata.version = match versioning {
            // Documented: these take no part in versions.
            Some(_) if object.metadata.is_appendable => {
                self.next_version(Versioning::Suspended, object.metadata.modified)
            }
            Some(versioning) => self.next_version(versioning, object.metadata.modified),
            None => VersionMark::default(),
        };
        let staged = self.stage_object(bucket, key, &mut object)?;
        let Some(_) = versioning else {
            return self.insert_staged(bucket, key, object, staged);
        };
        commit(staged)?;
        let object = Arc::new(object);
        let version = Version::Object(Arc::clone(&object));
        self.write().insert_version(bucket, key, version).ok_or_else(error::no_such_bucket)?;
        Ok(object)
    }

    /// Makes a staged object the only one of its key.
    fn insert_staged(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        staged: Option<Staged<'_>>,
    ) -> StoreResult<Arc<Object>> {
        commit(staged)?;
        let object = Arc::new(object);
        // Its file is deleted once the index is unlocked.
        let _replaced = self.read().object(bucket, key);
        let inserted = self.write().insert_object(bucket, key.to_owned(), Arc::clone(&object));
        inserted.ok_or_else(error::no_such_bucket)?;
        Ok(object)
    }

    /// Writes the record of an object; nothing in memory.
    pub(super) fn stage_object(
        &self,
        bucket: &str,
        key: &str,
        object: &mut Object,
    ) -> StoreResult<Option<Staged<'_>>> {
        self.stage(&mut object.content, |segments| Record::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            metadata: object.metadata.clone(),
            segments,
        })
    }

    /// Writes what is not in a file yet, and the record that refers to it; nothing in memory.
    pub(super) fn stage(
        &self,
        content: &mut Content,
        record: impl FnOnce(Vec<SegmentRecord>) -> Record,
    ) -> StoreResult<Option<Staged<'_>>> {
        let Some(disk) = &self.disk else {
            return Ok(None);
        };
        disk.settle(content).map_err(|error| error::storage(&error))?;
        let record = record(record::segment_records(content));
        disk.stage(&record, content).map(Some).map_err(|error| error::storage(&error))
    }

    pub(super) fn put(&self, record: impl FnOnce() -> Record) -> StoreResult<()> {
        commit(self.stage(&mut Content::default(), |_| record())?)
    }

    pub(super) fn remove(&self, names: &[String]) -> StoreResult<()> {
        match &self.disk {
            Some(disk) => disk.remove(names).map_err(|error| error::storage(&error)),
            None => Ok(()),
        }
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

/// Makes a staged record take effect.
pub(super) fn commit(staged: Option<Staged<'_>>) -> StoreResult<()> {
    staged.map_or(Ok(()), Staged::commit).map_err(|error| error::storage(&error))
}

pub(super) fn bucket_record(name: &str, bucket: &Bucket) -> Record {
    Record::Bucket {
        name: name.to_owned(),
        region: bucket.region.clone(),
        created: bucket.created,
        cors: bucket.cors.as_deref().cloned(),
        settings: BucketSettings::clone(&bucket.settings),
    }
}

const MAX_WEIGHT: usize = 1_000_000;
