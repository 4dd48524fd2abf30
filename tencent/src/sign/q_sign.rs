//! The signature of COS requests, `q-sign-algorithm=sha1`, and of the policies of POST forms.
//!
//! Protocol: <https://www.tencentcloud.com/document/product/436/7778>; forms:
//! <https://www.tencentcloud.com/document/product/436/14690>.
//!
//! ```text
//! SignKey      = hex(HMAC-SHA1(SecretKey, KeyTime))             KeyTime = start;end in Unix seconds
//! HttpString   = method \n path \n parameters \n headers \n     the path decoded, pairs encoded and sorted
//! StringToSign = sha1 \n KeyTime \n hex(SHA1(HttpString)) \n
//! Signature    = hex(HMAC-SHA1(SignKey, StringToSign))
//! ```
//!
//! Clients sign with it, the issuer signs requests for one object (`object_request`), and the local
//! cloud verifies both.
//!
//! # Guarantees
//! The derived key is wiped when dropped.
//!
//! # Not covered
//! Which headers and parameters must be signed, and whether a time is acceptable.

use hmac::Hmac;
use sha1::Sha1;
use zeroize::Zeroizing;

use super::digest::{hmac, sha1_hex};
use crate::percent::percent_encode;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The value of `q-sign-algorithm`. <https://www.tencentcloud.com/document/product/436/7778>
pub const ALGORITHM: &str = "sha1";

/// The signed parts of an HTTP request. <https://www.tencentcloud.com/document/product/436/7778>
#[derive(Clone, Copy, Debug)]
pub struct CosRequest<'a> {
    /// The method, in any case.
    pub method: &'a str,
    /// The path with its leading `/`, percent-decoded.
    pub path: &'a str,
    /// The query parameters to sign, decoded, in any order; a missing value is an empty one.
    pub parameters: &'a [(&'a str, &'a str)],
    /// The headers to sign, as on the wire, in any order.
    pub headers: &'a [(&'a str, &'a str)],
}

impl CosRequest<'_> {
    /// Step 3a: the value of `q-url-param-list`.
    /// <https://www.tencentcloud.com/document/product/436/7778>
    pub fn parameter_list(&self) -> String {
        list(self.parameters)
    }

    /// Step 3b: the value of `q-header-list`.
    /// <https://www.tencentcloud.com/document/product/436/7778>
    pub fn header_list(&self) -> String {
        list(self.headers)
    }

    /// Step 4: `HttpString` (`FormatString` in COS's error responses).
    /// <https://www.tencentcloud.com/document/product/436/7778>
    pub fn http_string(&self) -> String {
        let (parameters, headers) = (joined(self.parameters), joined(self.headers));
        let method = self.method.to_ascii_lowercase();
        format!("{method}\n{}\n{parameters}\n{headers}\n", self.path)
    }
}

/// Step 1: `KeyTime`, the period in which a signature is valid.
/// <https://www.tencentcloud.com/document/product/436/7778>
pub fn key_time(start: Timestamp, end: Timestamp) -> String {
    format!("{};{}", start.unix_seconds(), end.unix_seconds())
}

/// Step 2: the key derived from a secret key for one `KeyTime`; wiped when dropped.
/// <https://www.tencentcloud.com/document/product/436/7778>
#[expect(missing_debug_implementations, reason = "a key cannot be formatted, not even redacted")]
pub struct SignKey(Zeroizing<String>);

impl SignKey {
    /// Derives the key. <https://www.tencentcloud.com/document/product/436/7778>
    pub fn new(secret_key: &Secret, key_time: &str) -> Self {
        let key = hmac_sha1(secret_key.expose().as_bytes(), key_time);
        Self(Zeroizing::new(hex::encode(*key)))
    }

    /// The key as lower-case hex, as it is used and as the published vectors print it.
    pub fn to_hex(&self) -> Zeroizing<String> {
        self.0.clone()
    }

    /// Step 6: the signature of `string_to_sign`, as lower-case hex.
    /// <https://www.tencentcloud.com/document/product/436/7778>
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(*hmac_sha1(self.0.as_bytes(), string_to_sign))
    }
}

/// Step 5: the string to sign. <https://www.tencentcloud.com/document/product/436/7778>
pub fn string_to_sign(key_time: &str, http_string: &str) -> String {
    let hashed = sha1_hex(http_string.as_bytes());
    format!("{ALGORITHM}\n{key_time}\n{hashed}\n")
}

/// The string to sign of a POST form: the JSON text of its policy, not the base64.
/// <https://www.tencentcloud.com/document/product/436/14690>
pub fn policy_string_to_sign(policy: &str) -> String {
    sha1_hex(policy.as_bytes())
}

/// All steps: the value of the `Authorization` header. In a query, the same seven pairs have
/// percent-encoded values. <https://www.tencentcloud.com/document/product/436/7778>
pub fn authorization(
    request: &CosRequest<'_>,
    key_time: &str,
    secret_id: &str,
    secret_key: &Secret,
) -> String {
    let string_to_sign = string_to_sign(key_time, &request.http_string());
    let signature = SignKey::new(secret_key, key_time).sign(&string_to_sign);
    format!(
        "q-sign-algorithm={ALGORITHM}&q-ak={secret_id}&q-sign-time={key_time}&q-key-time={key_time}\
         &q-header-list={}&q-url-param-list={}&q-signature={signature}",
        request.header_list(),
        request.parameter_list(),
    )
}

fn list(pairs: &[(&str, &str)]) -> String {
    let names: Vec<String> = encoded(pairs).into_iter().map(|(name, _)| name).collect();
    names.join(";")
}

fn joined(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        encoded(pairs).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// Sorted pairs. Names are encoded and then lowered (so `/` is `%2f` in a name and `%2F` in a
/// value).
fn encoded(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let encoded = |(name, value): &(&str, &str)| {
        let name = percent_encode(name).to_string().to_ascii_lowercase();
        (name, percent_encode(value).to_string())
    };
    // By insertion: requests have few of them, and a sort is code that the function carries.
    let mut sorted: Vec<(String, String)> = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().map(encoded) {
        sorted.insert(sorted.partition_point(|other| *other < pair), pair);
    }
    sorted
}

fn hmac_sha1(key: &[u8], message: &str) -> Zeroizing<[u8; 20]> {
    Zeroizing::new(hmac::<Hmac<Sha1>>(key, message.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::CosRequest;

    fn request<'a>(parameters: &'a [(&'a str, &'a str)]) -> CosRequest<'a> {
        CosRequest {
            method: "PUT",
            path: "/a b",
            parameters,
            headers: &[("Host", "h:1"), ("x-cos-meta-A", "é +~'")],
        }
    }

    #[test]
    fn names_are_lower_case_and_in_order_with_a_line_for_each_part() {
        let request = request(&[("uploadId", "u/1"), ("partNumber", "2"), ("acl", "")]);
        assert_eq!(request.parameter_list(), "acl;partnumber;uploadid");
        assert_eq!(request.header_list(), "host;x-cos-meta-a");
        assert_eq!(
            request.http_string(),
            "put\n/a b\nacl=&partnumber=2&uploadid=u%2F1\nhost=h%3A1&x-cos-meta-a=%C3%A9%20%2B~%27\n"
        );
    }

    #[test]
    fn a_pair_cannot_pass_for_another() {
        let text = |pairs: &[(&str, &str)]| request(pairs).http_string();
        assert_ne!(text(&[("a", "1&b=2")]), text(&[("a", "1"), ("b", "2")]));
        assert_ne!(text(&[("a=", "1")]), text(&[("a", "=1")]));
        assert_eq!(text(&[("a", "2"), ("a", "1")]), text(&[("a", "1"), ("a", "2")]));
    }
}
