//! The issuer of bearer tokens of a local cloud: a key pair of this run, and its JWKS on loopback.
//! It also plays the `[[issuer]]` tables of a grants file, with the same key.
//!
//! # Guarantees
//! The private key never leaves this process and ends with it. Tokens expire within a day.
//!
//! # Not covered
//! Logging in: the owner of the machine gets a token for any subject.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Method, StatusCode};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Map, Value, json};
use tencent::sign::digest::sha256_hex;
use tencent::time::Timestamp;

use crate::loopback::{Port, Server, json_response, refusal};

/// What tokens are for: `aud`, and `JWT_AUDIENCE` of the function.
pub(crate) const AUDIENCE: &str = "cos-issuer";

/// The longest lifetime that the function accepts.
pub(crate) const MAX_SECONDS: u32 = 86_400;

/// Claims that the issuer sets itself.
const OWN_CLAIMS: [&str; 6] = ["iss", "aud", "sub", "iat", "exp", "nbf"];

/// Whose tokens these are: an `[[issuer]]` that is played, or the issuer itself.
pub(crate) struct Identity {
    /// `iss`.
    pub(crate) issuer: String,
    /// The claim with the audience.
    pub(crate) audience_claim: &'static str,
    pub(crate) audience: String,
}

pub(crate) struct TokenIssuer {
    key: Ed25519KeyPair,
    url: String,
    #[expect(dead_code, reason = "serves the JWKS for as long as the issuer lives")]
    server: Server,
}

impl TokenIssuer {
    pub(crate) fn start() -> std::io::Result<Self> {
        let failed = |_| std::io::Error::other("no key for the issuer of tokens");
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(failed)?;
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref())
            .map_err(|_| std::io::Error::other("no key for the issuer of tokens"))?;
        let port = Port::bind(0)?;
        let url = port.origin();
        let jwks = json!({ "keys": [jwk(&key)] });
        let configuration = json!({ "issuer": url, "jwks_uri": format!("{url}{JWKS_PATH}") });
        let server = port.serve(move |head, _| {
            let response = match (&head.method, head.uri.path()) {
                (&Method::GET, JWKS_PATH) => json_response(&jwks),
                (&Method::GET, "/.well-known/openid-configuration") => {
                    json_response(&configuration)
                }
                _ => refusal(StatusCode::NOT_FOUND, "NotFound", "the keys are at /jwks.json"),
            };
            std::future::ready(response)
        })?;
        Ok(Self { key, url, server })
    }

    /// The variables by which a function accepts these tokens.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("JWT_ISSUER", self.url.clone()),
            ("JWT_AUDIENCE", AUDIENCE.to_owned()),
            ("JWT_JWKS_URL", self.jwks_url()),
            ("JWT_ALGORITHMS", "EdDSA".to_owned()),
        ]
    }

    /// Where its JWKS is.
    pub(crate) fn jwks_url(&self) -> String {
        format!("{}{JWKS_PATH}", self.url)
    }

    /// Its own identity.
    pub(crate) fn identity(&self) -> Identity {
        Identity { issuer: self.url.clone(), audience_claim: "aud", audience: AUDIENCE.to_owned() }
    }

    /// A token of `identity` for this subject with these further claims.
    pub(crate) fn token(
        &self,
        identity: &Identity,
        subject: &str,
        claims: &Map<String, Value>,
        now: Timestamp,
        seconds: u32,
    ) -> Result<String, String> {
        if subject.is_empty() || subject.len() > 512 {
            return Err("sub: must have 1 to 512 bytes, for example user-1".to_owned());
        }
        if !(1..=MAX_SECONDS).contains(&seconds) {
            return Err(format!("seconds: must be 1 to {MAX_SECONDS}, for example 900"));
        }
        if let Some(name) = claims.keys().find(|name| OWN_CLAIMS.contains(&name.as_str())) {
            return Err(format!("claim `{name}`: is set by the issuer; leave it out"));
        }
        let mut claims = claims.clone();
        claims.extend([
            ("iss".to_owned(), json!(identity.issuer)),
            (identity.audience_claim.to_owned(), json!(identity.audience)),
            ("sub".to_owned(), json!(subject)),
            ("iat".to_owned(), json!(now.unix_seconds())),
            ("exp".to_owned(), json!(now.plus_seconds(seconds).unix_seconds())),
        ]);
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": key_id(&self.key) });
        let signed = format!("{}.{}", encoded(&header), encoded(&Value::Object(claims)));
        let signature = self.key.sign(signed.as_bytes());
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn jwk(key: &Ed25519KeyPair) -> Value {
    let x = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
    json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key_id(key), "x": x })
}

fn key_id(key: &Ed25519KeyPair) -> String {
    sha256_hex(key.public_key().as_ref()).chars().take(16).collect()
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

const JWKS_PATH: &str = "/jwks.json";
