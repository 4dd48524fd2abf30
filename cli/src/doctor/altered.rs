//! Proofs that a deployment has to refuse, made from one that it accepts.
//!
//! # Guarantees
//! Without the issuer's key none of them can be right: each differs in the signature, or has none.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tencent::secret::Secret;
use tencent::sign::digest::hmac_sha256;

use crate::callers::{Method, Signed, signature};

/// With one other character in the signature or key.
pub(super) fn broken(method: Method, own: &str) -> Option<String> {
    let at = match method {
        // The last character of a signature has bits that do not count.
        Method::Jwt => own.rfind('.')?.checked_add(1)?,
        Method::ApiKey | Method::Hmac => own.len().checked_sub(1)?,
        // A login code that nobody has is the foreign one.
        Method::Wechat => return None,
    };
    let (before, rest) = own.split_at_checked(at)?;
    let mut rest = rest.chars();
    // Both are in every alphabet: of hex, of base64, of keys.
    let other = if rest.next()? == '0' { '1' } else { '0' };
    Some(format!("{before}{other}{}", rest.as_str()))
}

/// The same caller, proven with a key of this program's own.
pub(super) fn foreign(
    method: Method,
    own: &str,
    key: &Secret,
    request: &Signed<'_>,
) -> Option<String> {
    match method {
        Method::Jwt => {
            let (scheme, header, payload) = token(own)?;
            let header = with_algorithm(&header, "HS256");
            let signed = format!("{header}.{payload}");
            let signature = hmac_sha256(key.expose().as_bytes(), signed.as_bytes());
            let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.as_slice());
            Some(format!("{scheme}{signed}.{signature}"))
        }
        Method::ApiKey => {
            let scheme = if own.starts_with("Bearer ") { "Bearer " } else { "" };
            Some(format!("{scheme}{}", key.expose()))
        }
        Method::Hmac => signature("cos-issuer-doctor", key, request).ok(),
        Method::Wechat => Some(format!("WeChat {}", key.expose().get(..32)?)),
    }
}

/// A token with `"alg": "none"`, which RFC 7519 allows and nobody may accept.
pub(super) fn unsigned(method: Method, own: &str) -> Option<String> {
    if method != Method::Jwt {
        return None;
    }
    let (scheme, header, payload) = token(own)?;
    Some(format!("{scheme}{}.{payload}.", with_algorithm(&header, "none")))
}

/// What is before a token, its header, and its payload as it is encoded.
fn token(own: &str) -> Option<(&'static str, Value, String)> {
    let (scheme, text) = match own.strip_prefix("Bearer ") {
        Some(text) => ("Bearer ", text),
        None => ("", own),
    };
    let mut parts = text.split('.');
    let header = BASE64_URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
    Some((scheme, serde_json::from_slice(&header).ok()?, parts.next()?.to_owned()))
}

fn with_algorithm(header: &Value, algorithm: &str) -> String {
    let mut header = header.clone();
    if let Some(members) = header.as_object_mut() {
        members.insert("alg".to_owned(), json!(algorithm));
    }
    BASE64_URL_SAFE_NO_PAD.encode(header.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    const SIGNED: Signed<'_> = Signed { method: "GET", path: "/sts", query: &[], body: "" };

    #[test]
    fn each_proof_differs_from_the_callers_own() {
        let key = Secret::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap();
        for (method, own) in [
            (Method::Jwt, TOKEN),
            (Method::ApiKey, "Bearer 0123"),
            (Method::ApiKey, "0123"),
            (Method::Hmac, "COS-ISSUER-HMAC-SHA256 KeyId=a, Signature=00"),
        ] {
            let broken = broken(method, own).unwrap();
            let differences = broken.chars().zip(own.chars()).filter(|(one, other)| one != other);
            assert_eq!((broken.len(), differences.count()), (own.len(), 1), "{own}");
            assert_ne!(foreign(method, own, &key, &SIGNED).unwrap(), own);
        }
        assert_eq!(broken(Method::Wechat, "WeChat code"), None);
    }

    #[test]
    fn a_forged_token_has_the_callers_claims() {
        let key = Secret::new("key".to_owned()).unwrap();
        let algorithm = |text: &str| token(text).unwrap().1["alg"].clone();
        let forged = foreign(Method::Jwt, TOKEN, &key, &SIGNED).unwrap();
        let unsigned = unsigned(Method::Jwt, TOKEN).unwrap();
        assert_eq!((algorithm(&forged), algorithm(&unsigned)), (json!("HS256"), json!("none")));
        for text in [&forged, &unsigned] {
            assert_eq!(token(text).unwrap().2, token(TOKEN).unwrap().2);
            assert_eq!(token(text).unwrap().1["kid"], "a");
        }
        assert!(unsigned.ends_with('.'));
    }
}
