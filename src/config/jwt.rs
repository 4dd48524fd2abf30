//! Which tokens are accepted: the settings of `AUTH=jwt`.
//!
//! # Guarantees
//! - Issuer and audience are required, and keys come from exactly one source.
//! - The algorithms are pinned: a shared secret is for `HS256` only, a public key never is.
//!
//! # Not covered
//! Fetching the JWKS at start: an issuer that is down must not keep the function from starting.

use url::{Host, Url};

use super::reader::{Reader, list};
use super::weak_secret::{WEAK, is_weak};
use crate::auth::{Algorithm, KeySet, Validation};
use crate::http_client::PlaintextHttp;

/// Which tokens are accepted.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub struct JwtSettings {
    /// What a token must contain.
    pub validation: Validation,
    /// The keys that verify it.
    pub keys: JwtKeys,
}

/// The keys that verify tokens.
#[expect(missing_debug_implementations, reason = "it may contain a secret")]
pub enum JwtKeys {
    /// Keys in the settings.
    Fixed(KeySet),
    /// Keys that the issuer publishes.
    Jwks {
        /// The URL of the JWKS.
        url: String,
        /// Whether the URL begins with `http://`.
        plaintext_http: PlaintextHttp,
    },
}

pub(super) fn read(reader: &mut Reader<'_>) -> Option<JwtSettings> {
    let issuer = reader.required("JWT_ISSUER", "https://login.example.com/", |text| {
        Ok::<_, &str>(text.to_owned())
    });
    let audiences = reader.required("JWT_AUDIENCE", "uploads", |text| {
        let audiences: Vec<String> = list(text).map(str::to_owned).collect();
        let is_empty = audiences.is_empty();
        (!is_empty).then_some(audiences).ok_or("must name an audience, for example `uploads`")
    });
    let leeway_seconds = reader.number("JWT_LEEWAY_SECONDS", LEEWAY_SECONDS, 0..=300);
    let age_bounds = 60..=AGE_SECONDS_LIMIT;
    let max_age_seconds = reader.number("JWT_MAX_AGE_SECONDS", MAX_AGE_SECONDS, age_bounds);
    let source = key_source(reader);
    let algorithms = algorithms(reader, source);
    let keys = source
        .zip(algorithms.as_deref())
        .and_then(|(source, algorithms)| keys(reader, source, algorithms));
    Some(JwtSettings {
        validation: Validation {
            issuer: issuer?,
            audiences: audiences?,
            algorithms: algorithms?,
            leeway_seconds: leeway_seconds?,
            max_age_seconds: max_age_seconds?,
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

/// Where keys come from, by the variable that names them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeySourceKind {
    HsSecret,
    JwksFile,
    JwksUrl,
    PublicKey,
    PublicKeyFile,
}

impl KeySourceKind {
    const ALL: [Self; 5] =
        [Self::JwksUrl, Self::JwksFile, Self::PublicKey, Self::PublicKeyFile, Self::HsSecret];

    const fn variable(self) -> &'static str {
        match self {
            Self::HsSecret => "JWT_HS_SECRET",
            Self::JwksFile => "JWT_JWKS_FILE",
            Self::JwksUrl => "JWT_JWKS_URL",
            Self::PublicKey => "JWT_PUBLIC_KEY",
            Self::PublicKeyFile => "JWT_PUBLIC_KEY_FILE",
        }
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

/// `HS256` excludes the others: with both, anyone could sign `HS256` tokens with the public key.
fn algorithms(reader: &mut Reader<'_>, source: Option<KeySourceKind>) -> Option<Vec<Algorithm>> {
    let is_secret = source == Some(KeySourceKind::HsSecret);
    if !reader.is_set("JWT_ALGORITHMS") {
        let all = Algorithm::ALL.into_iter();
        return Some(match source? {
            KeySourceKind::HsSecret => vec![Algorithm::Hs256],
            KeySourceKind::JwksFile | KeySourceKind::JwksUrl => vec![Algorithm::Rs256],
            // The one key has only one algorithm.
            KeySourceKind::PublicKey | KeySourceKind::PublicKeyFile => {
                all.filter(|algorithm| *algorithm != Algorithm::Hs256).collect()
            }
        });
    }
    reader.parsed("JWT_ALGORITHMS", |text| {
        let named: Option<Vec<Algorithm>> = list(text).map(algorithm).collect();
        let named = named.filter(|named| !named.is_empty());
        let named = named.ok_or(
            "must be a comma-separated list of `RS256`, `ES256`, `EdDSA`, for example \
             `RS256,ES256`; or only `HS256`",
        )?;
        if named.contains(&Algorithm::Hs256) != is_secret || (is_secret && named.len() > 1) {
            return Err("must be `HS256` with JWT_HS_SECRET, and must not contain it otherwise");
        }
        Ok(named)
    })
}

fn algorithm(name: &str) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
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
    reader.parsed(variable, |text| {
        let bytes = bytes?;
        let keys = match source {
            KeySourceKind::JwksUrl => return jwks_url(text).map_err(str::to_owned),
            KeySourceKind::HsSecret if is_weak(text) => return Err(WEAK.to_owned()),
            KeySourceKind::HsSecret => KeySet::of_secret(&bytes),
            KeySourceKind::JwksFile => KeySet::of_jwks(&bytes, algorithms),
            KeySourceKind::PublicKey | KeySourceKind::PublicKeyFile => {
                KeySet::of_pem(&bytes, algorithms)
            }
        };
        keys.map(JwtKeys::Fixed).map_err(|error| error.to_string())
    })
}

fn jwks_url(text: &str) -> Result<JwtKeys, &'static str> {
    let form = "must be an `https://` URL without user and fragment, for example \
         `https://login.example.com/keys`; `http://` is for loopback addresses only";
    let url = Url::parse(text).map_err(|_| form)?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(form),
    };
    let plaintext_http = match url.scheme() {
        "https" => PlaintextHttp::Never,
        "http" if is_loopback => PlaintextHttp::Loopback,
        _ => return Err(form),
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(form);
    }
    Ok(JwtKeys::Jwks { url: url.into(), plaintext_http })
}

const LEEWAY_SECONDS: u32 = 30;

const MAX_AGE_SECONDS: u32 = 24 * 60 * 60;

/// A year. A token that is valid for longer is a key.
const AGE_SECONDS_LIMIT: u32 = 365 * 24 * 60 * 60;
