//! TC3-HMAC-SHA256, the signature of Tencent Cloud's API 3.0.
//!
//! Protocol: <https://www.tencentcloud.com/document/product/1150/49451> (signature method v3).
//!
//! ```text
//! CanonicalRequest = METHOD \n / \n CanonicalQuery \n CanonicalHeaders \n SignedHeaders \n hex(SHA256(body))
//! StringToSign     = TC3-HMAC-SHA256 \n timestamp \n date/service/tc3_request \n hex(SHA256(CanonicalRequest))
//! SecretSigning    = HMAC(HMAC(HMAC("TC3" + SecretKey, date), service), "tc3_request")
//! Signature        = hex(HMAC(SecretSigning, StringToSign))
//! ```
//!
//! # Guarantees
//! Derived keys are wiped when dropped.
//!
//! # Not covered
//! `X-TC-Content-SHA256: UNSIGNED-PAYLOAD`, which we never send.

use zeroize::Zeroizing;

use super::digest::{HmacState, hex, hmac_sha256, sha256_hex};
use crate::secret::Secret;
use crate::time::Timestamp;

/// The name of the algorithm in the header and in the string to sign.
/// <https://www.tencentcloud.com/document/product/1150/49451>
pub const ALGORITHM: &str = "TC3-HMAC-SHA256";

/// The end of each credential scope. <https://www.tencentcloud.com/document/product/1150/49451>
pub const TERMINATOR: &str = "tc3_request";

/// The signed parts of an HTTP request. The path is always `/`.
/// <https://www.tencentcloud.com/document/product/1150/49451>
#[derive(Clone, Copy, Debug)]
pub struct CanonicalRequest<'a> {
    /// `POST` or `GET`.
    pub method: &'a str,
    /// The raw query, percent-encoded and sorted by key; empty for `POST`.
    pub query: &'a str,
    /// Lower-case names and their values as on the wire, sorted by name; `content-type` and `host`
    /// are required.
    pub headers: &'a [(&'a str, &'a str)],
    /// Lower-case hex of the body's SHA-256.
    pub hashed_payload: &'a str,
}

impl CanonicalRequest<'_> {
    /// Step 1: the canonical request. <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(TYPICAL_BYTES);
        for part in [self.method, "\n/\n", self.query, "\n"] {
            text.push_str(part);
        }
        for (name, value) in self.headers {
            text.push_str(name);
            text.push(':');
            // Nearly always ASCII, which needs no table.
            match value.trim() {
                value if value.is_ascii() => text.push_str(&value.to_ascii_lowercase()),
                value => text.extend(value.chars().flat_map(char::to_lowercase)),
            }
            text.push('\n');
        }
        text.push('\n');
        self.write_signed_headers(&mut text);
        text.push('\n');
        text.push_str(self.hashed_payload);
        text
    }

    /// `SignedHeaders`: the header names, joined by `;`.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn signed_headers(&self) -> String {
        let mut names = String::new();
        self.write_signed_headers(&mut names);
        names
    }

    fn write_signed_headers(&self, text: &mut String) {
        for (index, (name, _)) in self.headers.iter().enumerate() {
            if index > 0 {
                text.push(';');
            }
            text.push_str(name);
        }
    }
}

/// The credential scope `date/service/tc3_request`. The date is in UTC, whatever the local time
/// zone. <https://www.tencentcloud.com/document/product/1150/49451>
pub fn credential_scope(timestamp: Timestamp, service: &str) -> String {
    [&timestamp.date(), "/", service, "/", TERMINATOR].concat()
}

/// Step 2: the string to sign. <https://www.tencentcloud.com/document/product/1150/49451>
pub fn string_to_sign(timestamp: Timestamp, service: &str, canonical_request: &str) -> String {
    string_to_sign_in(&credential_scope(timestamp, service), timestamp, canonical_request)
}

fn string_to_sign_in(scope: &str, timestamp: Timestamp, canonical_request: &str) -> String {
    let seconds = timestamp.unix_seconds().to_string();
    let hashed = sha256_hex(canonical_request.as_bytes());
    [ALGORITHM, "\n", &seconds, "\n", scope, "\n", &hashed].concat()
}

/// A key derived from the secret key; wiped when dropped.
/// <https://www.tencentcloud.com/document/product/1150/49451>
#[expect(missing_debug_implementations, reason = "a key cannot be formatted, not even redacted")]
pub struct DerivedKey(Zeroizing<[u8; 32]>);

impl DerivedKey {
    /// Step 3a: `SecretDate`, valid for one UTC date.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn date(secret_key: &Secret, date: &str) -> Self {
        let mut start =
            Zeroizing::new(Vec::with_capacity(3_usize.saturating_add(secret_key.expose().len())));
        start.extend_from_slice(b"TC3");
        start.extend_from_slice(secret_key.expose().as_bytes());
        Self(hmac_sha256(&start, date.as_bytes()))
    }

    /// Steps 3b and 3c: `SecretService` from `SecretDate`, `SecretSigning` from `SecretService`.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    #[must_use]
    pub fn derive(&self, name: &str) -> Self {
        Self(hmac_sha256(&*self.0, name.as_bytes()))
    }

    /// Step 3: the signing key of a date and service.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn signing(secret_key: &Secret, date: &str, service: &str) -> Self {
        Self::date(secret_key, date).derive(service).derive(TERMINATOR)
    }

    /// The key as lower-case hex, as the published vectors print it.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(&*self.0))
    }

    /// Step 4: the signature of `string_to_sign`, as lower-case hex.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex(&*hmac_sha256(&*self.0, string_to_sign.as_bytes()))
    }
}

/// The signing key of one UTC date and service, to sign many requests with; wiped when dropped.
/// <https://www.tencentcloud.com/document/product/1150/49451>
#[expect(missing_debug_implementations, reason = "a key cannot be formatted, not even redacted")]
pub struct SigningKey {
    /// Days since 1970.
    day: i64,
    scope: String,
    key: HmacState,
}

impl SigningKey {
    /// Derives the key for the date of `timestamp`.
    pub fn new(secret_key: &Secret, service: &str, timestamp: Timestamp) -> Self {
        Self {
            day: day(timestamp),
            scope: credential_scope(timestamp, service),
            key: HmacState::new(&*DerivedKey::signing(secret_key, &timestamp.date(), service).0),
        }
    }

    /// All steps but the third: the value of the `Authorization` header. `None` on another date.
    pub fn authorization(
        &self,
        request: &CanonicalRequest<'_>,
        timestamp: Timestamp,
        secret_id: &str,
    ) -> Option<String> {
        (self.day == day(timestamp)).then(|| self.signed(request, timestamp, secret_id))
    }

    fn signed(
        &self,
        request: &CanonicalRequest<'_>,
        timestamp: Timestamp,
        secret_id: &str,
    ) -> String {
        let string_to_sign = string_to_sign_in(&self.scope, timestamp, &request.to_text());
        let signature = self.key.sign_hex(string_to_sign.as_bytes());
        let mut text = String::with_capacity(TYPICAL_BYTES);
        for part in [ALGORITHM, " Credential=", secret_id, "/", &self.scope, ", SignedHeaders="] {
            text.push_str(part);
        }
        request.write_signed_headers(&mut text);
        text.push_str(", Signature=");
        text.push_str(&signature);
        text
    }
}

/// All steps: the value of the `Authorization` header.
/// <https://www.tencentcloud.com/document/product/1150/49451>
pub fn authorization(
    request: &CanonicalRequest<'_>,
    service: &str,
    timestamp: Timestamp,
    secret_id: &str,
    secret_key: &Secret,
) -> String {
    SigningKey::new(secret_key, service, timestamp).signed(request, timestamp, secret_id)
}

fn day(timestamp: Timestamp) -> i64 {
    timestamp.unix_seconds().div_euclid(SECONDS_OF_DAY)
}

const SECONDS_OF_DAY: i64 = 24 * 60 * 60;

/// A canonical request with short headers.
const TYPICAL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::{CanonicalRequest, SigningKey, authorization};
    use crate::secret::Secret;
    use crate::time::Timestamp;

    /// 2019-02-25, from its first second to its last.
    #[test]
    fn a_signing_key_signs_on_its_date_only() {
        let secret_key = Secret::new("example".to_owned()).unwrap();
        let at = |seconds: i64| Timestamp::from_unix_seconds(1_551_052_800 + seconds).unwrap();
        let headers = [("content-type", "application/json"), ("host", "localhost")];
        let request =
            CanonicalRequest { method: "POST", query: "", headers: &headers, hashed_payload: "" };
        let key = SigningKey::new(&secret_key, "sts", at(7));
        for seconds in [0, 7, 86_399] {
            let anew = authorization(&request, "sts", at(seconds), "AKIDexample", &secret_key);
            assert!(anew.contains("2019-02-25/sts"));
            assert_eq!(key.authorization(&request, at(seconds), "AKIDexample"), Some(anew));
        }
        for seconds in [-1, 86_400] {
            assert_eq!(key.authorization(&request, at(seconds), "AKIDexample"), None);
        }
    }
}
