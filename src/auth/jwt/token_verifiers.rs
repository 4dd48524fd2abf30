//! The token issuers of a function, and which of them a token is verified for.
//!
//! # Guarantees
//! - The issuer is chosen by the header that the token was sent in and by the exact text of `iss`,
//!   among the configured ones and before any key is looked up. A token of an unknown issuer causes
//!   no fetch.
//! - Issuers share nothing: each has its own keys, its own pause between fetches, and its own
//!   memory of verified tokens.
//!
//! # Not covered
//! What a token must contain (`validation`).

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use serde_json::Value;
use tencent::time::Timestamp;

use super::json::JsonObject;
use super::jwk::KeySet;
use super::jwks_cache::JwksCache;
use super::token_error::TokenError;
use super::token_verifier::TokenVerifier;
use super::unverified::{UnverifiedToken, has_form_of_token};
use super::verified_tokens::TokenHash;
use crate::auth::authorization_header::credentials;
use crate::auth::principal::Principal;
use crate::error::Error;

/// Verifies tokens of several issuers.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub struct TokenVerifiers {
    each: Vec<TokenVerifier>,
    /// The headers that tokens are sent in, each once; `None` is `Authorization`.
    headers: Vec<Option<HeaderName>>,
}

impl TokenVerifiers {
    /// One for each issuer.
    pub fn new(each: Vec<TokenVerifier>) -> Self {
        let mut headers = Vec::new();
        for verifier in &each {
            if !headers.contains(&verifier.header) {
                headers.push(verifier.header.clone());
            }
        }
        Self { each, headers }
    }

    /// Whether tokens are sent in `Authorization`.
    pub(crate) fn reads_authorization(&self) -> bool {
        self.headers.contains(&None)
    }

    /// The tokens in a request, each with its header. A value in a header of its own that is not
    /// text counts too, and is refused. Of bearer values, only those in the form of a token count
    /// where `shares_bearer`.
    pub(crate) fn presented<'r>(
        &'r self,
        headers: &'r HeaderMap,
        shares_bearer: bool,
    ) -> impl Iterator<Item = (Option<&'r HeaderName>, &'r str)> {
        self.headers.iter().flat_map(move |header| {
            let texts: Vec<&str> = match header {
                Some(name) => {
                    let values = headers.get_all(name).into_iter();
                    values.map(|value| value.to_str().unwrap_or_default().trim()).collect()
                }
                None => {
                    let mut texts = credentials(headers, "Bearer");
                    texts.retain(|text| !shares_bearer || has_form_of_token(text));
                    texts
                }
            };
            texts.into_iter().map(move |text| (header.as_ref(), text))
        })
    }

    /// Verifies a token that was sent in `header`, within half of `time_left`.
    pub(crate) async fn verify(
        &self,
        header: Option<&HeaderName>,
        presented: &str,
        now: Timestamp,
        time_left: Duration,
    ) -> Result<Principal, Error> {
        let of_header = || self.each.iter().filter(|verifier| verifier.header.as_ref() == header);
        let hash = TokenHash::new(presented);
        if let Some(hash) = hash {
            for verifier in of_header() {
                if let Some(known) = verifier.verified_before(hash, now, time_left).await? {
                    return Ok(known);
                }
            }
        }
        let token = UnverifiedToken::parse(presented)?;
        let verifier = issuer_of(&token.claims, of_header())?;
        verifier.verify(token, hash, now, time_left).await
    }

    /// Puts keys in the place of fixed ones, in the order of the issuers.
    pub(crate) fn replace_keys(&self, keys: Vec<Option<KeySet>>) {
        for (verifier, keys) in self.each.iter().zip(keys) {
            if let Some(keys) = keys {
                verifier.replace_keys(keys);
            }
        }
    }

    /// The JWKS of each issuer that publishes one, by its name.
    pub(crate) fn jwks(&self) -> impl Iterator<Item = (Option<&str>, &JwksCache)> {
        self.each.iter().filter_map(|verifier| Some((verifier.name.as_deref(), verifier.jwks()?)))
    }

    /// One for each header. The body's message has the reason.
    /// <https://www.rfc-editor.org/rfc/rfc6750#section-3.1>
    pub(crate) fn challenges(&self, is_rejected: bool) -> impl Iterator<Item = String> {
        let error = if is_rejected { ", error=\"invalid_token\"" } else { "" };
        self.headers.iter().map(move |header| match header {
            None => format!("Bearer realm=\"cos-issuer\"{error}"),
            Some(name) => format!("Bearer realm=\"cos-issuer\", header=\"{name}\"{error}"),
        })
    }
}

/// The one issuer that a token can be of. Of issuers with the same `iss`, the audience decides.
fn issuer_of<'v>(
    claims: &JsonObject,
    mut verifiers: impl Iterator<Item = &'v TokenVerifier> + Clone,
) -> Result<&'v TokenVerifier, TokenError> {
    let all = verifiers.clone();
    if let (Some(only), None) = (verifiers.next(), verifiers.next()) {
        return Ok(only);
    }
    let issuer = claims.get("iss").and_then(Value::as_str).ok_or(TokenError::Issuer)?;
    let mut of_issuer = all.filter(|verifier| verifier.validation.issuer == issuer);
    let mut for_us =
        of_issuer.clone().filter(|verifier| verifier.validation.check_audience(claims).is_ok());
    match (for_us.next(), for_us.next()) {
        (Some(one), None) => Ok(one),
        // Its own check names what is wrong with the audience.
        (None, _) => of_issuer.next().ok_or(TokenError::Issuer),
        (Some(_), Some(_)) => Err(TokenError::Ambiguous),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use http::{HeaderMap, HeaderName, HeaderValue};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use tencent::time::Timestamp;

    use super::super::testing::{TestIssuer, jwks};
    use super::super::{Algorithm, AudienceClaim, FetchError, KeySource, Validation};
    use super::{JwksCache, KeySet, TokenVerifier, TokenVerifiers};
    use crate::auth::Principal;
    use crate::error::{Error, ErrorCode};

    const NOW: i64 = 1_700_000_000;

    /// An issuer that publishes the key `one`, as long as it is up, and how often it was asked.
    struct Published {
        signer: TestIssuer,
        response: Arc<Mutex<Option<Vec<u8>>>>,
        fetches: Arc<AtomicUsize>,
    }

    impl Published {
        fn new() -> Self {
            let signer = TestIssuer::new();
            let response = Arc::new(Mutex::new(Some(jwks(&[signer.jwk("one")]))));
            Self { signer, response, fetches: Arc::default() }
        }

        fn set(&self, response: Option<Vec<u8>>) {
            *self.response.lock().unwrap() = response;
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }

        fn verifier(&self, name: &str) -> TokenVerifier {
            let (response, fetches) = (Arc::clone(&self.response), Arc::clone(&self.fetches));
            let fetch = move || -> BoxFuture<'static, _> {
                fetches.fetch_add(1, Ordering::SeqCst);
                let response = response.lock().unwrap().clone();
                Box::pin(async move { response.ok_or(FetchError::Status(503)) })
            };
            let validation = validation(&iss(name), "uploads");
            let keys = JwksCache::with_fetch(Box::new(fetch), vec![Algorithm::Es256], None);
            TokenVerifier::new(validation, KeySource::Remote(keys)).named(name)
        }

        fn token(&self, name: &str, kid: &str, now: i64) -> String {
            let claims = claims(&iss(name), &json!({"aud": "uploads"}), now);
            self.signer.sign(&json!({"alg": "ES256", "kid": kid}), &claims)
        }
    }

    fn iss(name: &str) -> String {
        format!("https://{name}.example.com")
    }

    fn validation(issuer: &str, audience: &str) -> Validation {
        Validation {
            issuer: issuer.to_owned(),
            audience_claim: AudienceClaim::Aud,
            audiences: vec![audience.to_owned()],
            algorithms: vec![Algorithm::Es256],
            leeway_seconds: 0,
            max_age_seconds: 3600,
        }
    }

    /// Of the person `u-1`.
    fn claims(issuer: &str, audience: &Value, now: i64) -> Value {
        let expiry = now.saturating_add(600);
        let mut claims = json!({"iss": issuer, "sub": "u-1", "iat": now, "exp": expiry});
        claims.as_object_mut().unwrap().extend(audience.as_object().unwrap().clone());
        claims
    }

    async fn verify(all: &TokenVerifiers, token: &str, now: i64) -> Result<Principal, Error> {
        let now = Timestamp::from_unix_seconds(now).unwrap();
        all.verify(None, token, now, Duration::MAX).await
    }

    #[track_caller]
    fn refused(outcome: Result<Principal, Error>, text: &str) {
        let error = outcome.err().unwrap();
        assert_eq!(error.code(), ErrorCode::Token);
        assert!(error.message().contains(text), "{text}: {}", error.message());
    }

    #[tokio::test]
    async fn each_token_counts_with_the_keys_of_its_own_issuer() {
        let (one, two) = (Published::new(), Published::new());
        let all = TokenVerifiers::new(vec![one.verifier("one"), two.verifier("two")]);
        let mut hashes = Vec::new();
        // The second time, the token is known.
        for _ in 0..2 {
            for (issuer, name, other) in [(&one, "one", &two), (&two, "two", &one)] {
                let principal = verify(&all, &issuer.token(name, "one", NOW), NOW).await;
                let principal = principal.ok().unwrap();
                assert_eq!(principal.token_issuer().map(|name| &**name), Some(name));
                assert_eq!(principal.name(), name);
                hashes.push(principal.subject_hash().map(str::to_owned));
                refused(verify(&all, &other.token(name, "one", NOW), NOW).await, "signature");
            }
        }
        assert!(hashes[0] != hashes[1] && hashes[..2] == hashes[2..]);
        assert_eq!((one.fetches(), two.fetches()), (1, 1));
    }

    #[tokio::test]
    async fn a_token_of_no_issuer_of_ours_asks_none() {
        let (one, two) = (Published::new(), Published::new());
        let all = TokenVerifiers::new(vec![one.verifier("one"), two.verifier("two")]);
        let long = format!("{}/", iss("one"));
        for issuer in [json!(long), json!("three"), json!("one"), json!([iss("one")]), json!(null)]
        {
            let mut claims = claims("", &json!({"aud": "uploads"}), NOW);
            claims["iss"] = issuer;
            let token = one.signer.sign(&json!({"alg": "ES256", "kid": "one"}), &claims);
            refused(verify(&all, &token, NOW).await, "`iss`");
        }
        assert_eq!((one.fetches(), two.fetches()), (0, 0));
    }

    #[tokio::test]
    async fn an_outage_or_a_flood_at_one_issuer_is_not_felt_at_another() {
        let (one, two) = (Published::new(), Published::new());
        let all = TokenVerifiers::new(vec![one.verifier("one"), two.verifier("two")]);
        one.set(None);
        let down = verify(&all, &one.token("one", "one", NOW), NOW).await;
        assert_eq!(down.err().unwrap().code(), ErrorCode::TokenKeysUnavailable);
        assert!(verify(&all, &two.token("two", "one", NOW), NOW).await.is_ok());
        one.set(Some(jwks(&[one.signer.jwk("one")])));
        let known = two.token("two", "one", NOW);
        for number in 0..2000 {
            let kid = format!("kid-{number}");
            refused(verify(&all, &one.token("one", &kid, NOW), NOW + 10).await, "`kid`");
        }
        assert_eq!((one.fetches(), two.fetches()), (2, 1));
        // Neither the pause nor what is known of the other has changed.
        assert!(verify(&all, &known, NOW + 10).await.is_ok());
        assert_eq!(two.fetches(), 1);
        let new = two.token("two", "new", NOW);
        refused(verify(&all, &new, NOW + 30).await, "`kid`");
        assert_eq!((one.fetches(), two.fetches()), (2, 2));
    }

    #[tokio::test]
    async fn a_key_that_one_issuer_withdraws_still_counts_at_another() {
        let (one, two) = (Published::new(), Published::new());
        let all = TokenVerifiers::new(vec![one.verifier("one"), two.verifier("two")]);
        let tokens = [one.token("one", "one", NOW), two.token("two", "one", NOW)];
        for token in &tokens {
            assert!(verify(&all, token, NOW).await.is_ok());
        }
        one.set(Some(jwks(&[TestIssuer::new().jwk("new")])));
        let later = NOW + 300;
        refused(verify(&all, &tokens[0], later).await, "`kid`");
        assert!(verify(&all, &tokens[1], later).await.is_ok());
    }

    fn fixed(signer: &TestIssuer, validation: Validation) -> TokenVerifier {
        let keys = KeySet::of_jwks(&jwks(&[signer.jwk("one")]), &[Algorithm::Es256]).unwrap();
        TokenVerifier::new(validation, KeySource::fixed(keys))
    }

    #[tokio::test]
    async fn of_one_iss_the_audience_decides() {
        let signer = TestIssuer::new();
        let pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example";
        let id_tokens = validation(pool, "app-1");
        let access_tokens =
            Validation { audience_claim: AudienceClaim::ClientId, ..id_tokens.clone() };
        let other = validation(pool, "app-2");
        let all = TokenVerifiers::new(vec![
            fixed(&signer, id_tokens).named("id"),
            fixed(&signer, access_tokens).named("access"),
            fixed(&signer, other).named("other"),
        ]);
        for (audience, outcome) in [
            (json!({"aud": "app-1", "token_use": "id"}), Ok("id")),
            (json!({"client_id": "app-1", "token_use": "access"}), Ok("access")),
            (json!({"aud": ["app-2", "x"]}), Ok("other")),
            (json!({"aud": ["app-1", "app-2"]}), Err("two issuers")),
            (json!({"aud": "app-1", "client_id": "app-1"}), Err("two issuers")),
            (json!({"client_id": "app-2"}), Err("`aud` is missing")),
            (json!({"aud": "app-3"}), Err("`aud` does not contain")),
            (json!({}), Err("`aud` is missing")),
        ] {
            let claims = claims(pool, &audience, NOW);
            let token = signer.sign(&json!({"alg": "ES256", "kid": "one"}), &claims);
            let verified = verify(&all, &token, NOW).await;
            match outcome {
                Ok(name) => assert_eq!(verified.ok().unwrap().name(), name, "{audience}"),
                Err(text) => refused(verified, text),
            }
        }
    }

    const HEADER: HeaderName = HeaderName::from_static("x-id-token");

    #[test]
    fn a_token_counts_only_in_the_header_of_its_issuer() {
        let signer = TestIssuer::new();
        let plain = fixed(&signer, validation(&iss("one"), "uploads"));
        let other = fixed(&signer, validation(&iss("two"), "uploads")).in_header(HEADER);
        let all = TokenVerifiers::new(vec![plain, other]);
        let now = Timestamp::from_unix_seconds(NOW).unwrap();
        let accepts = |header: Option<&HeaderName>, name: &str| {
            let claims = claims(&iss(name), &json!({"aud": "uploads"}), NOW);
            let token = signer.sign(&json!({"alg": "ES256", "kid": "one"}), &claims);
            all.verify(header, &token, now, Duration::MAX).now_or_never().unwrap().is_ok()
        };
        // Each twice: the second time, the token may be known.
        for _ in 0..2 {
            assert!(accepts(None, "one") && accepts(Some(&HEADER), "two"));
            assert!(!accepts(Some(&HEADER), "one") && !accepts(None, "two"));
        }
        let mut headers = HeaderMap::new();
        let names = |headers: &HeaderMap| -> Vec<bool> {
            all.presented(headers, true).map(|(header, _)| header.is_some()).collect()
        };
        headers.insert("authorization", HeaderValue::from_static("Bearer eyJ.eyJ.a"));
        assert_eq!(names(&headers), [false]);
        headers.append(HEADER, HeaderValue::from_static("an api key"));
        headers.append(HEADER, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(names(&headers), [false, true, true]);
        let challenges: Vec<String> = all.challenges(true).collect();
        let error = "error=\"invalid_token\"";
        assert_eq!(
            challenges,
            [
                format!("Bearer realm=\"cos-issuer\", {error}"),
                format!("Bearer realm=\"cos-issuer\", header=\"x-id-token\", {error}"),
            ]
        );
    }

    proptest! {
        /// A token is accepted where exactly one issuer has its `iss`, audience and header, and
        /// that issuer's key signed it.
        #[test]
        fn a_token_is_of_at_most_one_issuer(
            issuers in prop::collection::vec((0_usize..3, 0_usize..3, any::<bool>()), 1..5),
            (signed_by, named, audience, in_header) in
                (any::<prop::sample::Index>(), 0_usize..3, prop::collection::vec(0_usize..3, 1..3), any::<bool>()),
        ) {
            let signers: Vec<TestIssuer> = issuers.iter().map(|_| TestIssuer::new()).collect();
            let name = |number: usize| ["a", "b", "c"][number];
            let each = issuers.iter().zip(&signers).map(|((iss, audience, is_other), signer)| {
                let one = fixed(signer, validation(name(*iss), name(*audience)));
                if *is_other { one.in_header(HEADER) } else { one }
            });
            let all = TokenVerifiers::new(each.collect());
            let audiences: Vec<&str> = audience.iter().map(|number| name(*number)).collect();
            let claims = claims(name(named), &json!({"aud": audiences}), NOW);
            let signed_by = signed_by.index(signers.len());
            let token = signers[signed_by].sign(&json!({"alg": "ES256"}), &claims);
            let fitting: Vec<usize> = (0..issuers.len())
                .filter(|index| {
                    let (iss, own, is_other) = issuers[*index];
                    iss == named && audience.contains(&own) && is_other == in_header
                })
                .collect();
            let other = HEADER;
            let header = in_header.then_some(&other);
            let now = Timestamp::from_unix_seconds(NOW).unwrap();
            for _ in 0..2 {
                let verified = all.verify(header, &token, now, Duration::MAX).now_or_never();
                prop_assert_eq!(verified.unwrap().is_ok(), fitting == [signed_by]);
            }
        }
    }
}
