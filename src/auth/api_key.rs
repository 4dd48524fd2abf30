//! `api-key`: a key in the request, of which only the SHA-256 is stored.
//!
//! # Guarantees
//! - The hash of a presented key is compared with all entries in constant time, so response times
//!   reveal nothing about any key.
//! - A presented key that is too short is rejected, whatever its hash.
//!
//! # Not covered
//! Slow hashing, which protects guessable passwords. API keys are random: `openssl rand -hex 32`.

use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::authorization_header::credentials;
use super::claims::Claims;
use super::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};

/// One key of `API_KEYS`.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it contains claims")]
pub struct ApiKey {
    /// The name in the audit log.
    pub name: String,
    /// The SHA-256 of the key.
    pub digest: [u8; 32],
    /// The claims of its principal.
    pub claims: Claims,
}

/// All API keys, and the header that requests send theirs in.
#[expect(missing_debug_implementations, reason = "it contains claims")]
pub struct ApiKeys {
    keys: Vec<ApiKey>,
    header: Option<HeaderName>,
}

impl ApiKeys {
    /// Keys sent in `header`, or as `Authorization: Bearer`. `None` when two entries have the same
    /// key.
    pub fn new(keys: Vec<ApiKey>, header: Option<HeaderName>) -> Option<Self> {
        let count = |digest| keys.iter().filter(|key| key.digest == digest).count();
        let is_each_once = keys.iter().all(|key| count(key.digest) == 1);
        is_each_once.then_some(Self { keys, header })
    }

    /// The names of the keys, as the audit log shows them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.name.as_str())
    }

    pub(super) fn header(&self) -> Option<&HeaderName> {
        self.header.as_ref()
    }

    /// The keys in a request. A value that is not text counts too, and matches no key.
    pub(super) fn presented<'r>(&self, headers: &'r HeaderMap) -> Vec<&'r str> {
        let Some(name) = &self.header else {
            return credentials(headers, "Bearer");
        };
        let values = headers.get_all(name).into_iter();
        values.map(|value| value.to_str().unwrap_or_default().trim()).collect()
    }

    pub(super) fn verify(&self, presented: &str) -> Result<Principal, Error> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut is_known = Choice::from(0);
        let mut index = 0_u64;
        for (candidate, key) in (0_u64..).zip(&self.keys) {
            let is_same = key.digest.as_slice().ct_eq(digest.as_slice());
            index.conditional_assign(&candidate, is_same);
            is_known |= is_same;
        }
        let is_long = Choice::from(u8::from(presented.len() >= MIN_KEY_CHARACTERS));
        let index = usize::try_from(index).ok();
        let key = index.filter(|_| bool::from(is_known & is_long));
        let key = key.and_then(|index| self.keys.get(index));
        let key = key.ok_or_else(|| Error::new(ErrorCode::ApiKey, "unknown API key"))?;
        Ok(Principal::authenticated(AuthMethod::ApiKey, key.name.clone(), key.claims.clone()))
    }

    pub(super) fn challenge(&self) -> String {
        match &self.header {
            None => "Bearer realm=\"cos-issuer\"".to_owned(),
            Some(name) => format!("ApiKey realm=\"cos-issuer\", header=\"{name}\""),
        }
    }
}

/// 128 random bits as hex.
const MIN_KEY_CHARACTERS: usize = 32;

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

    use super::{ApiKey, ApiKeys, MIN_KEY_CHARACTERS};
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
        let principal = keys(None).verify(presented);
        principal.map(|principal| principal.name().to_owned()).map_err(|error| error.code())
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
        assert!(SHORT.len() < MIN_KEY_CHARACTERS);
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
        assert_eq!(keys.presented(&headers), [NEW]);
        headers.append("x-api-key", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(keys.presented(&headers).len(), 2);
    }

    #[test]
    fn one_key_under_two_names_is_refused() {
        let twice = ["a", "b"].map(|name| ApiKey::for_tests(name, OLD));
        assert!(ApiKeys::new(twice.into(), None).is_none());
    }
}
