//! CORS: which pages may read an answer, and what a preflight allows.
//!
//! # Guarantees
//! A page of an origin that is not allowed learns nothing. `Access-Control-Allow-Credentials` is
//! never sent: cookies do not authenticate here.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers that answer a preflight.
///
/// The requested header names are allowed: tracing and request libraries add headers of their own,
/// and a header authenticates only where a setting names it.
pub(super) fn preflight(request_headers: &HeaderMap) -> HeaderMap {
    let requested = request_headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    let names = requested.filter(|names| is_list_of_names(names)).cloned();
    let names = names.unwrap_or(HeaderValue::from_static("authorization, content-type"));
    let methods = HeaderValue::from_static("GET, POST, OPTIONS");
    HeaderMap::from_iter([
        (ACCESS_CONTROL_ALLOW_METHODS, methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, names),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600")),
    ])
}

fn is_list_of_names(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let is_name = |name: &str| HeaderName::from_bytes(name.trim().as_bytes()).is_ok();
    text.len() <= MAX_REQUESTED_BYTES && text.split(',').all(is_name)
}

/// Lets a page of an allowed origin read the answer; for any other, removes what a preflight
/// allows.
pub(super) fn apply(
    headers: &mut HeaderMap,
    request_headers: &HeaderMap,
    allowed_origins: &[HeaderValue],
    is_preflight: bool,
) {
    match request_headers.get(ORIGIN) {
        Some(origin) if allowed_origins.contains(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let exposed = HeaderValue::from_static("Date, Retry-After, X-Request-Id");
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        Some(_) | None if is_preflight => {
            for name in
                [ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_MAX_AGE]
            {
                headers.remove(name);
            }
        }
        Some(_) | None => {}
    }
}

/// Pages send a handful of headers. A longer list gets the default, so that an answer stays small.
const MAX_REQUESTED_BYTES: usize = 1024;
