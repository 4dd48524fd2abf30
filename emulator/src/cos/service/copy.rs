//! Copies of objects, and into parts. They move no bytes: a copy refers to the content of its
//! source.

use std::sync::Arc;

use http::HeaderName;

use super::multipart::requested_part;
use super::object::VERSION_ID;
use super::{CosService, MAX_BODY_BYTES, ObjectCall, Outcome};
use crate::cos::archive::check_readable;
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::Hasher;
use crate::cos::error::{self, CosError};
use crate::cos::http::byte_range::ByteRange;
use crate::cos::http::copy_source::{CopySource, copy_source};
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::http::precondition;
use crate::cos::http::request::RequestHead;
use crate::cos::http::response;
use crate::cos::http::xml;
use crate::cos::store::{Content, Object, ObjectMetadata};

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/10881>
    pub(super) async fn copy_object(&self, call: &ObjectCall<'_>) -> Outcome {
        let (source_address, source) = self.source(call)?;
        let is_itself =
            source_address.object == *call.target && source_address.version_id.is_none();
        if source.metadata.length > MAX_BODY_BYTES {
            return Err(error::entity_too_large());
        }
        let own = self.upload_headers(call.target, &call.request.headers)?;
        let attributes = copied_attributes(call.request, &source)?;
        let headers = match call.request.header("x-cos-metadata-directive").unwrap_or("") {
            directive if directive.eq_ignore_ascii_case("replaced") => own,
            directive if directive.is_empty() || directive.eq_ignore_ascii_case("copy") => {
                if is_itself {
                    return Err(error::invalid_request(
                        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata.",
                    ));
                }
                source.metadata.headers.clone().copied_with(&own)
            }
            _ => {
                return Err(error::invalid_argument(
                    "The x-cos-metadata-directive value must be Copy or Replaced.",
                ));
            }
        };
        // Inferred: the ETag of a copy is that of its source.
        let metadata = ObjectMetadata {
            modified: call.request.now,
            headers,
            attributes,
            is_appendable: false,
            upload_id: None,
            ..source.metadata.clone()
        };
        let content = source.content.clone();
        let object = Object { metadata, content };
        let stored = self.store_object(call.target, &call.request.headers, object).await?;
        let mut response = response::xml(xml::document("CopyObjectResult", |root| {
            root.text("ETag", format_args!("\"{}\"", stored.metadata.etag));
            root.text("CRC64", stored.metadata.crc64);
            root.text("LastModified", stored.metadata.modified.iso_8601());
            root.optional("VersionId", stored.metadata.version.own_id());
        }));
        if let Some(id) = &source_address.version_id {
            response::put(response.headers_mut(), SOURCE_VERSION_ID, id);
        }
        if let Some(id) = stored.metadata.version.own_id() {
            response::put(response.headers_mut(), VERSION_ID, &id);
        }
        stored.metadata.headers.put_encryption_on(response.headers_mut());
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/8287>
    pub(super) async fn copy_part(&self, call: &ObjectCall<'_>) -> Outcome {
        let upload = self.upload(call)?;
        let number = requested_part(call.request)?;
        let (_, source) = self.source(call)?;
        let range = match call.request.header("x-cos-copy-source-range") {
            Some(header) => ByteRange::of_copy(header, source.metadata.length)?,
            None => ByteRange::whole(source.metadata.length),
        };
        if range.length() > MAX_BODY_BYTES {
            return Err(error::entity_too_large());
        }
        let content = source.content.slice(range);
        let metadata = metadata_of(content.clone(), call.request).await?;
        let (etag, modified) = (metadata.etag.clone(), metadata.modified);
        let part = Object { metadata, content };
        self.change(move |store| store.put_part(upload.as_tuple(), number, part)).await?;
        Ok(response::xml(xml::document("CopyPartResult", |root| {
            root.text("ETag", format_args!("\"{etag}\""));
            root.text("LastModified", modified.iso_8601());
        })))
    }

    /// The source of the copy, once it is found and its preconditions hold.
    fn source(&self, call: &ObjectCall<'_>) -> Result<(CopySource, Arc<Object>), CosError> {
        let source = copy_source(&call.request.headers, &self.default_bucket)
            .ok_or_else(|| error::invalid_argument("The x-cos-copy-source header is missing."))??;
        let address = self.stored(&source.object);
        self.check_bucket(&address.bucket)?;
        let version_id = source.version_id;
        let object = self.store.read().object_or_version(
            address.bucket.name.as_str(),
            &address.key,
            version_id.as_deref(),
        )?;
        if object.metadata.is_appendable {
            return Err(error::appendable_source());
        }
        let attributes = &object.metadata.attributes;
        let class = object.metadata.headers.storage_class();
        check_readable(class, attributes.restoration.as_ref(), call.request.now)?;
        precondition::check_copy_source(&call.request.headers, object.validators())?;
        Ok((CopySource { object: address, version_id }, object))
    }
}

/// The tags of a copy are those of its source, unless the directive replaces them; its ACL is its
/// own (documented).
fn copied_attributes(request: &RequestHead, source: &Object) -> Result<ObjectAttributes, CosError> {
    let own = ObjectAttributes::of(&request.headers)?;
    match request.header("x-cos-tagging-directive").unwrap_or("") {
        directive if directive.eq_ignore_ascii_case("replaced") => Ok(own),
        directive if directive.is_empty() || directive.eq_ignore_ascii_case("copy") => {
            Ok(ObjectAttributes { tags: source.metadata.attributes.tags.clone(), ..own })
        }
        _ => Err(error::invalid_argument(
            "The x-cos-tagging-directive value must be Copy or Replaced.",
        )),
    }
}

/// Reads a copied part for its checksums.
async fn metadata_of(content: Content, request: &RequestHead) -> Result<ObjectMetadata, CosError> {
    let mut hasher = Hasher::new();
    let mut reader = content.reader();
    while let Some(bytes) = reader.next().await.map_err(|error| error::internal(&error))? {
        hasher.update(&bytes);
    }
    let checksums = hasher.finish();
    let headers = ObjectHeaders::default();
    Ok(ObjectMetadata::of(&checksums, headers, request.now))
}

const SOURCE_VERSION_ID: HeaderName = HeaderName::from_static("x-cos-copy-source-version-id");
