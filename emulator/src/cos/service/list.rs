//! Lists of objects and of uploads.

use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::bucket::{number, owner, put_region};
use super::{BucketCall, CosService, Outcome};
use crate::cos::auth::access::AuthContext;
use crate::cos::error::{self, CosError};
use crate::cos::http::date;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::listing::{Entry, Page, Query};
use crate::cos::store::Object;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/7734>
    pub(super) fn list_objects(&self, call: &BucketCall<'_>) -> Outcome {
        match call.request.parameter("list-type").as_deref() {
            None | Some("" | "1") => {}
            Some("2") => return self.list_objects_v2(call),
            Some(_) => return Err(error::invalid_argument("The list-type must be 1 or 2.")),
        }
        let encoding = Encoding::of(call.request)?;
        let query = query(call.request, "marker", "max-keys")?;
        let page = self.page_of_objects(call, &query)?;
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
            contents(root, &page.entries, encoding, Some(appid));
        }));
        put_region(&mut response, call.target);
        Ok(response)
    }

    pub(super) fn page_of_objects(
        &self,
        call: &BucketCall<'_>,
        query: &Query,
    ) -> Result<Page<(String, Arc<Object>)>, CosError> {
        let index = self.store.read();
        let bucket = index.buckets.get(call.target.name.as_str());
        bucket.map(|bucket| bucket.list(query)).ok_or_else(error::no_such_bucket)
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

    pub(super) fn delimiter(self, query: &Query) -> Option<String> {
        query.delimiter.map(|delimiter| self.text(&delimiter.to_string()))
    }
}

/// The objects of a page. `owner` is their account.
pub(super) fn contents(
    root: &mut xml::Writer,
    entries: &[Entry<(String, Arc<Object>)>],
    encoding: Encoding,
    owner: Option<&str>,
) {
    for entry in entries {
        let Entry::Item((key, object)) = entry else {
            continue;
        };
        root.element("Contents", |item| {
            let metadata = &object.metadata;
            item.text("Key", encoding.text(key));
            item.text("LastModified", date::with_milliseconds(metadata.modified));
            item.text("ETag", format_args!("\"{}\"", metadata.etag));
            item.text("Size", metadata.length);
            if let Some(owner) = owner {
                item.element("Owner", |item| {
                    item.text("ID", owner);
                    item.text("DisplayName", owner);
                });
            }
            item.text("StorageClass", metadata.headers.storage_class());
        });
    }
}

pub(super) fn query(request: &RequestHead, marker: &str, limit: &str) -> Result<Query, CosError> {
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

pub(super) fn prefixes<T>(root: &mut xml::Writer, entries: &[Entry<T>], encoding: Encoding) {
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
