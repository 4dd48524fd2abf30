//! The nonces that an HMAC key has used.
//!
//! # Guarantees
//! Bounded. A cache full of valid nonces rejects the next one and forgets none.
//!
//! # Not covered
//! Other instances, and requests before this one started.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Nonces, each with the time until which its request could be replayed.
pub(super) struct NonceCache {
    /// Bounded and short, so a list suffices: a hash map adds code to every cold start.
    valid_until: Mutex<Vec<([u8; 32], i64)>>,
    max_nonces: usize,
}

/// Why a nonce is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceError {
    /// The cache is full.
    Full,
    /// It was used before.
    Used,
}

impl NonceCache {
    pub(super) fn new(max_nonces: usize) -> Self {
        Self { valid_until: Mutex::default(), max_nonces }
    }

    /// Accepts a nonce once. Times are in seconds since 1970.
    pub(super) fn check_and_insert(
        &self,
        nonce: &str,
        valid_until: i64,
        now: i64,
    ) -> Result<(), NonceError> {
        // Hashes, so that all entries have the same size.
        let nonce: [u8; 32] = Sha256::digest(nonce).into();
        let mut used = self.valid_until.lock().unwrap_or_else(PoisonError::into_inner);
        if used.iter().any(|(known, _)| *known == nonce) {
            return Err(NonceError::Used);
        }
        if used.len() >= self.max_nonces {
            used.retain(|(_, valid_until)| *valid_until >= now);
        }
        if used.len() >= self.max_nonces {
            return Err(NonceError::Full);
        }
        used.push((nonce, valid_until));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{NonceCache, NonceError};

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let cache = NonceCache::new(2);
        assert_eq!(cache.check_and_insert("a", 100, 50), Ok(()));
        assert_eq!(cache.check_and_insert("b", 200, 50), Ok(()));
        assert_eq!(cache.check_and_insert("c", 300, 100), Err(NonceError::Full));
        assert_eq!(cache.check_and_insert("a", 100, 100), Err(NonceError::Used));
        // Now the timestamp of `a` has expired, so its entry is free.
        assert_eq!(cache.check_and_insert("c", 300, 101), Ok(()));
        assert_eq!(cache.check_and_insert("b", 200, 101), Err(NonceError::Used));
        assert_eq!(cache.check_and_insert("d", 300, 101), Err(NonceError::Full));
    }
}
