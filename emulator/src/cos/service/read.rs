//! Reading an object: whole, a range of it, or its headers only.
//! <https://www.tencentcloud.com/document/product/436/7753>,
//! <https://www.tencentcloud.com/document/product/436/7745>

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::object::{VERSION_ID, put_checksums};
use super::{CosService, ObjectCall, Outcome};
use crate::cos::archive::check_readable;
use crate::cos::auth::access::AuthContext;
use crate::cos::error::{self, CosError};
use crate::cos::http::byte_range::ByteRange;
use crate::cos::http::precondition::{self, PreconditionFailed};
use crate::cos::http::request::RequestHead;
use crate::cos::http::response::{self, Response};
use crate::cos::http::traffic_limit::TrafficLimit;
use crate::cos::store::{Object, ObjectMetadata};
use crate::http_date;

impl CosService {
    pub(super) fn read_object(&self, call: &ObjectCall<'_>, with_body: bool) -> Outcome {
        let overrides = overrides(call.request, &call.context)?;
        let object = self.object(call)?;
        let metadata = &object.metadata;
        let version_id = self.versioning_of(&call.target.bucket).map(|_| metadata.version.id());
        if let Some(response) = unmodified(call, &object)? {
            return Ok(response);
        }
        let class = metadata.headers.storage_class();
        let restoration = metadata.attributes.restoration.as_ref();
        if with_body {
            check_readable(class, restoration, call.request.now)?;
        }
        let limit = TrafficLimit::of(call.request)?;
        let range = requested_range(call, &object, metadata.length)?;
        let read = range.unwrap_or_else(|| ByteRange::whole(metadata.length));
        let mut response = response::empty(match range {
            Some(_) => StatusCode::PARTIAL_CONTENT,
            None => StatusCode::OK,
        });
        let headers = response.headers_mut();
        metadata.headers.put_on(headers);
        put_metadata(headers, metadata);
        put_checksums(headers, metadata);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response::put(headers, header::CONTENT_LENGTH, &read.length().to_string());
        if range.is_some() {
            let value = read.header(metadata.length);
            response::put(headers, header::CONTENT_RANGE, &value);
        }
        if let Some(restoration) = restoration {
            let (restore, status) = restoration.headers(call.request.now);
            for (name, value) in [(RESTORE, restore), (RESTORE_STATUS, status)] {
                if let Some(value) = value {
                    response::put(headers, name, &value);
                }
            }
        }
        if let Some(id) = &version_id {
            response::put(headers, VERSION_ID, id);
        }
        if metadata.is_appendable {
            response::put(headers, OBJECT_TYPE, "appendable");
            response::put(headers, NEXT_POSITION, &metadata.length.to_string());
        }
        if !metadata.attributes.tags.is_empty() {
            response::put(headers, TAGGING_COUNT, &metadata.attributes.tags.len().to_string());
        }
        headers.extend(overrides);
        if with_body {
            let body = object.content.slice(read).into_body();
            *response.body_mut() = match limit {
                Some(limit) => limit.slow(body),
                None => body,
            };
        }
        Ok(response)
    }
}

/// The response without a body, if the client has the object as it is.
pub(super) fn unmodified(
    call: &ObjectCall<'_>,
    object: &Object,
) -> Result<Option<Response>, CosError> {
    match precondition::check_read(&call.request.headers, object.validators()) {
        Ok(()) => Ok(None),
        Err(PreconditionFailed::Failed) => Err(error::precondition_failed()),
        Err(PreconditionFailed::NotModified) => {
            let mut response = response::empty(StatusCode::NOT_MODIFIED);
            put_metadata(response.headers_mut(), &object.metadata);
            Ok(Some(response))
        }
    }
}

/// The part of `length` bytes that a request reads; `None` for all of them.
pub(super) fn requested_range(
    call: &ObjectCall<'_>,
    object: &Object,
    length: u64,
) -> Result<Option<ByteRange>, CosError> {
    let (header, validators) = (call.request.header("range"), object.validators());
    match header.filter(|_| precondition::if_range_matches(&call.request.headers, validators)) {
        Some(header) => ByteRange::of_header(header, length),
        None => Ok(None),
    }
}

fn put_metadata(headers: &mut HeaderMap, metadata: &ObjectMetadata) {
    response::put_etag(headers, &metadata.etag);
    response::put(headers, header::LAST_MODIFIED, &http_date::text(metadata.modified));
}

/// Documented: in a signed request, `response-…` parameters replace headers of the response.
pub(super) fn overrides(
    request: &RequestHead,
    context: &AuthContext,
) -> Result<HeaderMap, CosError> {
    let mut headers = HeaderMap::new();
    for (parameter, name) in OVERRIDES {
        let Some(value) = request.parameter(parameter).filter(|value| !value.is_empty()) else {
            continue;
        };
        if context.anonymous {
            return Err(error::invalid_request(
                "Request specific response headers cannot be used for anonymous GET requests.",
            ));
        }
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| error::invalid_argument("A response header value is not valid."))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

const OVERRIDES: [(&str, HeaderName); 6] = [
    ("response-cache-control", header::CACHE_CONTROL),
    ("response-content-disposition", header::CONTENT_DISPOSITION),
    ("response-content-encoding", header::CONTENT_ENCODING),
    ("response-content-language", header::CONTENT_LANGUAGE),
    ("response-content-type", header::CONTENT_TYPE),
    ("response-expires", header::EXPIRES),
];

const TAGGING_COUNT: HeaderName = HeaderName::from_static("x-cos-tagging-count");
const RESTORE: HeaderName = HeaderName::from_static("x-cos-restore");
const RESTORE_STATUS: HeaderName = HeaderName::from_static("x-cos-restore-status");
const OBJECT_TYPE: HeaderName = HeaderName::from_static("x-cos-object-type");
const NEXT_POSITION: HeaderName = HeaderName::from_static("x-cos-next-append-position");
