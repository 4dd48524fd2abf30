//! Which tokens are accepted: the `JWT_` variables, which are the short form of one `[[issuer]]` of
//! the grants file.
//!
//! # Guarantees
//! Issuer and audience are required, and keys come from exactly one source.

use http::HeaderName;

use super::reader::{Reader, list};
use super::token_keys::{JwtKeys, KeySourceKind};
use crate::auth::{Algorithm, AudienceClaim, KeySet, Validation};

/// Which tokens of one issuer are accepted.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub struct JwtSettings {
    /// The issuer.
    pub issuer: TokenIssuer,
    /// The keys that verify its tokens.
    pub keys: JwtKeys,
}

/// A token issuer without its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIssuer {
    /// The name by which grants refer to it; `None` for that of the variables.
    pub name: Option<String>,
    /// The header that its tokens are sent in; `None` for `Authorization`.
    pub header: Option<HeaderName>,
    /// What a token must contain.
    pub validation: Validation,
    /// Where its keys come from, for its operator.
    pub key_source: String,
}

/// The issuer of the variables.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<JwtSettings> {
    let issuer = reader.required("JWT_ISSUER", "https://login.example.com/", |text| {
        Ok::<_, &str>(text.to_owned())
    });
    let audiences = reader.required("JWT_AUDIENCE", "uploads", |text| {
        let audiences: Vec<String> = list(text).map(str::to_owned).collect();
        let is_empty = audiences.is_empty();
        (!is_empty).then_some(audiences).ok_or("must name an audience, for example `uploads`")
    });
    let leeway_seconds =
        reader.number("JWT_LEEWAY_SECONDS", LEEWAY_SECONDS, 0..=LEEWAY_SECONDS_LIMIT);
    let age_bounds = AGE_SECONDS_LEAST..=AGE_SECONDS_LIMIT;
    let max_age_seconds = reader.number("JWT_MAX_AGE_SECONDS", MAX_AGE_SECONDS, age_bounds);
    let source = key_source(reader);
    let algorithms = algorithms(reader, source);
    let keys = source
        .zip(algorithms.as_deref())
        .and_then(|(source, algorithms)| keys(reader, source, algorithms));
    Some(JwtSettings {
        issuer: TokenIssuer {
            name: None,
            header: None,
            validation: Validation {
                issuer: issuer?,
                audience_claim: AudienceClaim::Aud,
                audiences: audiences?,
                algorithms: algorithms?,
                leeway_seconds: leeway_seconds?,
                max_age_seconds: max_age_seconds?,
            },
            key_source: source?.variable().to_owned(),
        },
        keys: keys?,
    })
}

/// The keys of `JWT_JWKS_FILE` or `JWT_PUBLIC_KEY_FILE`; `None` inside without such a file.
pub(super) fn file_keys(reader: &mut Reader<'_>) -> Option<Option<KeySet>> {
    if !reader.is_set("JWT_JWKS_FILE") && !reader.is_set("JWT_PUBLIC_KEY_FILE") {
        return Some(None);
    }
    let source = key_source(reader)?;
    let algorithms = algorithms(reader, Some(source))?;
    match keys(reader, source, &algorithms)? {
        JwtKeys::Fixed(keys) => Some(Some(keys)),
        JwtKeys::Jwks { .. } => Some(None),
    }
}

fn key_source(reader: &mut Reader<'_>) -> Option<KeySourceKind> {
    let all = KeySourceKind::ALL.into_iter();
    let sources: Vec<_> = all.filter(|source| reader.is_set(source.variable())).collect();
    let (variable, text) = match sources.as_slice() {
        [source] => return Some(*source),
        [] => ("JWT_JWKS_URL", "must be set, for example `https://login.example.com/keys`"),
        [_, second, ..] => (second.variable(), "must not be set together with another key"),
    };
    let text = format!(
        "{text}: set one of JWT_JWKS_URL, JWT_JWKS_FILE, JWT_PUBLIC_KEY, JWT_PUBLIC_KEY_FILE, \
         JWT_HS_SECRET"
    );
    reader.error(variable, text);
    None
}

fn algorithms(reader: &mut Reader<'_>, source: Option<KeySourceKind>) -> Option<Vec<Algorithm>> {
    if !reader.is_set("JWT_ALGORITHMS") {
        return source.map(KeySourceKind::default_algorithms);
    }
    // Any source but a secret has the same ones.
    let source = source.unwrap_or(KeySourceKind::JwksUrl);
    reader.parsed("JWT_ALGORITHMS", |text| source.algorithms(list(text)))
}

fn keys(
    reader: &mut Reader<'_>,
    source: KeySourceKind,
    algorithms: &[Algorithm],
) -> Option<JwtKeys> {
    let variable = source.variable();
    let value = reader.optional(variable)?;
    let bytes = match source {
        KeySourceKind::JwksFile | KeySourceKind::PublicKeyFile => reader.file(value),
        // Tools that set variables often allow no line break.
        KeySourceKind::PublicKey => Ok(value.replace("\\n", "\n").into_bytes()),
        KeySourceKind::HsSecret | KeySourceKind::JwksUrl => Ok(value.as_bytes().to_vec()),
    };
    reader.parsed(variable, |_| source.keys(&bytes?, algorithms))
}

pub(super) const LEEWAY_SECONDS: u32 = 30;

pub(super) const LEEWAY_SECONDS_LIMIT: u32 = 300;

pub(super) const MAX_AGE_SECONDS: u32 = 24 * 60 * 60;

pub(super) const AGE_SECONDS_LEAST: u32 = 60;

/// A year. A token that is valid for longer is a key.
pub(super) const AGE_SECONDS_LIMIT: u32 = 365 * 24 * 60 * 60;
