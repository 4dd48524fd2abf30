//! Secrets that can be guessed.

/// Whether a secret cannot be random: it repeats a shorter text, or has fewer than eight different
/// bytes, as 32 random hex digits have once in twenty million.
pub(super) fn is_weak(secret: &str) -> bool {
    let bytes = secret.as_bytes();
    let is_repetition = (1..=bytes.len() / 2).any(|period| {
        let (_, shifted) = bytes.split_at(period);
        bytes.starts_with(shifted)
    });
    let different = (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count();
    is_repetition || different < 8
}

pub(super) const WEAK: &str = "must be random, for example the output of `openssl rand -hex 32`";
