//! A token issuer for unit tests, with new keys for each test.
//!
//! # Not covered
//! RSA keys, which ring cannot generate: `jwk` tests a published one, the end-to-end tests new
//! ones.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tencent::time::Timestamp;

use super::token_verifier::TokenVerifier;
use super::unverified::UnverifiedToken;
use super::verified_tokens::TokenHash;
use crate::auth::Principal;
use crate::error::Error;

pub(super) const ISSUER: &str = "https://issuer.example.com";
pub(super) const AUDIENCE: &str = "uploads";

pub(super) struct TestIssuer(EcdsaKeyPair);

impl TestIssuer {
    pub(super) fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, key.as_ref(), &random).unwrap())
    }

    pub(super) fn jwk(&self, id: &str) -> Value {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id, "x": base64url(x), "y": base64url(y)})
    }

    /// A token with any header and claims.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = [header, claims].map(|part| base64url(part.to_string().as_bytes()));
        let message = message.join(".");
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", base64url(signature.unwrap().as_ref()))
    }

    /// A good token of `subject` from ten seconds before `now` to ten minutes after.
    pub(super) fn token(&self, id: &str, subject: &str, now: i64) -> String {
        let (issued, expiry) = (now.saturating_sub(10), now.saturating_add(600));
        let claims =
            json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": issued, "exp": expiry});
        self.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": id}), &claims)
    }
}

pub(super) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn jwks(keys: &[Value]) -> Vec<u8> {
    json!({"keys": keys}).to_string().into_bytes()
}

impl TokenVerifier {
    /// Verifies a token as the only issuer does.
    pub(super) async fn verify_text(
        &self,
        text: &str,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<Principal, Error> {
        let hash = TokenHash::new(text);
        if let Some(hash) = hash
            && let Some(principal) = self.verified_before(hash, now, time_left).await?
        {
            return Ok(principal);
        }
        self.verify(UnverifiedToken::parse(text)?, hash, now, time_left).await
    }
}
