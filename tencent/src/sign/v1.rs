//! Signature v1 (HmacSHA1, HmacSHA256), the older signature of Tencent Cloud's API 3.0 and the only one of API 2.0.
//!
//! Protocol: <https://www.tencentcloud.com/document/product/1150/49450> (signature method v1).
//!
//! ```text
//! String    = METHOD host path ? k=v & k=v …      all parameters but Signature, in ASCII order of their names, values as given
//! Signature = base64(HMAC-SHA1 or HMAC-SHA256 (SecretKey, String))
//! ```
//!
//! The issuer itself signs with TC3; the official COS samples sign with this one, so the local STS has to understand it.
//! Promises: pure. Leaves out: percent-encoding, which belongs to the transport and never to the signed string.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Hmac;
use sha1::Sha1;
use sha2::Sha256;

use super::digest::hmac;
use crate::secret::Secret;

/// The hash inside the HMAC, chosen by the parameter `SignatureMethod`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureMethod {
    /// The one that is meant when the parameter is absent.
    HmacSha1,
    /// Chosen by `SignatureMethod=HmacSHA256`, which is itself part of the signed string.
    HmacSha256,
}

impl SignatureMethod {
    /// Reads the parameter; `None` for a method that does not exist.
    pub fn from_parameter(value: Option<&str>) -> Option<Self> {
        match value {
            None | Some("" | "HmacSHA1") => Some(Self::HmacSha1),
            Some("HmacSHA256") => Some(Self::HmacSha256),
            Some(_) => None,
        }
    }
}

/// Step 1: the string to sign. `endpoint` is host and path (`sts.tencentcloudapi.com/`); a `Signature` among the parameters is
/// left out, and the order they come in does not matter.
pub fn string_to_sign<'a>(
    method: &str,
    endpoint: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut sorted: Vec<(&str, &str)> = parameters
        .into_iter()
        .filter(|(name, _)| *name != "Signature")
        .collect();
    sorted.sort_unstable();
    let pairs: Vec<String> = sorted
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    format!("{method}{endpoint}?{}", pairs.join("&"))
}

/// Step 2: the signature, base64. Percent-encode it before it goes into a query or a form.
pub fn sign(method: SignatureMethod, secret_key: &Secret, string_to_sign: &str) -> String {
    let key = secret_key.expose().as_bytes();
    let message = string_to_sign.as_bytes();
    match method {
        SignatureMethod::HmacSha1 => STANDARD.encode(hmac::<Hmac<Sha1>>(key, message)),
        SignatureMethod::HmacSha256 => STANDARD.encode(hmac::<Hmac<Sha256>>(key, message)),
    }
}
