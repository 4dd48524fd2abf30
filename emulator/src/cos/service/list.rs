//! Lists of objects and of uploads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::{number, owner, put_region};
use super::{BucketCall, CosService, Outcome};
use crate::cos::auth::access::AuthContext;
use crate::cos::error::{self, CosError};
use crate::cos::http::date;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::listing::{Entry, Query};

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/7734>
    pub(super) fn list_objects(&self, call: &BucketCall<'_>) -> Outcome {
        let encoding = Encoding::of(call.request)?;
        let query = query(call.request, "marker", "max-keys")?;
        let page = match self.store.read().buckets.get(call.target.name.as_str()) {
            Some(found) => found.list(&query),
            None => return Err(error::no_such_bucket()),
        };
        let appid = self.default_bucket.0.name.appid();
        let mut response = response::xml(xml::document("ListBucketResult", |root| {
            root.text("Name", &call.target.name);
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
                root.element("Contents", |item| {
                    let metadata = &object.metadata;
                    item.text("Key", encoding.text(key));
                    item.text("LastModified", date::with_milliseconds(metadata.modified));
                    item.text("ETag", format_args!("\"{}\"", metadata.etag));
                    item.text("Size", metadata.length);
                    item.element("Owner", |owner| {
                        owner.text("ID", appid);
                        owner.text("DisplayName", appid);
                    });
                    item.text("StorageClass", metadata.headers.storage_class());
                });
            }
        }));
        put_region(&mut response, call.target);
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7736>
    pub(super) fn list_uploads(&self, call: &BucketCall<'_>) -> Outcome {
        let encoding = Encoding::of(call.request)?;
        let query = query(call.request, "key-marker", "max-uploads")?;
        let id_marker = call.request.parameter("upload-id-marker").unwrap_or_default();
        let page = match self.store.read().buckets.get(call.target.name.as_str()) {
            Some(found) => found.list_uploads(&query, &id_marker),
            None => return Err(error::no_such_bucket()),
        };
        Ok(response::xml(xml::document("ListMultipartUploadsResult", |root| {
            root.text("Bucket", &call.target.name);
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
                root.element("Upload", |item| {
                    item.text("Key", encoding.text(key));
                    item.text("UploadId", id);
                    people(item, &call.context, &initiated.initiator);
                    item.text("StorageClass", "Standard");
                    item.text("Initiated", date::with_milliseconds(initiated.at));
                });
            }
            prefixes(root, &page.entries, encoding);
        })))
    }
}

/// `Initiator` and `Owner`.
pub(super) fn people(item: &mut xml::Writer, context: &AuthContext, initiator: &str) {
    item.element("Initiator", |item| {
        item.text("ID", initiator);
        item.text("DisplayName", initiator.rsplit('/').next().unwrap_or(""));
    });
    owner(item, context);
}

/// How keys are written: unchanged, or percent-encoded so that XML can contain any.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Raw,
    Url,
}

impl Encoding {
    pub(super) fn of(request: &RequestHead) -> Result<Self, CosError> {
        match request.parameter("encoding-type").as_deref() {
            None | Some("") => Ok(Self::Raw),
            Some("url") => Ok(Self::Url),
            Some(_) => {
                Err(error::invalid_argument("Invalid Encoding Method specified in Request."))
            }
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
        query.delimiter.map(|delimiter| self.text(&delimiter.to_string()))
    }
}

fn query(request: &RequestHead, marker: &str, limit: &str) -> Result<Query, CosError> {
    let delimiter = request.parameter("delimiter").unwrap_or_default();
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
        prefix: request.parameter("prefix").unwrap_or_default(),
        delimiter,
        marker: request.parameter(marker).unwrap_or_default(),
        limit: number(request, limit, PAGE)?,
    })
}

fn prefixes<T>(root: &mut xml::Writer, entries: &[Entry<T>], encoding: Encoding) {
    for entry in entries {
        if let Entry::Prefix(prefix) = entry {
            root.element("CommonPrefixes", |item| {
                item.text("Prefix", encoding.text(prefix));
            });
        }
    }
}

/// Documented: at most 1000.
const PAGE: usize = 1000;

/// Observed in the documents' samples: `/` is not encoded.
const RESERVED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
