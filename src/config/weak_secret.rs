//! Secrets that can be guessed.

/// Whether a secret cannot be random: it repeats a shorter text, or has fewer than eight different
/// bytes, as 32 random hex digits have once in twenty million.
pub(super) fn is_weak(secret: &str) -> bool {
    let mut bytes = secret.as_bytes().to_vec();
    let is_repetition = (1..=bytes.len() / 2).any(|period| {
        let (_, shifted) = bytes.split_at(period);
        bytes.starts_with(shifted)
    });
    bytes.sort_unstable();
    bytes.dedup();
    is_repetition || bytes.len() < 8
}

pub(super) const WEAK: &str = "must be random, for example the output of `openssl rand -hex 32`";
