//! Buckets, objects and uploads, in the order of lists.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use tencent::time::Timestamp;

use super::content::Content;
use super::record::{DeleteMarker, Initiated, ObjectMetadata, Record};
use super::sink::Written;
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
    /// The other versions of each key, the latest first.
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

    /// What preconditions compare.
    pub(crate) fn validators(&self) -> Validators<'_> {
        Validators { etag: &self.metadata.etag, modified: self.metadata.modified }
    }
}

impl Index {
    /// Adds what a record describes; `None` when its bucket or upload does not exist. `content` is
    /// that of an object or a part.
    pub(super) fn insert_record(&mut self, record: Record, content: Content) -> Option<()> {
        match record {
            Record::Bucket { name, region, created, cors, settings } => {
                let (cors, settings) = (cors.map(Arc::new), Arc::new(settings));
                let bucket = Bucket { cors, settings, ..Bucket::new(region, created) };
                self.buckets.insert(name, bucket);
                Some(())
            }
            Record::Object { bucket, key, metadata, .. } => {
                let is_null = metadata.version.is_default();
                let object = Arc::new(Object { metadata, content });
                match is_null {
                    true => self.insert_object(&bucket, key, object),
                    false => self.insert_loaded(&bucket, key, Version::Object(object)),
                }
            }
            Record::DeleteMarker { bucket, key, marker } => {
                self.insert_loaded(&bucket, key, Version::DeleteMarker(marker))
            }
            Record::Upload { bucket, key, id, initiated } => {
                self.insert_upload((&bucket, &key, &id), initiated)
            }
            Record::Part { bucket, key, id, number, metadata, .. } => {
                self.insert_part((&bucket, &key, &id), number, Object { metadata, content })
            }
        }
    }

    /// Adds or replaces an object; `None` when its bucket does not exist.
    pub(super) fn insert_object(
        &mut self,
        bucket: &str,
        key: String,
        object: Arc<Object>,
    ) -> Option<()> {
        let found = self.buckets.get_mut(bucket)?;
        object.content.link();
        self.count = self.count.saturating_add(object.content.weight());
        let replaced = found.objects.insert(key, object);
        self.release(replaced);
        Some(())
    }

    /// Adds the latest version of a key; `None` when its bucket does not exist.
    pub(super) fn insert_version(
        &mut self,
        bucket: &str,
        key: &str,
        version: Version,
    ) -> Option<()> {
        let replaced = self.admit(bucket, &version)?.push_version(key, version);
        self.release_versions(replaced);
        Some(())
    }

    /// Adds a version that a directory contains, in no order.
    pub(super) fn insert_loaded(
        &mut self,
        bucket: &str,
        key: String,
        version: Version,
    ) -> Option<()> {
        self.admit(bucket, &version)?.history.entry(key).or_default().push(version);
        Some(())
    }

    /// Counts a version that is about to be added to a bucket, which it returns.
    fn admit(&mut self, bucket: &str, version: &Version) -> Option<&mut Bucket> {
        let found = self.buckets.get_mut(bucket)?;
        self.count = self.count.saturating_add(version.weight());
        self.last_sequence = self.last_sequence.max(version.mark().sequence);
        if let Version::Object(object) = version {
            object.content.link();
        }
        Some(found)
    }

    /// Orders the versions of each key once all are loaded.
    pub(super) fn settle_all(&mut self) {
        for bucket in self.buckets.values_mut() {
            let keys: Vec<String> = bucket.history.keys().cloned().collect();
            for key in keys {
                bucket.settle(&key);
            }
        }
    }

    /// Adds an upload without parts; `None` when its bucket does not exist.
    pub(super) fn insert_upload(
        &mut self,
        (bucket, key, id): (&str, &str, &str),
        initiated: Initiated,
    ) -> Option<()> {
        let found = self.buckets.get_mut(bucket)?;
        let upload = Upload { initiated, parts: BTreeMap::new() };
        found.uploads.insert((key.to_owned(), id.to_owned()), upload);
        self.count = self.count.saturating_add(1);
        Some(())
    }

    /// Adds or replaces a part; `None` when its upload does not exist.
    pub(super) fn insert_part(
        &mut self,
        (bucket, key, id): (&str, &str, &str),
        number: u16,
        part: Object,
    ) -> Option<()> {
        let found = self.buckets.get_mut(bucket)?;
        let upload = found.uploads.get_mut(&(key.to_owned(), id.to_owned()))?;
        part.content.link();
        self.count = self.count.saturating_add(part.content.weight());
        let replaced = upload.parts.insert(number, Arc::new(part));
        self.release(replaced);
        Some(())
    }

    /// What was removed or replaced no longer counts, nor keeps its data.
    pub(super) fn release(&mut self, objects: impl IntoIterator<Item = Arc<Object>>) {
        for object in objects {
            object.content.unlink();
            self.count = self.count.saturating_sub(object.content.weight());
        }
    }

    /// The same of versions.
    pub(super) fn release_versions(&mut self, versions: impl IntoIterator<Item = Version>) {
        for version in versions {
            match version {
                Version::Object(object) => self.release([object]),
                Version::DeleteMarker(_) => self.count = self.count.saturating_sub(1),
            }
        }
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
    std::iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some(one), Some(other)) if one == other => {
            second.next();
            first.next()
        }
        (Some(one), Some(other)) if one > other => second.next(),
        (Some(_), _) => first.next(),
        (None, _) => second.next(),
    })
}
