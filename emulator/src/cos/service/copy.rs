//! Copies, of objects and into parts. No bytes move: a copy refers to what its source refers to.

use std::sync::Arc;

use http::StatusCode;

use super::multipart::UploadAddress;
use super::object::no_such_key;
use super::{CosService, MAX_BODY_BYTES, Outcome};
use crate::cos::checksum::Hasher;
use crate::cos::error::CosError;
use crate::cos::http::byte_range::ByteRange;
use crate::cos::http::copy_source::CopySource;
use crate::cos::http::metadata::{ObjectHeaders, invalid_argument};
use crate::cos::http::precondition;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::store::{Content, Object, ObjectMetadata, internal};

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/10881>
    pub(super) async fn copy_object(&self, request: &RequestHead) -> Outcome {
        let (bucket, key) = self.place(request)?;
        let (source_place, source) = self.source(request)?;
        if source.metadata.length > MAX_BODY_BYTES {
            return Err(crate::cos::http::body::too_large());
        }
        let own = ObjectHeaders::of(&request.headers)?;
        let object_headers = match request.header("x-cos-metadata-directive").unwrap_or("") {
            directive if directive.eq_ignore_ascii_case("replaced") => own,
            directive if directive.is_empty() || directive.eq_ignore_ascii_case("copy") => {
                if source_place.bucket.as_str() == bucket && source_place.key == key {
                    return Err(CosError::new(
                        StatusCode::BAD_REQUEST,
                        "InvalidRequest",
                        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.",
                    ));
                }
                source.metadata.headers.clone().with_storage_class_of(&own)
            }
            _ => {
                return Err(invalid_argument(
                    "The x-cos-metadata-directive value must be Copy or Replaced.",
                ));
            }
        };
        // Inferred: the ETag of a copy is that of its source.
        let metadata = &source.metadata;
        let mut metadata = ObjectMetadata::new(
            metadata.length,
            metadata.etag.clone(),
            metadata.crc64,
            request.now,
        );
        metadata.headers = object_headers;
        let object = Object {
            metadata,
            content: source.content.clone(),
        };
        let headers = request.headers.clone();
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    precondition::check_write(&headers, current.map(Object::validators))?;
                    Ok(object)
                })
            })
            .await?;
        Ok(response::xml(xml::document("CopyObjectResult", |root| {
            root.text("ETag", format_args!("\"{}\"", stored.metadata.etag));
            root.text("CRC64", stored.metadata.crc64);
            root.text("LastModified", stored.metadata.modified.iso_8601());
        })))
    }

    /// <https://www.tencentcloud.com/document/product/436/8287>
    pub(super) async fn copy_part(&self, request: &RequestHead) -> Outcome {
        let place = UploadAddress::of(self, request)?;
        let number = place.part_number(request)?;
        let (_, source) = self.source(request)?;
        let slice = match request.header("x-cos-copy-source-range") {
            Some(header) => ByteRange::of_copy(header, source.metadata.length)?,
            None => ByteRange::whole(source.metadata.length),
        };
        if slice.length() > MAX_BODY_BYTES {
            return Err(crate::cos::http::body::too_large());
        }
        let content = source.content.slice(slice);
        let metadata = metadata_of(content.clone(), request).await?;
        let (etag, modified) = (metadata.etag.clone(), metadata.modified);
        let part = Object { metadata, content };
        self.change(move |store| store.put_part(place.as_tuple(), number, part))
            .await?;
        Ok(response::xml(xml::document("CopyPartResult", |root| {
            root.text("ETag", format_args!("\"{etag}\""));
            root.text("LastModified", modified.iso_8601());
        })))
    }

    /// The source of the copy, once it is there and its conditions hold.
    fn source(&self, request: &RequestHead) -> Result<(CopySource, Arc<Object>), CosError> {
        let source = CopySource::of(&request.headers, &self.default_bucket)
            .ok_or_else(|| invalid_argument("The x-cos-copy-source header is missing."))??;
        let bucket = self.bucket_in(source.bucket.as_str(), source.region.as_str())?;
        let object = self
            .store
            .read()
            .object(&bucket, &source.key)
            .ok_or_else(no_such_key)?;
        precondition::check_copy_source(&request.headers, object.validators())?;
        Ok((source, object))
    }
}

/// Reads a part that is copied, for its checksums.
async fn metadata_of(content: Content, request: &RequestHead) -> Result<ObjectMetadata, CosError> {
    let mut hasher = Hasher::new();
    let mut reader = content.reader();
    while let Some(bytes) = reader.next().await.map_err(|error| internal(&error))? {
        hasher.update(&bytes);
    }
    let sums = hasher.finish();
    Ok(ObjectMetadata::new(
        sums.length,
        sums.etag(),
        sums.crc64,
        request.now,
    ))
}
