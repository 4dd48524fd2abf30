//! `[[issuer]]`: whose tokens are accepted, as the `JWT_` variables name it for one issuer.
//!
//! # Guarantees
//! - A shared secret is named by its variable, never written in the file.
//! - Two issuers cannot both accept a token: those with the same `issuer` have other audiences.

use super::name;
use super::table::Table;
use crate::auth::{Algorithm, AudienceClaim, Validation};
use crate::config::credential_header;
use crate::config::issuer_preset::IssuerPreset;
use crate::config::jwt::{
    AGE_SECONDS_LEAST, AGE_SECONDS_LIMIT, LEEWAY_SECONDS, LEEWAY_SECONDS_LIMIT, MAX_AGE_SECONDS,
    TokenIssuer,
};
use crate::config::misspelled;
use crate::config::token_keys::{JwtKeys, KeySourceKind};

/// Reads a file that a key names.
pub(super) type ReadFile<'r> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'r;

/// An issuer of the file.
pub(in crate::config) struct FileIssuer {
    pub(in crate::config) issuer: TokenIssuer,
    pub(in crate::config) keys: FileKeys,
    pub(super) preset: Option<IssuerPreset>,
}

/// The keys of an issuer, as far as the file has them.
pub(in crate::config) enum FileKeys {
    Known(JwtKeys),
    /// This variable has the shared secret.
    SecretOf(String),
}

/// The issuers, each checked against those before it.
pub(super) fn read_all(tables: &[Table<'_>], read_file: &ReadFile<'_>) -> Option<Vec<FileIssuer>> {
    // Collected first, so that every issuer is checked.
    let issuers: Vec<Option<FileIssuer>> =
        tables.iter().map(|table| read(table, read_file)).collect();
    if let Some(table) = tables.get(MAX_ISSUERS) {
        table.report(
            "name",
            &format!("is one too many: at most {MAX_ISSUERS} issuers are possible"),
        );
    }
    let known =
        || tables.iter().zip(&issuers).filter_map(|(table, one)| Some((table, one.as_ref()?)));
    for (number, (table, one)) in known().enumerate() {
        for (_, other) in known().take(number) {
            refuse_both(table, one, other);
        }
    }
    issuers.into_iter().collect()
}

/// Reports at `table`, that of `one`, what it must not have in common with `other`.
fn refuse_both(table: &Table<'_>, one: &FileIssuer, other: &FileIssuer) {
    if one.issuer.name == other.issuer.name {
        table.report("name", "must differ from the names of other issuers");
    }
    let (own, others) = (&one.issuer.validation, &other.issuer.validation);
    let is_common = |audience: &String| others.audiences.contains(audience);
    if own.issuer == others.issuer
        && own.audience_claim == others.audience_claim
        && own.audiences.iter().any(is_common)
    {
        let text = "must differ from those of other issuers with the same `issuer`, so that a \
             token is of one of them";
        table.report("audiences", text);
    }
    if let (FileKeys::SecretOf(variable), FileKeys::SecretOf(name)) = (&one.keys, &other.keys)
        && variable == name
    {
        let text =
            "must differ from those of other issuers: who knows the secret can sign for both";
        table.report("secret_env", text);
    }
}

fn read(table: &Table<'_>, read_file: &ReadFile<'_>) -> Option<FileIssuer> {
    table.refuse_unknown(&KEYS);
    let name = table.text("name", name::parse);
    let preset = match table.has("preset") {
        true => Some(table.text("preset", |text| chosen(text, &IssuerPreset::CHOICES))?),
        false => None,
    };
    let issuer = match (table.has("issuer"), preset) {
        (false, Some(preset)) => Some(preset.issuer().to_owned()),
        _ => table.text("issuer", issuer),
    };
    let audiences = audiences(table, preset, issuer.as_deref());
    let audience_claim = match table.has("audience_claim") {
        true => table.text("audience_claim", |text| chosen(text, &AudienceClaim::CHOICES)),
        false => Some(AudienceClaim::Aud),
    };
    let leeway = 0..=LEEWAY_SECONDS_LIMIT;
    let leeway_seconds = table.number_or("leeway_seconds", LEEWAY_SECONDS, leeway);
    let age = AGE_SECONDS_LEAST..=AGE_SECONDS_LIMIT;
    let max_age_seconds = table.number_or("max_age_seconds", MAX_AGE_SECONDS, age);
    let header = match table.has("header") {
        true => table.text("header", credential_header::parse).map(Some),
        false => Some(None),
    };
    let source = key_source(table, preset, issuer.as_deref());
    let algorithms = source.as_ref().and_then(|(kind, _)| algorithms(table, *kind));
    let keys = source
        .as_ref()
        .zip(algorithms.as_deref())
        .and_then(|((kind, text), algorithms)| keys(table, *kind, text, algorithms, read_file));
    let (kind, text) = source?;
    let key_source = match kind {
        KeySourceKind::PublicKey => kind.key().to_owned(),
        _ => text,
    };
    Some(FileIssuer {
        issuer: TokenIssuer {
            name: Some(name?),
            header: header?,
            validation: Validation {
                issuer: issuer?,
                audience_claim: audience_claim?,
                audiences: audiences?,
                algorithms: algorithms?,
                leeway_seconds: leeway_seconds?,
                max_age_seconds: max_age_seconds?,
            },
            key_source,
        },
        keys: keys?,
        preset,
    })
}

fn chosen<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    let chosen = choices.iter().find(|(name, _)| *name == text);
    chosen.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        format!("must be one of {}", names.join(", "))
    })
}

/// A line break would separate it from the subject.
fn issuer(text: &str) -> Result<String, &'static str> {
    let is_issuer = !text.is_empty() && !text.chars().any(char::is_control);
    is_issuer
        .then(|| text.to_owned())
        .ok_or("must be the `iss` of the tokens, for example \"https://login.example.com/\"")
}

fn audiences(
    table: &Table<'_>,
    preset: Option<IssuerPreset>,
    issuer: Option<&str>,
) -> Option<Vec<String>> {
    if !table.has("audiences") {
        table
            .report("audiences", "is missing: name whom tokens are for, for example [\"uploads\"]");
        return None;
    }
    table.list("audiences", |text| {
        let is_shared =
            |preset: IssuerPreset| preset.is_shared_audience(text, issuer.unwrap_or_default());
        if text.is_empty() {
            return Err("must not contain an empty text");
        }
        if preset.is_some_and(is_shared) {
            return Err("must be of this function only, for example \
                        \"https://issuer.example.com\": jobs ask for this one by default, also \
                        for other services");
        }
        Ok(text.to_owned())
    })
}

/// Where keys come from, and the text that names them.
fn key_source(
    table: &Table<'_>,
    preset: Option<IssuerPreset>,
    issuer: Option<&str>,
) -> Option<(KeySourceKind, String)> {
    let all = KeySourceKind::ALL.into_iter();
    let sources: Vec<_> = all.filter(|source| table.has(source.key())).collect();
    match (sources.as_slice(), preset) {
        ([source], _) => {
            let text = table.text(source.key(), |text| Ok::<_, &str>(text.to_owned()));
            Some((*source, text?))
        }
        ([], Some(preset)) => Some((KeySourceKind::JwksUrl, preset.jwks_url(issuer?))),
        (found, _) => {
            let key = found.get(1).map_or("jwks_url", |second| second.key());
            let text = "must be there: name one of jwks_url, jwks_file, public_key, \
                 public_key_file, secret_env";
            table.report(key, text);
            None
        }
    }
}

fn algorithms(table: &Table<'_>, source: KeySourceKind) -> Option<Vec<Algorithm>> {
    if !table.has("algorithms") {
        return Some(source.default_algorithms());
    }
    let names = table.list("algorithms", |text| Ok::<_, &str>(text.to_owned()))?;
    let algorithms = source.algorithms(names.iter().map(String::as_str));
    algorithms.map_err(|text| table.report("algorithms", text)).ok()
}

fn keys(
    table: &Table<'_>,
    source: KeySourceKind,
    text: &str,
    algorithms: &[Algorithm],
    read_file: &ReadFile<'_>,
) -> Option<FileKeys> {
    let bytes = match source {
        KeySourceKind::HsSecret => {
            let variable = variable(text);
            let variable = variable.map_err(|text| table.report(source.key(), text)).ok()?;
            return Some(FileKeys::SecretOf(variable));
        }
        KeySourceKind::JwksFile | KeySourceKind::PublicKeyFile => read_file(text),
        KeySourceKind::JwksUrl | KeySourceKind::PublicKey => Ok(text.as_bytes().to_vec()),
    };
    let keys = bytes.and_then(|bytes| source.keys(&bytes, algorithms));
    let keys = keys.map_err(|text| table.report(source.key(), &text)).ok()?;
    Some(FileKeys::Known(keys))
}

/// A variable of its own, so that no other secret becomes one of an issuer.
fn variable(text: &str) -> Result<String, &'static str> {
    let known = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_uppercase());
    let is_variable = begins && text.bytes().all(known) && text.len() <= 64;
    (is_variable && !misspelled::is_known(text)).then(|| text.to_owned()).ok_or(
        "must be the name of a variable that is not another setting, for example \
                \"LOGIN_TOKEN_SECRET\"",
    )
}

pub(super) const KEYS: [&str; 14] = [
    "name",
    "preset",
    "issuer",
    "audiences",
    "audience_claim",
    "jwks_url",
    "jwks_file",
    "public_key",
    "public_key_file",
    "secret_env",
    "algorithms",
    "max_age_seconds",
    "leeway_seconds",
    "header",
];

/// A token that comes again is looked for among those of each issuer.
const MAX_ISSUERS: usize = 16;
