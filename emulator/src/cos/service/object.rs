//! Writing and removing single objects.

use http::{HeaderMap, HeaderName, StatusCode};

use super::{CosService, Outcome};
use crate::cos::auth::access::AuthContext;
use crate::cos::checksum::{combined_crc64, etag_of_pieces};
use crate::cos::error::CosError;
use crate::cos::http::body::RequestBody;
use crate::cos::http::metadata::{ObjectHeaders, invalid_argument};
use crate::cos::http::precondition::{self, Validators};
use crate::cos::http::request::RequestHead;
use crate::cos::http::response::{self, Response};
use crate::cos::store::{Content, Object, ObjectMetadata};

impl CosService {
    /// <https://www.tencentcloud.com/document/product/436/7749>
    pub(super) async fn put_object(&self, request: &RequestHead, body: RequestBody) -> Outcome {
        let (bucket, key) = self.place(request)?;
        let object_headers = ObjectHeaders::of(&request.headers)?;
        // Asked before the body comes, and once more when it is there.
        let current = self.store.read().object(&bucket, &key);
        precondition::check_write(&request.headers, current.as_deref().map(Object::validators))?;
        let written = self.receive(&request.headers, body).await?;
        let sums = written.checksums;
        let mut metadata = ObjectMetadata::new(sums.length, sums.etag(), sums.crc64, request.now);
        metadata.headers = object_headers;
        let object = Object {
            metadata,
            content: written.content,
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
        Ok(written_response(&stored.metadata))
    }

    /// <https://www.tencentcloud.com/document/product/436/7741>
    pub(super) async fn append_object(&self, request: &RequestHead, body: RequestBody) -> Outcome {
        let (bucket, key) = self.place(request)?;
        let object_headers = ObjectHeaders::of(&request.headers)?;
        let position: u64 = request
            .parameter("position")
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| invalid_argument("The position must be a number."))?;
        let current = self.store.read().object(&bucket, &key);
        check_append(current.as_deref(), position)?;
        let written = self.receive(&request.headers, body).await?;
        let sums = written.checksums;
        let now = request.now;
        let stored = self
            .change(move |store| {
                store.put_object(&bucket, &key, |current| {
                    check_append(current, position)?;
                    let mut metadata =
                        ObjectMetadata::new(sums.length, sums.etag(), sums.crc64, now);
                    metadata.headers = object_headers;
                    metadata.is_appendable = true;
                    let mut content = Content::default();
                    if let Some(current) = current {
                        let etags = [current.metadata.etag.as_str(), metadata.etag.as_str()];
                        metadata.etag = etag_of_pieces(
                            etags.into_iter(),
                            current.content.pieces().saturating_add(1),
                        );
                        metadata.crc64 =
                            combined_crc64(current.metadata.crc64, sums.crc64, sums.length);
                        metadata.length = current.metadata.length.saturating_add(sums.length);
                        metadata.headers = current.metadata.headers.clone();
                        content = current.content.clone();
                    }
                    content.append(&written.content);
                    Ok(Object { metadata, content })
                })
            })
            .await?;
        let mut response = written_response(&stored.metadata);
        let next = stored.metadata.length.to_string();
        response::put(response.headers_mut(), NEXT_POSITION, &next);
        Ok(response)
    }

    /// <https://www.tencentcloud.com/document/product/436/7743>
    pub(super) async fn delete_object(&self, request: &RequestHead) -> Outcome {
        let (bucket, key) = self.place(request)?;
        self.change(move |store| store.delete_object(&bucket, &key))
            .await?;
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// <https://www.tencentcloud.com/document/product/436/7744>
    pub(super) fn object_acl(&self, request: &RequestHead, context: &AuthContext) -> Outcome {
        let (bucket, key) = self.place(request)?;
        match self.store.read().object(&bucket, &key) {
            Some(_) => Ok(super::bucket::private_acl(context)),
            None => Err(no_such_key()),
        }
    }
}

impl Object {
    /// What conditions look at.
    pub(super) fn validators(&self) -> Validators<'_> {
        Validators {
            etag: &self.metadata.etag,
            modified: self.metadata.modified,
        }
    }
}

/// The answer to whoever wrote an object or a part.
pub(super) fn written_response(metadata: &ObjectMetadata) -> Response {
    let mut response = response::empty(StatusCode::OK);
    put_checksums(response.headers_mut(), metadata);
    response
}

pub(super) fn put_checksums(headers: &mut HeaderMap, metadata: &ObjectMetadata) {
    response::put_etag(headers, &metadata.etag);
    response::put_crc64(headers, metadata.crc64);
}

pub(super) fn no_such_key() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchKey",
        "The specified key does not exist.",
    )
}

fn check_append(current: Option<&Object>, position: u64) -> Result<(), CosError> {
    let length = current.map_or(0, |object| object.metadata.length);
    if current.is_some_and(|object| !object.metadata.is_appendable) {
        return Err(CosError::new(
            StatusCode::CONFLICT,
            "ObjectNotAppendable",
            "The object is not appendable.",
        ));
    }
    if position != length {
        return Err(CosError::new(
            StatusCode::CONFLICT,
            "AppendPositionErr",
            "The value of the position parameter does not match the length of the current object.",
        )
        .with_header("x-cos-next-append-position", length.to_string())
        .because(format!(
            "the object has {length} bytes, the position is {position}"
        )));
    }
    if current.is_some_and(|object| object.content.pieces() >= MAX_APPENDS) {
        return Err(crate::cos::http::body::too_large()
            .because("this cloud appends to one object 10000 times at the most"));
    }
    Ok(())
}

const NEXT_POSITION: HeaderName = HeaderName::from_static("x-cos-next-append-position");
const MAX_APPENDS: usize = 10_000;
