//! The setting `AUTH` at work: finds the one credential of a request and has it verified.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue};

use super::api_key::ApiKeys;
use super::authorization_header::credentials;
use super::gateway;
use super::hmac::HmacKeys;
use super::jwt::{JwksCache, KeySet, TokenVerifiers, has_form_of_token};
use super::principal::Principal;
use super::wechat::WechatLogin;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorCode};
use crate::request::{Identity, Request};
use tencent::time::Clock;

/// How requests are authenticated: the setting `AUTH`.
#[expect(missing_debug_implementations, reason = "it contains keys")]
pub enum Authenticator {
    /// Not at all: every principal is `anonymous`.
    None,
    /// By exactly one credential, which one of these verifies.
    OneOf(Vec<Verifier>),
}

/// One authentication method with its settings.
#[expect(missing_debug_implementations, reason = "it contains keys")]
pub enum Verifier {
    /// A key in the request.
    ApiKey(ApiKeys),
    /// An identity that the platform attaches to the request.
    Gateway,
    /// A signature of the request.
    Hmac(HmacKeys),
    /// A token that one of these issuers signed.
    Jwt(TokenVerifiers),
    /// A login code of a mini-program.
    Wechat(WechatLogin),
}

impl Authenticator {
    /// Authenticates `request`; `path` is its path without `BASE_PATH`. A token can cause
    /// a call for its issuer's JWKS, a valid signature one to the shared store, and a login code
    /// always causes one.
    ///
    /// # Errors
    /// Status 401: [`ErrorCode::ProofMissing`], [`ErrorCode::ProofAmbiguous`], or the code of the
    /// method that was tried. Status 503: [`ErrorCode::ReplayMemoryFull`],
    /// [`ErrorCode::TokenKeysUnavailable`], [`ErrorCode::SharedStoreUnavailable`]. The codes of
    /// login codes have others.
    pub async fn authenticate(
        &self,
        request: &Request,
        path: &str,
        clock: &dyn Clock,
        deadline: Deadline,
    ) -> Result<Principal, Error> {
        let Self::OneOf(verifiers) = self else {
            return Ok(Principal::anonymous());
        };
        let outcome = match Presented::only_one(verifiers, request) {
            // On the heap: of all that a request may wait for, this is the largest.
            Ok(presented) => Box::pin(presented.verify(request, path, clock, deadline)).await,
            Err(error) => Err(error),
        };
        outcome.map_err(|error| with_challenge(error, verifiers))
    }

    /// Verifies the tokens to come with `keys`, in the order of their issuers, where these have
    /// fixed ones.
    pub fn replace_token_keys(&self, keys: Vec<Option<KeySet>>) {
        if let Some(tokens) = self.tokens() {
            tokens.replace_keys(keys);
        }
    }

    /// Whether the credential of `request` is a login code, which causes a call before anything is
    /// known about its sender.
    pub fn has_login_code(&self, request: &Request) -> bool {
        let Self::OneOf(verifiers) = self else {
            return false;
        };
        verifiers.iter().any(|verifier| matches!(verifier, Verifier::Wechat(_)))
            && !credentials(&request.headers, WechatLogin::SCHEME).is_empty()
    }

    /// The JWKS of each token issuer that publishes one, by its name.
    pub fn jwks(&self) -> impl Iterator<Item = (Option<&str>, &JwksCache)> {
        self.tokens().into_iter().flat_map(TokenVerifiers::jwks)
    }

    fn tokens(&self) -> Option<&TokenVerifiers> {
        let Self::OneOf(verifiers) = self else {
            return None;
        };
        verifiers.iter().find_map(|verifier| match verifier {
            Verifier::Jwt(tokens) => Some(tokens),
            Verifier::ApiKey(_) | Verifier::Gateway | Verifier::Hmac(_) | Verifier::Wechat(_) => {
                None
            }
        })
    }
}

impl Verifier {
    fn is_bearer_api_key(&self) -> bool {
        matches!(self, Self::ApiKey(keys) if keys.header().is_none())
    }

    fn challenges(&self, is_token_rejected: bool) -> Vec<String> {
        match self {
            Self::ApiKey(keys) => vec![keys.challenge()],
            Self::Gateway => vec!["Gateway realm=\"cos-issuer\"".to_owned()],
            Self::Hmac(_) => vec![HmacKeys::challenge()],
            Self::Jwt(tokens) => tokens.challenges(is_token_rejected).collect(),
            Self::Wechat(_) => vec![WechatLogin::challenge()],
        }
    }
}

/// A credential of a request, valid or not, and what verifies it.
enum Presented<'r> {
    ApiKey(&'r ApiKeys, &'r str),
    Gateway(&'r Identity),
    Hmac(&'r HmacKeys, &'r str),
    Token(&'r TokenVerifiers, Option<&'r HeaderName>, &'r str),
    LoginCode(&'r WechatLogin, &'r str),
}

impl<'r> Presented<'r> {
    fn only_one(verifiers: &'r [Verifier], request: &'r Request) -> Result<Self, Error> {
        let headers = &request.headers;
        // Where both tokens and API keys are sent as `Bearer`, the form decides.
        let reads_bearer = |verifier: &Verifier| matches!(verifier, Verifier::Jwt(all) if all.reads_authorization());
        let has_bearer_tokens = verifiers.iter().any(reads_bearer);
        let has_bearer_api_keys = verifiers.iter().any(Verifier::is_bearer_api_key);
        let mut presented = Vec::new();
        for verifier in verifiers {
            match verifier {
                Verifier::ApiKey(keys) => {
                    let is_shared = keys.header().is_none();
                    for text in keys.presented(headers) {
                        if !(is_shared && has_bearer_tokens && has_form_of_token(text)) {
                            presented.push(Self::ApiKey(keys, text));
                        }
                    }
                }
                Verifier::Gateway => presented.extend(request.identity.as_ref().map(Self::Gateway)),
                Verifier::Hmac(keys) => {
                    for text in credentials(headers, HmacKeys::SCHEME) {
                        presented.push(Self::Hmac(keys, text));
                    }
                }
                Verifier::Jwt(tokens) => {
                    for (header, text) in tokens.presented(headers, has_bearer_api_keys) {
                        presented.push(Self::Token(tokens, header, text));
                    }
                }
                Verifier::Wechat(login) => {
                    for text in credentials(headers, WechatLogin::SCHEME) {
                        presented.push(Self::LoginCode(login, text));
                    }
                }
            }
        }
        match (presented.pop(), presented.pop()) {
            (Some(presented), None) => Ok(presented),
            (None, _) => Err(Error::new(
                ErrorCode::ProofMissing,
                "no credentials: the header `WWW-Authenticate` lists what is accepted",
            )),
            (Some(_), Some(_)) => Err(Error::new(
                ErrorCode::ProofAmbiguous,
                "more than one credential: send exactly one",
            )),
        }
    }

    async fn verify(
        self,
        request: &Request,
        path: &str,
        clock: &dyn Clock,
        deadline: Deadline,
    ) -> Result<Principal, Error> {
        match self {
            Self::ApiKey(keys, key) => keys.verify(key),
            Self::Gateway(identity) => gateway::verify(identity),
            Self::Hmac(keys, text) => keys.verify(text, request, path, clock.now()).await,
            Self::Token(tokens, header, token) => {
                let time_left = deadline.remaining(clock);
                tokens.verify(header, token, clock.now(), time_left).await
            }
            Self::LoginCode(login, code) => login.verify(code, deadline.remaining(clock)).await,
        }
    }
}

/// Adds the accepted methods to an error of status 401.
fn with_challenge(error: Error, verifiers: &[Verifier]) -> Error {
    if error.code().info().status != http::StatusCode::UNAUTHORIZED {
        return error;
    }
    let is_token = error.code() == ErrorCode::Token;
    let mut challenges: Vec<String> = Vec::new();
    // Of two methods that use `Bearer`, only the one that was tried is named.
    for verifier in verifiers.iter().filter(|v| !(is_token && v.is_bearer_api_key())) {
        for challenge in verifier.challenges(is_token) {
            if !challenges.contains(&challenge) {
                challenges.push(challenge);
            }
        }
    }
    match HeaderValue::from_str(&challenges.join(", ")) {
        Ok(value) => error.with_header(WWW_AUTHENTICATE, value),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{ApiKeys, Authenticator, Verifier};
    use crate::auth::ApiKey;
    use crate::deadline::Deadline;
    use crate::error::ErrorCode;
    use crate::request::{Inbound, Request};
    use tencent::time::SystemClock;

    const KEY: &str = "CANARY-api-key-of-a-unit-test-0123456789";

    fn with(headers: &[(&'static str, &'static str)]) -> Request {
        let pair = |(name, value): &(&'static str, &'static str)| {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
            (name, value)
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().map(pair) {
            map.append(name, value);
        }
        let inbound = Inbound { path: "/sign".to_owned(), headers: map, ..Inbound::default() };
        inbound.check().unwrap()
    }

    fn authenticator() -> Authenticator {
        let keys = vec![ApiKey::for_tests("backend", KEY)];
        let keys = ApiKeys::new(keys, None).unwrap();
        Authenticator::OneOf(vec![Verifier::ApiKey(keys)])
    }

    async fn refused(headers: &[(&'static str, &'static str)]) -> ErrorCode {
        let error = authenticator()
            .authenticate(&with(headers), "/sign", &SystemClock, Deadline::unlimited(&SystemClock))
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
        assert_eq!(refused(&[("cookie", cookie)]).await, ErrorCode::ProofMissing);
    }

    #[tokio::test]
    async fn other_schemes_and_headers_are_not_credentials() {
        assert_eq!(refused(&[]).await, ErrorCode::ProofMissing);
        for value in ["Basic YTpi", "Bearer", KEY, "BearerX a", ""] {
            assert_eq!(refused(&[("authorization", value)]).await, ErrorCode::ProofMissing);
        }
        assert_eq!(refused(&[("x-api-key", KEY)]).await, ErrorCode::ProofMissing);
    }

    #[tokio::test]
    async fn two_credentials_are_refused_even_if_both_are_valid() {
        let good = "Bearer CANARY-api-key-of-a-unit-test-0123456789";
        let twice = [("authorization", good), ("authorization", good)];
        assert_eq!(refused(&twice).await, ErrorCode::ProofAmbiguous);
        assert!(
            authenticator()
                .authenticate(
                    &with(&twice[..1]),
                    "/sign",
                    &SystemClock,
                    Deadline::unlimited(&SystemClock)
                )
                .await
                .is_ok()
        );
    }
}
