//! One HTTP request: as a platform delivers it, and once it is within its limits.
//!
//! # Guarantees
//! A [`Request`] has bounded headers, none of them the platform's own, and a bounded body that is
//! UTF-8.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method};

use super::client_address::{AddressHeader, AddressSource, ClientAddress};
use super::identity::Identity;
use super::role_key::RoleKey;
use crate::error::{Error, ErrorCode};

/// One HTTP request. The default is `GET` without a path.
#[derive(Debug, Default)]
pub struct Request<Body = String> {
    /// The method.
    pub method: Method,
    /// The path without stage prefix, as sent.
    pub path: String,
    /// The query, decoded, in its order.
    pub query: Vec<(String, String)>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, without the base64 of an event.
    pub body: Body,
    /// Who the platform reports as the caller; never read from a header.
    pub identity: Option<Identity>,
    /// The address of the client, as the connection or the event reports it.
    pub reported_address: Option<ClientAddress>,
    /// The execution role's key, where the platform sends it and `ROLE_KEYS` reads it.
    pub role_key: Option<Arc<RoleKey>>,
}

/// A request as a platform delivers it: nothing is checked.
pub type Inbound = Request<Vec<u8>>;

impl Inbound {
    /// Checks the limits and the encoding.
    ///
    /// # Errors
    /// [`ErrorCode::HeadersTooLarge`], [`ErrorCode::BodyTooLarge`], [`ErrorCode::BodyEncoding`].
    pub fn check(self) -> Result<Request, Error> {
        self.check_or_return().map_err(|refused| refused.0)
    }

    /// The same; an error comes with the headers, for an answer that depends on them.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub fn check_or_return(mut self) -> Result<Request, Box<(Error, HeaderMap)>> {
        let is_platforms = |name: &HeaderName| name.as_str().starts_with("x-scf-");
        if self.headers.keys().any(is_platforms) {
            for name in PLATFORM_HEADERS {
                self.headers.remove(name);
            }
        }
        let header_bytes = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len().saturating_add(value.len()));
        if self.headers.len() > MAX_HEADERS || header_bytes.sum::<usize>() > MAX_HEADER_BYTES {
            let message = format!(
                "headers: must have at most {MAX_HEADER_BYTES} bytes in {MAX_HEADERS} fields"
            );
            let error = Error::new(ErrorCode::HeadersTooLarge, message);
            return Err(Box::new((error, self.headers)));
        }
        // A header may be a caller's key, so `Debug` must show no value.
        for value in self.headers.values_mut() {
            value.set_sensitive(true);
        }
        if self.body.len() > MAX_BODY_BYTES {
            return Err(Box::new((body_too_large(), self.headers)));
        }
        let Ok(body) = String::from_utf8(self.body) else {
            let error = Error::new(ErrorCode::BodyEncoding, "body: must be UTF-8");
            return Err(Box::new((error, self.headers)));
        };
        Ok(Request {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: self.headers,
            body,
            identity: self.identity,
            reported_address: self.reported_address,
            role_key: self.role_key,
        })
    }
}

impl Request {
    /// The address of the client, by `header` where that is set. A request without an address in
    /// that header did not come through the proxies, so the address of the connection counts.
    pub fn client_address(&self, header: Option<&AddressHeader>) -> Option<ClientAddress> {
        let reported = header.and_then(|header| header.address(&self.headers));
        let of_header = |address| ClientAddress { address, source: AddressSource::Header };
        reported.map(of_header).or(self.reported_address)
    }
}

/// The refusal of a body over the limit, for servers that stop reading early.
pub fn body_too_large() -> Error {
    Error::new(ErrorCode::BodyTooLarge, format!("body: must have at most {MAX_BODY_BYTES} bytes"))
}

/// Headers that a platform adds for the function only. A client can write them too, so they are
/// dropped here, except `x-scf-request-id`, which the audit log shows when it is a client's.
/// <https://www.tencentcloud.com/document/product/583/40688>
const PLATFORM_HEADERS: [&str; 11] = [
    "x-scf-appid",
    "x-scf-memory",
    "x-scf-name",
    "x-scf-namespace",
    "x-scf-region",
    "x-scf-secret-id",
    "x-scf-secret-key",
    "x-scf-session-token",
    "x-scf-timeout",
    "x-scf-uin",
    "x-scf-version",
];

/// More than any client of these routes sends; a scope array of 100 items fits.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// Gateways add a kilobyte or two to the caller's own headers; a token takes up to eight.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Gateways add up to thirty.
const MAX_HEADERS: usize = 100;

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{Inbound, MAX_HEADER_BYTES, MAX_HEADERS, PLATFORM_HEADERS, Request};
    use crate::error::{Error, ErrorCode};

    fn with(headers: HeaderMap) -> Result<Request, Error> {
        let inbound = Inbound { path: "/sign".to_owned(), headers, ..Inbound::default() };
        inbound.check()
    }

    #[test]
    fn a_header_of_the_platform_is_dropped_and_no_header_is_printed() {
        let value = HeaderValue::from_static("CANARY");
        let mut headers = HeaderMap::new();
        for name in PLATFORM_HEADERS {
            headers.append(name, value.clone());
            headers.append(name, value.clone());
        }
        headers.insert("x-own", value.clone());
        let request = with(headers).unwrap();
        let left: Vec<&str> = request.headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-own"]);
        assert!(!format!("{request:?}").contains("CANARY"));
    }

    #[test]
    fn headers_are_bounded_in_number_and_size() {
        let of = |count: usize, length: usize| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(&"x".repeat(length)).unwrap();
            for _ in 0..count {
                headers.append("x-a", value.clone());
            }
            with(headers).map(drop).map_err(|error| error.code())
        };
        let refused = Err(ErrorCode::HeadersTooLarge);
        assert_eq!(of(MAX_HEADERS, 1), Ok(()));
        assert_eq!(of(MAX_HEADERS + 1, 1), refused);
        assert_eq!(of(1, MAX_HEADER_BYTES - 3), Ok(()));
        assert_eq!(of(1, MAX_HEADER_BYTES - 2), refused);
        assert_eq!(of(2, MAX_HEADER_BYTES / 2), refused);
    }
}
