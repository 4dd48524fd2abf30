//! Hides this cloud's secrets in what a function returned, before it is written into a log.
//!
//! # Guarantees
//! No registered secret is in the text, not even a part of one at the place where a long text is
//! cut; nor in base64 where the return value declares its body as base64.
//!
//! # Not covered
//! Secrets that the function changed in any other way.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::report::boundary;
use crate::secrets::SecretRegistry;

const MASK: &str = "***";
/// More than any line shows.
const MAX_BYTES: usize = 64 * 1024;
/// More than any secret has.
const MAX_SECRET_BYTES: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct Masked {
    pub(super) text: String,
    pub(super) secrets: usize,
}

pub(super) fn masked(bytes: &[u8], registry: &SecretRegistry) -> Masked {
    let without_body = with_body_masked(bytes, registry);
    let bytes = without_body.as_deref().map_or(bytes, str::as_bytes);
    let beginning = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    let whole = String::from_utf8_lossy(beginning);
    let mut text = String::new();
    let mut secrets = BTreeSet::new();
    let mut end = 0;
    for place in registry.find(&whole) {
        text.push_str(whole.get(end..place.start).unwrap_or_default());
        text.push_str(MASK);
        end = place.end;
        secrets.insert(whole.get(place));
    }
    text.push_str(whole.get(end..).unwrap_or_default());
    if beginning.len() < bytes.len() {
        // Of the last secret there may be only a part.
        let end = text.len().saturating_sub(MAX_SECRET_BYTES);
        text.truncate(boundary(&text, end));
    }
    let secrets = secrets.len().saturating_add(usize::from(without_body.is_some()));
    Masked { text, secrets }
}

/// The return value with its body masked as a whole, if that is base64 and contains a secret.
fn with_body_masked(bytes: &[u8], registry: &SecretRegistry) -> Option<String> {
    let mut value: Value = serde_json::from_slice(bytes).ok()?;
    let members = value.as_object_mut()?;
    if members.get("isBase64Encoded") != Some(&Value::Bool(true)) {
        return None;
    }
    let body = STANDARD.decode(members.get("body")?.as_str()?).ok()?;
    let body = String::from_utf8_lossy(&body);
    if registry.find(&body).is_empty() {
        return None;
    }
    members.insert("body".to_owned(), Value::String(MASK.to_owned()));
    Some(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "qmJ2b0Zf8yq0a1secretsecret";

    fn secrets() -> SecretRegistry {
        let secrets = SecretRegistry::open(None).unwrap();
        secrets.register(SECRET).unwrap();
        secrets
    }

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let value = format!("{{\"a\":\"{SECRET}\",\"b\":1}}");
        let shown = masked(value.as_bytes(), &secrets());
        assert_eq!(shown.text, "{\"a\":\"***\",\"b\":1}");
        assert_eq!(shown.secrets, 1);
        let shown = masked(b"nothing to hide", &secrets());
        assert_eq!((shown.text.as_str(), shown.secrets), ("nothing to hide", 0));
    }

    #[test]
    fn a_body_in_base64_goes_as_a_whole() {
        let value = |body: &str| {
            let body = STANDARD.encode(body);
            format!("{{\"isBase64Encoded\":true,\"body\":\"{body}\"}}")
        };
        let shown = masked(value(&format!("xx{SECRET}")).as_bytes(), &secrets());
        assert_eq!(shown.text, "{\"body\":\"***\",\"isBase64Encoded\":true}");
        assert_eq!(shown.secrets, 1);
        let harmless = value("x");
        assert_eq!(masked(harmless.as_bytes(), &secrets()).text, harmless);
    }

    #[test]
    fn no_part_of_a_secret_is_left_where_a_long_text_is_cut() {
        for before in (MAX_BYTES - SECRET.len() - 2)..(MAX_BYTES + 2) {
            let text = format!("{}{SECRET}{}", "-".repeat(before), "-".repeat(100));
            let shown = masked(text.as_bytes(), &secrets());
            assert!(shown.text.chars().all(|letter| "-*".contains(letter)));
        }
    }
}
