//! A parsed token whose signature is not verified yet.
//!
//! # Guarantees
//! Bounded. A header that contains or names a key, or requires an extension (`crit`), is rejected.
//!
//! # Not covered
//! The claims (`validation`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::json::{JsonObject, optional_str, parse_object};
use super::token_error::TokenError;

/// The parts of a token. <https://www.rfc-editor.org/rfc/rfc7515#section-3.1>
pub(super) struct UnverifiedToken<'t> {
    /// The signed part: header and payload as they arrived.
    pub(super) message: &'t str,
    /// In base64url.
    pub(super) signature: &'t str,
    pub(super) algorithm: String,
    pub(super) key_id: Option<String>,
    pub(super) claims: JsonObject,
}

impl<'t> UnverifiedToken<'t> {
    pub(super) fn parse(text: &'t str) -> Result<Self, TokenError> {
        if text.len() > MAX_TOKEN_CHARACTERS {
            return Err(TokenError::Form);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(TokenError::Form)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Form)?;
        let header = URL_SAFE_NO_PAD.decode(header);
        let payload = URL_SAFE_NO_PAD.decode(payload);
        let (Ok(header), Ok(payload)) = (header, payload) else {
            return Err(TokenError::Form);
        };
        let header = parse_object(&header).ok_or(TokenError::Header)?;
        if REFUSED_MEMBERS.iter().any(|name| header.contains_key(*name)) {
            return Err(TokenError::Embedded);
        }
        let kind = optional_str(&header, "typ");
        let kind = kind.map_err(|_| TokenError::Type)?;
        if !kind.is_none_or(|kind| TYPES.iter().any(|known| kind.eq_ignore_ascii_case(known))) {
            return Err(TokenError::Type);
        }
        let algorithm = header.get("alg").and_then(Value::as_str);
        let algorithm = algorithm.ok_or(TokenError::Header)?;
        let key_id = optional_str(&header, "kid").map_err(|_| TokenError::Header)?;
        Ok(Self {
            message,
            signature,
            algorithm: algorithm.to_owned(),
            key_id: key_id.map(str::to_owned),
            claims: parse_object(&payload).ok_or(TokenError::Claims)?,
        })
    }
}

/// Whether a text looks like a token: three base64url parts, the first of which begins like `{"`.
pub(crate) fn has_form_of_token(text: &str) -> bool {
    let known = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    text.starts_with("eyJ")
        && text.bytes().filter(|c| *c == b'.').count() == 2
        && text.bytes().all(known)
}

/// Tokens have 1 to 2 KB, with hundreds of groups more.
const MAX_TOKEN_CHARACTERS: usize = 8192;

/// Keys from an untrusted token, and extensions, of which none is supported.
/// <https://www.rfc-editor.org/rfc/rfc7515#section-4.1>
const REFUSED_MEMBERS: [&str; 5] = ["crit", "jku", "jwk", "x5c", "x5u"];

/// <https://www.rfc-editor.org/rfc/rfc7519#section-5.1>,
/// <https://www.rfc-editor.org/rfc/rfc9068#section-2.1>
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{MAX_TOKEN_CHARACTERS, TokenError, UnverifiedToken, has_form_of_token};

    fn token(header: &str, payload: &str) -> String {
        let [header, payload] = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{payload}.c2lnbmF0dXJl")
    }

    #[track_caller]
    fn error(text: &str) -> TokenError {
        UnverifiedToken::parse(text).err().unwrap()
    }

    #[test]
    fn a_header_names_no_key_and_no_extension() {
        for header in [
            r#"{"alg":"RS256","jwk":{"kty":"RSA"}}"#,
            r#"{"alg":"RS256","jku":"https://example.com/keys"}"#,
            r#"{"alg":"RS256","x5u":"https://example.com/chain"}"#,
            r#"{"alg":"RS256","x5c":[]}"#,
            r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
            r#"{"alg":"RS256","crit":null}"#,
        ] {
            assert_eq!(error(&token(header, "{}")), TokenError::Embedded, "{header}");
        }
    }

    #[test]
    fn a_type_is_that_of_a_token_or_absent() {
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"RS256","typ":"jwt","x5t":"a","kid":"b"}"#,
            r#"{"alg":"RS256","typ":"at+JWT"}"#,
        ] {
            assert!(UnverifiedToken::parse(&token(header, "{}")).is_ok(), "{header}");
        }
        for kind in ["\"dpop+jwt\"", "\"\"", "\"JWE\"", "7", "null", "[\"JWT\"]"] {
            let header = format!("{{\"alg\":\"RS256\",\"typ\":{kind}}}");
            assert_eq!(error(&token(&header, "{}")), TokenError::Type, "{kind}");
        }
    }

    #[test]
    fn a_header_or_payload_that_cannot_be_read_is_refused() {
        for header in [
            "{}",
            "[]",
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"none","alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256","kid":null}"#,
        ] {
            assert_eq!(error(&token(header, "{}")), TokenError::Header, "{header}");
        }
        for payload in ["", "7", "\"sub\"", r#"{"sub":"a","sub":"b"}"#] {
            let text = token(r#"{"alg":"RS256"}"#, payload);
            assert_eq!(error(&text), TokenError::Claims, "{payload}");
        }
    }

    #[test]
    fn another_form_is_refused() {
        let good = token(r#"{"alg":"RS256"}"#, "{}");
        let long = token(r#"{"alg":"RS256"}"#, &" ".repeat(MAX_TOKEN_CHARACTERS));
        for text in [
            "",
            ".",
            "..",
            "eyJ",
            "a.b",
            &format!("{good}."),
            &format!("{good}.a.b"),
            &good.replacen('e', "+", 1),
            &good.replacen('.', "=.", 1),
            &format!(" {good}"),
            &long,
        ] {
            let error = error(text);
            assert!(matches!(error, TokenError::Form | TokenError::Header), "{text}: {error}");
        }
    }

    #[test]
    fn tokens_and_api_keys_differ_in_form() {
        for text in ["eyJ.eyJ.", "eyJhbGciOiJub25lIn0.e30.", "eyJ-_.a.b"] {
            assert!(has_form_of_token(text), "{text}");
        }
        let texts = "eyJhbGciOiJub25lIn0 eyJ.a eyJ.a.b.c aaa.bbb.ccc eyJ.a+b.c EYJ.a.b eyJ.a.b=";
        for text in texts.split(' ').chain([""]) {
            assert!(!has_form_of_token(text), "{text}");
        }
    }
}
