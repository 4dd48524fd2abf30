//! Writing and deleting single objects.

use http::{HeaderMap, HeaderName, StatusCode, header};

use super::pictures::without_processing;
use super::{CosService, ObjectCall, Outcome, reply, requested_version};
use crate::cos::attributes::ObjectAttributes;
use crate::cos::checksum::{combined_crc64, etag_of_pieces};
use crate::cos::error::{self, CosError};
use crate::cos::http::body::RequestBody;
use crate::cos::http::response::{self, Response};
use crate::cos::http::traffic_limit::TrafficLimit;
use crate::cos::store::{Object, ObjectMetadata};
use crate::cos::upload_reply::UploadReply;
use crate::net;

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/7749>
    pub(super) async fn put_object(&self, call: &ObjectCall<'_>, body: RequestBody) -> Outcome {
        let sent = without_processing(&call.request.headers);
        let headers = self.upload_headers(call.target, &sent)?;
        let attributes = ObjectAttributes::of(&call.request.headers)?;
        let asked = UploadReply::of(&call.request.headers)?;
        if let Some(asked) = &asked {
            asked.check_processing(headers.content_type())?;
        }
        // Checked again when the body is complete: another writer may have been faster.
        self.check_overwrite(call.target, &call.request.headers)?;
        let limit = TrafficLimit::of(call.request)?;
        let written = self.receive(&call.request.headers, body, limit).await?;
        let object = Object::of(written, headers, call.request.now).with(attributes);
        let pictures = self.pictures(call, &object).await?;
        let stored = self.store_object(call.target, &call.request.headers, object).await?;
        let mut response = written_response(&stored.metadata);
        if let Some(pictures) = pictures {
            let pictures = self.store_pictures(call, pictures).await?;
            let document = pictures.upload_result(call.target, &stored.metadata);
            response::put(response.headers_mut(), header::CONTENT_TYPE, "application/xml");
            *response.body_mut() = net::full(document);
        }
        if let Some(asked) = &asked {
            reply::put(&mut response, self.reply(asked, call.target, &stored).await?);
        }
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7741>
    pub(super) async fn append_object(&self, call: &ObjectCall<'_>, body: RequestBody) -> Outcome {
        let headers = self.upload_headers(call.target, &call.request.headers)?;
        let attributes = ObjectAttributes::of(&call.request.headers)?;
        let position: u64 =
            call.request
                .parameter("position")
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| error::invalid_argument("The position must be a number."))?;
        let (bucket, key) = (call.target.bucket.name.to_string(), call.target.key.clone());
        let current = self.store.read().object(&bucket, &key);
        check_append(current.as_deref(), position)?;
        let limit = TrafficLimit::of(call.request)?;
        let written = self.receive(&call.request.headers, body, limit).await?;
        let mut object = Object::of(written, headers, call.request.now).with(attributes);
        object.metadata.is_appendable = true;
        let md5_of_piece = object.metadata.etag.clone();
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    check_append(current, position)?;
                    Ok(match current {
                        Some(current) => appended(current, object),
                        None => object,
                    })
                })
            })
            .await?;
        let mut response = written_response(&stored.metadata);
        let next = stored.metadata.length.to_string();
        response::put(response.headers_mut(), NEXT_POSITION, &next);
        response::put(response.headers_mut(), CONTENT_SHA1, &md5_of_piece);
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7743>
    pub(super) async fn delete_object(&self, call: &ObjectCall<'_>) -> Outcome {
        let (target, now) = (call.target.clone(), call.request.now);
        let version_id = requested_version(call.request);
        let bucket = call.target.bucket.name.to_string();
        let deleted = self
            .change(move |store| {
                store.delete_object(&bucket, &target.key, version_id.as_deref(), now)
            })
            .await?;
        let mut response = response::empty(StatusCode::NO_CONTENT);
        if let Some(id) = &deleted.version_id {
            response::put(response.headers_mut(), VERSION_ID, id);
        }
        if deleted.is_marker {
            response::put(response.headers_mut(), DELETE_MARKER, "true");
        }
        Ok(response)
    }
}

/// The current object with the bytes of `more` after it.
fn appended(current: &Object, more: Object) -> Object {
    let (old, new) = (&current.metadata, more.metadata);
    let etags = [old.etag.as_str(), new.etag.as_str()];
    let pieces = current.content.pieces().saturating_add(1);
    let mut content = current.content.clone();
    content.append(&more.content);
    Object {
        metadata: ObjectMetadata {
            etag: etag_of_pieces(etags.into_iter(), pieces),
            crc64: combined_crc64(old.crc64, new.crc64, new.length),
            length: old.length.saturating_add(new.length),
            headers: old.headers.clone(),
            attributes: old.attributes.clone(),
            ..new
        },
        content,
    }
}

/// The response to the upload of an object or a part.
pub(super) fn written_response(metadata: &ObjectMetadata) -> Response {
    let mut response = response::empty(StatusCode::OK);
    put_checksums(response.headers_mut(), metadata);
    metadata.headers.put_encryption_on(response.headers_mut());
    if let Some(id) = metadata.version.own_id() {
        response::put(response.headers_mut(), VERSION_ID, &id);
    }
    response
}

pub(super) fn put_checksums(headers: &mut HeaderMap, metadata: &ObjectMetadata) {
    response::put_etag(headers, &metadata.etag);
    response::put_crc64(headers, metadata.crc64);
}

fn check_append(current: Option<&Object>, position: u64) -> Result<(), CosError> {
    let length = current.map_or(0, |object| object.metadata.length);
    if current.is_some_and(|object| !object.metadata.is_appendable) {
        return Err(error::object_not_appendable());
    }
    if position != length {
        return Err(error::append_position()
            .with_header("x-cos-next-append-position", length.to_string())
            .because(format!("the object has {length} bytes, the position is {position}")));
    }
    if current.is_some_and(|object| object.content.pieces() >= MAX_APPENDS) {
        return Err(error::entity_too_large().because("an object accepts at most 10000 appends"));
    }
    Ok(())
}

/// The header with the id of a version.
pub(super) const VERSION_ID: HeaderName = HeaderName::from_static("x-cos-version-id");
const DELETE_MARKER: HeaderName = HeaderName::from_static("x-cos-delete-marker");
const NEXT_POSITION: HeaderName = HeaderName::from_static("x-cos-next-append-position");

/// From SDK source: despite its name, the Go SDK compares it with the MD5 of the piece.
const CONTENT_SHA1: HeaderName = HeaderName::from_static("x-cos-content-sha1");
const MAX_APPENDS: usize = 10_000;
