//! OIDC providers of the account, whose tokens are exchanged for keys of a role.
//!
//! Documented: a provider has a name, the URL of its issuer, client ids, and public keys that are
//! uploaded (<https://www.tencentcloud.com/document/product/598/47115>). Inferred: that issuer,
//! audience, signature and both times of a token are checked, and which algorithms there are.
//!
//! # Not covered
//! Keys that are fetched: the service fetches none either.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;
use tencent::time::Timestamp;

/// A provider whose tokens the account trusts.
#[derive(Clone, Debug)]
pub struct OidcProvider {
    pub(crate) name: String,
    issuer: String,
    client_ids: Vec<String>,
    keys: Vec<PublicKey>,
}

/// The JWKS is not one with a key that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a JWKS with public keys, of RSA (RS256) or P-256 (ES256)")]
pub struct BadJwks;

impl OidcProvider {
    /// A provider of this name, with the keys of a JWKS.
    ///
    /// # Errors
    /// [`BadJwks`].
    pub fn new<C: Into<String>>(
        name: impl Into<String>,
        issuer: impl Into<String>,
        client_ids: impl IntoIterator<Item = C>,
        jwks: &str,
    ) -> Result<Self, BadJwks> {
        let jwks: Jwks = serde_json::from_str(jwks).map_err(|_| BadJwks)?;
        let keys: Vec<_> = jwks.keys.iter().filter_map(PublicKey::of).collect();
        Ok(Self {
            name: name.into(),
            issuer: issuer.into(),
            client_ids: client_ids.into_iter().map(Into::into).collect(),
            keys: (!keys.is_empty()).then_some(keys).ok_or(BadJwks)?,
        })
    }

    /// The subject of a token that the account accepts at `now`; or why it does not.
    pub(crate) fn subject(&self, token: &str, now: Timestamp) -> Result<String, &'static str> {
        let (message, signature) = token.rsplit_once('.').ok_or("it is not a JWT")?;
        let (header, payload) = message.split_once('.').ok_or("it is not a JWT")?;
        let header: Header = part(header).ok_or("its header is not one of a JWT")?;
        let signature =
            URL_SAFE_NO_PAD.decode(signature).map_err(|_| "its signature is not one")?;
        let mut keys = self.keys.iter().filter(|key| key.algorithm() == header.alg);
        if !keys.any(|key| key.verifies(message.as_bytes(), &signature)) {
            return Err("no key of the provider has signed it");
        }
        let claims: Claims = part(payload).ok_or("it lacks one of iss, sub, aud, exp")?;
        let is_for = |audience: &Value| {
            audience
                .as_str()
                .is_some_and(|audience| self.client_ids.iter().any(|id| id == audience))
        };
        let is_for_us = match &claims.aud {
            Value::Array(audiences) => audiences.iter().any(is_for),
            audience => is_for(audience),
        };
        let now = now.unix_seconds();
        match () {
            () if claims.iss != self.issuer => Err("its issuer is not the provider's"),
            () if !is_for_us => Err("its audience is not a client id of the provider"),
            () if claims.exp <= now => Err("it has expired"),
            () if claims.nbf.is_some_and(|begin| begin > now) => Err("it is not valid yet"),
            () => Ok(claims.sub),
        }
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// Base64url, <https://www.rfc-editor.org/rfc/rfc7518#section-6>.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Clone, Debug)]
enum PublicKey {
    P256(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    fn of(jwk: &Jwk) -> Option<Self> {
        let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
        match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", None) => Some(Self::Rsa { n: bytes(&jwk.n)?, e: bytes(&jwk.e)? }),
            ("EC", Some("P-256")) => {
                Some(Self::P256([vec![4], bytes(&jwk.x)?, bytes(&jwk.y)?].concat()))
            }
            _ => None,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Rsa { .. } => "RS256",
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let outcome = match self {
            Self::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
        };
        outcome.is_ok()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    nbf: Option<i64>,
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}
