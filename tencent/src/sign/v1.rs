//! Signature v1 (HmacSHA1, HmacSHA256), the older signature of Tencent Cloud's API 3.0 and the only
//! one of API 2.0.
//!
//! Protocol: <https://www.tencentcloud.com/document/product/1150/49450> (signature method v1).
//!
//! ```text
//! String    = METHOD host path ? k=v & k=v …      all parameters except Signature, in ASCII order of names, values not encoded
//! Signature = base64(HMAC-SHA1 or HMAC-SHA256 (SecretKey, String))
//! ```
//!
//! The issuer signs with TC3. The official COS samples sign with this one, so the local STS
//! verifies it.
//!
//! # Not covered
//! Percent-encoding, which belongs to the transport and never to the signed string.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use sha1::Sha1;
use sha2::Sha256;

use super::digest::hmac;
use crate::secret::Secret;

/// The hash inside the HMAC, selected by the parameter `SignatureMethod`.
/// <https://www.tencentcloud.com/document/product/1150/49450>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureMethod {
    /// The default.
    HmacSha1,
    /// `SignatureMethod=HmacSHA256`, which is itself part of the signed string.
    HmacSha256,
}

impl SignatureMethod {
    /// Parses the parameter; `None` for a method that does not exist.
    /// <https://www.tencentcloud.com/document/product/1150/49450>
    pub fn from_parameter(value: Option<&str>) -> Option<Self> {
        match value {
            None | Some("" | "HmacSHA1") => Some(Self::HmacSha1),
            Some("HmacSHA256") => Some(Self::HmacSha256),
            Some(_) => None,
        }
    }
}

/// Step 1: the string to sign. `endpoint` is host and path (`sts.tencentcloudapi.com/`). The
/// parameters may be in any order; `Signature` is ignored.
/// <https://www.tencentcloud.com/document/product/1150/49450>
pub fn string_to_sign<'a>(
    method: &str,
    endpoint: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut sorted: Vec<(&str, &str)> =
        parameters.into_iter().filter(|(name, _)| *name != "Signature").collect();
    sorted.sort_unstable();
    let pairs: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}{endpoint}?{}", pairs.join("&"))
}

/// Step 2: the signature in base64. Percent-encode it in a query or a form.
/// <https://www.tencentcloud.com/document/product/1150/49450>
pub fn sign(method: SignatureMethod, secret_key: &Secret, string_to_sign: &str) -> String {
    let key = secret_key.expose().as_bytes();
    let message = string_to_sign.as_bytes();
    match method {
        SignatureMethod::HmacSha1 => STANDARD.encode(hmac::<Hmac<Sha1>>(key, message)),
        SignatureMethod::HmacSha256 => STANDARD.encode(hmac::<Hmac<Sha256>>(key, message)),
    }
}
