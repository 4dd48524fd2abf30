//! Generated object keys, which no caller can choose or guess.
//!
//! # Guarantees
//! Each key has 128 random bits. Of a caller's file name it keeps only the extension.
//!
//! # Not covered
//! Where the entropy comes from, and which extensions are granted.

use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use tencent::names::ObjectPrefix;
use tencent::time::Timestamp;

/// A file name extension without its dot, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension(String);

impl Extension {
    /// Parses an extension of any case.
    ///
    /// # Errors
    /// [`ExtensionError`] for any other text.
    pub fn parse(text: &str) -> Result<Self, ExtensionError> {
        let is_word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
        if is_word && text.len() <= MAX_EXTENSION_CHARACTERS {
            return Ok(Self(text.to_ascii_lowercase()));
        }
        Err(ExtensionError)
    }

    /// The extension in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an extension has 1 to {MAX_EXTENSION_CHARACTERS} letters and digits, without a dot")]
pub struct ExtensionError;

/// The key of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// `<prefix>YYYY/MM/DD/<entropy as 32 hexadecimal digits>.<extension>`, the date in UTC.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] without entropy: a key that can be guessed is worse than none.
    pub(super) fn new(
        prefix: &ObjectPrefix,
        extension: &Extension,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let random = entropy.bytes().map_err(|error| {
            let message = "the system has no randomness for the key of an object: try again";
            Error::new(ErrorCode::Internal, message).caused_by(error)
        })?;
        let (prefix, extension) = (prefix.as_str(), extension.as_str());
        Ok(Self(format!(
            "{prefix}{}/{:032x}.{extension}",
            now.date().replace('-', "/"),
            u128::from_be_bytes(random)
        )))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest extensions in common use have five characters.
const MAX_EXTENSION_CHARACTERS: usize = 10;

#[cfg(test)]
mod tests {
    use super::{Extension, ObjectKey};
    use crate::entropy::SystemEntropy;
    use tencent::names::ObjectPrefix;
    use tencent::time::Timestamp;

    #[test]
    fn the_day_is_the_utc_day_at_every_edge() {
        let key = |seconds: i64| {
            let now = Timestamp::from_unix_seconds(seconds).unwrap();
            let prefix = ObjectPrefix::parse("/").unwrap();
            ObjectKey::new(&prefix, &Extension::parse("png").unwrap(), now, &[0; 16])
                .unwrap()
                .as_str()
                .to_owned()
        };
        let zeros = "0".repeat(32);
        assert_eq!(key(1_704_067_199), format!("2023/12/31/{zeros}.png"));
        assert_eq!(key(1_704_067_200), format!("2024/01/01/{zeros}.png"));
        assert_eq!(key(1_709_164_800), format!("2024/02/29/{zeros}.png"));
        assert_eq!(key(1_709_251_200), format!("2024/03/01/{zeros}.png"));
    }

    #[test]
    fn every_random_bit_is_in_the_key() {
        let prefix = ObjectPrefix::parse("a/").unwrap();
        let now = Timestamp::from_unix_seconds(0).unwrap();
        let extension = Extension::parse("jpg").unwrap();
        let keys: std::collections::BTreeSet<String> = (0..128_u32)
            .map(|bit| {
                ObjectKey::new(&prefix, &extension, now, &(1_u128 << bit).to_be_bytes())
                    .unwrap()
                    .as_str()
                    .to_owned()
            })
            .collect();
        assert_eq!(keys.len(), 128);
    }

    /// With the system's entropy, below one prefix, at one moment.
    #[test]
    fn a_million_keys_differ() {
        let prefix = ObjectPrefix::parse("a/").unwrap();
        let now = Timestamp::from_unix_seconds(0).unwrap();
        let extension = Extension::parse("jpg").unwrap();
        let key = |_| ObjectKey::new(&prefix, &extension, now, &SystemEntropy).unwrap();
        let keys: std::collections::HashSet<String> =
            (0..1_000_000).map(key).map(|key| key.as_str().to_owned()).collect();
        assert_eq!(keys.len(), 1_000_000);
    }
}
