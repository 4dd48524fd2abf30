//! CORS: which pages may read an answer, and what a preflight allows.
//!
//! # Guarantees
//! A page of an origin that is not allowed learns nothing. `Access-Control-Allow-Credentials` is never sent: cookies do not
//! authenticate here.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers that answer a preflight. `api_key_header` is one more header that a page may send.
pub(super) fn preflight(api_key_header: Option<&HeaderName>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS");
    set(ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type");
    set(ACCESS_CONTROL_MAX_AGE, "600");
    let one_more = api_key_header.map(|name| format!("authorization, content-type, {name}"));
    if let Some(Ok(names)) = one_more.map(HeaderValue::try_from) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    headers
}

/// Lets a page of an allowed origin read the answer; for any other, removes what a preflight allows.
pub(super) fn apply(
    headers: &mut HeaderMap,
    request_headers: &HeaderMap,
    allowed_origins: &[HeaderValue],
) {
    match request_headers.get(ORIGIN) {
        Some(origin) if allowed_origins.contains(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let exposed = HeaderValue::from_static("Date, Retry-After, X-Request-Id");
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
        Some(_) | None => {
            for name in [
                ACCESS_CONTROL_ALLOW_METHODS,
                ACCESS_CONTROL_ALLOW_HEADERS,
                ACCESS_CONTROL_MAX_AGE,
            ] {
                headers.remove(name);
            }
        }
    }
}
