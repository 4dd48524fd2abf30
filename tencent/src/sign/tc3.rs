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

use super::digest::{hmac_sha256, sha256_hex};
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
        let mut text = format!("{}\n/\n{}\n", self.method, self.query);
        for (name, value) in self.headers {
            text.push_str(name);
            text.push(':');
            text.push_str(&value.trim().to_lowercase());
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.signed_headers());
        text.push('\n');
        text.push_str(self.hashed_payload);
        text
    }

    /// `SignedHeaders`: the header names, joined by `;`.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn signed_headers(&self) -> String {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        names.join(";")
    }
}

/// The credential scope `date/service/tc3_request`. The date is in UTC, whatever the local time
/// zone. <https://www.tencentcloud.com/document/product/1150/49451>
pub fn credential_scope(timestamp: Timestamp, service: &str) -> String {
    format!("{}/{service}/{TERMINATOR}", timestamp.date())
}

/// Step 2: the string to sign. <https://www.tencentcloud.com/document/product/1150/49451>
pub fn string_to_sign(timestamp: Timestamp, service: &str, canonical_request: &str) -> String {
    format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        timestamp.unix_seconds(),
        credential_scope(timestamp, service),
        sha256_hex(canonical_request.as_bytes()),
    )
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
        Zeroizing::new(hex::encode(*self.0))
    }

    /// Step 4: the signature of `string_to_sign`, as lower-case hex.
    /// <https://www.tencentcloud.com/document/product/1150/49451>
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex::encode(*hmac_sha256(&*self.0, string_to_sign.as_bytes()))
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
    let string_to_sign = string_to_sign(timestamp, service, &request.to_text());
    let signature =
        DerivedKey::signing(secret_key, &timestamp.date(), service).sign(&string_to_sign);
    format!(
        "{ALGORITHM} Credential={secret_id}/{}, SignedHeaders={}, Signature={signature}",
        credential_scope(timestamp, service),
        request.signed_headers(),
    )
}
