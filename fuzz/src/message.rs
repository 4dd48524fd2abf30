//! HTTP requests as text: `METHOD path?query`, header lines, an empty line, the body.
//!
//! The bytes of an input are the bytes of the request, so a mutation of one is a small change of
//! the other. A header that no HTTP server would pass on is dropped, not repaired.

use cos_issuer::request::Inbound;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::form_urlencoded;

/// The request of an input, if there is one.
pub(crate) fn parse(bytes: &[u8]) -> Option<Inbound> {
    let (head, body) = split(bytes, b"\n\n").unwrap_or((bytes, b""));
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target) = split(lines.next()?, b" ")?;
    let target = std::str::from_utf8(target).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = split(line, b": ") else {
            continue;
        };
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            headers.append(name, value);
        }
    }
    Some(Inbound {
        method: Method::from_bytes(method).ok()?,
        path: path.to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers,
        body: body.to_vec(),
        ..Inbound::default()
    })
}

/// What precedes and follows the first `between`.
fn split<'b>(bytes: &'b [u8], between: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let at = bytes.windows(between.len()).position(|window| window == between)?;
    Some((&bytes[..at], &bytes[at + between.len()..]))
}
