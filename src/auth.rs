//! PrincipalMatch is asking, proven, never assumed.
//!
//! Promises: a [`Principal`] exists only as the result of [`Authenticator::prove`]. There is no default kind of proof: `AUTH` must be
//! written out, and `none` is a choice. A request brings exactly one proof; two are refused, since which one counts would be a
//! guess. Only kinds that `AUTH` names are looked at, and cookies never are.
//! Leaves out: what a caller may get (`grant`).

mod api_key;
mod claims;
mod gateway;
pub mod hmac;
mod jwt;

pub use api_key::{ApiKey, ApiKeys};
pub use claims::{Claim, Claims};
pub use gateway::{Identity, Source};
pub use hmac::{HmacKey, HmacKeys};
pub use jwt::{
    Algorithm, Fetch, FetchError, JwksCache, KeySet, KeySetError, KeySource, Tokens, Validation,
};

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ErrorCode};
use crate::request::Request;
use tencent::sign::digest::sha256_hex;
use tencent::time::Clock;

/// How callers prove who they are: the setting `AUTH`.
#[expect(missing_debug_implementations, reason = "it holds callers' keys")]
pub enum Authenticator {
    /// Nobody is asked. Whoever reaches the address gets the one grant.
    None,
    /// One of these kinds of proof, each at most once.
    Proofs(Vec<Verifier>),
}

/// One kind of proof with its settings.
#[expect(missing_debug_implementations, reason = "it holds callers' keys")]
pub enum Verifier {
    /// A key that the caller sends.
    ApiKey(ApiKeys),
    /// What the platform says.
    Gateway,
    /// A signature over the request.
    Hmac(HmacKeys),
    /// A token that an issuer signed.
    Jwt(Tokens),
}

impl Authenticator {
    /// Proves who sent `request` for `path`, its path without `BASE_PATH`. Only a token may need a call, to its issuer.
    ///
    /// # Errors
    /// With status 401: [`ErrorCode::ProofMissing`], [`ErrorCode::ProofAmbiguous`], or the rule of the kind that was tried.
    /// With status 503: [`ErrorCode::ReplayMemoryFull`], [`ErrorCode::TokenKeysUnavailable`].
    pub async fn authenticate(
        &self,
        request: &Request,
        path: &str,
        clock: &dyn Clock,
    ) -> Result<Principal, Error> {
        let verifiers = match self {
            Self::None => return Ok(Principal::anonymous()),
            Self::Proofs(verifiers) => verifiers,
        };
        let bearer = Bearer::of(verifiers);
        let brought = |verifier: &&Verifier| verifier.proofs(request, bearer) > 0;
        let proofs: usize = verifiers.iter().map(|v| v.proofs(request, bearer)).sum();
        let outcome = match (verifiers.iter().find(brought), proofs) {
            (Some(verifier), 1) => verifier.verify(request, path, clock).await,
            (None, _) => Err(missing()),
            (Some(_), _) => Err(Error::new(
                ErrorCode::ProofAmbiguous,
                "the request brings more than one proof: send one",
            )),
        };
        outcome.map_err(|error| challenged(error, verifiers))
    }

    /// The header that API keys come in, if it is one of its own; a browser must be told that it may send it.
    pub fn api_key_header(&self) -> Option<&HeaderName> {
        let Self::Proofs(verifiers) = self else {
            return None;
        };
        verifiers.iter().find_map(|verifier| match verifier {
            Verifier::ApiKey(keys) => keys.header(),
            Verifier::Gateway | Verifier::Hmac(_) | Verifier::Jwt(_) => None,
        })
    }
}

impl Verifier {
    /// How many proofs of this kind the request brings, good or bad.
    fn proofs(&self, request: &Request, bearer: Bearer) -> usize {
        let headers = &request.headers;
        match self {
            Self::ApiKey(keys) if keys.header().is_some() => keys.presented(headers).len(),
            Self::ApiKey(keys) => {
                let presented = keys.presented(headers).into_iter();
                presented.filter(|text| !bearer.is_token(text)).count()
            }
            Self::Gateway => usize::from(request.identity.is_some()),
            Self::Hmac(_) => HmacKeys::presented(headers).len(),
            Self::Jwt(_) => {
                let presented = of_scheme(headers, "Bearer").into_iter();
                presented.filter(|text| bearer.is_token(text)).count()
            }
        }
    }

    async fn verify(
        &self,
        request: &Request,
        path: &str,
        clock: &dyn Clock,
    ) -> Result<Principal, Error> {
        match self {
            Self::ApiKey(keys) => keys.verify(&request.headers),
            Self::Gateway => match &request.identity {
                Some(identity) => identity.verify(),
                None => Err(missing()),
            },
            Self::Hmac(keys) => keys.verify(request, path, clock.now()),
            Self::Jwt(tokens) => {
                let presented = of_scheme(&request.headers, "Bearer");
                let presented = presented.first().copied().unwrap_or_default();
                let verified = tokens.verify(presented, clock.now(), request.time_left);
                verified.await
            }
        }
    }

    fn challenge(&self, is_token_refused: bool) -> String {
        match self {
            Self::ApiKey(keys) => keys.challenge(),
            Self::Gateway => "Gateway realm=\"cos-issuer\"".to_owned(),
            Self::Hmac(_) => HmacKeys::challenge(),
            Self::Jwt(_) => Tokens::challenge(is_token_refused),
        }
    }
}

/// What stands behind `Authorization: Bearer`.
#[derive(Clone, Copy)]
enum Bearer {
    /// API keys alone.
    ApiKey,
    /// Both: a text with the form of a token is one.
    Either,
    /// Tokens alone, well formed or not.
    Token,
}

impl Bearer {
    fn of(verifiers: &[Verifier]) -> Self {
        let has_tokens = verifiers.iter().any(|v| matches!(v, Verifier::Jwt(_)));
        let is_of_keys =
            |v: &Verifier| matches!(v, Verifier::ApiKey(keys) if keys.header().is_none());
        match (has_tokens, verifiers.iter().any(is_of_keys)) {
            (true, true) => Self::Either,
            (true, false) => Self::Token,
            (false, _) => Self::ApiKey,
        }
    }

    fn is_token(self, text: &str) -> bool {
        match self {
            Self::ApiKey => false,
            Self::Either => jwt::has_form_of_token(text),
            Self::Token => true,
        }
    }
}

fn missing() -> Error {
    Error::new(
        ErrorCode::ProofMissing,
        "prove who you are: `WWW-Authenticate` says how",
    )
}

/// Adds to a refusal with status 401 what would be accepted.
fn challenged(error: Error, verifiers: &[Verifier]) -> Error {
    if error.code().info().status != http::StatusCode::UNAUTHORIZED {
        return error;
    }
    let is_token = error.code() == ErrorCode::Token;
    let mut challenges: Vec<String> = Vec::new();
    for verifier in verifiers {
        let challenge = match verifier {
            // Of the two that may be asked for as `Bearer`, the one that was tried says so.
            Verifier::ApiKey(keys) if is_token && keys.header().is_none() => continue,
            verifier => verifier.challenge(is_token),
        };
        if !challenges.contains(&challenge) {
            challenges.push(challenge);
        }
    }
    match HeaderValue::from_str(&challenges.join(", ")) {
        Ok(value) => error.with_header(WWW_AUTHENTICATE, value),
        Err(_) => error,
    }
}

/// What stands behind `scheme` in each `Authorization` header of that scheme.
fn of_scheme<'r>(headers: &'r HeaderMap, scheme: &str) -> Vec<&'r str> {
    let values = headers.get_all(AUTHORIZATION).into_iter();
    values
        .filter_map(|value| {
            let (name, rest) = value.to_str().ok()?.split_once(' ')?;
            name.eq_ignore_ascii_case(scheme).then(|| rest.trim())
        })
        .collect()
}

/// How a caller was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// By a key of `API_KEYS`.
    ApiKey,
    /// By the platform, before it called the function.
    Gateway(Source),
    /// By a signature with a key of `HMAC_KEYS`.
    Hmac,
    /// By a token of the issuer that `JWT_ISSUER` names.
    Jwt,
    /// Not at all.
    None,
}

impl AuthMethod {
    /// The kinds that prove something.
    pub const PROOFS: [Self; 7] = [
        Self::ApiKey,
        Self::Gateway(Source::Iam),
        Self::Gateway(Source::Jwt),
        Self::Gateway(Source::KeyPair),
        Self::Gateway(Source::Lambda),
        Self::Hmac,
        Self::Jwt,
    ];

    /// The name in the audit line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key",
            Self::Gateway(Source::Iam) => "gateway-iam",
            Self::Gateway(Source::Jwt) => "gateway-jwt",
            Self::Gateway(Source::KeyPair) => "gateway-key-pair",
            Self::Gateway(Source::Lambda) => "gateway-lambda",
            Self::Hmac => "hmac",
            Self::Jwt => "jwt",
            Self::None => "none",
        }
    }
}

/// A caller whose proof held.
#[derive(Clone)]
#[expect(
    missing_debug_implementations,
    reason = "claims are about people: they go into no log"
)]
pub struct Principal {
    kind: AuthMethod,
    name: String,
    claims: Claims,
}

impl Principal {
    fn anonymous() -> Self {
        Self {
            kind: AuthMethod::None,
            name: "anonymous".to_owned(),
            claims: Claims::default(),
        }
    }

    fn proven(kind: AuthMethod, name: impl Into<String>, claims: Claims) -> Self {
        Self {
            kind,
            name: name.into(),
            claims,
        }
    }

    /// How they were proven.
    pub fn kind(&self) -> AuthMethod {
        self.kind
    }

    /// The name in the audit line: the one that the operator gave the key, never something of a person.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is known of them.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Stands for the subject in logs: 128 bits of SHA-256 over the kind and the claim `sub`, in hex. The same for the same
    /// subject of the same kind, whatever key it used; none for a caller without a subject.
    pub fn subject_hash(&self) -> Option<String> {
        let subject = self.claims.subject()?;
        let mut hash = sha256_hex(format!("{}\n{subject}", self.kind.name()).as_bytes());
        hash.truncate(SUBJECT_HASH_DIGITS);
        Some(hash)
    }
}

const SUBJECT_HASH_DIGITS: usize = 32;

#[cfg(test)]
impl Principal {
    pub(crate) fn for_tests() -> Self {
        Self::anonymous()
    }

    pub(crate) fn with_claims(claims: Claims) -> Self {
        Self::proven(AuthMethod::None, "caller", claims)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Method};

    use super::{ApiKey, ApiKeys, AuthMethod, Authenticator, Claims, Principal, Verifier};
    use crate::error::ErrorCode;
    use crate::request::{Request, RequestId, Unverified};
    use tencent::time::SystemClock;

    const KEY: &str = "CANARY-api-key-of-a-unit-test-0123456789";

    fn with(headers: &[(&'static str, &'static str)]) -> Request {
        let pair = |(name, value): &(&'static str, &'static str)| {
            let (name, value) = (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            (name, value)
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().map(pair) {
            map.append(name, value);
        }
        let unverified = Unverified {
            method: Method::GET,
            path: "/sign".to_owned(),
            query: Vec::new(),
            headers: map,
            body: Vec::new(),
            identity: None,
        };
        Request::new(unverified, RequestId::random(), None).unwrap()
    }

    fn authentication() -> Authenticator {
        let keys = vec![ApiKey::for_tests("backend", KEY)];
        let keys = ApiKeys::new(keys, None).unwrap();
        Authenticator::Proofs(vec![Verifier::ApiKey(keys)])
    }

    async fn refused(headers: &[(&'static str, &'static str)]) -> ErrorCode {
        let error = authentication()
            .authenticate(&with(headers), "/sign", &SystemClock)
            .await
            .err()
            .unwrap();
        let (name, value) = error.header().unwrap();
        assert_eq!(name, "www-authenticate");
        assert_eq!(value, "Bearer realm=\"cos-issuer\"");
        assert_eq!(error.code().info().status, 401);
        error.code()
    }

    #[tokio::test]
    async fn cookie_only_is_unauthenticated() {
        let cookie = "session=CANARY-api-key-of-a-unit-test-0123456789";
        assert_eq!(
            refused(&[("cookie", cookie)]).await,
            ErrorCode::ProofMissing
        );
    }

    #[tokio::test]
    async fn other_schemes_and_headers_are_no_proof() {
        assert_eq!(refused(&[]).await, ErrorCode::ProofMissing);
        for value in ["Basic YTpi", "Bearer", KEY, "BearerX a", ""] {
            assert_eq!(
                refused(&[("authorization", value)]).await,
                ErrorCode::ProofMissing
            );
        }
        assert_eq!(
            refused(&[("x-api-key", KEY)]).await,
            ErrorCode::ProofMissing
        );
    }

    #[tokio::test]
    async fn two_proofs_are_refused_even_if_both_are_good() {
        let good = "Bearer CANARY-api-key-of-a-unit-test-0123456789";
        let twice = [("authorization", good), ("authorization", good)];
        assert_eq!(refused(&twice).await, ErrorCode::ProofAmbiguous);
        assert!(
            authentication()
                .authenticate(&with(&twice[..1]), "/sign", &SystemClock)
                .await
                .is_ok()
        );
    }

    #[test]
    fn the_hash_of_a_subject_is_stable_and_of_its_kind() {
        let of = |kind, name: &str, subject: &str| {
            Principal::proven(kind, name, Claims::of_subject(subject)).subject_hash()
        };
        let hash = of(AuthMethod::ApiKey, "key-1", "u-1").unwrap();
        assert_eq!(hash, "8145fc0ef85afae813e8afdba21acd7e");
        assert_eq!(of(AuthMethod::ApiKey, "key-2", "u-1"), Some(hash.clone()));
        assert_ne!(of(AuthMethod::ApiKey, "key-1", "u-2"), Some(hash.clone()));
        assert_ne!(of(AuthMethod::None, "key-1", "u-1"), Some(hash));
        assert_eq!(Principal::anonymous().subject_hash(), None);
    }
}
