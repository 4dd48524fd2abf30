//! PrincipalMatch may ask: `AUTH` and the settings of the kinds of proof that it names.
//!
//! Keys are entries `name=value claim=value …` with a semicolon or a line break between. The claim `sub` says whose key it is; it is
//! the entry's name when it is left out, so that two keys with one `sub` are two keys of one caller.
//!
//! Promises: a setting of a kind that `AUTH` does not name is a problem, since whoever wrote it expects it to work. A problem says
//! which entry, by its number, never what is in it.

use std::fmt;

use http::HeaderName;

use super::Platform;
use super::reader::{Reader, list};
use super::tokens;
use crate::auth::{ApiKey, ApiKeys, Authenticator, Claim, Claims, HmacKey, HmacKeys, Verifier};
use crate::grant::PrincipalMatch;
use tencent::secret::Secret;

pub(super) fn read(
    reader: &mut Reader<'_>,
    platform: Option<&Platform>,
    file: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Option<Authenticator> {
    let kinds = reader.required("AUTH", "none", kinds);
    let named = kinds.as_deref().unwrap_or(&Kind::CHOICES);
    for (variable, kind) in SETTINGS {
        if !named.iter().any(|named| named.1 == kind) && reader.optional(variable).is_some() {
            let text = "belongs to a kind of proof that AUTH does not name";
            reader.problem(variable, text);
        }
    }
    let kinds = kinds?;
    if kinds.is_empty() {
        return Some(Authenticator::None);
    }
    // Each is read, whatever is wrong with those before it.
    let verifiers: Vec<Option<Verifier>> = kinds
        .into_iter()
        .map(|(_, kind)| match kind {
            Kind::ApiKey => api_keys(reader).map(Verifier::ApiKey),
            Kind::Gateway => gateway(reader, platform),
            Kind::Hmac => hmac_keys(reader).map(Verifier::Hmac),
            Kind::Jwt => tokens::read(reader, file).map(Verifier::Jwt),
        })
        .collect();
    let verifiers: Option<Vec<Verifier>> = verifiers.into_iter().collect();
    verifiers.map(Authenticator::OneOf)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ApiKey,
    Gateway,
    Hmac,
    Jwt,
}

impl Kind {
    const CHOICES: [(&'static str, Self); 4] = [
        ("api-key", Self::ApiKey),
        ("gateway", Self::Gateway),
        ("hmac", Self::Hmac),
        ("jwt", Self::Jwt),
    ];
}

const SETTINGS: [(&str, Kind); 13] = [
    ("API_KEYS", Kind::ApiKey),
    ("API_KEY_HEADER", Kind::ApiKey),
    ("HMAC_KEYS", Kind::Hmac),
    ("JWT_ISSUER", Kind::Jwt),
    ("JWT_AUDIENCE", Kind::Jwt),
    ("JWT_JWKS_URL", Kind::Jwt),
    ("JWT_JWKS_FILE", Kind::Jwt),
    ("JWT_PUBLIC_KEY", Kind::Jwt),
    ("JWT_PUBLIC_KEY_FILE", Kind::Jwt),
    ("JWT_HS_SECRET", Kind::Jwt),
    ("JWT_ALGORITHMS", Kind::Jwt),
    ("JWT_LEEWAY_SECONDS", Kind::Jwt),
    ("JWT_MAX_AGE_SECONDS", Kind::Jwt),
];

/// The kinds that `AUTH` names; none of them for `none`.
fn kinds(text: &str) -> Result<Vec<(&'static str, Kind)>, &'static str> {
    if text == "none" {
        return Ok(Vec::new());
    }
    let mut kinds = Vec::new();
    for name in list(text) {
        let known = Kind::CHOICES
            .into_iter()
            .find(|(choice, _)| *choice == name);
        match known {
            Some(kind) if !kinds.contains(&kind) => kinds.push(kind),
            Some(_) => return Err("names a kind twice"),
            None => return Err(CHOICES),
        }
    }
    if kinds.is_empty() {
        return Err(CHOICES);
    }
    Ok(kinds)
}

const CHOICES: &str = "must be `none` alone, or one or several of `api-key`, `gateway`, `hmac`, `jwt` with commas between";

fn api_keys(reader: &mut Reader<'_>) -> Option<ApiKeys> {
    let header = match reader.optional("API_KEY_HEADER") {
        None => Some(None),
        Some(_) => reader.parsed("API_KEY_HEADER", header).map(Some),
    };
    let example = "backend=<SHA-256 of its key in hex>";
    let keys = reader.required("API_KEYS", example, |text| {
        let key = |(number, entry): (usize, Entry<'_>)| {
            let fault = EntryError(number, "has no SHA-256 of 64 hex digits");
            Ok::<_, EntryError>(ApiKey {
                name: entry.name,
                digest: sha256(entry.value).ok_or(fault)?,
                claims: entry.claims,
            })
        };
        (1..)
            .zip(entries(text)?)
            .map(key)
            .collect::<Result<Vec<_>, _>>()
    });
    let (keys, header) = (keys?, header?);
    let keys = ApiKeys::new(keys, header);
    if keys.is_none() {
        reader.problem("API_KEYS", "holds the same key twice");
    }
    keys
}

/// A plain server sees nothing but headers, and those anyone can write.
fn gateway(reader: &mut Reader<'_>, platform: Option<&Platform>) -> Option<Verifier> {
    if !matches!(platform, Some(Platform::Server(_))) {
        return Some(Verifier::Gateway);
    }
    let text = "names `gateway`, which Lambda and SCF event functions have; here is an HTTP server (as an SCF web function is), to \
         which no gateway says who asks";
    reader.problem("AUTH", text);
    None
}

/// Headers with a meaning of their own are no place for a key, nor those that this function takes away.
fn header(text: &str) -> Result<HeaderName, &'static str> {
    let name = text.parse().ok();
    name.filter(|name: &HeaderName| {
        name.as_str().starts_with("x-") && !name.as_str().starts_with("x-scf-")
    })
    .ok_or("must be the name of a header that begins with `x-` and not with `x-scf-`")
}

fn hmac_keys(reader: &mut Reader<'_>) -> Option<HmacKeys> {
    let keys = reader.required("HMAC_KEYS", "backend=<64 random hex digits>", |text| {
        let key = |(number, entry): (usize, Entry<'_>)| {
            let text = "has a key of less than 32 characters, or not of ASCII";
            Ok::<_, EntryError>(HmacKey {
                id: entry.name,
                secret: hmac_key(entry.value).ok_or(EntryError(number, text))?,
                claims: entry.claims,
            })
        };
        (1..)
            .zip(entries(text)?)
            .map(key)
            .collect::<Result<Vec<_>, _>>()
    })?;
    let keys = HmacKeys::new(keys);
    if keys.is_none() {
        reader.problem("HMAC_KEYS", "holds the same key twice");
    }
    keys
}

fn hmac_key(text: &str) -> Option<Secret> {
    let is_key =
        text.len() >= HMAC_KEY_CHARACTERS_MIN && text.bytes().all(|c| c.is_ascii_graphic());
    is_key.then(|| Secret::new(text.to_owned())).flatten()
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let is_hex = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (high, low) = text.split_at_checked(32).filter(|_| is_hex)?;
    let half = |text| u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes);
    let mut digest = [0; 32];
    let (first, second) = digest.split_at_mut(16);
    first.copy_from_slice(&half(high)?);
    second.copy_from_slice(&half(low)?);
    Some(digest)
}

/// One key of a caller.
struct Entry<'t> {
    name: String,
    value: &'t str,
    claims: Claims,
}

/// What is wrong with an entry, which is told by its number alone.
struct EntryError(usize, &'static str);

impl fmt::Display for EntryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => formatter.write_str(self.1),
            number => write!(formatter, "entry {number} {}", self.1),
        }
    }
}

fn entries(text: &str) -> Result<Vec<Entry<'_>>, EntryError> {
    let texts = text.split([';', '\n']).map(str::trim);
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for text in texts.filter(|text| !text.is_empty()) {
        let number = entries.len().saturating_add(1);
        let entry = entry(text).map_err(|fault| EntryError(number, fault))?;
        if entries.iter().any(|other| other.name == entry.name) {
            return Err(EntryError(number, "has the name of another"));
        }
        entries.push(entry);
    }
    match entries.len() {
        0 => Err(EntryError(0, "holds no key")),
        1..=KEYS_MAX => Ok(entries),
        _ => Err(EntryError(0, "holds more than 64 keys")),
    }
}

fn entry(text: &str) -> Result<Entry<'_>, &'static str> {
    let mut words = text.split_ascii_whitespace();
    let (name, value) = pair(words.next())?;
    let mut claims = Claims::default();
    for word in words {
        let (claim, text) = pair(Some(word))?;
        let known = |c: u8| c.is_ascii_alphanumeric() || b"-._@:/+".contains(&c);
        if text.is_empty() || text.len() > CLAIM_CHARACTERS_MAX || !text.bytes().all(known) {
            return Err(
                "has a claim whose value is empty, too long, or not of letters, digits and `-._@:/+`",
            );
        }
        if claim == PrincipalMatch::PROOF {
            return Err(
                "has the claim `proof`, which is how a caller was proven and cannot be said",
            );
        }
        if !claims.add(claim, Claim::Text(text.to_owned())) {
            return Err("has a claim twice");
        }
    }
    // Does nothing when there is one.
    claims.add(Claims::SUBJECT, Claim::Text(name.to_owned()));
    Ok(Entry {
        name: name.to_owned(),
        value,
        claims,
    })
}

fn pair(word: Option<&str>) -> Result<(&str, &str), &'static str> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    let pair = word.and_then(|word| word.split_once('='));
    pair.filter(|(name, _)| (1..=64).contains(&name.len()) && name.bytes().all(known))
        .ok_or("must be `name=value claim=value …`, names being of letters, digits and `-._`")
}

/// Each proof is held against all of them; SCF gives all variables together 4 KB.
const KEYS_MAX: usize = 64;

/// 128 random bits as hex.
const HMAC_KEY_CHARACTERS_MIN: usize = 32;

const CLAIM_CHARACTERS_MAX: usize = 128;
