//! `--check`: what settings would grant, to whom, as text for their operator.
//!
//! # Guarantees
//! It contains no secret: no key of a caller, no calling key, no subject of the kill switch.

use std::fmt::Display;

use crate::auth::AudienceClaim;
use crate::config::{AuthSettings, Settings, TokenIssuer};
use crate::grant::{Grant, GrantDefinition, Grants, Limits, Match, PrincipalMatch, Value};
use crate::runtime::Platform;
use crate::sts::CallingKeys;

/// The lines of a summary.
pub fn summary(settings: &Settings) -> String {
    let mut text = Text::default();
    text.line("platform", &platform(&settings.platform));
    if settings.auth.is_empty() {
        text.line("callers", "everyone (AUTH=none)");
    }
    for callers in settings.auth.iter().flat_map(callers) {
        text.line("callers", &callers);
    }
    let hosts: Vec<&str> = settings.sts.endpoints.iter().map(|endpoint| endpoint.host()).collect();
    text.line("STS", &hosts.join(", then "));
    if let CallingKeys::WebIdentity(web_identity) = &settings.sts.calling_keys {
        let (role, file) = (web_identity.workload_role.as_str(), &web_identity.token_file);
        text.line("calling key", &format!("of {role}, for the token in {file}"));
    }
    match &settings.grants {
        Grants::Each(grants) => grants.iter().for_each(|each| grant(&mut text, each)),
        Grants::Raw { policy, lifetime } => {
            let policy = policy.as_json();
            text.line("grant", &format!("POLICY, for every caller, for {lifetime}: {policy}"));
        }
    }
    if let Some(limit) = &settings.rate_limit {
        let seconds = limit.period.as_secs();
        let limit = format!("{} requests of each caller in {seconds} seconds", limit.requests);
        text.line("rate limit", &limit);
    }
    for warning in &settings.warnings {
        text.line("warning", warning);
    }
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, name: &str, value: &str) {
        self.0.push_str(&format!("{name:<12}{value}\n"));
    }
}

fn platform(platform: &Platform) -> String {
    match platform {
        Platform::Lambda => "AWS Lambda".to_owned(),
        Platform::ScfEvent(_) => "an event function of SCF".to_owned(),
        Platform::Server(server) if server.is_scf => {
            format!("a web function of SCF, on {}", server.address)
        }
        Platform::Server(server) => format!("a server on {}", server.address),
    }
}

fn callers(method: &AuthSettings) -> Vec<String> {
    let one = match method {
        AuthSettings::ApiKey(keys) => format!("api-key: {}", joined(keys.names(), ", ")),
        AuthSettings::Gateway => "gateway: the identities that the gateway verified".to_owned(),
        AuthSettings::Hmac(keys) => format!("hmac: {}", joined(keys.names(), ", ")),
        AuthSettings::Wechat(wechat) => {
            format!("wechat: users of the mini-program {}", wechat.app.app_id)
        }
        AuthSettings::Jwt(issuers) => {
            return issuers.iter().map(|settings| token_issuer(&settings.issuer)).collect();
        }
    };
    vec![one]
}

fn token_issuer(issuer: &TokenIssuer) -> String {
    let rules = &issuer.validation;
    let audiences = joined(&rules.audiences, " or ");
    let mut text = format!("jwt: tokens of {} for {audiences}", rules.issuer);
    let Some(name) = &issuer.name else {
        return text;
    };
    if rules.audience_claim != AudienceClaim::Aud {
        text.push_str(&format!(" in `{}`", rules.audience_claim.name()));
    }
    if let Some(header) = &issuer.header {
        text.push_str(&format!(", sent in {header}"));
    }
    format!("{text}, with keys of {} (issuer \"{name}\")", issuer.key_source)
}

fn grant(text: &mut Text, grant: &Grant) {
    let grant = grant.definition();
    text.line("grant", &grant.name);
    text.line("  to", &principals(grant));
    let operations = grant.permissions.operations().map(|operation| operation.name());
    text.line("  allows", &joined(operations, ", "));
    let prefix = grant.prefix.as_str();
    let place = if prefix == "/" { "the whole bucket".to_owned() } else { format!("{prefix}*") };
    text.line("  on", &format!("{} ({}), {place}", grant.bucket.as_str(), grant.region.as_str()));
    text.line("  for", &grant.lifetime.to_string());
    if let Some(role) = &grant.role {
        let with = if role.external_id.is_some() { ", with an external id" } else { "" };
        text.line("  as", &format!("{}{with}", role.arn.as_str()));
    }
    let limits = limits(grant.permissions.limits());
    if !limits.is_empty() {
        text.line("  only", &limits.join("; "));
    }
}

fn principals(grant: &GrantDefinition) -> String {
    let issuers = grant.token_issuers.iter().map(|name| format!("\"{name}\""));
    let issuers = joined(issuers, " or ");
    let callers = match &grant.principal_match {
        PrincipalMatch::Everyone => "every authenticated caller".to_owned(),
        PrincipalMatch::Claims(claims) => with_claims(claims),
    };
    if issuers.is_empty() { callers } else { format!("{callers}, by tokens of {issuers}") }
}

fn with_claims(claims: &[(String, Match)]) -> String {
    let claims = claims.iter().map(|(name, wanted)| match wanted {
        Match::OneOf(values) => format!("{name} = {}", joined(values.iter().map(value), " or ")),
        Match::Contains(texts) => format!("{name} contains {}", joined(texts, " or ")),
        Match::Prefix(prefix) => format!("{name} begins with {prefix}"),
    });
    format!("callers with {}", joined(claims, ", "))
}

fn value(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => format!("\"{text}\""),
    }
}

fn limits(limits: &Limits) -> Vec<String> {
    let mut found = Vec::new();
    if !limits.extensions.is_empty() {
        let extensions = limits.extensions.iter().map(|extension| extension.as_str());
        found.push(format!("uploads of {}", joined(extensions, ", ")));
    }
    if let Some(bytes) = limits.max_size_bytes {
        found.push(format!("uploads of at most {bytes} bytes"));
    }
    if !limits.content_types.is_empty() {
        let types = limits.content_types.iter().map(|each| each.as_str());
        found.push(format!("uploads of type {}", joined(types, ", ")));
    }
    if !limits.source_ip.is_empty() {
        found.push(format!("from {}", joined(&limits.source_ip, ", ")));
    }
    if !limits.vpc.is_empty() {
        let ids = limits.vpc.iter().map(|id| id.as_str());
        found.push(format!("from {}", joined(ids, ", ")));
    }
    if limits.https_only {
        found.push("by HTTPS".to_owned());
    }
    if !limits.acl.is_empty() {
        let names = limits.acl.iter().map(|acl| acl.name());
        found.push(format!("with the ACL of the bucket or {}", joined(names, ", ")));
    }
    found
}

fn joined<I: Display>(items: impl IntoIterator<Item = I>, separator: &str) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(separator)
}
