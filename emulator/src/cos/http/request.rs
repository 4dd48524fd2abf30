//! The head of one request.
//!
//! # Guarantees
//!
//! Path and query are kept as sent, since signatures cover them. The key is decoded once.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderMap, Method, header};
use tencent::time::Timestamp;

use super::address::Address;
use super::copy_source::COPY_SOURCE;
use super::s3::Api;
use super::virtual_host::{DefaultBucket, PathStyle};
use crate::cos::error::{self, CosError};
use crate::net::Peer;

/// Everything before the body.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) api: Api,
    pub(crate) method: Method,
    /// The `Host` header as sent, with its port.
    pub(crate) host: String,
    /// Percent-encoded, begins with `/`.
    pub(crate) path: String,
    /// Without the `?`; may be empty.
    pub(crate) query: String,
    /// Those with a value, under the names of COS: an empty header counts as none.
    pub(crate) headers: HeaderMap,
    /// As sent, empty ones included, since signatures cover them.
    pub(crate) sent_headers: HeaderMap,
    pub(crate) source_ip: IpAddr,
    pub(crate) is_tls: bool,
    pub(crate) request_id: String,
    pub(crate) now: Timestamp,
    pub(crate) address: Address,
}

/// The `Host` header as sent; empty without one.
pub(crate) fn host_of(head: &Parts) -> String {
    let header = head.headers.get(header::HOST);
    let host = header.and_then(|host| host.to_str().ok());
    host.unwrap_or("").to_owned()
}

impl RequestHead {
    /// Parses the head of a request from `peer`.
    pub(crate) fn read(
        head: &Parts,
        peer: &Peer,
        request_id: &str,
        now: Timestamp,
        default_bucket: &DefaultBucket,
        path_style: PathStyle,
    ) -> Result<Self, CosError> {
        let host = host_of(head);
        // A client that takes this listener for its proxy names the host a second time.
        let is_other = head.uri.authority().is_some_and(|other| other.as_str() != host);
        if head.headers.get_all(header::HOST).iter().count() != 1 || is_other {
            return Err(error::bad_request());
        }
        let path = head.uri.path().to_owned();
        let query = head.uri.query().unwrap_or("").to_owned();
        let api = Api::of(&head.headers, &query);
        let address = Address::parse(&api.endpoint(&host), &path, default_bucket, path_style)?;
        let region = address.bucket().map(|bucket| &bucket.region);
        Ok(Self {
            api,
            method: head.method.clone(),
            headers: api.headers(with_values(&head.headers), region)?,
            address,
            host,
            path,
            query,
            sent_headers: head.headers.clone(),
            source_ip: peer.address.ip(),
            is_tls: peer.is_tls,
            request_id: request_id.to_owned(),
            now,
        })
    }

    /// The query's parameters, decoded, in order; a parameter without `=` has an empty value.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        self.encoded_parameters().map(|(name, value)| (decoded(&name), decoded(&value)))
    }

    /// The query's parameters, percent-encoded, with `%20` for each `+`: a form writes a blank so.
    pub(crate) fn encoded_parameters(&self) -> impl Iterator<Item = (String, String)> {
        self.query.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.replace('+', "%20"), value.replace('+', "%20"))
        })
    }

    /// The first value of the parameter `name`.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// The header `name`, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }
}

/// The headers that have a value. An empty source of a copy remains, and is rejected: without it, a
/// copy would be an upload.
pub(crate) fn with_values(sent: &HeaderMap) -> HeaderMap {
    sent.iter()
        .filter(|(name, value)| !value.is_empty() || *name == COPY_SOURCE)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Percent-decoded, with `+` unchanged; bytes that are not UTF-8 become the replacement character.
pub(crate) fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The header `name`, if it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
