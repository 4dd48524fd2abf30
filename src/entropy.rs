//! Randomness, as an argument: the one place that reads the system's.

pub use getrandom::Error as EntropyError;

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
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
impl Entropy for [u8; 16] {
    fn bytes(&self) -> Result<[u8; 16], EntropyError> {
        Ok(*self)
    }
}
