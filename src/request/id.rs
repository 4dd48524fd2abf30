//! The id of one request.

use uuid::{Builder, Uuid};

use crate::entropy::Entropy;

/// The platform's own id where it has one, else a random UUID. The answer and the audit line carry
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The platform's id if it has the form of one, else a random one.
    pub fn from_platform(text: Option<&str>, entropy: &dyn Entropy) -> Self {
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '.');
        match text {
            Some(text) if (8..=64).contains(&text.len()) && text.chars().all(known) => {
                Self(text.to_owned())
            }
            _ => Self::random(entropy),
        }
    }

    fn random(entropy: &dyn Entropy) -> Self {
        // Without randomness every id is the same: an id names a request and protects nothing.
        let bytes = entropy.id_bytes().unwrap_or_default();
        let uuid = Builder::from_random_bytes(bytes).into_uuid();
        Self(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()).to_owned())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::RequestId;
    use crate::entropy::SystemEntropy;

    #[test]
    fn a_random_id_is_a_version_4_uuid() {
        let id = RequestId::from_platform(None, &[0xff; 16]);
        assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let random = |_| RequestId::from_platform(None, &SystemEntropy).as_str().to_owned();
        // More than are drawn at once.
        assert_eq!((0..1000).map(random).collect::<HashSet<_>>().len(), 1000);
    }

    #[test]
    fn an_id_that_could_break_a_log_line_is_replaced() {
        let of = |text: &str| RequestId::from_platform(Some(text), &SystemEntropy);
        let long = "x".repeat(65);
        for text in ["short", "with space in it", "line\nbreak-12345", "\"quoted-1234567\"", &long]
        {
            assert_ne!(of(text).as_str(), text);
        }
        let own = "6add56fa-1111-4222-8333-444444444444";
        assert_eq!(of(own).as_str(), own);
    }
}
