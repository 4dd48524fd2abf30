//! As whom STS is called, where it is, and how it is reached.

use std::time::Duration;

use super::reader::{Reader, list};
use crate::http_client::{Client, PlaintextHttp, Settings, SettingsError};
use crate::sts::{CallingKey, Endpoint, Identity, Role, RoleArn};
use tencent::secret::Secret;

pub(super) struct Sts {
    /// The longest life of a credential that the calling key can ask for.
    pub(super) duration_seconds_max: u32,
    pub(super) settings: Option<StsSettings>,
}

pub(super) struct StsSettings {
    pub(super) identity: Identity,
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) http: Client,
    pub(super) deadline: Duration,
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Sts {
    let key = calling_key(reader);
    let role = role(reader);
    let duration_seconds_max = duration_seconds_max(reader, &role);
    let endpoints = endpoints(reader);
    let deadline_ms = reader.number("STS_DEADLINE_MS", DEADLINE_MS, 100..=60_000);
    let http = http(reader, file, &endpoints);
    if let Some(key) = &key {
        let is_emulated = key.secret_id.starts_with(EMULATOR_KEY);
        if is_emulated && !endpoints.iter().all(Endpoint::is_loopback) {
            reader.problem(
                "SECRET_ID",
                "is a key of the local cloud, which is sent to loopback addresses alone",
            );
        }
    }
    let identity = match (key, role) {
        (Some(key), Ok(role)) => {
            let identity = Identity::new(key, role);
            identity
                .map_err(|error| reader.problem("ROLE_ARN", format!("must be set: {error}")))
                .ok()
        }
        _ => None,
    };
    let settings = match (identity, http, deadline_ms) {
        (Some(identity), Some(http), Some(deadline_ms)) => Some(StsSettings {
            identity,
            endpoints,
            http,
            deadline: Duration::from_millis(deadline_ms.into()),
        }),
        _ => None,
    };
    Sts {
        duration_seconds_max,
        settings,
    }
}

/// `SECRET_ID` and its companions, or what the platform gives an execution role.
/// <https://www.tencentcloud.com/document/product/583/32748>
fn calling_key(reader: &mut Reader<'_>) -> Option<CallingKey> {
    let own = ["SECRET_ID", "SECRET_KEY", "SESSION_TOKEN"];
    let is_own = own
        .iter()
        .any(|variable| reader.optional(variable).is_some());
    let platform = [
        "TENCENTCLOUD_SECRETID",
        "TENCENTCLOUD_SECRETKEY",
        "TENCENTCLOUD_SESSIONTOKEN",
    ];
    let [id, key, token] = if is_own { own } else { platform };
    let (secret_id, secret_key) = (reader.optional(id), reader.optional(key));
    let session_token = reader.optional(token);
    for (variable, value) in [("SECRET_ID", secret_id), ("SECRET_KEY", secret_key)] {
        if value.is_none() {
            reader.problem(
                variable,
                "must be set, unless the function runs with an execution role",
            );
        }
    }
    for (variable, value) in [(id, secret_id), (key, secret_key), (token, session_token)] {
        if value.is_some_and(|value| !value.chars().all(|c| c.is_ascii_graphic())) {
            reader.problem(
                variable,
                "holds a space, a line break or a character that is not ASCII",
            );
        }
    }
    Some(CallingKey {
        secret_id: secret_id?.to_owned(),
        secret_key: Secret::new(secret_key?.to_owned())?,
        session_token: session_token.and_then(|token| Secret::new(token.to_owned())),
    })
}

/// The role to assume. `Err` when one is named that cannot be read.
fn role(reader: &mut Reader<'_>) -> Result<Option<Role>, ()> {
    let external_id = reader.optional("EXTERNAL_ID");
    if reader.optional("ROLE_ARN").is_none() {
        if external_id.is_some() {
            reader.problem("EXTERNAL_ID", "belongs to ROLE_ARN, which is not set");
        }
        return Ok(None);
    }
    let external_id = reader.parsed("EXTERNAL_ID", external_id_text);
    let arn = reader.parsed("ROLE_ARN", RoleArn::parse).ok_or(())?;
    Ok(Some(Role { arn, external_id }))
}

/// <https://www.tencentcloud.com/document/product/1150/49456>, parameter ExternalId.
fn external_id_text(text: &str) -> Result<String, &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=128).contains(&text.len()) && text.chars().all(known) {
        return Ok(text.to_owned());
    }
    Err("has 2 to 128 letters, digits and characters of `_+=,.@:/-`")
}

/// <https://www.tencentcloud.com/document/product/1150/49452> and `…/49456`, parameter DurationSeconds.
fn duration_seconds_max(reader: &mut Reader<'_>, role: &Result<Option<Role>, ()>) -> u32 {
    let owner = match reader.optional("KEY_OWNER") {
        // Nothing in a key tells whose it is; the shorter bound holds for both.
        None => ROOT_SECONDS_MAX,
        Some(_) => reader
            .choice(
                "KEY_OWNER",
                &[
                    ("root", ROOT_SECONDS_MAX),
                    ("sub-account", SUB_ACCOUNT_SECONDS_MAX),
                ],
            )
            .unwrap_or(ROOT_SECONDS_MAX),
    };
    if matches!(role, Ok(None)) {
        owner
    } else {
        ROLE_SECONDS_MAX
    }
}

fn endpoints(reader: &mut Reader<'_>) -> Vec<Endpoint> {
    let text = reader.optional("STS_ENDPOINTS").unwrap_or(ENDPOINT);
    let parsed: Result<Vec<Endpoint>, _> = list(text).map(Endpoint::parse).collect();
    match parsed {
        Ok(endpoints) if !endpoints.is_empty() => return endpoints,
        Ok(_) => reader.problem("STS_ENDPOINTS", "names no endpoint"),
        Err(error) => reader.problem("STS_ENDPOINTS", error.to_string()),
    }
    Vec::new()
}

fn http(
    reader: &mut Reader<'_>,
    file: &dyn Fn(&str) -> std::io::Result<Vec<u8>>,
    endpoints: &[Endpoint],
) -> Option<Client> {
    let extra_ca_pem = match reader.optional("STS_CA_FILE").map(file) {
        None => None,
        Some(Ok(pem)) => Some(pem),
        Some(Err(error)) => {
            reader.problem(
                "STS_CA_FILE",
                format!("the file cannot be read: {}", error.kind()),
            );
            return None;
        }
    };
    let proxy = reader
        .optional("STS_PROXY")
        .and_then(|url| Secret::new(url.to_owned()));
    let plain = if endpoints.iter().any(Endpoint::is_plain) {
        PlaintextHttp::Loopback
    } else {
        PlaintextHttp::Never
    };
    match Client::new(&Settings {
        extra_ca_pem,
        proxy,
        plain,
    }) {
        Ok(client) => Some(client),
        Err(error) => {
            let variable = if matches!(error, SettingsError::Proxy) {
                "STS_PROXY"
            } else {
                "STS_CA_FILE"
            };
            reader.problem(variable, error.to_string());
            None
        }
    }
}

const ENDPOINT: &str = "sts.tencentcloudapi.com";

const DEADLINE_MS: u32 = 3000;

const ROOT_SECONDS_MAX: u32 = 7200;

const SUB_ACCOUNT_SECONDS_MAX: u32 = 129_600;

const ROLE_SECONDS_MAX: u32 = 43_200;

/// How the keys of the local cloud begin.
const EMULATOR_KEY: &str = "AKIDEMU";
