//! Showing an object: whole, a range of it, or its headers alone.
//! <https://www.tencentcloud.com/document/product/436/7753>, <https://www.tencentcloud.com/document/product/436/7745>

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::object::{no_such_key, put_checksums};
use super::{Outcome, Service};
use crate::cos::auth::access::Admitted;
use crate::cos::error::CosError;
use crate::cos::http::byte_range::Slice;
use crate::cos::http::date;
use crate::cos::http::metadata::invalid_argument;
use crate::cos::http::precondition::{self, Unmet};
use crate::cos::http::request::Ask;
use crate::cos::http::response;
use crate::cos::store::Facts;

impl Service {
    pub(super) fn show_object(&self, ask: &Ask, admitted: &Admitted, with_body: bool) -> Outcome {
        let (bucket, key) = self.place(ask)?;
        let overrides = overrides(ask, admitted)?;
        let object = self
            .store
            .read()
            .object(&bucket, &key)
            .ok_or_else(no_such_key)?;
        let facts = &object.facts;
        match precondition::for_reading(&ask.headers, object.version()) {
            Ok(()) => {}
            Err(Unmet::Failed) => return Err(precondition::failed()),
            Err(Unmet::NotModified) => {
                let mut answer = response::empty(StatusCode::NOT_MODIFIED);
                put_facts(answer.headers_mut(), facts);
                return Ok(answer);
            }
        }
        let range = match ask.header("range") {
            Some(header) if precondition::range_stands(&ask.headers, object.version()) => {
                Slice::of_header(header, facts.length)?
            }
            Some(_) | None => None,
        };
        let slice = range.unwrap_or_else(|| Slice::whole(facts.length));
        let mut answer = response::empty(match range {
            Some(_) => StatusCode::PARTIAL_CONTENT,
            None => StatusCode::OK,
        });
        let headers = answer.headers_mut();
        facts.metadata.put_on(headers);
        put_facts(headers, facts);
        put_checksums(headers, facts);
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        response::put(headers, header::CONTENT_LENGTH, &slice.length().to_string());
        if range.is_some() {
            let told = slice.header(facts.length);
            response::put(headers, header::CONTENT_RANGE, &told);
        }
        if facts.is_appendable {
            response::put(headers, OBJECT_TYPE, "appendable");
            response::put(headers, NEXT_POSITION, &facts.length.to_string());
        }
        headers.extend(overrides);
        if with_body {
            *answer.body_mut() = object.content.slice(slice).into_body();
        }
        Ok(answer)
    }
}

fn put_facts(headers: &mut HeaderMap, facts: &Facts) {
    response::put_etag(headers, &facts.etag);
    response::put(headers, header::LAST_MODIFIED, &date::http(facts.modified));
}

/// Documented: `response-…` parameters replace headers of the answer, for callers who signed.
fn overrides(ask: &Ask, admitted: &Admitted) -> Result<HeaderMap, CosError> {
    let mut headers = HeaderMap::new();
    for (parameter, name) in OVERRIDES {
        let Some(value) = ask.parameter(parameter).filter(|value| !value.is_empty()) else {
            continue;
        };
        if admitted.anonymous {
            return Err(CosError::new(
                StatusCode::BAD_REQUEST,
                "InvalidRequest",
                "Request specific response headers cannot be used for anonymous GET requests.",
            ));
        }
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| invalid_argument("A response header value is not valid."))?;
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

const OBJECT_TYPE: HeaderName = HeaderName::from_static("x-cos-object-type");
const NEXT_POSITION: HeaderName = HeaderName::from_static("x-cos-next-append-position");
