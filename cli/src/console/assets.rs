//! The files of the page, part of the program, and the vendor's SDK from its file.
//!
//! # Guarantees
//! A file has a fixed type that browsers may not guess anew. The policy of the page allows no code
//! but its own files, and no connection but to this server, the issuer and COS. It may not be
//! framed.

use std::path::Path;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::loopback::{Body, response};

/// Name, type and content.
const FILES: [(&str, &str, &[u8]); 10] = [
    ("/", HTML, include_bytes!("../../console/index.html")),
    ("/console.css", "text/css; charset=utf-8", include_bytes!("../../console/console.css")),
    ("/main.js", SCRIPT, include_bytes!("../../console/main.js")),
    ("/api.js", SCRIPT, include_bytes!("../../console/api.js")),
    ("/words.js", SCRIPT, include_bytes!("../../console/words.js")),
    ("/requests.js", SCRIPT, include_bytes!("../../console/requests.js")),
    ("/credential.js", SCRIPT, include_bytes!("../../console/credential.js")),
    ("/cloud.js", SCRIPT, include_bytes!("../../console/cloud.js")),
    ("/buckets.js", SCRIPT, include_bytes!("../../console/buckets.js")),
    ("/files.js", SCRIPT, include_bytes!("../../console/files.js")),
];

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Where the page may connect to, besides this server.
#[derive(Clone)]
pub(crate) struct Policy(HeaderValue);

impl Policy {
    pub(super) fn new(origins: &[String]) -> Self {
        let text = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             connect-src 'self' {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            origins.join(" ")
        );
        let strictest = HeaderValue::from_static("default-src 'none'");
        Self(HeaderValue::from_str(&text).unwrap_or(strictest))
    }
}

/// The file of this path; `sdk` is where the vendor's SDK is.
pub(super) fn file(path: &str, sdk: &Path, policy: &Policy) -> Option<Response<Body>> {
    let (content_type, content) = if path == "/cos-js-sdk-v5.min.js" {
        (SCRIPT, Bytes::from(std::fs::read(sdk).ok()?))
    } else {
        let (_, content_type, content) = FILES.iter().find(|(name, ..)| *name == path)?;
        (*content_type, Bytes::from_static(content))
    };
    Some(with_headers(response(StatusCode::OK, content_type, content), policy))
}

fn with_headers(mut response: Response<Body>, policy: &Policy) -> Response<Body> {
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert("content-security-policy", policy.0.clone());
    for (name, value) in [
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}
