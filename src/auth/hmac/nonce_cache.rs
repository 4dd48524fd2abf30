//! Which nonces a key has used.
//!
//! Promises: bounded. When it is full of nonces that are still good, the next one is refused and none is forgotten.
//! Leaves out: other instances, and what this one knew before it started.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Nonces with the moment until which each could be replayed.
pub(super) struct NonceCache {
    /// A list: the limit keeps a look through it short, and a map is code that cold starts pay for.
    good_until: Mutex<Vec<([u8; 32], i64)>>,
    nonces_max: usize,
}

/// Why a nonce is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// There is no room to remember it.
    Full,
    /// It was used.
    Seen,
}

impl NonceCache {
    pub(super) fn new(nonces_max: usize) -> Self {
        Self {
            good_until: Mutex::default(),
            nonces_max,
        }
    }

    /// Takes a nonce that nobody used before. Moments are seconds since 1970.
    pub(super) fn check_and_insert(
        &self,
        nonce: &str,
        good_until: i64,
        now: i64,
    ) -> Result<(), Replay> {
        // A hash, so that long nonces take no more room than short ones.
        let nonce: [u8; 32] = Sha256::digest(nonce).into();
        let mut seen = self
            .good_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if seen.iter().any(|(known, _)| *known == nonce) {
            return Err(Replay::Seen);
        }
        if seen.len() >= self.nonces_max {
            seen.retain(|(_, good_until)| *good_until >= now);
        }
        if seen.len() >= self.nonces_max {
            return Err(Replay::Full);
        }
        seen.push((nonce, good_until));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{NonceCache, Replay};

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let memory = NonceCache::new(2);
        assert_eq!(memory.check_and_insert("a", 100, 50), Ok(()));
        assert_eq!(memory.check_and_insert("b", 200, 50), Ok(()));
        assert_eq!(memory.check_and_insert("c", 300, 100), Err(Replay::Full));
        assert_eq!(memory.check_and_insert("a", 100, 100), Err(Replay::Seen));
        // From here on `a` is refused for its timestamp, and its place is free.
        assert_eq!(memory.check_and_insert("c", 300, 101), Ok(()));
        assert_eq!(memory.check_and_insert("b", 200, 101), Err(Replay::Seen));
        assert_eq!(memory.check_and_insert("d", 300, 101), Err(Replay::Full));
    }
}
