//! Randomness, as an argument: the one place that reads the system's, except for TLS.
//!
//! # Guarantees
//! In a static binary too, a draw is one system call, and a kernel without that call is served.

use std::cell::RefCell;

use ring::rand::{SecureRandom, SystemRandom};

/// Where random bytes come from.
pub trait Entropy: Send + Sync {
    /// 128 bits that nobody can guess.
    ///
    /// # Errors
    /// When the system has none.
    fn bytes(&self) -> Result<[u8; 16], EntropyError>;

    /// 128 bits for an id that protects nothing, at less cost: an instance that a platform copies
    /// while it runs draws the same as its copy.
    ///
    /// # Errors
    /// When the system has none.
    fn id_bytes(&self) -> Result<[u8; 16], EntropyError> {
        self.bytes()
    }
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

    fn id_bytes(&self) -> Result<[u8; 16], EntropyError> {
        POOL.with_borrow_mut(|pool| {
            if pool.is_empty() {
                let mut bytes = [0; POOL_BYTES];
                SystemRandom::new().fill(&mut bytes).map_err(|_| EntropyError)?;
                pool.extend(bytes.as_chunks().0);
            }
            pool.pop().ok_or(EntropyError)
        })
    }
}

thread_local! {
    /// What was drawn at once: a system call for each id would take longer than the rest of it.
    static POOL: RefCell<Vec<[u8; 16]>> = const { RefCell::new(Vec::new()) };
}

const POOL_BYTES: usize = 512;

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
