//! Who sent a request, and how that was verified.

use std::sync::Arc;

use super::claims::Claims;
use crate::request::IdentitySource;
use tencent::sign::digest::sha256_hex;

/// How a principal was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// By a key of `API_KEYS`.
    ApiKey,
    /// By the platform, before it called the function.
    Gateway(IdentitySource),
    /// By a signature with a key of `HMAC_KEYS`.
    Hmac,
    /// By a token.
    Jwt,
    /// Not at all.
    None,
    /// By a login code of a mini-program.
    Wechat,
}

impl AuthMethod {
    /// All methods.
    pub const ALL: [Self; 9] = [
        Self::ApiKey,
        Self::Gateway(IdentitySource::Iam),
        Self::Gateway(IdentitySource::Jwt),
        Self::Gateway(IdentitySource::KeyPair),
        Self::Gateway(IdentitySource::Lambda),
        Self::Hmac,
        Self::Jwt,
        Self::None,
        Self::Wechat,
    ];

    /// All methods that require credentials.
    pub const WITH_CREDENTIALS: [Self; 8] = [
        Self::ApiKey,
        Self::Gateway(IdentitySource::Iam),
        Self::Gateway(IdentitySource::Jwt),
        Self::Gateway(IdentitySource::KeyPair),
        Self::Gateway(IdentitySource::Lambda),
        Self::Hmac,
        Self::Jwt,
        Self::Wechat,
    ];

    /// The name in the audit log and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key",
            Self::Gateway(IdentitySource::Iam) => "gateway-iam",
            Self::Gateway(IdentitySource::Jwt) => "gateway-jwt",
            Self::Gateway(IdentitySource::KeyPair) => "gateway-key-pair",
            Self::Gateway(IdentitySource::Lambda) => "gateway-lambda",
            Self::Hmac => "hmac",
            Self::Jwt => "jwt",
            Self::None => "none",
            Self::Wechat => "wechat",
        }
    }
}

/// An authenticated sender of a request.
#[derive(Clone)]
#[expect(
    missing_debug_implementations,
    reason = "claims are about people and must not reach a log"
)]
pub struct Principal {
    method: AuthMethod,
    name: String,
    token_issuer: Option<Arc<str>>,
    subject_hash: Option<String>,
    claims: Claims,
}

impl Principal {
    /// The length of [`subject_hash`](Self::subject_hash).
    pub const SUBJECT_HASH_DIGITS: usize = 32;

    pub(super) fn anonymous() -> Self {
        Self::authenticated(AuthMethod::None, "anonymous", Claims::default())
    }

    pub(super) fn authenticated(
        method: AuthMethod,
        name: impl Into<String>,
        claims: Claims,
    ) -> Self {
        let subject = claims.subject();
        let hash = subject.map(|subject| hash(&format!("{}\n{subject}", method.name())));
        Self { method, name: name.into(), token_issuer: None, subject_hash: hash, claims }
    }

    /// By a token of the issuer with this name and `iss`, which has no line break. Equal subjects
    /// of two issuers are different people.
    pub(super) fn of_token_issuer(name: &Arc<str>, issuer: &str, claims: Claims) -> Self {
        let method = AuthMethod::Jwt;
        let subject = claims.subject();
        let hash = subject.map(|subject| hash(&format!("{}\n{issuer}\n{subject}", method.name())));
        let token_issuer = Some(Arc::clone(name));
        Self { method, name: name.as_ref().to_owned(), token_issuer, subject_hash: hash, claims }
    }

    /// How it was authenticated.
    pub fn method(&self) -> AuthMethod {
        self.method
    }

    /// The name in the audit log: the operator's name of the key, never personal data.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the token's issuer, where the settings give it one.
    pub fn token_issuer(&self) -> Option<&Arc<str>> {
        self.token_issuer.as_ref()
    }

    /// The claims that grants match.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The subject in logs: 128 bits of SHA-256 over method and `sub`, in hex, and over `iss` where
    /// the settings name the issuer. Keys with the same `sub` share it. `None` without a subject.
    pub fn subject_hash(&self) -> Option<&str> {
        self.subject_hash.as_deref()
    }
}

fn hash(text: &str) -> String {
    let mut hash = sha256_hex(text.as_bytes());
    hash.truncate(Principal::SUBJECT_HASH_DIGITS);
    hash
}

#[cfg(test)]
impl Principal {
    pub(crate) fn for_tests() -> Self {
        Self::anonymous()
    }

    pub(crate) fn with_claims(claims: Claims) -> Self {
        Self::with_method(AuthMethod::None, claims)
    }

    pub(crate) fn with_method(method: AuthMethod, claims: Claims) -> Self {
        Self::authenticated(method, "principal", claims)
    }

    /// By a token of an issuer whose `iss` is a URL with its name.
    pub(crate) fn of_issuer(name: &str, claims: Claims) -> Self {
        Self::of_token_issuer(&name.into(), &format!("https://{name}.example.com"), claims)
    }
}

#[cfg(test)]
mod tests {
    use super::{AuthMethod, Claims, Principal};

    #[test]
    fn the_hash_of_a_subject_is_stable_and_of_its_method() {
        let of = |method, name: &str, subject: &str| {
            let claims = Claims::of_subject(subject);
            let principal = Principal::authenticated(method, name, claims);
            principal.subject_hash().map(str::to_owned)
        };
        let hash = of(AuthMethod::ApiKey, "key-1", "u-1").unwrap();
        assert_eq!(hash, "8145fc0ef85afae813e8afdba21acd7e");
        assert_eq!(of(AuthMethod::ApiKey, "key-2", "u-1"), Some(hash.clone()));
        assert_ne!(of(AuthMethod::ApiKey, "key-1", "u-2"), Some(hash.clone()));
        assert_ne!(of(AuthMethod::None, "key-1", "u-1"), Some(hash));
        assert_eq!(Principal::anonymous().subject_hash(), None);
    }

    #[test]
    fn equal_subjects_of_two_issuers_are_different_people() {
        let of = |name: &str, issuer: &str, subject: &str| {
            let claims = Claims::of_subject(subject);
            let principal = Principal::of_token_issuer(&name.into(), issuer, claims);
            principal.subject_hash().map(str::to_owned)
        };
        let one = of("login", "https://a.example.com", "u-1");
        // The name of an issuer may change.
        assert_eq!(of("renamed", "https://a.example.com", "u-1"), one);
        assert_ne!(of("login", "https://b.example.com", "u-1"), one);
        assert_ne!(of("login", "https://a.example.com", "u-2"), one);
        let plain = Principal::authenticated(AuthMethod::Jwt, "jwt", Claims::of_subject("u-1"));
        assert_ne!(plain.subject_hash().map(str::to_owned), one);
    }
}
