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
        Self {
            status: StatusCode::NO_CONTENT,
            headers: cors::preflight(request_headers),
            body: String::new(),
        }
    }

    /// Adds what every answer has, errors too: no cache keeps it, no browser guesses its type, and
    /// an allowed origin may read it.
    #[must_use]
    pub fn finished(
        mut self,
        request_headers: &HeaderMap,
        id: &RequestId,
        allowed_origins: &[HeaderValue],
    ) -> Self {
        for (name, value) in [
            (CACHE_CONTROL, "no-store"),
            (VARY, "Origin, Authorization"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ] {
            self.headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(id.as_str()) {
            self.headers.insert(X_REQUEST_ID, id);
        }
        cors::apply(&mut self.headers, request_headers, allowed_origins);
        self
    }

    fn json(status: StatusCode, body: String) -> Self {
        let mut headers = HeaderMap::with_capacity(MAX_HEADERS);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body }
    }
}

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

/// With those for a page of another origin, of a refusal, and of the server.
const MAX_HEADERS: usize = 12;
