//! Percent-encoding after [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2.3):
//! everything except the unreserved characters `A-Z a-z 0-9 - . _ ~`, in upper-case hex.
//!
//! # Guarantees
//! One spelling of each text: for the policy in an STS call, for condition values that CAM reads
//! from query parameters, and for signed requests.
//!
//! # Not covered
//! Decoding.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// The encoded text, ready to display or collect.
pub fn percent_encode(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::percent_encode;

    #[test]
    fn only_the_unreserved_characters_stay() {
        assert_eq!(percent_encode("AZaz09-._~").to_string(), "AZaz09-._~");
        assert_eq!(percent_encode("a b/c+*'é").to_string(), "a%20b%2Fc%2B%2A%27%C3%A9");
    }
}
