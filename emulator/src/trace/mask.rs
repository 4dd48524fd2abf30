//! Secrets out, stable names in: `secret-1`, `key-1`, `value-1`, numbered as they first appear.
//!
//! # Guarantees
//! Every registered secret is replaced wherever it is. Of a header or a parameter that is not known
//! to be harmless no value is shown at all, so that a proof in a header of any name is hidden too.
//! Signatures have no number. What was replaced is kept only as a hash.
//!
//! # Not covered
//! Secrets of others that a client wrote into a path.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use super::allowed::{is_header, is_parameter};
use crate::secrets::SecretRegistry;

pub(super) struct Mask {
    secrets: Arc<SecretRegistry>,
    numbers: HashMap<(&'static str, u64), u64>,
    last: HashMap<&'static str, u64>,
    ports: HashMap<String, String>,
}

impl Mask {
    pub(super) fn new(secrets: Arc<SecretRegistry>) -> Self {
        Self { secrets, numbers: HashMap::new(), last: HashMap::new(), ports: HashMap::new() }
    }

    pub(super) fn name_port(&mut self, port: &str, name: &str) {
        self.ports.insert(port.to_owned(), name.to_owned());
    }

    /// Path and query.
    pub(super) fn target(&mut self, target: &str) -> String {
        let Some((path, query)) = target.split_once('?') else {
            return self.text(target);
        };
        let path = self.text(path);
        let pairs: Vec<String> = query.split('&').map(|pair| self.parameter(pair)).collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// The value of a header.
    pub(super) fn header(&mut self, name: &str, value: &str) -> String {
        match name {
            "authorization" | "proxy-authorization" => self.authorization(value),
            _ if is_header(name) => self.text(value),
            _ => self.hidden(value),
        }
    }

    /// Any text: the secrets, key ids and ports in it replaced.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut shown = String::new();
        let mut end = 0;
        for place in self.secrets.find(text) {
            self.words(text.get(end..place.start).unwrap_or_default(), &mut shown);
            end = place.end;
            let name = self.name("secret", text.get(place).unwrap_or_default());
            shown.push_str(&name);
        }
        self.words(text.get(end..).unwrap_or_default(), &mut shown);
        shown
    }

    /// Appends a text without secrets. Key ids are not secrets, but differ from run to run.
    fn words(&mut self, text: &str, shown: &mut String) {
        let is_between = |letter: char| !letter.is_ascii_alphanumeric();
        for piece in text.split_inclusive(is_between) {
            let word = piece.trim_end_matches(is_between);
            // `%2F` and a word behind it.
            let (code, id) = match word.split_at_checked(2) {
                Some(parts) if shown.ends_with('%') => parts,
                _ => ("", word),
            };
            if id.starts_with("AKID") && id.len() > 4 {
                shown.push_str(code);
                shown.push_str(&self.name("key", id));
            } else {
                let port = self.ports.get(word).filter(|_| shown.ends_with(':'));
                shown.push_str(port.map_or(word, String::as_str));
            }
            shown.push_str(piece.strip_prefix(word).unwrap_or_default());
        }
    }

    /// The scheme, and of the vendor's own schemes the members that prove nothing.
    fn authorization(&mut self, value: &str) -> String {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if SIGNED_SCHEMES.contains(&scheme) {
            let members: Vec<String> =
                rest.split(',').map(|member| self.member(member.trim())).collect();
            return format!("{scheme} {}", members.join(", "));
        }
        if value.starts_with("q-sign-algorithm=") {
            let members: Vec<String> = value.split('&').map(|pair| self.parameter(pair)).collect();
            return members.join("&");
        }
        if NAMED_SCHEMES.iter().any(|named| scheme.eq_ignore_ascii_case(named)) {
            return format!("{scheme} {}", self.hidden(rest));
        }
        self.hidden(value)
    }

    fn member(&mut self, member: &str) -> String {
        match member.split_once('=') {
            Some((name @ ("Credential" | "SignedHeaders"), value)) => {
                format!("{name}={}", self.text(value))
            }
            Some((name, value)) if name.eq_ignore_ascii_case("signature") => {
                format!("{name}={}", signature(value))
            }
            Some((name, value)) => format!("{}={}", self.text(name), self.hidden(value)),
            None => self.hidden(member),
        }
    }

    fn parameter(&mut self, pair: &str) -> String {
        let Some((name, value)) = pair.split_once('=') else {
            return self.text(pair);
        };
        let value = if name.eq_ignore_ascii_case("signature") || name == "q-signature" {
            signature(value)
        } else if is_parameter(name) {
            self.text(value)
        } else {
            self.hidden(value)
        };
        format!("{}={value}", self.text(name))
    }

    /// A name for a value of which nothing is known.
    fn hidden(&mut self, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        let is_secret = self.secrets.contains(value);
        let kind = if is_secret { "secret" } else { "value" };
        self.name(kind, value)
    }

    fn name(&mut self, kind: &'static str, value: &str) -> String {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        let key = (kind, hasher.finish());
        if let Some(number) = self.numbers.get(&key) {
            return format!("{kind}-{number}");
        }
        if self.numbers.len() >= MAX_NAMES {
            return format!("{kind}-more");
        }
        let last = self.last.entry(kind).or_default();
        *last = last.saturating_add(1);
        let number = *last;
        self.numbers.insert(key, number);
        format!("{kind}-{number}")
    }
}

fn signature(value: &str) -> String {
    if value.is_empty() { "" } else { "signature" }.to_owned()
}

/// More names than any reader follows.
const MAX_NAMES: usize = 100_000;

/// Schemes of the form `Credential=…, SignedHeaders=…, Signature=…`.
const SIGNED_SCHEMES: [&str; 2] = ["AWS4-HMAC-SHA256", "TC3-HMAC-SHA256"];

/// Schemes whose name reveals nothing about the credential.
const NAMED_SCHEMES: [&str; 2] = ["Basic", "Bearer"];

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(known: &[&str]) -> Mask {
        let secrets = Arc::new(SecretRegistry::default());
        for secret in known {
            secrets.register(secret).unwrap();
        }
        Mask::new(secrets)
    }

    #[test]
    fn secrets_have_names_by_first_appearance_wherever_they_appear() {
        let mut mask = mask(&["alphasecret", "betasecret", "a given/secret"]);
        assert_eq!(mask.text("x=betasecret"), "x=secret-1");
        assert_eq!(mask.text("/alphasecret/%2Fbetasecret"), "/secret-2/%2Fsecret-1");
        assert_eq!(mask.text("(a given/secret)"), "(secret-3)");
        assert_eq!(mask.text("%alphasecret"), "%secret-2");
        assert_eq!(mask.text("glued:xbetasecretalphasecretx"), "glued:xsecret-1secret-2x");
        assert_eq!(mask.text("alphasecre is none"), "alphasecre is none");
        mask.secrets.register("latersecret").unwrap();
        assert_eq!(mask.text("latersecret"), "secret-4");
        assert_eq!(mask.text("AKIDEMUx1 and AKIDEMUx2 and AKIDEMUx1"), "key-1 and key-2 and key-1");
    }

    #[test]
    fn authorizations_keep_only_what_proves_nothing() {
        let mut mask = mask(&[]);
        for (value, shown) in [
            (
                "TC3-HMAC-SHA256 Credential=AKIDEMUx/2019-02-25/sts/tc3_request, SignedHeaders=content-type;host, Signature=0123abcd",
                "TC3-HMAC-SHA256 Credential=key-1/2019-02-25/sts/tc3_request, SignedHeaders=content-type;host, Signature=signature",
            ),
            (
                "q-sign-algorithm=sha1&q-ak=AKIDEMUx&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=0123abcd",
                "q-sign-algorithm=sha1&q-ak=key-1&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=signature",
            ),
            ("TC3-HMAC-SHA256 Proof=0123abcd, nonsense", "TC3-HMAC-SHA256 Proof=value-1, value-2"),
            ("Bearer eyJhbGciOi.eyJz.c2ln", "Bearer value-3"),
            ("bearer eyJhbGciOi.eyJz.c2ln", "bearer value-3"),
            ("eyJhbGciOi.eyJz.c2ln", "value-3"),
            ("MyScheme 0123abcd", "value-4"),
            ("", ""),
        ] {
            assert_eq!(mask.header("authorization", value), shown, "{value}");
        }
    }

    #[test]
    fn of_unknown_headers_and_parameters_no_value_is_shown() {
        let mut mask = mask(&["alphasecret"]);
        assert_eq!(mask.header("x-tc-token", "alphasecret"), "secret-1");
        assert_eq!(mask.header("x-tc-token", "foreign"), "value-1");
        assert_eq!(mask.header("x-api-key", "foreign"), "value-1");
        assert_eq!(mask.header("cookie", "a=b"), "value-2");
        assert_eq!(mask.header("user-agent", "curl/8 alphasecret"), "curl/8 secret-1");
        assert_eq!(
            mask.target(
                "/a?Action=X&Token=alphasecret&Signature=abc%3D&code=foreign&uploads&prefix=u/"
            ),
            "/a?Action=X&Token=secret-1&Signature=signature&code=value-1&uploads&prefix=u/"
        );
        assert_eq!(mask.target("/?SecretId=AKIDEMUx&Nonce=1"), "/?SecretId=key-1&Nonce=value-3");
    }

    #[test]
    fn ports_of_this_cloud_are_shown_by_name() {
        let mut mask = mask(&[]);
        mask.name_port("40123", "sts");
        assert_eq!(mask.header("host", "127.0.0.1:40123"), "127.0.0.1:sts");
        assert_eq!(mask.header("host", "127.0.0.1:40124"), "127.0.0.1:40124");
        assert_eq!(mask.header("content-length", "40123"), "40123");
    }
}
