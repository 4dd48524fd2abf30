//! `api-key`: a key that the caller sends, of which only the SHA-256 is kept.
//!
//! Promises: what is presented is hashed and compared with every entry in constant time, without an early exit, so that an answer's
//! time says nothing about any key. A presented key that is too short to be one of ours is refused, whatever it hashes to.
//! Leaves out: slow hashing, which protects guessable passwords. A key is random: `openssl rand -hex 32`.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{AuthMethod, Claims, Principal, of_scheme};
use crate::error::{Error, ErrorCode};

/// One key of `API_KEYS`.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it holds claims")]
pub struct ApiKey {
    /// The name in the audit line.
    pub name: String,
    /// The SHA-256 of the key.
    pub digest: [u8; 32],
    /// What its holder is known by.
    pub claims: Claims,
}

/// All keys, and where a request has its own.
#[expect(missing_debug_implementations, reason = "it holds claims")]
pub struct ApiKeys {
    keys: Vec<ApiKey>,
    header: Option<HeaderName>,
}

impl ApiKeys {
    /// Keys to be sent in `header`, or as `Authorization: Bearer`. `None` when one key is there twice.
    pub fn new(keys: Vec<ApiKey>, header: Option<HeaderName>) -> Option<Self> {
        let count = |digest| keys.iter().filter(|key| key.digest == digest).count();
        let is_each_once = keys.iter().all(|key| count(key.digest) == 1);
        is_each_once.then_some(Self { keys, header })
    }

    pub(super) fn header(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// The keys that a request presents. One that is no text counts, and is no good.
    pub(super) fn presented<'r>(&self, headers: &'r HeaderMap) -> Vec<&'r str> {
        let Some(name) = &self.header else {
            return of_scheme(headers, "Bearer");
        };
        let values = headers.get_all(name).into_iter();
        values
            .map(|value| value.to_str().unwrap_or_default().trim())
            .collect()
    }

    pub(super) fn verify(&self, headers: &HeaderMap) -> Result<Principal, Error> {
        let presented = self.presented(headers);
        let presented = presented.first().copied().unwrap_or_default();
        let key = self.holder(presented).ok_or_else(|| {
            Error::new(
                ErrorCode::ApiKey,
                "the API key is not one that is accepted here",
            )
        })?;
        Ok(Principal::proven(
            AuthMethod::ApiKey,
            key.name.clone(),
            key.claims.clone(),
        ))
    }

    pub(super) fn challenge(&self) -> String {
        match &self.header {
            None => "Bearer realm=\"cos-issuer\"".to_owned(),
            Some(name) => format!("ApiKey realm=\"cos-issuer\", header=\"{name}\""),
        }
    }

    fn holder(&self, presented: &str) -> Option<&ApiKey> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut is_known = Choice::from(0);
        let mut place = 0_u64;
        for (candidate, key) in (0_u64..).zip(&self.keys) {
            let is_same = key.digest.as_slice().ct_eq(digest.as_slice());
            place.conditional_assign(&candidate, is_same);
            is_known |= is_same;
        }
        let is_long = Choice::from(u8::from(presented.len() >= KEY_CHARACTERS_MIN));
        if bool::from(is_known & is_long) {
            self.keys.get(usize::try_from(place).ok()?)
        } else {
            None
        }
    }
}

/// The least length of a key: 128 random bits as hex.
const KEY_CHARACTERS_MIN: usize = 32;

#[cfg(test)]
impl ApiKey {
    pub(super) fn for_tests(name: &str, key: &str) -> Self {
        Self {
            name: name.to_owned(),
            digest: Sha256::digest(key).into(),
            claims: Claims::of_subject(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{ApiKey, ApiKeys, KEY_CHARACTERS_MIN};
    use crate::error::ErrorCode;

    const OLD: &str = "CANARY-old-key-0123456789abcdef0123456789";
    const NEW: &str = "CANARY-new-key-0123456789abcdef0123456789";
    const SHORT: &str = "CANARY-short-key-0123456789abcd";

    fn keys(header: Option<HeaderName>) -> ApiKeys {
        let keys = [("old", OLD), ("new", NEW), ("short", SHORT)];
        let keys = keys.map(|(name, key)| ApiKey::for_tests(name, key));
        ApiKeys::new(keys.into(), header).unwrap()
    }

    fn name_of(presented: &str) -> Result<String, ErrorCode> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(&format!("Bearer {presented}")).unwrap();
        headers.insert(AUTHORIZATION, value);
        let caller = keys(None).verify(&headers);
        caller
            .map(|caller| caller.name().to_owned())
            .map_err(|error| error.code())
    }

    #[test]
    fn each_key_of_a_rotation_is_accepted_by_its_name() {
        assert_eq!(name_of(OLD), Ok("old".to_owned()));
        assert_eq!(name_of(NEW), Ok("new".to_owned()));
    }

    #[test]
    fn a_key_that_is_not_exactly_one_of_ours_is_refused() {
        let digest = tencent::sign::digest::sha256_hex(OLD.as_bytes());
        for presented in [
            "",
            "x",
            OLD.trim_start_matches('C'),
            &OLD.to_uppercase(),
            &format!("{OLD}x"),
            &format!("{OLD},{NEW}"),
            &digest,
        ] {
            assert_eq!(name_of(presented), Err(ErrorCode::ApiKey), "{presented}");
        }
    }

    #[test]
    fn a_key_that_is_too_short_is_refused_though_its_hash_is_stored() {
        assert!(SHORT.len() < KEY_CHARACTERS_MIN);
        assert_eq!(name_of(SHORT), Err(ErrorCode::ApiKey));
    }

    #[test]
    fn a_header_of_its_own_takes_the_place_of_bearer() {
        let keys = keys(Some(HeaderName::from_static("x-api-key")));
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&format!("Bearer {OLD}")).unwrap();
        headers.insert(AUTHORIZATION, bearer);
        assert_eq!(keys.presented(&headers).len(), 0);
        headers.insert("x-api-key", HeaderValue::from_static(NEW));
        assert_eq!(keys.verify(&headers).ok().unwrap().name(), "new");
        headers.append("x-api-key", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(keys.presented(&headers).len(), 2);
    }

    #[test]
    fn one_key_under_two_names_is_refused() {
        let twice = ["a", "b"].map(|name| ApiKey::for_tests(name, OLD));
        assert!(ApiKeys::new(twice.into(), None).is_none());
    }
}
