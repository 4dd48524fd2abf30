//! One answer: its status, the headers that every answer has, and its JSON.
//!
//! # Guarantees
//! An error never has `data`, since clients take its presence for success. No cache keeps an
//! answer to a request that could be read.
//!
//! # Not covered
//! How a platform wraps the answer (`runtime`).

mod cors;
mod formats;
mod signed;

use std::sync::LazyLock;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::error::Error;
use crate::grant::{NewObject, SignableRequest};
use crate::request::{Format, RequestId, Route};
use crate::sts::Credentials;

/// One answer.
#[expect(missing_debug_implementations, reason = "its body may hold issued credentials")]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// JSON, or empty.
    pub body: String,
}

impl Response {
    /// Issued credentials, as `format` represents them, with the object that they are for when the
    /// function named it.
    pub fn credentials(
        format: Format,
        credentials: &Credentials,
        id: &RequestId,
        object: Option<&NewObject>,
    ) -> Self {
        let body = formats::credentials(format, credentials, id, object);
        Self::json(StatusCode::OK, body)
    }

    /// One request, signed with credentials that are for nothing else.
    pub fn signed(request: &SignableRequest, credentials: &Credentials, id: &RequestId) -> Self {
        Self::json(StatusCode::OK, signed::signed(request, credentials, id))
    }

    /// A refusal or failure.
    pub fn error(error: &Error, id: &RequestId) -> Self {
        let code = error.code().info();
        let failed = Failed {
            code: code.number,
            code_desc: code.name,
            message: error.message(),
            request_id: id.as_str(),
        };
        let mut response = Self::json(code.status, formats::json(&failed));
        if let Some((name, value)) = error.header() {
            response.headers.insert(name, value.clone());
        }
        response
    }

    /// The answer of a probe.
    pub fn probe(status: StatusCode, text: &'static str) -> Self {
        Self::json(status, formats::json(&Probe { status: text }))
    }

    /// The list of routes.
    pub fn index() -> Self {
        let index = Index { routes: Route::LISTED };
        Self::json(StatusCode::OK, formats::json(&index))
    }

    /// The answer to a CORS preflight.
    pub fn preflight(request_headers: &HeaderMap) -> Self {
        let mut response = Self::json(StatusCode::NO_CONTENT, String::new());
        response.headers.remove(CONTENT_TYPE);
        response.headers.extend(cors::preflight(request_headers));
        response
    }

    /// Adds the id of the request, and lets an allowed origin read the answer.
    #[must_use]
    pub fn finished(
        mut self,
        request_headers: &HeaderMap,
        id: &RequestId,
        allowed_origins: &[HeaderValue],
    ) -> Self {
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            self.headers.insert(X_REQUEST_ID, id);
        }
        // Only a preflight has no content.
        let is_preflight = self.status == StatusCode::NO_CONTENT;
        cors::apply(&mut self.headers, request_headers, allowed_origins, is_preflight);
        self
    }

    fn json(status: StatusCode, body: String) -> Self {
        Self { status, headers: COMMON_HEADERS.clone(), body }
    }
}

/// What every answer has, errors too: no cache keeps it, and no browser guesses its type. Copied as
/// a whole, which takes less than adding each one.
static COMMON_HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_TYPE, "application/json"),
        (VARY, "Origin, Authorization"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The id is put in its place.
        (X_REQUEST_ID, ""),
    ];
    HeaderMap::from_iter(headers.map(|(name, value)| (name, HeaderValue::from_static(value))))
});

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed<'a> {
    code: u16,
    code_desc: &'static str,
    message: &'a str,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Index {
    routes: [&'static str; Route::LISTED.len()],
}

#[derive(Serialize)]
struct Probe {
    status: &'static str,
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
