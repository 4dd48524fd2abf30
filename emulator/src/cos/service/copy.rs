//! Copies, of objects and into parts. No bytes move: a copy refers to what its source refers to.

use std::sync::Arc;

use http::StatusCode;

use super::multipart::UploadPlace;
use super::object::no_such_key;
use super::{MAX_BODY_BYTES, Outcome, Service};
use crate::cos::checksum::Digests;
use crate::cos::error::CosError;
use crate::cos::http::byte_range::Slice;
use crate::cos::http::copy_source::CopySource;
use crate::cos::http::metadata::{Metadata, invalid_argument};
use crate::cos::http::precondition;
use crate::cos::http::request::Ask;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::store::{Content, Facts, Object, internal};

impl Service {
    /// <https://www.tencentcloud.com/document/product/436/10881>
    pub(super) async fn copy_object(&self, ask: &Ask) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        let (source_place, source) = self.source(ask)?;
        if source.facts.length > MAX_BODY_BYTES {
            return Err(crate::cos::http::body::too_large());
        }
        let own = Metadata::of(&ask.headers)?;
        let metadata = match ask.header("x-cos-metadata-directive").unwrap_or("") {
            directive if directive.eq_ignore_ascii_case("replaced") => own,
            directive if directive.is_empty() || directive.eq_ignore_ascii_case("copy") => {
                if source_place.bucket.as_str() == bucket && source_place.key == key {
                    return Err(CosError::new(
                        StatusCode::BAD_REQUEST,
                        "InvalidRequest",
                        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.",
                    ));
                }
                source.facts.metadata.clone().with_storage_class_of(&own)
            }
            _ => {
                return Err(invalid_argument(
                    "The x-cos-metadata-directive value must be Copy or Replaced.",
                ));
            }
        };
        // Inferred: the ETag of a copy is that of its source.
        let facts = &source.facts;
        let mut facts = Facts::new(facts.length, facts.etag.clone(), facts.crc64, ask.now);
        facts.metadata = metadata;
        let object = Object {
            facts,
            content: source.content.clone(),
        };
        let headers = ask.headers.clone();
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    precondition::for_writing(&headers, current.map(Object::version))?;
                    Ok(object)
                })
            })
            .await?;
        Ok(response::xml(xml::document("CopyObjectResult", |root| {
            root.text("ETag", format_args!("\"{}\"", stored.facts.etag));
            root.text("CRC64", stored.facts.crc64);
            root.text("LastModified", stored.facts.modified.iso_8601());
        })))
    }

    /// <https://www.tencentcloud.com/document/product/436/8287>
    pub(super) async fn copy_part(&self, ask: &Ask) -> Outcome {
        let place = UploadPlace::of(self, ask)?;
        let number = place.part_number(ask)?;
        let (_, source) = self.source(ask)?;
        let slice = match ask.header("x-cos-copy-source-range") {
            Some(header) => Slice::of_copy(header, source.facts.length)?,
            None => Slice::whole(source.facts.length),
        };
        if slice.length() > MAX_BODY_BYTES {
            return Err(crate::cos::http::body::too_large());
        }
        let content = source.content.slice(slice);
        let facts = facts_of(content.clone(), ask).await?;
        let (etag, modified) = (facts.etag.clone(), facts.modified);
        let part = Object { facts, content };
        self.change(move |store| store.put_part(place.as_tuple(), number, part))
            .await?;
        Ok(response::xml(xml::document("CopyPartResult", |root| {
            root.text("ETag", format_args!("\"{etag}\""));
            root.text("LastModified", modified.iso_8601());
        })))
    }

    /// The source of the copy, once it is there and its conditions hold.
    fn source(&self, ask: &Ask) -> Result<(CopySource, Arc<Object>), CosError> {
        let source = CopySource::of(&ask.headers, &self.home)
            .ok_or_else(|| invalid_argument("The x-cos-copy-source header is missing."))??;
        let bucket = self.bucket_in(source.bucket.as_str(), source.region.as_str())?;
        let object = self
            .store
            .read()
            .object(&bucket, &source.key)
            .ok_or_else(no_such_key)?;
        precondition::for_copying(&ask.headers, object.version())?;
        Ok((source, object))
    }
}

/// Reads a part that is copied, for its checksums.
async fn facts_of(content: Content, ask: &Ask) -> Result<Facts, CosError> {
    let mut digests = Digests::new();
    let mut reader = content.reader();
    while let Some(bytes) = reader.next().await.map_err(|error| internal(&error))? {
        digests.update(&bytes);
    }
    let sums = digests.finish();
    Ok(Facts::new(sums.length, sums.etag(), sums.crc64, ask.now))
}
