//! The changes of a store, each as JSON. The bytes of small objects and parts follow it, after a
//! line feed.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
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

/// A change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Record {
    /// A new bucket, or new properties of one.
    Bucket {
        name: String,
        region: String,
        #[serde(with = "unix_seconds")]
        created: Timestamp,
        cors: Option<Cors>,
        #[serde(default)]
        settings: BucketSettings,
    },
    BucketDeleted {
        name: String,
    },
    /// A new object or version, or new metadata of one. It ends the upload that it was made of.
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
    VersionDeleted {
        bucket: String,
        key: String,
        version: VersionMark,
    },
    Upload {
        bucket: String,
        key: String,
        id: String,
        initiated: Initiated,
    },
    /// Without an object.
    UploadEnded {
        bucket: String,
        key: String,
        id: String,
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
            Self::Bucket { .. }
            | Self::BucketDeleted { .. }
            | Self::DeleteMarker { .. }
            | Self::VersionDeleted { .. }
            | Self::Upload { .. }
            | Self::UploadEnded { .. } => None,
        }
    }

    /// The record at the beginning of `text`, and the bytes after it.
    pub(super) fn read(text: &[u8]) -> io::Result<(Self, &[u8])> {
        let mut values = serde_json::Deserializer::from_slice(text).into_iter();
        let record = values.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        let rest = text.get(values.byte_offset()..).unwrap_or_default();
        Ok((record, rest.strip_prefix(b"\n").unwrap_or(rest)))
    }

    /// Appends the record, and the bytes of `content` that are in memory.
    pub(super) fn write(&mut self, content: &Content, to: &mut Vec<u8>) -> io::Result<()> {
        if let Self::Object { segments, .. } | Self::Part { segments, .. } = self {
            *segments = content.segments.iter().map(SegmentRecord::of).collect();
        }
        serde_json::to_writer(&mut *to, self)?;
        for (number, piece) in content.in_memory().enumerate() {
            if number == 0 {
                to.push(b'\n');
            }
            to.extend_from_slice(&piece);
        }
        Ok(())
    }

    /// The content that it describes, with `bytes` after its JSON.
    pub(super) fn content(
        &self,
        bytes: &[u8],
        mut blob: impl FnMut(&str) -> io::Result<Arc<Blob>>,
    ) -> io::Result<Content> {
        let mut content = Content::default();
        let own = Arc::new(Blob::in_memory(vec![Bytes::copy_from_slice(bytes)], None));
        let (mut length, mut taken) = (0_u64, 0_u64);
        if let Self::Object { segments, .. } | Self::Part { segments, .. } = self {
            for segment in segments {
                length = length.saturating_add(segment.length);
                let (blob, start) = match &segment.blob {
                    Some(id) => (blob(id)?, segment.start),
                    None => {
                        let start = taken;
                        taken = taken.saturating_add(segment.length);
                        (Arc::clone(&own), start)
                    }
                };
                content.segments.push(Segment { blob, start, length: segment.length });
            }
        }
        if taken != u64::try_from(bytes.len()).unwrap_or(u64::MAX) {
            return Err(io::Error::other("the bytes after the JSON must be those of its segments"));
        }
        if self.metadata().is_some_and(|metadata| metadata.length != length) {
            return Err(io::Error::other("the segments must be as long as the object"));
        }
        Ok(content)
    }
}

impl SegmentRecord {
    fn of(segment: &Segment) -> Self {
        let blob = segment.blob.id().map(str::to_owned);
        let start = if blob.is_some() { segment.start } else { 0 };
        Self { blob, start, length: segment.length }
    }
}
