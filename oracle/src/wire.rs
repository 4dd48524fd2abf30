//! A request to COS as text: `METHOD target`, header lines, an empty line, the body.
//!
//! # Not covered
//!
//! Fragments, which no client sends.

/// A request.
#[derive(Clone, Debug)]
pub struct Wire {
    /// As it is sent.
    pub method: String,
    /// Path and query as they are sent.
    pub target: String,
    /// In the order in which they are sent; a name can occur twice.
    pub headers: Vec<(String, Vec<u8>)>,
    /// All bytes behind the empty line.
    pub body: Vec<u8>,
}

impl Wire {
    /// The request of these bytes; `None` without a method and a target.
    pub fn read(bytes: &[u8]) -> Option<Self> {
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

    /// Replaces `place` by `text` everywhere.
    pub fn fill(&mut self, place: &str, text: &str) {
        self.target = self.target.replace(place, text);
        for (_, value) in &mut self.headers {
            *value = replaced(value, place.as_bytes(), text.as_bytes());
        }
        self.body = replaced(&self.body, place.as_bytes(), text.as_bytes());
    }

    /// The values of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Vec<&[u8]> {
        let named = |found: &&(String, Vec<u8>)| found.0.eq_ignore_ascii_case(name);
        let found = self.headers.iter().filter(named);
        found.map(|(_, value)| value.as_slice()).collect()
    }

    /// The path, percent-encoded as it was sent.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query, decoded, with a blank for each `+`; `None` when a part of it is not UTF-8.
    pub fn parameters(&self) -> Option<Vec<(String, String)>> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let parts = query.split('&').filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let blank = |text: &str| decoded(&text.replace('+', " "));
            Some((blank(name)?, blank(value)?))
        };
        parts.map(pair).collect()
    }
}

/// Percent-decoded; a `%` that begins no escape is itself.
pub fn decoded(text: &str) -> Option<String> {
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
