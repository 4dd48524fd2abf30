//! One run of a bucket's lifecycle rules.
//!
//! # Guarantees
//!
//! Each object, version and upload is one change of its own, as if a request made it.

use std::sync::PoisonError;

use tencent::time::Timestamp;

use super::Store;
use super::index::{Bucket, Version};
use super::write::StoreResult;
use crate::cos::bucket_document::BucketDocument;
use crate::cos::lifecycle::{Action, Lifecycle, day_of};

/// What a run changes.
#[derive(Default)]
struct Run {
    expired: Vec<String>,
    transitions: Vec<(String, String)>,
    versions: Vec<(String, String)>,
    version_transitions: Vec<(String, String, String)>,
    uploads: Vec<(String, String)>,
}

impl Store {
    /// Whether the rules of a bucket have not run today.
    pub(crate) fn lifecycle_is_due(&self, bucket: &str, now: Timestamp) -> bool {
        let index = self.read();
        index.buckets.get(bucket).is_some_and(|bucket| {
            bucket.settings.document(BucketDocument::Lifecycle, "").is_some()
                && bucket.lifecycle_day < day_of(now)
        })
    }

    /// Runs the rules of a bucket, unless they have run today.
    pub(crate) fn run_lifecycle(&self, bucket: &str, now: Timestamp) -> StoreResult<()> {
        // Nothing is replaced between the choice and the deletion.
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let day = day_of(now);
        let run = {
            let mut index = self.write();
            let Some(found) = index.buckets.get_mut(bucket) else {
                return Ok(());
            };
            let document = found.settings.document(BucketDocument::Lifecycle, "");
            let Some(document) = document.filter(|_| found.lifecycle_day < day) else {
                return Ok(());
            };
            found.lifecycle_day = day;
            Run::of(found, &Lifecycle::of_document(document), day)
        };
        for key in &run.expired {
            self.delete_locked(bucket, key, None, now)?;
        }
        for (key, class) in run.transitions {
            self.change_locked(bucket, &key, None, |metadata| {
                metadata.headers.set_storage_class(class);
            })?;
        }
        for (key, id, class) in run.version_transitions {
            self.change_locked(bucket, &key, Some(&id), |metadata| {
                metadata.headers.set_storage_class(class);
            })?;
        }
        for (key, id) in &run.versions {
            self.delete_locked(bucket, key, Some(id), now)?;
        }
        for (key, id) in &run.uploads {
            self.end_upload(bucket, key, id)?;
        }
        Ok(())
    }
}

impl Run {
    fn of(bucket: &Bucket, rules: &Lifecycle, day: i64) -> Self {
        let mut run = Self::default();
        for (key, object) in &bucket.objects {
            let metadata = &object.metadata;
            let (tags, class) = (&metadata.attributes.tags, metadata.headers.storage_class());
            match rules.action(key, tags, class, metadata.modified, day) {
                Some(Action::Expire) => run.expired.push(key.clone()),
                Some(Action::Transition(class)) => run.transitions.push((key.clone(), class)),
                None => {}
            }
        }
        for key in bucket.history.keys() {
            let versions: Vec<Version> = bucket.versions_of(key).collect();
            for (newer, older) in versions.iter().zip(versions.iter().skip(1)) {
                let (key, id) = (key.clone(), older.mark().id());
                match rules.noncurrent_action(&key, older.class(), newer.modified(), day) {
                    Some(Action::Expire) => run.versions.push((key, id)),
                    // A delete marker has no class.
                    Some(Action::Transition(class)) if matches!(older, Version::Object(_)) => {
                        run.version_transitions.push((key, id, class));
                    }
                    Some(Action::Transition(_)) | None => {}
                }
            }
            if let [Version::DeleteMarker(marker)] = versions.as_slice()
                && rules.removes_lonely_marker(key)
            {
                run.versions.push((key.clone(), marker.version.id()));
            }
        }
        for ((key, id), upload) in &bucket.uploads {
            if rules.aborts(key, upload.initiated.at, day) {
                run.uploads.push((key.clone(), id.clone()));
            }
        }
        run
    }
}
