//! Permanent keys of this cloud, and how they differ from real ones.

use std::fmt;

use crate::random::secret_text;

/// Whose permanent key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The owner of the account: federation tokens of at most 7200 s.
    Root,
    /// The first CAM user: federation tokens of at most 129600 s.
    SubAccount,
}

/// A permanent key of this cloud.
#[derive(Clone)]
pub struct KeyPair {
    /// The name of the key, `AKIDEMU…`.
    pub secret_id: String,
    /// The secret half.
    pub secret_key: String,
}

impl KeyPair {
    /// A new random key.
    pub(crate) fn random() -> Self {
        Self { secret_id: random_secret_id(), secret_key: secret_text(32) }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyPair")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

/// Whether `text` looks like a key of the real service, which has no business here.
pub(crate) fn looks_real(text: &str) -> bool {
    text.strip_prefix("AKID").is_some_and(|rest| !rest.starts_with("EMU"))
}

pub(crate) fn random_secret_id() -> String {
    format!("AKIDEMU{}", secret_text(29))
}

#[cfg(test)]
mod tests {
    use super::{looks_real, random_secret_id};

    #[test]
    fn only_keys_of_this_cloud_look_like_this_cloud() {
        assert!(!looks_real(&random_secret_id()));
        assert!(looks_real("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"));
        assert!(!looks_real("users/"));
    }
}
