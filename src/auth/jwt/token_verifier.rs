//! The tokens of one issuer: verified once, and then known while the same keys count.
//!
//! # Guarantees
//! Claims are validated before a key is looked up. The dates of a known token are checked each
//! time.
//!
//! # Not covered
//! Which issuer a token is of (`token_verifiers`).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};

use super::algorithm::Algorithm;
use super::jwk::KeySet;
use super::jwks_cache::JwksCache;
use super::unverified::UnverifiedToken;
use super::validation::Validation;
use super::verified_tokens::{TokenHash, VerifiedToken, VerifiedTokens};
use crate::auth::claims::Claims;
use crate::auth::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};
use tencent::time::Timestamp;

/// Verifies tokens of one issuer.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub struct TokenVerifier {
    pub(super) name: Option<Arc<str>>,
    pub(super) header: Option<HeaderName>,
    pub(super) validation: Validation,
    keys: KeySource,
    verified: VerifiedTokens,
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
    /// Keys that change only when a server reads their file again.
    pub fn fixed(keys: KeySet) -> Self {
        Self::Fixed(RwLock::new(Arc::new(keys)))
    }
}

impl TokenVerifier {
    /// Requires what `validation` names, and a signature with one of `keys`.
    pub fn new(validation: Validation, keys: KeySource) -> Self {
        let verified = VerifiedTokens::new();
        Self { name: None, header: None, validation, keys, verified }
    }

    /// The same under the name by which grants refer to the issuer.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same for tokens in another header than `Authorization`.
    #[must_use]
    pub fn in_header(self, header: HeaderName) -> Self {
        Self { header: Some(header), ..self }
    }

    /// Puts `keys` in the place of fixed ones. What the old ones verified is verified again.
    pub(super) fn replace_keys(&self, keys: KeySet) {
        if let KeySource::Fixed(fixed) = &self.keys {
            *fixed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
    }

    /// The keys of the issuer's JWKS URL.
    pub(super) fn jwks(&self) -> Option<&JwksCache> {
        match &self.keys {
            KeySource::Fixed(_) => None,
            KeySource::Remote(keys) => Some(keys),
        }
    }

    /// Verifies a token, within half of `time_left`; `hash` is its own.
    pub(super) async fn verify(
        &self,
        token: UnverifiedToken<'_>,
        hash: Option<TokenHash>,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<Principal, Error> {
        let algorithm = self.validation.algorithm(&token.algorithm)?;
        let dates = self.validation.check(&token.claims, now)?;
        let key_id = token.key_id.as_deref();
        let keys = self.keys_for(algorithm, key_id, now, time_left).await?;
        keys.verify(algorithm, key_id, token.message, token.signature)?;
        let (method, claims) = (AuthMethod::Jwt, Claims::of_json(&token.claims));
        let principal = match &self.name {
            None => Principal::authenticated(method, method.name(), claims),
            Some(name) => Principal::of_token_issuer(name, &self.validation.issuer, claims),
        };
        if let Some(hash) = hash {
            let (key_id, keys) = (token.key_id, Arc::downgrade(&keys));
            let principal = principal.clone();
            let verified = VerifiedToken { algorithm, key_id, dates, principal, keys };
            self.verified.insert(hash, verified);
        }
        Ok(principal)
    }

    /// The principal of a token that these keys verified before, and whose dates still fit.
    pub(super) async fn verified_before(
        &self,
        hash: TokenHash,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<Option<Principal>, Error> {
        let Some(token) = self.verified.find(hash) else {
            return Ok(None);
        };
        self.validation
            .check_dates(&token.dates, now)
            .inspect_err(|_| self.verified.remove(hash))?;
        let key_id = token.key_id.as_deref();
        let keys = self.keys_for(token.algorithm, key_id, now, time_left).await?;
        if token.is_of(&keys) {
            return Ok(Some(token.principal.clone()));
        }
        self.verified.remove(hash);
        Ok(None)
    }

    /// The keys that count now, after a fetch if one is due.
    async fn keys_for(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<Arc<KeySet>, Error> {
        match &self.keys {
            KeySource::Fixed(keys) => {
                Ok(Arc::clone(&keys.read().unwrap_or_else(PoisonError::into_inner)))
            }
            KeySource::Remote(keys) => {
                keys.keys_for(algorithm, key_id, now, time_left).await.ok_or_else(unavailable)
            }
        }
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

    use super::super::testing::{AUDIENCE, ISSUER, TestIssuer, jwks};
    use super::super::validation::AudienceClaim;
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
            audience_claim: AudienceClaim::Aud,
            audiences: vec![AUDIENCE.to_owned()],
            algorithms,
            leeway_seconds: 30,
            max_age_seconds: 3600,
        };
        TokenVerifier::new(validation, KeySource::fixed(keys))
    }

    async fn verify(tokens: &TokenVerifier, token: &str) -> Result<Principal, Error> {
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        tokens.verify_text(token, now, Duration::MAX).await
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

    /// Each is accepted first, and therefore known.
    #[tokio::test]
    async fn a_known_token_is_refused_once_it_is_too_old_or_not_valid_yet() {
        let issuer = TestIssuer::new();
        let header = json!({"alg": "ES256", "kid": "one"});
        let of = |valid_from: i64, expiry: i64| {
            let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", "iat": NOW,
                "nbf": valid_from, "exp": expiry});
            issuer.sign(&header, &claims)
        };
        let mut tokens = tokens(&issuer);
        for (token, refused_at, said) in [
            (of(NOW, NOW + 60), NOW + 90, "expired"),
            (of(NOW, NOW + 60), NOW + 86_400, "expired"),
            (of(NOW, NOW + 60), NOW - 31, "`nbf`"),
            (of(NOW + 30, NOW + 60), NOW - 1, "`nbf`"),
        ] {
            for _ in 0..2 {
                assert!(verify(&tokens, &token).await.is_ok());
            }
            let hash = super::TokenHash::new(&token).unwrap();
            assert!(tokens.verified.find(hash).is_some());
            let later = Timestamp::from_unix_seconds(refused_at).unwrap();
            let error = tokens.verify_text(&token, later, Duration::MAX).await.err().unwrap();
            assert!(error.message().contains(said), "{said}: {}", error.message());
            assert!(tokens.verified.find(hash).is_none());
        }
        let token = of(NOW, NOW + 3600);
        assert!(verify(&tokens, &token).await.is_ok());
        tokens.validation.max_age_seconds = 3599;
        let error = verify(&tokens, &token).await.err().unwrap();
        assert!(error.message().contains("too long"), "{}", error.message());
    }

    #[tokio::test]
    async fn only_the_very_token_that_was_accepted_is_known() {
        let issuer = TestIssuer::new();
        let (tokens, token) = (tokens(&issuer), issuer.token("one", "u-1", NOW));
        let is_known =
            |token: &str| tokens.verified.find(super::TokenHash::new(token).unwrap()).is_some();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{message}.{}", "A".repeat(signature.len()));
        let other_key = TestIssuer::new().token("one", "u-1", NOW);
        for _ in 0..2 {
            for refused in [&forged, &other_key] {
                assert!(verify(&tokens, refused).await.is_err());
                assert!(!is_known(refused));
            }
            assert!(verify(&tokens, &token).await.is_ok());
            assert!(is_known(&token));
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
