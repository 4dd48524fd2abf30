//! COS-ISSUER-HMAC-SHA256, the signature of requests to this function (`docs/hmac.md`).
//!
//! ```text
//! StringToSign = COS-ISSUER-HMAC-SHA256 \n timestamp \n nonce \n METHOD \n path \n query \n hex(SHA256(body))
//! Signature    = hex(HMAC-SHA256(key, StringToSign))
//! ```
//!
//! The signature covers the decoded query, encoded again and sorted, because SCF's and REST
//! gateways pass on only decoded values.
//!
//! # Guarantees
//! Requests with the same meaning have the same signature; others have different ones.
//!
//! # Not covered
//! Whether a timestamp or a nonce is valid (`hmac`).

use std::collections::BinaryHeap;

use tencent::percent::percent_encode;
use tencent::secret::Secret;
use tencent::sign::digest::{hmac_sha256, sha256_hex};

/// The algorithm: the scheme of the header, and the first line of the string to sign.
pub const ALGORITHM: &str = "COS-ISSUER-HMAC-SHA256";

/// The signed parts of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignedRequest<'a> {
    /// Seconds since 1970.
    pub timestamp: i64,
    /// Used only once.
    pub nonce: &'a str,
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The path of the route, without the gateway's stage and `BASE_PATH`.
    pub path: &'a str,
    /// The query, decoded, in any order.
    pub query: &'a [(String, String)],
    /// The body.
    pub body: &'a str,
}

impl SignedRequest<'_> {
    /// Step 1: the string to sign.
    pub fn string_to_sign(&self) -> String {
        let (query, hashed_body) = (canonical_query(self.query), sha256_hex(self.body.as_bytes()));
        let timestamp = self.timestamp.to_string();
        let lines =
            [ALGORITHM, &timestamp, self.nonce, self.method, self.path, &query, &hashed_body];
        lines.join("\n")
    }

    /// Step 2: the signature, lower-case hex.
    pub fn sign(&self, key: &Secret) -> String {
        hex::encode(*hmac_sha256(key.expose().as_bytes(), self.string_to_sign().as_bytes()))
    }
}

/// Pairs `name=value`, sorted by bytes; everything but RFC 3986's unreserved characters is
/// percent-encoded.
fn canonical_query(query: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| {
        format!("{}={}", percent_encode(name), percent_encode(value))
    };
    // Not `sort`, whose code is several times as large.
    let pairs: BinaryHeap<String> = query.iter().map(pair).collect();
    pairs.into_sorted_vec().join("&")
}

#[cfg(test)]
mod tests {
    use super::SignedRequest;
    use tencent::secret::Secret;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    /// Made with `openssl dgst -sha256 -hmac`, as `docs/hmac.md` does.
    #[test]
    fn the_published_example() {
        let query = pairs(&[("format", "sdk"), ("durationSeconds", "900")]);
        let request = SignedRequest {
            timestamp: 1_700_000_000,
            nonce: "0123456789abcdef",
            method: "GET",
            path: "/sts",
            query: &query,
            body: "",
        };
        let text = "COS-ISSUER-HMAC-SHA256\n1700000000\n0123456789abcdef\nGET\n/sts\n\
                    durationSeconds=900&format=sdk\n\
                    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(request.string_to_sign(), text);
        let key = Secret::new("example-key-of-the-documentation".to_owned()).unwrap();
        assert_eq!(
            request.sign(&key),
            "6ec744cb49595b600c6452a6646e45940453e7d09c63c3da9064afd5cc2b0464"
        );
    }

    #[test]
    fn queries_that_differ_are_signed_differently() {
        let text = |query: &[(&str, &str)]| super::canonical_query(&pairs(query));
        assert_eq!(text(&[]), "");
        assert_eq!(text(&[("a", "é +&=/~")]), "a=%C3%A9%20%2B%26%3D%2F~");
        assert_eq!(text(&[("a-", "1"), ("a", "2")]), "a-=1&a=2");
        assert_eq!(text(&[("b", ""), ("a", "1")]), text(&[("a", "1"), ("b", "")]));
        assert_ne!(text(&[("a", "1&b=2")]), text(&[("a", "1"), ("b", "2")]));
        assert_ne!(text(&[("a=", "1")]), text(&[("a", "=1")]));
        assert_ne!(text(&[("a", "%20")]), text(&[("a", " ")]));
    }
}
