//! The head of one request, and where it points.
//!
//! Promises: path and query are kept as they were sent, since signatures are over them; the key is decoded once.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use tencent::names::{Bucket, Region};
use tencent::time::Timestamp;

use super::error::CosError;
use super::host::{self, Home};
use crate::net::Peer;

/// What came before the body.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    /// The `Host` header as it was sent, port included.
    pub(crate) host: String,
    /// Percent-encoded, begins with `/`.
    pub(crate) path: String,
    /// Without the `?`; empty when there is none.
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) source_ip: IpAddr,
    pub(crate) is_tls: bool,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
    pub(crate) address: Address,
}

/// Where a request points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// The service host: no bucket.
    Service,
    /// A bucket, or an object in it.
    Bucket {
        bucket: Bucket,
        region: Region,
        /// Decoded, without the leading `/`; empty for the bucket itself.
        key: String,
    },
}

/// The host that a request names, as it was sent; empty when it names none.
pub(crate) fn host_of(head: &Parts) -> String {
    let header = head.headers.get(header::HOST);
    let host = header.and_then(|host| host.to_str().ok());
    host.unwrap_or("").to_owned()
}

impl Ask {
    /// Reads the head of a request that came from `peer`.
    pub(crate) fn read(
        head: &Parts,
        peer: &Peer,
        request_id: &str,
        now: Timestamp,
        home: &Home,
    ) -> Result<Self, CosError> {
        let host = host_of(head);
        if head.headers.get_all(header::HOST).iter().count() != 1 || head.uri.host().is_some() {
            return Err(CosError::new(
                StatusCode::BAD_REQUEST,
                "BadRequest",
                "The request must have one Host header and a target without a host.",
            ));
        }
        let path = head.uri.path().to_owned();
        Ok(Self {
            method: head.method.clone(),
            address: host::address(&host, &path, home)?,
            host,
            path,
            query: head.uri.query().unwrap_or("").to_owned(),
            headers: head.headers.clone(),
            source_ip: peer.address.ip(),
            is_tls: peer.is_tls,
            request_id: request_id.to_owned(),
            now,
        })
    }

    /// The query's parameters, decoded, in the order they came; a parameter without `=` has an empty value.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        self.query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                (decoded(name), decoded(value))
            })
    }

    /// The first value of the parameter `name`.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }

    /// The header `name`, when it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Percent-decoded, `+` left as it is; bytes that are no UTF-8 become the replacement character.
pub(crate) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text)
        .decode_utf8_lossy()
        .into_owned()
}
