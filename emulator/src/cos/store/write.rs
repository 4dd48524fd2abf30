//! Changes of buckets and objects: on disk first, then in the index.

use std::sync::{Arc, PoisonError};

use super::Store;
use super::index::{Bucket, Object};
use super::record::{self, Record};
use crate::cos::attributes::ObjectAttributes;
use crate::cos::cors::Cors;
use crate::cos::error::{self, CosError};
use crate::cos::settings::BucketSettings;

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
            Some(bucket) if bucket.objects.is_empty() && bucket.uploads.is_empty() => {}
            Some(bucket) => {
                let (objects, uploads) = (bucket.objects.len(), bucket.uploads.len());
                return Err(error::bucket_not_empty().because(format!(
                    "the bucket has {objects} objects and {uploads} unfinished uploads"
                )));
            }
        }
        self.remove(&[record::bucket_file(name)])?;
        self.write().buckets.remove(name);
        Ok(())
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

    /// Changes the attributes of an object; its bytes stay.
    pub(crate) fn change_object(
        &self,
        bucket: &str,
        key: &str,
        change: impl FnOnce(&mut ObjectAttributes),
    ) -> StoreResult<Arc<Object>> {
        self.put_object(bucket, key, |current| {
            let current = current.ok_or_else(error::no_such_key)?;
            let mut metadata = current.metadata.clone();
            change(&mut metadata.attributes);
            Ok(Object { metadata, content: current.content.clone() })
        })
    }

    /// Removes an object; a missing one is not an error.
    pub(crate) fn delete_object(&self, bucket: &str, key: &str) -> StoreResult<()> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read().object(bucket, key).is_none() {
            return Ok(());
        }
        self.remove(&[record::object_file(bucket, key)])?;
        let mut index = self.write();
        if let Some(found) = index.buckets.get_mut(bucket)
            && let Some(object) = found.objects.remove(key)
        {
            index.release([object]);
        }
        Ok(())
    }

    pub(super) fn commit_object(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
    ) -> StoreResult<Arc<Object>> {
        self.check_capacity(object.content.weight())?;
        self.put(|| Record::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            metadata: object.metadata.clone(),
            segments: record::segment_records(&object.content),
        })?;
        let object = Arc::new(object);
        self.write()
            .insert_object(bucket, key.to_owned(), Arc::clone(&object))
            .ok_or_else(error::no_such_bucket)?;
        Ok(object)
    }

    pub(super) fn put(&self, record: impl FnOnce() -> Record) -> StoreResult<()> {
        match &self.disk {
            Some(disk) => disk.put(&record()).map_err(|error| error::internal(&error)),
            None => Ok(()),
        }
    }

    pub(super) fn remove(&self, names: &[String]) -> StoreResult<()> {
        match &self.disk {
            Some(disk) => disk.remove(names).map_err(|error| error::internal(&error)),
            None => Ok(()),
        }
    }

    pub(super) fn check_capacity(&self, weight: usize) -> StoreResult<()> {
        if self.read().count.saturating_add(weight) <= MAX_WEIGHT {
            return Ok(());
        }
        Err(error::internal(
            &"the emulator stores at most a million objects and parts; each slice of a copied or appended one counts",
        ))
    }
}

fn bucket_record(name: &str, bucket: &Bucket) -> Record {
    Record::Bucket {
        name: name.to_owned(),
        region: bucket.region.clone(),
        created: bucket.created,
        cors: bucket.cors.as_deref().cloned(),
        settings: BucketSettings::clone(&bucket.settings),
    }
}

const MAX_WEIGHT: usize = 1_000_000;
