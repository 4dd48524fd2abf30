//! `jwt`: a bearer token that the configured issuer signed.
//!
//! JWT: <https://www.rfc-editor.org/rfc/rfc7519>, JWS: <https://www.rfc-editor.org/rfc/rfc7515>, how to use them safely:
//! <https://www.rfc-editor.org/rfc/rfc8725>, in requests: <https://www.rfc-editor.org/rfc/rfc6750>.
//!
//! Promises: issuer, audience and algorithms are the configured ones. What a token says of itself is checked before any key is looked
//! for, so a token that could not be accepted anyway causes no fetch; and where keys come from is configured, never said by a token.
//! A [`Principal`] is made only of a token whose signature held.
//! Leaves out: revocation (a token counts until it expires), encrypted tokens, and discovery: the JWKS URL is a setting.

mod algorithm;
mod json;
mod jwk;
mod jwks_cache;
mod pem;
#[cfg(test)]
mod testing;
mod unverified;
mod validation;

pub use algorithm::Algorithm;
pub use jwk::{KeySet, KeySetError};
pub use jwks_cache::{Fetch, FetchError, JwksCache};
pub(super) use unverified::has_form_of_token;
pub use validation::Validation;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;

use super::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};
use tencent::time::Timestamp;
use unverified::UnverifiedToken;

/// Which tokens are accepted.
#[expect(missing_debug_implementations, reason = "it may hold a secret")]
pub struct Tokens {
    /// What their claims must say.
    pub rules: Validation,
    /// Whose signature they must have.
    pub keys: KeySource,
}

/// Where keys come from.
#[expect(missing_debug_implementations, reason = "it may hold a secret")]
pub enum KeySource {
    /// The settings.
    Fixed(Arc<KeySet>),
    /// The issuer's JWKS URL.
    Remote(JwksCache),
}

impl Tokens {
    /// Proves who a token speaks of, within `time_left` of the platform if there is such a limit.
    pub(super) async fn verify(
        &self,
        presented: &str,
        now: Timestamp,
        time_left: Option<Duration>,
    ) -> Result<Principal, Error> {
        let token = UnverifiedToken::parse(presented)?;
        let algorithm = self.rules.algorithm(&token.algorithm)?;
        self.rules.check(&token.claims, now)?;
        let key_id = token.key_id.as_deref();
        let keys = match &self.keys {
            KeySource::Fixed(keys) => Arc::clone(keys),
            KeySource::Remote(keys) => keys
                .keys_for(algorithm, key_id, now, time_left)
                .await
                .ok_or_else(unavailable)?,
        };
        keys.verify(algorithm, key_id, token.message, token.signature)?;
        Ok(Principal::proven(
            AuthMethod::Jwt,
            AuthMethod::Jwt.name(),
            token.claims.into_claims(),
        ))
    }

    /// What is wrong with a token is told by the answer's message.
    /// <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>
    pub(super) fn challenge(is_refused: bool) -> String {
        let refused = if is_refused {
            ", error=\"invalid_token\""
        } else {
            ""
        };
        format!("Bearer realm=\"cos-issuer\"{refused}")
    }
}

/// Why a token is refused. None of the texts repeats what is in it, or in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TokenFault {
    #[error("its `alg` is not one that is accepted here")]
    Algorithm,
    #[error("its `aud` does not name this service: a text or a list of texts is expected")]
    Audience,
    #[error("its payload is not a JSON object with each member once")]
    Claims,
    #[error(
        "its header names or brings a key, or asks for an extension (`jwk`, `jku`, `x5u`, `x5c`, `crit`)"
    )]
    Embedded,
    #[error("it has no `exp` that is a number")]
    ExpiryMissing,
    #[error("it has expired: ask the issuer for a new one")]
    Expired,
    #[error("three base64url parts of at most 8192 characters are expected, with dots between")]
    Form,
    #[error(
        "its header is not a JSON object with each member once, with texts for `alg` and `kid`"
    )]
    Header,
    #[error("it has no `iat` that is a number")]
    IssuedMissing,
    #[error("its `iss` is not the issuer that is accepted here")]
    Issuer,
    #[error(
        "no key of the issuer has its `kid` and `alg`: a new key is noticed after half a minute or so"
    )]
    KeyUnknown,
    #[error("its `nbf` or `iat` is in the future, or no number: compare the clocks")]
    NotYetValid,
    #[error("it was issued too long ago, or lives too long, for this service: see `iat` and `exp`")]
    Old,
    #[error("its signature is not that of the issuer's key over this token")]
    Signature,
    #[error("it has no `sub` that is a text of 1 to 512 bytes")]
    Subject,
    #[error("its `typ` is neither `JWT` nor `at+jwt`")]
    Type,
}

impl From<TokenFault> for Error {
    fn from(fault: TokenFault) -> Self {
        Self::new(ErrorCode::Token, format!("the token is refused: {fault}"))
    }
}

fn unavailable() -> Error {
    let message = "the token's issuer cannot be asked for its keys: try again";
    Error::new(ErrorCode::TokenKeysUnavailable, message)
        .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::testing::{AUDIENCE, ISSUER, TestIssuer, jwks};
    use super::{Algorithm, KeySet, KeySource, Tokens, Validation};
    use crate::auth::{AuthMethod, Claim, Principal};
    use crate::error::{Error, ErrorCode};
    use tencent::time::Timestamp;

    const NOW: i64 = 1_700_000_000;

    fn tokens(issuer: &TestIssuer) -> Tokens {
        let algorithms = vec![Algorithm::Es256];
        let keys = KeySet::of_jwks(&jwks(&[issuer.jwk("one")]), &algorithms).unwrap();
        let rules = Validation {
            issuer: ISSUER.to_owned(),
            audiences: vec![AUDIENCE.to_owned()],
            algorithms,
            leeway_seconds: 30,
            age_seconds_max: 3600,
        };
        let keys = KeySource::Fixed(Arc::new(keys));
        Tokens { rules, keys }
    }

    async fn verify(tokens: &Tokens, token: &str) -> Result<Principal, Error> {
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        tokens.verify(token, now, None).await
    }

    #[tokio::test]
    async fn a_good_token_makes_a_caller_with_its_claims() {
        let issuer = TestIssuer::new();
        let header = json!({"alg": "ES256", "kid": "one"});
        let claims = json!({"iss": ISSUER, "aud": ["other", AUDIENCE], "sub": "u-1", "iat": NOW, "exp": NOW + 60, "groups": ["a", "b"],
            "tier": 2, "admin": false, "address": {"street": "a"}});
        let caller = verify(&tokens(&issuer), &issuer.sign(&header, &claims)).await;
        let caller = caller.ok().unwrap();
        assert_eq!(caller.kind(), AuthMethod::Jwt);
        assert_eq!((caller.name(), caller.kind().name()), ("jwt", "jwt"));
        let known = caller.claims();
        assert_eq!(known.subject(), Some("u-1"));
        let groups = Claim::Texts(vec!["a".to_owned(), "b".to_owned()]);
        assert!(known.claim("groups") == Some(&groups));
        assert!(known.claim("tier") == Some(&Claim::Number(2)));
        assert!(known.claim("admin") == Some(&Claim::Flag(false)));
        assert!(known.claim("address").is_none());
        assert_eq!(caller.subject_hash().map(|hash| hash.len()), Some(32));
    }

    /// One text for each check, and nothing of the token or of the settings in it.
    #[tokio::test]
    async fn a_refusal_says_which_check_failed_and_repeats_nothing() {
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
            (with("aud", json!("CANARY")), "`aud`"),
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
            assert!(
                !message.contains("CANARY") && !message.contains(ISSUER),
                "{message}"
            );
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
}
