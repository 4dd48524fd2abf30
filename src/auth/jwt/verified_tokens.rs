//! Tokens whose signature was verified, for callers who come back.
//!
//! # Guarantees
//! - A token is known by its SHA-256, signature included; the token itself is not kept.
//! - What is kept counts only with the very keys that verified it. A JWKS that is fetched again
//!   makes every token be verified again.
//! - The memory is bounded.
//!
//! # Not covered
//! The dates of a token, which are checked each time (`validation`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lru::LruCache;
use sha2::{Digest, Sha256};

use super::algorithm::Algorithm;
use super::jwk::KeySet;
use super::validation::Dates;
use crate::auth::principal::Principal;

/// A token whose signature was verified.
pub(super) struct VerifiedToken {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) dates: Dates,
    pub(super) principal: Principal,
    /// The keys that verified it. Their place in memory is not used again while this exists.
    pub(super) keys: Weak<KeySet>,
}

impl VerifiedToken {
    /// Whether exactly these keys verified it.
    pub(super) fn is_of(&self, keys: &Arc<KeySet>) -> bool {
        std::ptr::eq(self.keys.as_ptr(), Arc::as_ptr(keys))
    }
}

/// The SHA-256 of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    /// `None` for a token that is too long to be kept.
    pub(super) fn new(token: &str) -> Option<Self> {
        let fits = token.len() <= MAX_KEPT_CHARACTERS;
        fits.then(|| Self(Sha256::digest(token).into()))
    }
}

/// Verified tokens; the least recently used is forgotten first.
pub(super) struct VerifiedTokens(Mutex<LruCache<TokenHash, Arc<VerifiedToken>>>);

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }

    pub(super) fn find(&self, hash: TokenHash) -> Option<Arc<VerifiedToken>> {
        self.tokens().get(&hash).map(Arc::clone)
    }

    pub(super) fn insert(&self, hash: TokenHash, token: VerifiedToken) {
        let mut tokens = self.tokens();
        tokens.put(hash, Arc::new(token));
        if tokens.len() > MAX_TOKENS {
            tokens.pop_lru();
        }
    }

    pub(super) fn remove(&self, hash: TokenHash) {
        self.tokens().pop(&hash);
    }

    fn tokens(&self) -> MutexGuard<'_, LruCache<TokenHash, Arc<VerifiedToken>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token is kept as its claims, in about 1 KB.
const MAX_TOKENS: usize = 512;

/// Tokens have 1 to 2 KB.
const MAX_KEPT_CHARACTERS: usize = 4096;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::testing::{TestIssuer, jwks};
    use super::{
        Algorithm, Dates, KeySet, MAX_KEPT_CHARACTERS, MAX_TOKENS, TokenHash, VerifiedToken,
        VerifiedTokens,
    };
    use crate::auth::Principal;

    fn keys() -> Arc<KeySet> {
        let jwks = jwks(&[TestIssuer::new().jwk("one")]);
        Arc::new(KeySet::of_jwks(&jwks, &[Algorithm::Es256]).unwrap())
    }

    fn token(keys: &Arc<KeySet>) -> VerifiedToken {
        let claims = json!({"iat": 1, "exp": 2});
        VerifiedToken {
            algorithm: Algorithm::Es256,
            key_id: None,
            dates: Dates::of(claims.as_object().unwrap()).unwrap(),
            principal: Principal::for_tests(),
            keys: Arc::downgrade(keys),
        }
    }

    #[test]
    fn a_token_is_verified_only_with_the_keys_that_did_it() {
        let (old, new) = (keys(), keys());
        let token = token(&old);
        assert!(token.is_of(&old) && token.is_of(&Arc::clone(&old)));
        assert!(!token.is_of(&new));
        drop(old);
        for _ in 0..100 {
            assert!(!token.is_of(&keys()));
        }
    }

    #[test]
    fn tokens_are_few_and_short() {
        let (keys, tokens) = (keys(), VerifiedTokens::new());
        let hash = |text: &str| TokenHash::new(text).unwrap();
        for number in 0..MAX_TOKENS {
            tokens.insert(hash(&number.to_string()), token(&keys));
        }
        let is_kept = |text: &str| tokens.find(hash(text)).is_some();
        assert!(is_kept("0") && !is_kept("new"));
        tokens.insert(hash("new"), token(&keys));
        assert!(is_kept("0") && is_kept("new") && !is_kept("1"));
        tokens.remove(hash("new"));
        assert!(!is_kept("new"));
        assert!(TokenHash::new(&"x".repeat(MAX_KEPT_CHARACTERS)).is_some());
        assert!(TokenHash::new(&"x".repeat(MAX_KEPT_CHARACTERS + 1)).is_none());
    }
}
