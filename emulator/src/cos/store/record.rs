//! Records on disk: JSON in one file for each bucket, object, upload and part. The bytes of small
//! objects and parts follow it, after a line feed.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tencent::sign::digest::sha256_hex;
use tencent::time::Timestamp;

use super::blob::Blob;
use super::content::{Content, Segment};
use super::version::VersionMark;
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::Checksums;
use crate::cos::cors::Cors;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::settings::BucketSettings;

/// The metadata of an object or a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectMetadata {
    pub(crate) length: u64,
    /// Without its quotes.
    pub(crate) etag: String,
    pub(crate) crc64: u64,
    #[serde(with = "unix_seconds")]
    pub(crate) modified: Timestamp,
    #[serde(rename = "metadata")]
    pub(crate) headers: ObjectHeaders,
    #[serde(default, skip_serializing_if = "ObjectAttributes::is_empty")]
    pub(crate) attributes: ObjectAttributes,
    #[serde(default, skip_serializing_if = "VersionMark::is_default")]
    pub(crate) version: VersionMark,
    /// Created by append, and accepts more appends.
    pub(crate) is_appendable: bool,
    /// The multipart upload that created it.
    pub(crate) upload_id: Option<String>,
}

impl ObjectMetadata {
    /// The metadata of bytes that were received in one piece.
    pub(crate) fn of(checksums: &Checksums, headers: ObjectHeaders, modified: Timestamp) -> Self {
        let (length, etag) = (checksums.length, checksums.etag());
        Self { headers, ..Self::new(length, etag, checksums.crc64, modified) }
    }

    pub(crate) fn new(length: u64, etag: String, crc64: u64, modified: Timestamp) -> Self {
        Self {
            length,
            etag,
            crc64,
            modified,
            headers: ObjectHeaders::default(),
            attributes: ObjectAttributes::default(),
            version: VersionMark::default(),
            is_appendable: false,
            upload_id: None,
        }
    }
}

/// The request that began a multipart upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Initiated {
    #[serde(rename = "metadata")]
    pub(crate) headers: ObjectHeaders,
    #[serde(default, skip_serializing_if = "ObjectAttributes::is_empty")]
    pub(crate) attributes: ObjectAttributes,
    /// The initiator, as in lists of uploads.
    pub(crate) initiator: String,
    #[serde(with = "unix_seconds")]
    pub(crate) at: Timestamp,
}

/// The version that a deletion without an id leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeleteMarker {
    pub(crate) version: VersionMark,
    #[serde(with = "unix_seconds")]
    pub(crate) modified: Timestamp,
}

/// A time as a number; one outside the calendar is an error.
mod unix_seconds {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};
    use tencent::time::Timestamp;

    pub(super) fn serialize<S: Serializer>(
        moment: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(moment.unix_seconds())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let seconds = i64::deserialize(deserializer)?;
        Timestamp::from_unix_seconds(seconds)
            .ok_or_else(|| D::Error::custom("the time must be inside the calendar"))
    }
}
/// A record on disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Record {
    Bucket {
        name: String,
        region: String,
        #[serde(with = "unix_seconds")]
        created: Timestamp,
        cors: Option<Cors>,
        #[serde(default)]
        settings: BucketSettings,
    },
    Object {
        bucket: String,
        key: String,
        #[serde(rename = "facts")]
        metadata: ObjectMetadata,
        segments: Vec<SegmentRecord>,
    },
    DeleteMarker {
        bucket: String,
        key: String,
        marker: DeleteMarker,
    },
    Upload {
        bucket: String,
        key: String,
        id: String,
        initiated: Initiated,
    },
    Part {
        bucket: String,
        key: String,
        id: String,
        number: u16,
        #[serde(rename = "facts")]
        metadata: ObjectMetadata,
        segments: Vec<SegmentRecord>,
    },
}

/// A segment on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SegmentRecord {
    /// Without one, its bytes are the next ones after the JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blob: Option<String>,
    #[serde(default)]
    start: u64,
    length: u64,
}

impl Record {
    /// The metadata of bytes; `None` for what has none.
    pub(super) fn metadata(&self) -> Option<&ObjectMetadata> {
        match self {
            Self::Object { metadata, .. } | Self::Part { metadata, .. } => Some(metadata),
            Self::Bucket { .. } | Self::DeleteMarker { .. } | Self::Upload { .. } => None,
        }
    }

    /// The record in the bytes of its file, and the bytes after it.
    pub(super) fn read(file: &[u8]) -> io::Result<(Self, &[u8])> {
        let mut values = serde_json::Deserializer::from_slice(file).into_iter();
        let record = values.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        let rest = file.get(values.byte_offset()..).unwrap_or_default();
        Ok((record, rest.strip_prefix(b"\n").unwrap_or(rest)))
    }

    /// The name of its file: a digest of its key, so that no key can be a path.
    pub(super) fn file_name(&self) -> String {
        match self {
            Self::Bucket { name, .. } => bucket_file(name),
            Self::Object { bucket, key, metadata, .. } => {
                version_file(bucket, key, metadata.version)
            }
            Self::DeleteMarker { bucket, key, marker } => version_file(bucket, key, marker.version),
            Self::Upload { bucket, key, id, .. } => upload_file(bucket, key, id),
            Self::Part { bucket, key, id, number, .. } => part_file(bucket, key, id, *number),
        }
    }
}

pub(super) fn bucket_file(name: &str) -> String {
    file(&["bucket", name])
}

/// The `null` version of a key is one file, so that one rename replaces it.
pub(super) fn version_file(bucket: &str, key: &str, version: VersionMark) -> String {
    match version.own_id() {
        Some(id) => file(&["version", bucket, key, &id]),
        None => file(&["object", bucket, key]),
    }
}

pub(super) fn upload_file(bucket: &str, key: &str, id: &str) -> String {
    file(&["upload", bucket, key, id])
}

pub(super) fn part_file(bucket: &str, key: &str, id: &str, number: u16) -> String {
    file(&["part", bucket, key, id, &number.to_string()])
}

/// Only an object key can contain NUL, and it has fixed neighbours, so two lists never have the
/// same text.
fn file(parts: &[&str]) -> String {
    format!("{}.json", sha256_hex(parts.join("\0").as_bytes()))
}

/// The segments of a record.
pub(super) fn segment_records(content: &Content) -> Vec<SegmentRecord> {
    let segments = content.segments.iter().map(|segment| match segment.blob.id() {
        Some(id) => SegmentRecord {
            blob: Some(id.to_owned()),
            start: segment.start,
            length: segment.length,
        },
        None => SegmentRecord { blob: None, start: 0, length: segment.length },
    });
    segments.collect()
}

/// The content of a record, of which `bytes` are those after its JSON.
pub(super) fn content(
    segment_records: &[SegmentRecord],
    bytes: Bytes,
    blobs: &HashMap<String, Arc<Blob>>,
) -> io::Result<Content> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let own = (length > 0).then(|| Arc::new(Blob::in_memory(vec![bytes], None)));
    let mut taken = 0_u64;
    let mut segment = |record: &SegmentRecord| {
        let (blob, start) = match &record.blob {
            Some(id) => (blobs.get(id), record.start),
            None => (own.as_ref(), taken),
        };
        if record.blob.is_none() {
            taken = taken.saturating_add(record.length);
        }
        let blob = blob.ok_or_else(|| {
            let name = record.blob.as_deref().unwrap_or("after the JSON");
            io::Error::other(format!("the data file {name} is missing"))
        })?;
        Ok(Segment { blob: Arc::clone(blob), start, length: record.length })
    };
    let segments = segment_records.iter().map(&mut segment).collect::<io::Result<_>>()?;
    if taken != length {
        return Err(io::Error::other("the bytes after the JSON must be those of its segments"));
    }
    Ok(Content { segments })
}
