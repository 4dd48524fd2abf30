//! A request in text, as an HTTP server passes it on.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use oracle::wire::Wire;

/// The head of the request; `None` for one that no HTTP server accepts.
pub(crate) fn http_head(wire: &Wire) -> Option<Parts> {
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(wire.method.as_bytes()).ok()?;
    *request.uri_mut() = Uri::try_from(wire.target.as_bytes()).ok()?;
    for (name, value) in &wire.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let value = HeaderValue::from_bytes(value).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request.into_parts().0)
}
