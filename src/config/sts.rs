//! How STS is called: the calling key, the role to assume, the endpoints, and the way there.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tencent::names::Region;
use tencent::secret::Secret;

use super::external_id;
use super::grant_bounds::ROLE_MAX_SECONDS;
use super::reader::{Reader, list};
use crate::grant::{Role, RoleArn};
use crate::http_client::{ClientOptions, PlaintextHttp, Proxy, parse_certificates};
use crate::sts::{CallingKey, CallingKeys, Endpoint, Identity, WebIdentity};

/// How STS is called.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct StsSettings {
    /// The calling key, and the role to assume (`SECRET_ID`, `TKE_ROLE_ARN`, `ROLE_ARN` and their
    /// companions).
    pub calling_keys: CallingKeys,
    /// Whether the calling key is the one that the platform sets for an execution role.
    pub is_role_key: bool,
    /// Where to call, in order (`STS_ENDPOINTS`). Never empty.
    pub endpoints: Vec<Endpoint>,
    /// Certificates, proxy and protocol (`STS_CA_FILE`, `STS_PROXY`).
    pub http: ClientOptions,
    /// The time for all attempts of one request together (`STS_DEADLINE_MS`).
    pub deadline: Duration,
    /// The number of calls at once (`STS_CONCURRENCY_MAX`).
    pub concurrency_max: usize,
}

/// The settings, and the longest lifetime that the calling key can request.
pub(super) fn read(reader: &mut Reader<'_>, reads_role_keys: bool) -> (Option<StsSettings>, u32) {
    let source = KeySource::of(reader, reads_role_keys);
    let key = match source {
        KeySource::Own => calling_key(reader, OWN_KEY),
        KeySource::Platform => calling_key(reader, ROLE_KEY),
        KeySource::Requests | KeySource::WebIdentity => None,
    };
    let role = role(reader);
    let max_duration_seconds = max_duration_seconds(reader, &role);
    let endpoints = endpoints(reader);
    let deadline_ms = reader.number("STS_DEADLINE_MS", DEADLINE_MS, 100..=60_000);
    let concurrency_max = reader.number("STS_CONCURRENCY_MAX", CONCURRENCY_MAX, 1..=10_000);
    let concurrency_max = concurrency_max.and_then(|max| usize::try_from(max).ok());
    let http = http(reader, &endpoints, concurrency_max);
    let is_emulated = key.as_ref().is_some_and(|key| key.secret_id.starts_with(EMULATOR_KEY));
    if is_emulated && !endpoints.iter().all(Endpoint::is_loopback) {
        let text =
            "must not be a key of the local cloud, unless STS_ENDPOINTS are loopback addresses";
        reader.error("SECRET_ID", text);
    }
    let calling_keys = match source {
        KeySource::Requests => of_requests(reader, role),
        KeySource::WebIdentity => web_identity(reader, role),
        KeySource::Own | KeySource::Platform => key.zip(role.ok()).and_then(|(key, role)| {
            let identity = Identity::new(key, role);
            let report = |error| reader.error("ROLE_ARN", format!("must be set: {error}"));
            Some(CallingKeys::Fixed(Arc::new(identity.map_err(report).ok()?)))
        }),
    };
    let settings = || {
        Some(StsSettings {
            calling_keys: calling_keys?,
            is_role_key: source == KeySource::Platform,
            endpoints,
            http: http?,
            deadline: Duration::from_millis(deadline_ms?.into()),
            concurrency_max: concurrency_max?,
        })
    };
    (settings(), max_duration_seconds)
}

/// `CACHE` and `CACHE_ENTRIES_MAX`: how many credentials are kept.
pub(super) fn cache_entries_max(reader: &mut Reader<'_>) -> Option<Option<NonZeroUsize>> {
    let is_on = reader.choice("CACHE", true, &[("on", true), ("off", false)])?;
    if !is_on && reader.is_set("CACHE_ENTRIES_MAX") {
        reader.error("CACHE_ENTRIES_MAX", "has no effect with CACHE=off: remove one of them");
    }
    let entries = reader.number("CACHE_ENTRIES_MAX", CACHE_ENTRIES_MAX, 1..=1_000_000)?;
    Some(usize::try_from(entries).ok().and_then(NonZeroUsize::new).filter(|_| is_on))
}

/// Where the calling key is from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeySource {
    /// `SECRET_ID` and its companions.
    Own,
    /// The variables that the platform sets for an execution role,
    /// <https://www.tencentcloud.com/document/product/583/32748>.
    Platform,
    /// The headers of requests (`ROLE_KEYS=headers`).
    Requests,
    /// It is exchanged for a token (`TKE_ROLE_ARN` and its companions).
    WebIdentity,
}

impl KeySource {
    /// The first that there is, in the order of the vendor's SDKs.
    fn of(reader: &mut Reader<'_>, reads_role_keys: bool) -> Self {
        let mut is_any_set =
            |variables: &[&'static str]| variables.iter().any(|variable| reader.is_set(variable));
        let (has_own, has_platform) = (is_any_set(&OWN_KEY), is_any_set(&ROLE_KEY));
        let has_web_identity = WEB_IDENTITY.iter().all(|variable| is_any_set(&[variable]));
        if reads_role_keys {
            if has_own {
                reader.error("ROLE_KEYS", "must not be `headers` together with SECRET_ID");
            }
            return Self::Requests;
        }
        if has_own && has_web_identity {
            let text = "SECRET_ID is used, and TKE_ROLE_ARN has no effect: to call STS without a \
                        key, remove SECRET_ID and SECRET_KEY";
            reader.warn(text);
        }
        // Some clusters set a part of them, which is not a choice.
        match (has_own, has_platform) {
            (true, _) => Self::Own,
            (false, true) => Self::Platform,
            (false, false) if is_web_identity_meant(reader) => Self::WebIdentity,
            (false, false) => Self::Platform,
        }
    }
}

/// `TKE_REGION` is a name that anything may set.
fn is_web_identity_meant(reader: &mut Reader<'_>) -> bool {
    ["TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_ROLE_ARN"].into_iter().any(|name| reader.is_set(name))
}

/// A workload without a key, which assumes the role: the exchange itself takes no policy.
fn web_identity(reader: &mut Reader<'_>, role: Result<Option<Role>, ()>) -> Option<CallingKeys> {
    if matches!(role, Ok(None)) {
        let text = "must be set with TKE_ROLE_ARN, because what its exchange returns cannot be \
             narrowed: the role to assume with it, for example \
             `qcs::cam::uin/100000000001:roleName/uploader`";
        reader.error("ROLE_ARN", text);
    }
    let region = reader.required("TKE_REGION", "ap-guangzhou", Region::parse);
    let provider_id = reader.required("TKE_PROVIDER_ID", "cls-a1b2c3d4", provider_id);
    let workload_role = reader.required(
        "TKE_ROLE_ARN",
        "qcs::cam::uin/100000000001:roleName/workload",
        RoleArn::parse,
    );
    let example = "/var/run/secrets/cloud.tencent.com/serviceaccount/token";
    let token_file = reader
        .required("TKE_WEB_IDENTITY_TOKEN_FILE", example, |path| Ok::<_, String>(path.to_owned()));
    let web_identity = WebIdentity {
        region: region?,
        provider_id: provider_id?,
        token_file: token_file?,
        workload_role: workload_role?,
        role: role.ok()??,
    };
    // A function that starts can also call.
    if let Err(error) = web_identity.token(|path| reader.bytes(path)) {
        reader.error("TKE_WEB_IDENTITY_TOKEN_FILE", error.to_string());
        return None;
    }
    Some(CallingKeys::WebIdentity(Arc::new(web_identity)))
}

/// <https://www.tencentcloud.com/document/product/598/47115>, parameter Name.
fn provider_id(text: &str) -> Result<String, &'static str> {
    let known = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    let is_name = (1..=128).contains(&text.len()) && text.chars().all(known);
    let name = is_name.then(|| text.to_owned());
    name.ok_or("must be the name of an OIDC provider in CAM: letters, digits and `_-.@`")
}

fn calling_key(reader: &mut Reader<'_>, variables: [&'static str; 3]) -> Option<CallingKey> {
    let [id, key, token] = variables.map(|variable| reader.optional(variable));
    for (variable, value) in [("SECRET_ID", id), ("SECRET_KEY", key)] {
        if value.is_none() {
            let text = "must be set to the calling key, unless the function has an execution role";
            reader.error(variable, text);
        }
    }
    for (variable, value) in variables.into_iter().zip([id, key, token]) {
        if value.is_some_and(|value| !value.chars().all(|c| c.is_ascii_graphic())) {
            reader.error(variable, "must be printable ASCII without spaces and line breaks");
        }
    }
    Some(CallingKey {
        secret_id: id?.to_owned(),
        secret_key: Arc::new(Secret::new(key?.to_owned())?),
        session_token: token.and_then(|token| Secret::new(token.to_owned())).map(Arc::new),
    })
}

/// The keys that requests bring are temporary.
fn of_requests(reader: &mut Reader<'_>, role: Result<Option<Role>, ()>) -> Option<CallingKeys> {
    let role = role.ok()?;
    if role.is_none() {
        let text = "must be set with ROLE_KEYS=headers, for example \
             `qcs::cam::uin/100000000001:roleName/uploader`";
        reader.error("ROLE_ARN", text);
    }
    role.map(CallingKeys::OfRequests)
}

/// The role to assume. `Err` when there is one that cannot be parsed.
fn role(reader: &mut Reader<'_>) -> Result<Option<Role>, ()> {
    if !reader.is_set("ROLE_ARN") {
        if reader.is_set("EXTERNAL_ID") {
            reader.error("EXTERNAL_ID", "has no effect without ROLE_ARN: set both, or remove it");
        }
        return Ok(None);
    }
    let external_id = reader.parsed("EXTERNAL_ID", external_id::parse);
    let arn = reader.parsed("ROLE_ARN", RoleArn::parse).ok_or(())?;
    Ok(Some(Role { arn, external_id }))
}

/// <https://www.tencentcloud.com/document/product/1150/49452> and `…/49456`, parameter
/// DurationSeconds.
fn max_duration_seconds(reader: &mut Reader<'_>, role: &Result<Option<Role>, ()>) -> u32 {
    let owners = [("root", ROOT_MAX_SECONDS), ("sub-account", SUB_ACCOUNT_MAX_SECONDS)];
    // A key does not show whose it is. The shorter limit is valid for both.
    let owner = reader.choice("KEY_OWNER", ROOT_MAX_SECONDS, &owners);
    if matches!(role, Ok(None)) { owner.unwrap_or(ROOT_MAX_SECONDS) } else { ROLE_MAX_SECONDS }
}

fn endpoints(reader: &mut Reader<'_>) -> Vec<Endpoint> {
    let text = reader.optional("STS_ENDPOINTS").unwrap_or(ENDPOINT);
    let parsed: Result<Vec<Endpoint>, _> = list(text).map(Endpoint::parse).collect();
    match parsed {
        Ok(endpoints) if !endpoints.is_empty() => return endpoints,
        Ok(_) => reader.error("STS_ENDPOINTS", NO_ENDPOINT),
        Err(error) => reader.error("STS_ENDPOINTS", error.to_string()),
    }
    Vec::new()
}

fn http(
    reader: &mut Reader<'_>,
    endpoints: &[Endpoint],
    concurrency_max: Option<usize>,
) -> Option<ClientOptions> {
    let pem = reader.optional("STS_CA_FILE").map(|path| reader.file(path));
    let extra_roots = reader.parsed_or("STS_CA_FILE", Vec::new(), |_| {
        parse_certificates(&pem.transpose()?.unwrap_or_default()).map_err(|error| error.to_string())
    });
    let proxy = reader.parsed_or("STS_PROXY", None, |text| Proxy::parse(text).map(Some));
    let has_plaintext = endpoints.iter().any(Endpoint::is_plain);
    Some(ClientOptions {
        extra_roots: extra_roots?,
        proxy: proxy?,
        plaintext_http: if has_plaintext { PlaintextHttp::Loopback } else { PlaintextHttp::Never },
        // A connection comes back a moment after its call has ended.
        max_idle_connections: concurrency_max?.saturating_mul(2),
        // The platform decides.
        threads: 1,
    })
}

const OWN_KEY: [&str; 3] = ["SECRET_ID", "SECRET_KEY", "SESSION_TOKEN"];

const ROLE_KEY: [&str; 3] =
    ["TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN"];

const ENDPOINT: &str = "sts.tencentcloudapi.com";

const NO_ENDPOINT: &str = "must name an endpoint, for example `sts.tencentcloudapi.com`";

const DEADLINE_MS: u32 = 3000;

/// The account has 600 calls a second, for all instances together.
const CONCURRENCY_MAX: u32 = 64;

/// About 30 MB, of credentials of 3 KB.
const CACHE_ENTRIES_MAX: u32 = 10_000;

const ROOT_MAX_SECONDS: u32 = 7200;

const SUB_ACCOUNT_MAX_SECONDS: u32 = 129_600;

/// What a cluster of TKE sets for a service account with a role.
const WEB_IDENTITY: [&str; 4] =
    ["TKE_PROVIDER_ID", "TKE_REGION", "TKE_ROLE_ARN", "TKE_WEB_IDENTITY_TOKEN_FILE"];

/// How keys of the local cloud begin.
const EMULATOR_KEY: &str = "AKIDEMU";
