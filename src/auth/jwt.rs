//! `jwt`: a bearer token that the configured issuer signed.
//!
//! JWT: <https://www.rfc-editor.org/rfc/rfc7519>, JWS: <https://www.rfc-editor.org/rfc/rfc7515>,
//! best practices: <https://www.rfc-editor.org/rfc/rfc8725>, in requests:
//! <https://www.rfc-editor.org/rfc/rfc6750>.
//!
//! # Guarantees
//! - Issuer, audience, algorithms and the source of keys are settings; a token cannot change them.
//! - Claims are validated before a key is looked up, so a token that would be rejected anyway
//!   causes no fetch.
//! - Only a token with a verified signature becomes a [`Principal`].
//!
//! # Not covered
//! Revocation (a token is valid until it expires), encrypted tokens and discovery.

mod algorithm;
mod json;
mod jwk;
mod jwks_cache;
mod pem;
#[cfg(test)]
mod testing;
mod token_error;
mod unverified;
mod validation;

pub use algorithm::Algorithm;
pub use jwk::{KeySet, KeySetError};
pub use jwks_cache::{Fetch, FetchError, JwksCache, JwksCounts};
pub(super) use unverified::has_form_of_token;
pub use validation::Validation;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;

use super::claims::Claims;
use super::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};
use tencent::time::Timestamp;
use unverified::UnverifiedToken;

/// Verifies tokens of one issuer.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub struct TokenVerifier {
    /// The required claims.
    pub validation: Validation,
    /// The issuer's keys.
    pub keys: KeySource,
}

/// Where keys come from.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub enum KeySource {
    /// The settings, or a file that they name and a server can read again.
    Fixed(RwLock<Arc<KeySet>>),
    /// The issuer's JWKS URL.
    Remote(JwksCache),
}

impl KeySource {
    /// Keys that change only by [`KeySource::replace`].
    pub fn fixed(keys: KeySet) -> Self {
        Self::Fixed(RwLock::new(Arc::new(keys)))
    }

    /// Puts `keys` in the place of fixed ones, for the tokens to come.
    pub(super) fn replace(&self, keys: KeySet) {
        match self {
            Self::Fixed(fixed) => {
                *fixed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Self::Remote(_) => {}
        }
    }
}

impl TokenVerifier {
    /// Verifies a token, within half of `time_left`.
    pub(super) async fn verify(
        &self,
        presented: &str,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<Principal, Error> {
        let token = UnverifiedToken::parse(presented)?;
        let algorithm = self.validation.algorithm(&token.algorithm)?;
        self.validation.check(&token.claims, now)?;
        let key_id = token.key_id.as_deref();
        let keys = match &self.keys {
            KeySource::Fixed(keys) => {
                Arc::clone(&keys.read().unwrap_or_else(PoisonError::into_inner))
            }
            KeySource::Remote(keys) => {
                keys.keys_for(algorithm, key_id, now, time_left).await.ok_or_else(unavailable)?
            }
        };
        keys.verify(algorithm, key_id, token.message, token.signature)?;
        Ok(Principal::authenticated(
            AuthMethod::Jwt,
            AuthMethod::Jwt.name(),
            Claims::of_json(&token.claims),
        ))
    }

    /// The body's message has the reason. <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>
    pub(super) fn challenge(is_rejected: bool) -> String {
        let error = if is_rejected { ", error=\"invalid_token\"" } else { "" };
        format!("Bearer realm=\"cos-issuer\"{error}")
    }
}

fn unavailable() -> Error {
    let message = "the token issuer's JWKS could not be fetched: try again";
    Error::new(ErrorCode::TokenKeysUnavailable, message)
        .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::testing::{AUDIENCE, ISSUER, TestIssuer, jwks};
    use super::{Algorithm, KeySet, KeySource, TokenVerifier, Validation};
    use crate::auth::{AuthMethod, Claim, Principal};
    use crate::error::{Error, ErrorCode};
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    fn tokens(issuer: &TestIssuer) -> TokenVerifier {
        let algorithms = vec![Algorithm::Es256];
        let keys = KeySet::of_jwks(&jwks(&[issuer.jwk("one")]), &algorithms).unwrap();
        let validation = Validation {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms,
            leeway_seconds: 30,
            max_age_seconds: 3600,
        };
        let keys = KeySource::fixed(keys);
        TokenVerifier { validation, keys }
    }

    async fn verify(tokens: &TokenVerifier, token: &str) -> Result<Principal, Error> {
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        tokens.verify(token, now, Duration::MAX).await
    }

    #[tokio::test]
    async fn a_good_token_makes_a_principal_with_its_claims() {
        let issuer = TestIssuer::new();
        let header = json!({"alg": "ES256", "kid": "one"});
        let claims = json!({"iss": ISSUER, "aud": ["other", AUDIENCE], "sub": "u-1", "iat": NOW, "exp": NOW + 60, "groups": ["a", "b"],
            "tier": 2, "admin": false, "address": {"street": "a"}});
        let principal = verify(&tokens(&issuer), &issuer.sign(&header, &claims)).await;
        let principal = principal.ok().unwrap();
        assert_eq!(principal.method(), AuthMethod::Jwt);
        assert_eq!((principal.name(), principal.method().name()), ("jwt", "jwt"));
        let known = principal.claims();
        assert_eq!(known.subject(), Some("u-1"));
        let groups = Claim::Texts(vec!["a".to_owned(), "b".to_owned()]);
        assert!(known.claim("groups") == Some(&groups));
        assert!(known.claim("tier") == Some(&Claim::Number(2)));
        assert!(known.claim("admin") == Some(&Claim::Flag(false)));
        assert!(known.claim("address").is_none());
        assert_eq!(principal.subject_hash().map(|hash| hash.len()), Some(32));
    }

    #[tokio::test]
    async fn a_refusal_names_the_check_that_failed_and_repeats_nothing() {
        let issuer = TestIssuer::new();
        let good = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "CANARY-u-1", "iat": NOW, "exp": NOW + 60});
        let with = |name: &str, value: Value| {
            let mut claims = good.clone();
            claims[name] = value;
            issuer.sign(&json!({"alg": "ES256", "kid": "one"}), &claims)
        };
        let other_key = TestIssuer::new().token("one", "CANARY-u-1", NOW);
        let other_kid = issuer.token("CANARY-two", "CANARY-u-1", NOW);
        for (token, said) in [
            (with("iss", json!("https://CANARY.example.com")), "`iss`"),
            (with("aud", json!("CANARY")), "`aud` does not contain"),
            (with("aud", json!(null)), "`aud` is missing"),
            (with("exp", json!(NOW - 60)), "expired"),
            (with("nbf", json!(NOW + 60)), "`nbf`"),
            (with("iat", json!(NOW - 86_400)), "too long ago"),
            (with("sub", json!(7)), "`sub`"),
            (other_kid, "`kid`"),
            (other_key, "signature"),
            ("CANARY".to_owned(), "three base64url parts"),
        ] {
            let error = verify(&tokens(&issuer), &token).await.err().unwrap();
            assert_eq!(error.code(), ErrorCode::Token);
            assert_eq!(error.code().info().status, 401);
            let message = error.message();
            assert!(message.contains(said), "{said}: {message}");
            assert!(!message.contains("CANARY") && !message.contains(ISSUER), "{message}");
        }
    }

    #[tokio::test]
    async fn a_changed_token_is_refused() {
        let issuer = TestIssuer::new();
        let (tokens, token) = (tokens(&issuer), issuer.token("one", "u-1", NOW));
        assert!(verify(&tokens, &token).await.is_ok());
        let other = issuer.token("one", "u-2", NOW);
        let part = |token: &str, n: usize| token.split('.').nth(n).unwrap().to_owned();
        let (header, claims, signature) = (part(&token, 0), part(&token, 1), part(&token, 2));
        for changed in [
            format!("{header}.{}.{signature}", part(&other, 1)),
            format!("{header}.{claims}.{}", part(&other, 2)),
            format!("{header}.{claims}."),
            format!("{header}.{claims}.{}", signature.get(..80).unwrap()),
            format!("{header}.{claims}.{signature}AAAA"),
            format!("{header}.{claims}.{}", "A".repeat(86)),
            format!("{header}.{claims}.{signature}="),
        ] {
            let error = verify(&tokens, &changed).await.err().unwrap();
            assert_eq!(error.code(), ErrorCode::Token);
        }
    }
    /// The signature is always right; only the header differs.
    #[tokio::test]
    async fn a_header_that_changes_algorithm_or_key_is_refused() {
        let issuer = TestIssuer::new();
        let tokens = tokens(&issuer);
        let claims =
            json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", "iat": NOW, "exp": NOW + 60});
        let outcome = async |header: &Value| verify(&tokens, &issuer.sign(header, &claims)).await;
        for header in [json!({"alg": "ES256"}), json!({"alg": "ES256", "kid": "one"})] {
            assert!(outcome(&header).await.is_ok(), "{header}");
        }
        for alg in [
            "none", "None", "NONE", "", "es256", " ES256", "ES384", "RS256", "PS256", "HS256",
            "EdDSA",
        ] {
            let error = outcome(&json!({"alg": alg})).await.err().unwrap();
            assert!(error.message().contains("`alg`"), "{alg}: {}", error.message());
        }
        for (name, value) in [
            ("kid", json!("two")),
            ("crit", json!(["exp"])),
            ("jwk", issuer.jwk("one")),
            ("x5c", json!(["MIIB"])),
            ("typ", json!("dpop+jwt")),
        ] {
            let error = outcome(&json!({"alg": "ES256", name: value})).await.err().unwrap();
            assert!(error.message().contains(name), "{name}: {}", error.message());
        }
    }
}
