//! Randomness, as an argument: the one place that reads the system's.
//!
//! # Guarantees
//! In a static binary too, a draw is one system call, and a kernel without that call is served.

use ring::rand::{SecureRandom, SystemRandom};

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// 128 bits that nobody can guess.
    ///
    /// # Errors
    /// When the system has none.
    fn bytes(&self) -> Result<[u8; 16], EntropyError>;
}

/// The system's random number generator.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> Result<[u8; 16], EntropyError> {
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| EntropyError)?;
        Ok(bytes)
    }
}

/// The system has no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness")]
pub struct EntropyError;

#[cfg(test)]
impl Entropy for [u8; 16] {
    fn bytes(&self) -> Result<[u8; 16], EntropyError> {
        Ok(*self)
    }
}
