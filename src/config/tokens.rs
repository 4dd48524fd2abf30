//! Which tokens are accepted: the settings of `AUTH=jwt`.
//!
//! Promises: issuer and audience must be set; keys come from exactly one place; the algorithms are pinned, to `HS256` alone with a
//! secret and never to it otherwise. Leaves out: asking the issuer at start; an issuer that is down keeps no function from starting.

use std::sync::Arc;

use url::{Host, Url};

use super::reader::{Reader, list};
use crate::auth::{Algorithm, JwksCache, KeySet, KeySource, TokenVerifier, Validation};
use crate::http_client::{Client, PlaintextHttp, Settings};

type File<'f> = &'f dyn Fn(&str) -> std::io::Result<Vec<u8>>;

pub(super) fn read(reader: &mut Reader<'_>, file: File<'_>) -> Option<TokenVerifier> {
    let text = |text: &str| Ok::<_, &str>(text.to_owned());
    let issuer = reader.required("JWT_ISSUER", "https://login.example.com/", text);
    let audiences = reader.required("JWT_AUDIENCE", "uploads", |text| {
        let audiences: Vec<String> = list(text).map(str::to_owned).collect();
        let is_there = !audiences.is_empty();
        is_there.then_some(audiences).ok_or("names no audience")
    });
    let leeway_seconds = reader.number("JWT_LEEWAY_SECONDS", LEEWAY_SECONDS, 0..=300);
    let age_seconds_max = reader.number(
        "JWT_MAX_AGE_SECONDS",
        AGE_SECONDS_MAX,
        60..=AGE_SECONDS_LIMIT,
    );
    let place = place(reader);
    let algorithms = algorithms(reader, place);
    let keys = place
        .zip(algorithms.as_deref())
        .and_then(|(place, algorithms)| keys(reader, file, place, algorithms));
    Some(TokenVerifier {
        validation: Validation {
            issuer: issuer?,
            audiences: audiences?,
            algorithms: algorithms?,
            leeway_seconds: leeway_seconds?,
            max_age_seconds: age_seconds_max?,
        },
        keys: keys?,
    })
}

/// Where keys come from, by the variable that says so.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeySourceKind {
    HsSecret,
    JwksFile,
    JwksUrl,
    PublicKey,
    PublicKeyFile,
}

impl KeySourceKind {
    const ALL: [Self; 5] = [
        Self::JwksUrl,
        Self::JwksFile,
        Self::PublicKey,
        Self::PublicKeyFile,
        Self::HsSecret,
    ];

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

fn place(reader: &mut Reader<'_>) -> Option<KeySourceKind> {
    let mut places = KeySourceKind::ALL.into_iter().filter(|place| {
        let text = reader.optional(place.variable());
        text.is_some()
    });
    let (first, second) = (places.next(), places.next());
    match (first, second) {
        (Some(place), None) => Some(place),
        (Some(_), Some(second)) => {
            let text = "is one place too many for keys: set one of JWT_JWKS_URL, JWT_JWKS_FILE, JWT_PUBLIC_KEY, \
                 JWT_PUBLIC_KEY_FILE, JWT_HS_SECRET";
            reader.problem(second.variable(), text);
            None
        }
        (None, _) => {
            let text = "must be set to the URL of the issuer's keys, or instead of it JWT_JWKS_FILE, JWT_PUBLIC_KEY, \
                 JWT_PUBLIC_KEY_FILE or JWT_HS_SECRET";
            reader.problem("JWT_JWKS_URL", text);
            None
        }
    }
}

/// The only algorithms. Whoever has a public key could make tokens of `HS256`, if it were accepted beside others.
fn algorithms(reader: &mut Reader<'_>, place: Option<KeySourceKind>) -> Option<Vec<Algorithm>> {
    let is_secret = place == Some(KeySourceKind::HsSecret);
    let of_public_keys: Vec<Algorithm> = Algorithm::ALL
        .into_iter()
        .filter(|algorithm| *algorithm != Algorithm::Hs256)
        .collect();
    if reader.optional("JWT_ALGORITHMS").is_none() {
        return Some(match place? {
            KeySourceKind::HsSecret => vec![Algorithm::Hs256],
            KeySourceKind::JwksFile | KeySourceKind::JwksUrl => vec![Algorithm::Rs256],
            // There is one key, and it has one algorithm.
            KeySourceKind::PublicKey | KeySourceKind::PublicKeyFile => of_public_keys,
        });
    }
    reader.parsed("JWT_ALGORITHMS", |text| {
        let named: Option<Vec<Algorithm>> = list(text).map(algorithm).collect();
        let named = named.filter(|named| !named.is_empty());
        let named = named.ok_or("takes `RS256`, `ES256`, `EdDSA`, or `HS256` alone, with commas between")?;
        if named.contains(&Algorithm::Hs256) != is_secret || (is_secret && named.len() > 1) {
            return Err("names `HS256` without JWT_HS_SECRET, or another beside it: a secret has that one algorithm");
        }
        Ok(named)
    })
}

fn algorithm(name: &str) -> Option<Algorithm> {
    let mut known = Algorithm::ALL.into_iter();
    known.find(|algorithm| algorithm.name() == name)
}

fn keys(
    reader: &mut Reader<'_>,
    file: File<'_>,
    place: KeySourceKind,
    algorithms: &[Algorithm],
) -> Option<KeySource> {
    let of_file = |path: &str| file(path).map_err(|error| cannot_be_read(&error));
    reader.parsed(place.variable(), |text| {
        let keys = match place {
            KeySourceKind::HsSecret => KeySet::of_secret(text.as_bytes()),
            KeySourceKind::JwksFile => KeySet::of_jwks(&of_file(text)?, algorithms),
            KeySourceKind::JwksUrl => return remote(text, algorithms),
            KeySourceKind::PublicKey => {
                KeySet::of_pem(text.replace("\\n", "\n").as_bytes(), algorithms)
            }
            KeySourceKind::PublicKeyFile => KeySet::of_pem(&of_file(text)?, algorithms),
        };
        keys.map(|keys| KeySource::Fixed(Arc::new(keys)))
            .map_err(|error| error.to_string())
    })
}

fn cannot_be_read(error: &std::io::Error) -> String {
    format!("the file cannot be read: {}", error.kind())
}

fn remote(text: &str, algorithms: &[Algorithm]) -> Result<KeySource, String> {
    let form = "must be a URL as `https://login.example.com/keys`, without a user or a fragment; `http://` is for loopback addresses \
         alone";
    let url = Url::parse(text).map_err(|_| form)?;
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(form.to_owned()),
    };
    let plain = match url.scheme() {
        "https" => PlaintextHttp::Never,
        "http" if is_loopback => PlaintextHttp::Loopback,
        _ => return Err(form.to_owned()),
    };
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(form.to_owned());
    }
    let client = Client::new(&Settings {
        plain,
        ..Settings::default()
    });
    let client = client.map_err(|error| error.to_string())?;
    Ok(KeySource::Remote(JwksCache::new(
        client,
        url.into(),
        algorithms.to_vec(),
    )))
}

const LEEWAY_SECONDS: u32 = 30;

const AGE_SECONDS_MAX: u32 = 24 * 60 * 60;

/// A year: whoever needs more has no token but a key.
const AGE_SECONDS_LIMIT: u32 = 365 * 24 * 60 * 60;
