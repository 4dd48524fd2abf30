//! How callers authenticate: `AUTH` and the settings of the methods it names.
//!
//! `API_KEYS` and `HMAC_KEYS` contain entries `name=value claim=value …`, separated by a
//! semicolon or a line break. The claim `sub` identifies the caller and defaults to the entry's
//! name; two entries with the same `sub` are two keys of one caller.
//!
//! # Guarantees
//! - A setting of a method that `AUTH` does not name is an error, because it would have no effect.
//! - An error names an entry by its number, never by its content.

use std::fmt::{Display, Formatter, Result as FmtResult};

use tencent::secret::Secret;

use super::credential_header;
use super::grants_file::{FileIssuer, FileKeys};
use super::jwt::{self, JwtSettings};
use super::reader::{Reader, list};
use super::token_keys::KeySourceKind;
use super::weak_secret::{WEAK, is_weak};
use super::wechat::{self, WechatSettings};
use crate::auth::{ApiKey, ApiKeys, Claim, Claims, HmacKey, HmacKeys};
use crate::grant::PrincipalMatch;
use crate::runtime::Platform;

/// One way to authenticate, with its settings.
#[expect(missing_debug_implementations, reason = "it contains callers' keys")]
pub enum AuthSettings {
    /// A key that the caller sends.
    ApiKey(ApiKeys),
    /// The identity that the platform passes on.
    Gateway,
    /// A signature over the request.
    Hmac(HmacKeys),
    /// A token that one of these issuers signed.
    Jwt(Vec<JwtSettings>),
    /// A login code of a mini-program.
    Wechat(WechatSettings),
}

impl AuthSettings {
    /// The word of `AUTH`.
    pub fn name(&self) -> &'static str {
        let method = match self {
            Self::ApiKey(_) => Method::ApiKey,
            Self::Gateway => Method::Gateway,
            Self::Hmac(_) => Method::Hmac,
            Self::Jwt(_) => Method::Jwt,
            Self::Wechat(_) => Method::Wechat,
        };
        method.name()
    }
}

/// Empty for `AUTH=none`.
pub(super) fn read(
    reader: &mut Reader<'_>,
    platform: Option<&Platform>,
) -> Option<Vec<AuthSettings>> {
    let methods = reader.required("AUTH", "jwt", methods);
    if let Some(methods) = &methods {
        for (variable, method) in VARIABLES {
            if !methods.contains(&method) && reader.is_set(variable) {
                let name = method.name();
                let text = format!("has no effect: add `{name}` to AUTH, or remove {variable}");
                reader.error(variable, text);
            }
        }
    }
    // Collected first: an error of one method must not hide those of the next.
    let settings: Vec<Option<AuthSettings>> = methods?
        .into_iter()
        .map(|method| match method {
            Method::ApiKey => api_keys(reader).map(AuthSettings::ApiKey),
            Method::Gateway => gateway(reader, platform),
            Method::Hmac => hmac_keys(reader).map(AuthSettings::Hmac),
            Method::Jwt => issuer_of_variables(reader).map(AuthSettings::Jwt),
            Method::Wechat => wechat::read(reader).map(AuthSettings::Wechat),
        })
        .collect();
    settings.into_iter().collect()
}

/// Empty where the grants file may have issuers instead, until [`add_issuers`].
fn issuer_of_variables(reader: &mut Reader<'_>) -> Option<Vec<JwtSettings>> {
    if reader.is_set("GRANTS_FILE") {
        return Some(Vec::new());
    }
    jwt::read(reader).map(|settings| vec![settings])
}

fn variables_of(method: Method) -> impl Iterator<Item = &'static str> {
    VARIABLES.into_iter().filter(move |(_, of)| *of == method).map(|(variable, _)| variable)
}

/// Adds the token issuers of the grants file to the methods, or else that of the variables.
/// `issuers` is `None` where the file has an error.
pub(super) fn add_issuers(
    reader: &mut Reader<'_>,
    methods: &mut [AuthSettings],
    issuers: Option<Vec<FileIssuer>>,
) {
    let has_issuers = issuers.as_ref().is_some_and(|issuers| !issuers.is_empty());
    let known = methods.iter_mut().find_map(|method| match method {
        AuthSettings::Jwt(known) => Some(known),
        _ => None,
    });
    let Some(known) = known else {
        if has_issuers {
            let text = "has `[[issuer]]` tables, which have no effect: add `jwt` to AUTH, or \
                 remove them";
            reader.error("GRANTS_FILE", text);
        }
        return;
    };
    if !known.is_empty() {
        return;
    }
    let set: Vec<_> = variables_of(Method::Jwt).filter(|name| reader.is_set(name)).collect();
    match issuers {
        Some(issuers) if has_issuers => {
            for variable in set {
                let text = "has no effect with `[[issuer]]` tables in GRANTS_FILE: write it there";
                reader.error(variable, text);
            }
            known.extend(issuers.into_iter().filter_map(|issuer| with_keys(reader, issuer)));
        }
        Some(_) if set.is_empty() => {
            let text = "must be set, for example `https://login.example.com/`; or write \
                 `[[issuer]]` tables in GRANTS_FILE";
            reader.error("JWT_ISSUER", text);
        }
        None if set.is_empty() => {}
        Some(_) | None => known.extend(jwt::read(reader)),
    }
}

fn with_keys(reader: &mut Reader<'_>, file: FileIssuer) -> Option<JwtSettings> {
    let FileIssuer { issuer, keys, .. } = file;
    if let Some(header) = &issuer.header
        && reader
            .optional("API_KEY_HEADER")
            .is_some_and(|name| name.eq_ignore_ascii_case(header.as_str()))
    {
        reader.error("API_KEY_HEADER", "must differ from the `header` of each [[issuer]]");
    }
    let keys = match keys {
        FileKeys::Known(keys) => keys,
        FileKeys::SecretOf(variable) => {
            let secret = reader.named(&variable);
            let keys = secret.ok_or_else(|| "must be set: GRANTS_FILE names it".to_owned());
            let algorithms = &issuer.validation.algorithms;
            let keys =
                keys.and_then(|secret| KeySourceKind::HsSecret.keys(secret.as_bytes(), algorithms));
            keys.map_err(|text| reader.error(variable, text)).ok()?
        }
    };
    Some(JwtSettings { issuer, keys })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    ApiKey,
    Gateway,
    Hmac,
    Jwt,
    Wechat,
}

impl Method {
    const ALL: [Self; 5] = [Self::ApiKey, Self::Gateway, Self::Hmac, Self::Jwt, Self::Wechat];

    const fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key",
            Self::Gateway => "gateway",
            Self::Hmac => "hmac",
            Self::Jwt => "jwt",
            Self::Wechat => "wechat",
        }
    }
}

const VARIABLES: [(&str, Method); 17] = [
    ("API_KEYS", Method::ApiKey),
    ("API_KEY_HEADER", Method::ApiKey),
    ("HMAC_KEYS", Method::Hmac),
    ("JWT_ISSUER", Method::Jwt),
    ("JWT_AUDIENCE", Method::Jwt),
    ("JWT_JWKS_URL", Method::Jwt),
    ("JWT_JWKS_FILE", Method::Jwt),
    ("JWT_PUBLIC_KEY", Method::Jwt),
    ("JWT_PUBLIC_KEY_FILE", Method::Jwt),
    ("JWT_HS_SECRET", Method::Jwt),
    ("JWT_ALGORITHMS", Method::Jwt),
    ("JWT_LEEWAY_SECONDS", Method::Jwt),
    ("JWT_MAX_AGE_SECONDS", Method::Jwt),
    ("WECHAT_APPID", Method::Wechat),
    ("WECHAT_ENDPOINTS", Method::Wechat),
    ("WECHAT_SECRET", Method::Wechat),
    ("WECHAT_SUBJECT", Method::Wechat),
];

fn methods(text: &str) -> Result<Vec<Method>, &'static str> {
    let mut methods = Vec::new();
    if text == "none" {
        return Ok(methods);
    }
    for name in list(text) {
        let method = Method::ALL.into_iter().find(|method| method.name() == name);
        match method {
            Some(method) if !methods.contains(&method) => methods.push(method),
            Some(_) => return Err("must name each method once"),
            None => return Err(METHODS),
        }
    }
    if methods.is_empty() {
        return Err(METHODS);
    }
    Ok(methods)
}

const METHODS: &str = "must be a comma-separated list of `jwt`, `api-key`, `hmac`, `wechat`, \
     `gateway`, for example `jwt,api-key`; or only `none`, which lets everyone in";

fn api_keys(reader: &mut Reader<'_>) -> Option<ApiKeys> {
    let header =
        reader.parsed_or("API_KEY_HEADER", None, |text| credential_header::parse(text).map(Some));
    let example = "backend=<SHA-256 of the key in hex>";
    let keys = reader.required("API_KEYS", example, |text| {
        entries(text, |entry| {
            let mut digest = [0; 32];
            hex::decode_to_slice(entry.value, &mut digest)
                .map_err(|_| "must have a SHA-256 as its value: 64 hex digits")?;
            Ok(ApiKey { name: entry.name, digest, claims: entry.claims })
        })
    });
    let (keys, header) = (keys?, header?);
    let keys = ApiKeys::new(keys, header);
    if keys.is_none() {
        reader.error("API_KEYS", DUPLICATE_KEY);
    }
    keys
}

/// On a plain server an identity could only come from headers, which every client can write.
fn gateway(reader: &mut Reader<'_>, platform: Option<&Platform>) -> Option<AuthSettings> {
    if !matches!(platform, Some(Platform::Server(_))) {
        return Some(AuthSettings::Gateway);
    }
    let text = "must not contain `gateway` on an HTTP server or SCF web function: only Lambda and \
         SCF event functions receive an identity from their gateway";
    reader.error("AUTH", text);
    None
}

fn hmac_keys(reader: &mut Reader<'_>) -> Option<HmacKeys> {
    let keys = reader.required("HMAC_KEYS", "backend=<64 random hex digits>", |text| {
        entries(text, |entry| {
            Ok(HmacKey { id: entry.name, secret: secret_key(entry.value)?, claims: entry.claims })
        })
    })?;
    let keys = HmacKeys::new(keys);
    if keys.is_none() {
        reader.error("HMAC_KEYS", DUPLICATE_KEY);
    }
    keys
}

fn secret_key(text: &str) -> Result<Secret, &'static str> {
    if is_weak(text) && text.len() >= MIN_HMAC_KEY_LENGTH {
        return Err(WEAK);
    }
    let is_long = text.len() >= MIN_HMAC_KEY_LENGTH;
    let is_printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    let key = (is_long && is_printable).then(|| Secret::new(text.to_owned()));
    key.flatten().ok_or("must have a key of 32 or more printable ASCII characters as its value")
}

/// One key of a caller.
struct Entry<'t> {
    name: String,
    value: &'t str,
    claims: Claims,
}

/// What is wrong with an entry, by its number only.
struct EntryError(usize, &'static str);

impl Display for EntryError {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> FmtResult {
        write!(formatter, "entry {} {}", self.0, self.1)
    }
}

fn entries<'t, T>(
    text: &'t str,
    key: impl Fn(Entry<'t>) -> Result<T, &'static str>,
) -> Result<Vec<T>, EntryError> {
    let texts = text.split([';', '\n']).map(str::trim);
    let (mut names, mut keys) = (Vec::new(), Vec::new());
    for (number, text) in (1..).zip(texts.filter(|text| !text.is_empty())) {
        let error = |text| EntryError(number, text);
        let entry = entry(text).map_err(error)?;
        if number > MAX_KEYS {
            return Err(error("is one too many: at most 64 keys are possible"));
        }
        if names.contains(&entry.name) {
            return Err(error("must have a name of its own"));
        }
        names.push(entry.name.clone());
        keys.push(key(entry).map_err(error)?);
    }
    if keys.is_empty() {
        return Err(EntryError(1, "is missing: the list contains no key"));
    }
    Ok(keys)
}

fn entry(text: &str) -> Result<Entry<'_>, &'static str> {
    let mut words = text.split_ascii_whitespace();
    let (name, value) = pair(words.next())?;
    let mut claims = Claims::default();
    for word in words {
        let (claim, text) = pair(Some(word))?;
        let known = |c: u8| c.is_ascii_alphanumeric() || b"-._@:/+".contains(&c);
        if !(1..=MAX_CLAIM_LENGTH).contains(&text.len()) || !text.bytes().all(known) {
            return Err("must have claims of 1 to 128 letters, digits and `-._@:/+`");
        }
        if claim == PrincipalMatch::PROOF {
            return Err("must not set `proof`, which is how the caller authenticated");
        }
        if !claims.add(claim, Claim::Text(text.to_owned())) {
            return Err("must set each claim once");
        }
    }
    // Has no effect when `sub` is set already.
    claims.add(Claims::SUBJECT, Claim::Text(name.to_owned()));
    Ok(Entry { name: name.to_owned(), value, claims })
}

fn pair(word: Option<&str>) -> Result<(&str, &str), &'static str> {
    let known = |c: u8| c.is_ascii_alphanumeric() || b"-._".contains(&c);
    let pair = word.and_then(|word| word.split_once('='));
    pair.filter(|(name, _)| (1..=64).contains(&name.len()) && name.bytes().all(known))
        .ok_or("must be `name=value claim=value …`, with letters, digits and `-._` in names")
}

const DUPLICATE_KEY: &str = "must contain each key once";

/// Each presented key is compared with all of them, and SCF limits all variables to 4 KB.
const MAX_KEYS: usize = 64;

/// 128 random bits in hex.
const MIN_HMAC_KEY_LENGTH: usize = 32;

const MAX_CLAIM_LENGTH: usize = 128;
