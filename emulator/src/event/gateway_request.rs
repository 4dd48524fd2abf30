//! One HTTP request as it reached a gateway, and the parts of it that events are made of.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use tencent::time::Timestamp;

/// One HTTP request as it reached a gateway.
#[derive(Clone, Debug)]
pub(crate) struct GatewayRequest {
    pub(crate) method: Method,
    /// As sent, still percent-encoded.
    pub(crate) path: String,
    /// As sent; empty when there was none.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) request_id: String,
    pub(crate) source_ip: String,
    pub(crate) unix_seconds: i64,
}

impl GatewayRequest {
    /// A request that a client on this machine sends.
    pub(crate) fn new(request: Request<Bytes>, request_id: String, now: Timestamp) -> Self {
        let (head, body) = request.into_parts();
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            request_id,
            source_ip: "127.0.0.1".to_owned(),
            unix_seconds: now.unix_seconds(),
        }
    }

    /// Path and query, as sent.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(super) fn host(&self) -> &str {
        self.header(header::HOST.as_str()).unwrap_or("localhost")
    }

    /// Lower-case names; values of one name joined by commas, values that are not text left out.
    pub(super) fn joined_headers(&self) -> Map<String, Value> {
        let mut joined = Map::new();
        for name in self.headers.keys() {
            let values: Vec<&str> =
                self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
            joined.insert(name.as_str().to_owned(), values.join(",").into());
        }
        joined
    }

    /// The same for SCF, where clients cannot set `x-scf-*`.
    pub(super) fn scf_headers(&self) -> Map<String, Value> {
        let mut headers = self.joined_headers();
        headers.retain(|name, _| !name.starts_with("x-scf-"));
        headers
    }

    /// Decoded names and values; `None` for a bare name.
    pub(super) fn query_pairs(&self) -> Vec<(String, Option<String>)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (decoded(name), Some(decoded(value))),
                None => (decoded(pair), None),
            })
            .collect()
    }

    /// API gateway's union (documented in the vendor's own tests): a string, a list for repeats,
    /// `true` for a bare name.
    pub(super) fn query_union(&self) -> Map<String, Value> {
        let mut union: Map<String, Value> = Map::new();
        for (name, value) in self.query_pairs() {
            let value = value.map_or(Value::Bool(true), Value::String);
            let value = match union.remove(&name) {
                None => value,
                Some(Value::Array(mut list)) => {
                    list.push(value);
                    Value::Array(list)
                }
                Some(first) => Value::Array(vec![first, value]),
            };
            union.insert(name, value);
        }
        union
    }

    /// Text as it is, anything else as base64, and whether it is.
    pub(super) fn body_by_utf8(&self) -> (String, bool) {
        match str::from_utf8(&self.body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (STANDARD.encode(&self.body), true),
        }
    }

    /// Text for the content types that AWS calls text, base64 for every other.
    pub(super) fn body_by_content_type(&self) -> (String, bool) {
        let content_type = self.header(header::CONTENT_TYPE.as_str());
        let essence = content_type
            .and_then(|text| text.split(';').next())
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_text = essence.starts_with("text/")
            || matches!(
                essence.as_str(),
                "application/json" | "application/javascript" | "application/xml"
            );
        match str::from_utf8(&self.body) {
            Ok(text) if is_text || text.is_empty() => (text.to_owned(), false),
            _ => (STANDARD.encode(&self.body), true),
        }
    }
}

pub(super) fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
