//! Requests to COS as text: `METHOD target`, header lines, an empty line, the body; and what they say, read a second time.
//!
//! Promises: `{permanent}`, `{temporary}`, `{token}` and what a target adds stand for the right text of this run, so that keys are of no
//! input; nothing here is the emulator's code. Leaves out: fragments, which no client sends.

use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Uri};

/// A request.
#[derive(Clone)]
pub(crate) struct Wire {
    pub(crate) method: String,
    /// Path and query as they are sent.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|window| window == b"\n\n");
        let head = &bytes[..end.unwrap_or(bytes.len())];
        let body = end.map_or(&[][..], |end| &bytes[end + 2..]);
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = String::from_utf8(lines.next()?.to_vec()).ok()?;
        let (method, target) = first.split_once(' ')?;
        let headers = lines.filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8(line[..colon].to_vec()).ok()?;
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        });
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers.collect(),
            body: body.to_vec(),
        })
        .filter(|wire| !wire.target.contains('#'))
    }

    /// Puts `text` where `place` stands, everywhere.
    pub(crate) fn fill(&mut self, place: &str, text: &str) {
        self.target = self.target.replace(place, text);
        for (_, value) in &mut self.headers {
            *value = replaced(value, place.as_bytes(), text.as_bytes());
        }
        self.body = replaced(&self.body, place.as_bytes(), text.as_bytes());
    }

    /// As an HTTP server would hand it on; `None` for what it would not.
    pub(crate) fn parts(&self) -> Option<Parts> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).ok()?;
        *request.uri_mut() = Uri::try_from(self.target.as_bytes()).ok()?;
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let value = HeaderValue::from_bytes(value).ok()?;
            request.headers_mut().append(name, value);
        }
        Some(request.into_parts().0)
    }

    /// The values of a header, whatever the case of its name.
    pub(crate) fn header(&self, name: &str) -> Vec<&[u8]> {
        let named = |found: &&(String, Vec<u8>)| found.0.eq_ignore_ascii_case(name);
        let found = self.headers.iter().filter(named);
        found.map(|(_, value)| value.as_slice()).collect()
    }

    /// Percent-encoded.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Decoded; `None` when one of them is no UTF-8.
    pub(crate) fn parameters(&self) -> Option<Vec<(String, String)>> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let parts = query.split('&').filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Some((decoded(name)?, decoded(value)?))
        };
        parts.map(pair).collect()
    }
}

/// Percent-decoded; a `%` that begins no escape is itself.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        match digits.and_then(|digits| std::str::from_utf8(digits).ok()) {
            Some(digits) => {
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

fn replaced(bytes: &[u8], place: &[u8], by: &[u8]) -> Vec<u8> {
    let (mut result, mut rest) = (Vec::new(), bytes);
    while let Some(at) = rest.windows(place.len()).position(|window| window == place) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(by);
        rest = &rest[at + place.len()..];
    }
    result.extend_from_slice(rest);
    result
}
