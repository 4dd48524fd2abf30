//! Secret text: calling keys, session tokens, issued credentials.
//!
//! # Guarantees
//! A [`Secret`] has no `Debug`, `Display`, `Serialize`, `Clone` or `==`, so a careless log line or
//! error text does not compile. Its memory is wiped when it is dropped.
//!
//! # Not covered
//! Copies outside this type (a socket's buffer, the environment of the process).
//!
//! INVARIANT: [`Secret::expose`] is the only access. `tests/architecture` lists the files that
//! may call it.

use std::fmt;

use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use zeroize::Zeroizing;

/// One secret text, never empty.
#[expect(missing_debug_implementations, reason = "a secret cannot be formatted, not even redacted")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes ownership of `text`; `None` when it is empty, because an empty secret is a missing
    /// one.
    pub fn new(text: String) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        Some(Self(Zeroizing::new(text)))
    }

    /// Whether `text` repeats it: whole, or 16 bytes of it in a row, plain or percent-encoded.
    pub fn is_in(&self, text: &str) -> bool {
        let (text, secret) = (text.as_bytes(), self.0.as_bytes());
        has_part(text, secret)
            || text.contains(&b'%') && has_part(&percent_decode(text).collect::<Vec<u8>>(), secret)
    }

    /// The text, for the signers and for the one place that writes the response.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// This runs for each issued credential. A part that is repeated contains a whole block of the
/// longer one, wherever it begins, so its blocks are looked for first, as numbers; and of a number
/// first whether any block has its bit.
fn has_part(text: &[u8], secret: &[u8]) -> bool {
    if secret.len() <= RECOGNIZABLE_BYTES {
        return text.windows(secret.len()).any(|window| window == secret);
    }
    let (longer, shorter) = if text.len() > secret.len() { (text, secret) } else { (secret, text) };
    let blocks = || longer.chunks_exact(BLOCK_BYTES).filter_map(number);
    let bits = blocks().fold(0, |bits: u128, block| bits | bit(block));
    let is_block = |part: u64| bits & bit(part) != 0 && blocks().any(|block| block == part);
    let is_in_text = |part: &[u8]| text.windows(RECOGNIZABLE_BYTES).any(|window| window == part);
    shorter.windows(BLOCK_BYTES).filter_map(number).any(is_block)
        && secret.windows(RECOGNIZABLE_BYTES).any(is_in_text)
}

/// One of 128 bits.
fn bit(number: u64) -> u128 {
    // The highest bits of a product depend on all of its factors (Fibonacci hashing).
    1 << (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 57)
}

fn number(block: &[u8]) -> Option<u64> {
    block.try_into().ok().map(u64::from_ne_bytes)
}

/// More bytes in a row than two unrelated texts share.
const RECOGNIZABLE_BYTES: usize = 2 * BLOCK_BYTES;

const BLOCK_BYTES: usize = size_of::<u64>();

impl<'de> Deserialize<'de> for Secret {
    /// Reads a string. The error never repeats the input.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_string(SecretVisitor)
    }
}

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string that is not empty")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Secret, E> {
        Secret::new(text).ok_or_else(|| E::custom("an empty string"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Secret;

    static_assertions::assert_not_impl_any!(Secret: std::fmt::Debug, std::fmt::Display, serde::Serialize, Clone, PartialEq);

    #[test]
    fn an_empty_text_is_not_a_secret() {
        assert!(Secret::new(String::new()).is_none());
        assert!(serde_json::from_str::<Secret>("\"\"").is_err());
    }

    #[test]
    fn a_part_of_a_secret_is_recognized() {
        let secret = Secret::new("CANARY/+=0123456789-and-more".to_owned()).unwrap();
        for text in [
            "<CANARY/+=0123456789-and-more>",
            "CANARY/+=0123456...",
            "...3456789-and-more",
            "CANARY%2F%2b%3D0123456",
        ] {
            assert!(secret.is_in(text), "{text}");
        }
        for text in ["", "CANARY/+=012345", "6789-and-mor", "CANARY", "100%"] {
            assert!(!secret.is_in(text), "{text}");
        }
        for start in 0..12 {
            for place in 0..9 {
                let part = secret.expose().get(start..start + 16).unwrap();
                let (before, after) = ("-".repeat(place), "-".repeat(9 - place));
                assert!(secret.is_in(&format!("{before}{part}{after}")), "{start} {place}");
                let cut = part.get(1..).unwrap();
                assert!(!secret.is_in(&format!("{before}|{cut}|{after}")), "{start} {place}");
            }
        }
        let short = Secret::new("short".to_owned()).unwrap();
        assert!(short.is_in("a short one") && !short.is_in("shor"));
    }

    proptest! {
        /// The text is shorter or longer than the secret, and the part is anywhere in both.
        #[test]
        fn a_part_is_found_wherever_it_is(
            (head, part, tail) in ("[a-z]{0,40}", "[a-z]{14,18}", "[a-z]{3,40}"),
            (before, after) in ("[A-Z]{0,40}", "[A-Z]{0,40}"),
        ) {
            let secret = Secret::new(format!("{head}{part}{tail}")).unwrap();
            let text = format!("{before}{part}{after}");
            prop_assert_eq!(secret.is_in(&text), part.len() >= 16, "{}", text);
        }
    }

    #[test]
    fn an_error_never_repeats_what_was_read() {
        let error = serde_json::from_str::<Secret>("{\"canary\": 20260101}").err();
        assert!(error.is_some_and(|error| !error.to_string().contains("20260101")));
    }
}
