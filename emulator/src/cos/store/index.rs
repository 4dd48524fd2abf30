//! Buckets, objects and uploads, in the order of lists.

use std::collections::BTreeMap;
use std::iter;
use std::ops::Bound;
use std::sync::Arc;

use tencent::time::Timestamp;

use super::content::{Content, Written};
use super::record::{DeleteMarker, Initiated, ObjectMetadata, Record};
use super::version::VersionMark;
use crate::cos::attributes::ObjectAttributes;
use crate::cos::cors::Cors;
use crate::cos::error::{self, CosError};
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::http::precondition::Validators;
use crate::cos::listing::{self, Page, Query};
use crate::cos::settings::BucketSettings;

/// All buckets, by name.
#[derive(Clone, Default)]
pub(crate) struct Index {
    pub(crate) buckets: BTreeMap<String, Bucket>,
    /// Objects, uploads and parts together, by the weight of their contents.
    pub(crate) count: usize,
    /// The largest number among the versions, deleted ones included.
    last_sequence: u64,
}

/// A bucket and its content.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) region: String,
    pub(crate) created: Timestamp,
    pub(crate) cors: Option<Arc<Cors>>,
    pub(crate) settings: Arc<BucketSettings>,
    /// The visible object of each key.
    pub(crate) objects: BTreeMap<String, Arc<Object>>,
    /// The other versions of each key, the latest last.
    pub(crate) history: BTreeMap<String, Vec<Version>>,
    /// The day of the last run of the lifecycle rules.
    pub(crate) lifecycle_day: i64,
    /// By key and id.
    pub(crate) uploads: BTreeMap<(String, String), Upload>,
}

/// An object, or a part of an upload.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) content: Content,
}

/// A version that is not the visible object of its key.
#[derive(Clone, Debug)]
pub(crate) enum Version {
    Object(Arc<Object>),
    DeleteMarker(DeleteMarker),
}

/// What a change made.
pub(super) struct Applied {
    /// The object, if it made one.
    pub(super) object: Option<Arc<Object>>,
    #[expect(dead_code, reason = "its files are deleted with it, once the index is unlocked")]
    replaced: Vec<Version>,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Clone)]
pub(crate) struct Upload {
    pub(crate) initiated: Initiated,
    pub(crate) parts: BTreeMap<u16, Arc<Object>>,
}

impl Object {
    /// The object that `written` makes.
    pub(crate) fn of(written: Written, headers: ObjectHeaders, now: Timestamp) -> Self {
        Self {
            metadata: ObjectMetadata::of(&written.checksums, headers, now),
            content: written.content,
        }
    }

    /// The object with these attributes.
    #[must_use]
    pub(crate) fn with(mut self, attributes: ObjectAttributes) -> Self {
        self.metadata.attributes = attributes;
        self
    }

    fn record(&self, bucket: &str, key: &str) -> (Record, Content) {
        let record = Record::Object {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            metadata: self.metadata.clone(),
            segments: Vec::new(),
        };
        (record, self.content.clone())
    }

    /// What preconditions compare.
    pub(crate) fn validators(&self) -> Validators<'_> {
        Validators { etag: &self.metadata.etag, modified: self.metadata.modified }
    }
}

impl Index {
    /// Makes a change; `None` when its bucket, version or upload does not exist. `content` is that
    /// of an object or a part.
    pub(super) fn apply(&mut self, record: Record, content: Content) -> Option<Applied> {
        let mut object = None;
        let replaced = match record {
            Record::Bucket { name, region, created, cors, settings } => {
                let new = || Bucket::new(region, created);
                let bucket = self.buckets.entry(name).or_insert_with(new);
                (bucket.cors, bucket.settings) = (cors.map(Arc::new), Arc::new(settings));
                Vec::new()
            }
            Record::BucketDeleted { name } => {
                self.buckets.remove(&name)?;
                Vec::new()
            }
            Record::Object { bucket, key, metadata, .. } => {
                // An upload ends in its object.
                let id = metadata.upload_id.as_ref();
                let ended = id.and_then(|id| self.end_upload((&bucket, &key, id)));
                let made = Arc::new(Object { metadata, content });
                object = Some(Arc::clone(&made));
                let mut replaced = self.put_version(&bucket, key, Version::Object(made))?;
                replaced.extend(ended.into_iter().flatten());
                replaced
            }
            Record::DeleteMarker { bucket, key, marker } => {
                self.put_version(&bucket, key, Version::DeleteMarker(marker))?
            }
            Record::VersionDeleted { bucket, key, version } => {
                let removed = vec![self.buckets.get_mut(&bucket)?.remove_version(key, version)?];
                self.release(&removed);
                removed
            }
            Record::Upload { bucket, key, id, initiated } => {
                let upload = Upload { initiated, parts: BTreeMap::new() };
                self.buckets.get_mut(&bucket)?.uploads.insert((key, id), upload);
                self.count = self.count.saturating_add(1);
                Vec::new()
            }
            Record::UploadEnded { bucket, key, id } => self.end_upload((&bucket, &key, &id))?,
            Record::Part { bucket, key, id, number, metadata, .. } => {
                let upload = self.buckets.get_mut(&bucket)?.uploads.get_mut(&(key, id))?;
                let part = Arc::new(Object { metadata, content });
                part.content.link();
                self.count = self.count.saturating_add(part.content.weight());
                let replaced = upload.parts.insert(number, part);
                let replaced = replaced.into_iter().map(Version::Object).collect();
                self.release(&replaced);
                replaced
            }
        };
        Some(Applied { object, replaced })
    }

    fn put_version(&mut self, bucket: &str, key: String, version: Version) -> Option<Vec<Version>> {
        let found = self.buckets.get_mut(bucket)?;
        self.count = self.count.saturating_add(version.weight());
        self.last_sequence = self.last_sequence.max(version.mark().sequence);
        if let Version::Object(object) = &version {
            object.content.link();
        }
        let replaced = found.put_version(key, version);
        self.release(&replaced);
        Some(replaced)
    }

    fn end_upload(&mut self, (bucket, key, id): (&str, &str, &str)) -> Option<Vec<Version>> {
        let uploads = &mut self.buckets.get_mut(bucket)?.uploads;
        let upload = uploads.remove(&(key.to_owned(), id.to_owned()))?;
        self.count = self.count.saturating_sub(1);
        let parts = upload.parts.into_values().map(Version::Object).collect();
        self.release(&parts);
        Some(parts)
    }

    /// What was removed or replaced no longer counts, nor keeps its data.
    fn release(&mut self, versions: &Vec<Version>) {
        for version in versions {
            if let Version::Object(object) = version {
                object.content.unlink();
            }
            self.count = self.count.saturating_sub(version.weight());
        }
    }

    /// The changes that lead to this index, in the order in which they can be made.
    pub(super) fn records(&self) -> impl Iterator<Item = (Record, Content)> {
        self.buckets.iter().flat_map(|(name, bucket)| bucket.records(name))
    }

    /// The object `key` of `bucket`.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        self.buckets.get(bucket)?.objects.get(key).cloned()
    }

    /// The object `key` of `bucket`, or the version of it with that id.
    pub(crate) fn object_or_version(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> Result<Arc<Object>, CosError> {
        let Some(id) = version_id else {
            return self.object(bucket, key).ok_or_else(error::no_such_key);
        };
        let bucket = self.buckets.get(bucket).ok_or_else(error::no_such_bucket)?;
        match bucket.version(key, id) {
            Some(Version::Object(object)) => Ok(object),
            Some(Version::DeleteMarker(_)) => Err(error::no_such_key()
                .with_header("x-cos-delete-marker", "true")
                .because("the version is a delete marker")),
            None => Err(error::no_such_version()),
        }
    }

    /// The largest number among the versions.
    pub(super) fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// The settings of `bucket`.
    pub(crate) fn settings(&self, bucket: &str) -> Option<Arc<BucketSettings>> {
        self.buckets.get(bucket).map(|bucket| Arc::clone(&bucket.settings))
    }

    /// The upload `id` of `key`.
    pub(crate) fn upload(&self, (bucket, key, id): (&str, &str, &str)) -> Option<&Upload> {
        let bucket = self.buckets.get(bucket)?;
        bucket.uploads.get(&(key.to_owned(), id.to_owned()))
    }
}

impl Version {
    pub(crate) fn mark(&self) -> VersionMark {
        match self {
            Self::Object(object) => object.metadata.version,
            Self::DeleteMarker(marker) => marker.version,
        }
    }

    /// When it was made.
    pub(super) fn modified(&self) -> Timestamp {
        match self {
            Self::Object(object) => object.metadata.modified,
            Self::DeleteMarker(marker) => marker.modified,
        }
    }

    /// Its storage class; empty for a delete marker.
    pub(super) fn class(&self) -> &str {
        match self {
            Self::Object(object) => object.metadata.headers.storage_class(),
            Self::DeleteMarker(_) => "",
        }
    }

    /// Its share of the store's capacity.
    fn weight(&self) -> usize {
        match self {
            Self::Object(object) => object.content.weight(),
            Self::DeleteMarker(_) => 1,
        }
    }
}

impl Bucket {
    pub(crate) fn new(region: String, created: Timestamp) -> Self {
        Self {
            region,
            created,
            cors: None,
            settings: Arc::default(),
            objects: BTreeMap::new(),
            history: BTreeMap::new(),
            lifecycle_day: i64::MIN,
            uploads: BTreeMap::new(),
        }
    }

    /// The record of its own properties.
    pub(super) fn record(&self, name: &str) -> Record {
        Record::Bucket {
            name: name.to_owned(),
            region: self.region.clone(),
            created: self.created,
            cors: self.cors.as_deref().cloned(),
            settings: BucketSettings::clone(&self.settings),
        }
    }

    fn records(&self, name: &str) -> impl Iterator<Item = (Record, Content)> {
        let bucket = (self.record(name), Content::default());
        let visible = self.objects.iter().map(|(key, object)| object.record(name, key));
        let older = self.history.iter().flat_map(move |(key, versions)| {
            versions.iter().map(move |version| match version {
                Version::Object(object) => object.record(name, key),
                Version::DeleteMarker(marker) => {
                    let (bucket, key) = (name.to_owned(), key.clone());
                    (Record::DeleteMarker { bucket, key, marker: *marker }, Content::default())
                }
            })
        });
        let uploads = self.uploads.iter().flat_map(move |((key, id), upload)| {
            let begun = Record::Upload {
                bucket: name.to_owned(),
                key: key.clone(),
                id: id.clone(),
                initiated: upload.initiated.clone(),
            };
            let part = move |(number, part): (&u16, &Arc<Object>)| {
                let record = Record::Part {
                    bucket: name.to_owned(),
                    key: key.clone(),
                    id: id.clone(),
                    number: *number,
                    metadata: part.metadata.clone(),
                    segments: Vec::new(),
                };
                (record, part.content.clone())
            };
            iter::once((begun, Content::default())).chain(upload.parts.iter().map(part))
        });
        iter::once(bucket).chain(visible).chain(older).chain(uploads)
    }

    /// A page of the objects.
    pub(crate) fn list(&self, query: &Query) -> Page<(String, Arc<Object>)> {
        let from = move |start: Bound<&str>| {
            let objects = self.objects.range::<str, _>((start, Bound::Unbounded));
            objects.map(|(key, object)| (key.as_str(), (key.clone(), Arc::clone(object))))
        };
        listing::page(from, query)
    }

    /// A page of all versions: after the key marker, or at it and after the version marker. `true`
    /// with the latest version of a key.
    pub(crate) fn list_versions(
        &self,
        query: &Query,
        id_marker: &str,
    ) -> Page<(String, Version, bool)> {
        let from = move |start: Bound<&str>| {
            // The key at the marker has versions after the version marker.
            let start = included(start);
            let current = self.objects.range::<str, _>((start, Bound::Unbounded));
            let history = self.history.range::<str, _>((start, Bound::Unbounded));
            merged(current.map(|(key, _)| key), history.map(|(key, _)| key)).flat_map(move |key| {
                let at_marker = *key == query.marker && !query.marker.is_empty();
                let mut is_skipping = at_marker;
                self.versions_of(key).enumerate().filter_map(move |(place, version)| {
                    if is_skipping {
                        is_skipping = id_marker.is_empty() || version.mark().id() != id_marker;
                        return None;
                    }
                    Some((key.as_str(), (key.clone(), version, place == 0)))
                })
            })
        };
        listing::page(from, query)
    }

    /// A page of the uploads: after the key marker, or at it and after the id marker.
    pub(crate) fn list_uploads(
        &self,
        query: &Query,
        id_marker: &str,
    ) -> Page<(String, String, Initiated)> {
        let from = move |start: Bound<&str>| {
            let start = included(start).map(|key| (key.to_owned(), String::new()));
            let uploads = self.uploads.range((start, Bound::Unbounded));
            let after_marker = move |((key, id), _): &(&(String, String), &Upload)| {
                let at_marker = !id_marker.is_empty() && *key == query.marker;
                *key > query.marker || at_marker && id.as_str() > id_marker
            };
            uploads.filter(after_marker).map(|((key, id), upload)| {
                (key.as_str(), (key.clone(), id.clone(), upload.initiated.clone()))
            })
        };
        listing::page(from, query)
    }
}

fn included(start: Bound<&str>) -> Bound<&str> {
    match start {
        Bound::Excluded(key) => Bound::Included(key),
        other => other,
    }
}

/// The keys of two lists in order, each once.
fn merged<'k>(
    first: impl Iterator<Item = &'k String>,
    second: impl Iterator<Item = &'k String>,
) -> impl Iterator<Item = &'k String> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some(one), Some(other)) if one == other => {
            second.next();
            first.next()
        }
        (Some(one), Some(other)) if one > other => second.next(),
        (Some(_), _) => first.next(),
        (None, _) => second.next(),
    })
}
