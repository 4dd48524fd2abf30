//! Secrets that can be guessed.

/// Whether a secret cannot be random: 32 random hex digits have fewer than eight different ones
/// once in twenty million.
pub(super) fn is_weak(secret: &str) -> bool {
    let mut bytes = secret.as_bytes().to_vec();
    bytes.sort_unstable();
    bytes.dedup();
    bytes.len() < 8
}

pub(super) const WEAK: &str = "must be random, for example the output of `openssl rand -hex 32`";
