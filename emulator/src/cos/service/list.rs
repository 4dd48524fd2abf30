//! Lists of objects and of uploads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tencent::time::Timestamp;

use super::bucket::number;
use super::{Outcome, Service};
use crate::cos::admission::Admitted;
use crate::cos::ask::Ask;
use crate::cos::error::CosError;
use crate::cos::list::{Entry, Query};
use crate::cos::metadata::invalid_argument;
use crate::cos::store::no_such_bucket;
use crate::cos::{answer, date, xml};

impl Service {
    /// <https://www.tencentcloud.com/document/product/436/7734>
    pub(super) fn list_objects(&self, ask: &Ask) -> Outcome {
        let bucket = self.bucket(ask)?;
        let encoding = Encoding::of(ask)?;
        let query = query(ask, "marker", "max-keys")?;
        let page = match self.store.read().buckets.get(&bucket) {
            Some(found) => found.list(&query),
            None => return Err(no_such_bucket()),
        };
        let appid = self.home.bucket.appid();
        let mut answer = answer::xml(xml::document("ListBucketResult", |root| {
            root.text("Name", &bucket);
            root.optional("EncodingType", encoding.name());
            root.text("Prefix", encoding.text(&query.prefix));
            root.text("Marker", encoding.text(&query.marker));
            root.text("MaxKeys", query.limit);
            root.optional("Delimiter", encoding.delimiter(&query));
            root.text("IsTruncated", page.is_truncated);
            let last = page.entries.last().filter(|_| page.is_truncated);
            root.optional(
                "NextMarker",
                last.map(|entry| match entry {
                    Entry::Item((key, _)) => encoding.text(key),
                    Entry::Prefix(prefix) => encoding.text(prefix),
                }),
            );
            prefixes(root, &page.entries, encoding);
            for entry in &page.entries {
                let Entry::Item((key, object)) = entry else {
                    continue;
                };
                root.element("Contents", |told| {
                    let facts = &object.facts;
                    told.text("Key", encoding.text(key));
                    told.text("LastModified", date::with_milliseconds(facts.modified));
                    told.text("ETag", format_args!("\"{}\"", facts.etag));
                    told.text("Size", facts.length);
                    told.element("Owner", |owner| {
                        owner.text("ID", appid);
                        owner.text("DisplayName", appid);
                    });
                    told.text("StorageClass", facts.metadata.storage_class());
                });
            }
        }));
        self.put_region(ask, &mut answer);
        Ok(answer)
    }

    /// <https://www.tencentcloud.com/document/product/436/7736>
    pub(super) fn list_uploads(&self, ask: &Ask, admitted: &Admitted) -> Outcome {
        let bucket = self.bucket(ask)?;
        let encoding = Encoding::of(ask)?;
        let query = query(ask, "key-marker", "max-uploads")?;
        let id_marker = ask.parameter("upload-id-marker").unwrap_or_default();
        let page = match self.store.read().buckets.get(&bucket) {
            Some(found) => found.list_uploads(&query, &id_marker),
            None => return Err(no_such_bucket()),
        };
        Ok(answer::xml(xml::document(
            "ListMultipartUploadsResult",
            |root| {
                root.text("Bucket", &bucket);
                root.optional("Encoding-Type", encoding.name());
                root.text("KeyMarker", encoding.text(&query.marker));
                root.text("UploadIdMarker", &id_marker);
                match page.entries.last().filter(|_| page.is_truncated) {
                    Some(Entry::Item((key, id, _))) => {
                        root.text("NextKeyMarker", encoding.text(key));
                        root.text("NextUploadIdMarker", id);
                    }
                    Some(Entry::Prefix(prefix)) => {
                        root.text("NextKeyMarker", encoding.text(prefix));
                        root.text("NextUploadIdMarker", "");
                    }
                    None => {}
                }
                root.text("MaxUploads", query.limit);
                root.text("Prefix", encoding.text(&query.prefix));
                root.text("Delimiter", encoding.delimiter(&query).unwrap_or_default());
                root.text("IsTruncated", page.is_truncated);
                for entry in &page.entries {
                    let Entry::Item((key, id, initiated)) = entry else {
                        continue;
                    };
                    root.element("Upload", |told| {
                        told.text("Key", encoding.text(key));
                        told.text("UploadId", id);
                        people(told, admitted, &initiated.initiator);
                        told.text("StorageClass", "Standard");
                        told.text("Initiated", moment(initiated.at));
                    });
                }
                prefixes(root, &page.entries, encoding);
            },
        )))
    }
}

/// `Initiator` and `Owner`.
pub(super) fn people(told: &mut xml::Writer, admitted: &Admitted, initiator: &str) {
    told.element("Initiator", |told| {
        told.text("ID", initiator);
        told.text("DisplayName", initiator.rsplit('/').next().unwrap_or(""));
    });
    let uin = admitted.owner_uin;
    told.element("Owner", |told| {
        told.text("ID", format_args!("qcs::cam::uin/{uin}:uin/{uin}"));
        told.text("DisplayName", uin);
    });
}

pub(super) fn moment(at: Timestamp) -> String {
    date::with_milliseconds(at)
}

/// How keys are written: as they are, or percent-encoded so that XML can hold any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Url,
}

impl Encoding {
    pub(super) fn of(ask: &Ask) -> Result<Self, CosError> {
        match ask.parameter("encoding-type").as_deref() {
            None | Some("") => Ok(Self::Raw),
            Some("url") => Ok(Self::Url),
            Some(_) => Err(invalid_argument(
                "Invalid Encoding Method specified in Request.",
            )),
        }
    }

    pub(super) fn name(self) -> Option<&'static str> {
        (self == Self::Url).then_some("url")
    }

    pub(super) fn text(self, key: &str) -> String {
        match self {
            Self::Raw => key.to_owned(),
            Self::Url => utf8_percent_encode(key, RESERVED).to_string(),
        }
    }

    fn delimiter(self, query: &Query) -> Option<String> {
        query
            .delimiter
            .map(|delimiter| self.text(&delimiter.to_string()))
    }
}

fn query(ask: &Ask, marker: &str, limit: &str) -> Result<Query, CosError> {
    let delimiter = ask.parameter("delimiter").unwrap_or_default();
    let mut characters = delimiter.chars();
    let delimiter = characters.next();
    if characters.next().is_some() {
        return Err(CosError::new(
            http::StatusCode::BAD_REQUEST,
            "InvalidDelimiter",
            "The delimiter must be one character.",
        ));
    }
    Ok(Query {
        prefix: ask.parameter("prefix").unwrap_or_default(),
        delimiter,
        marker: ask.parameter(marker).unwrap_or_default(),
        limit: number(ask, limit, PAGE)?,
    })
}

fn prefixes<T>(root: &mut xml::Writer, entries: &[Entry<T>], encoding: Encoding) {
    for entry in entries {
        if let Entry::Prefix(prefix) = entry {
            root.element("CommonPrefixes", |told| {
                told.text("Prefix", encoding.text(prefix));
            });
        }
    }
}

/// Documented: 1000 at the most.
const PAGE: usize = 1000;

/// Observed in the documents' samples: `/` stays.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');
