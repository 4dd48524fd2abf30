//! Findings in the variables of a deployment, and in the grants or the policy that they name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cos_issuer::auth::AuthMethod;
use cos_issuer::config::AuthSettings;
use cos_issuer::grant::{Grant, Grants, Match, PrincipalMatch, Value as Wanted};
use tencent::cam::Policy;

use super::grants::{Places, invalid, of_grants};
use super::policy::of_policy;
use super::rules::Finding;
use super::web_identity;
use crate::deployment::{Deployment, Variable, variables};

/// What is wrong with the variables.
pub(super) async fn findings(path: &Path, text: &str) -> Vec<Finding> {
    let variables = variables(text);
    let line = |name: &str| {
        variables.iter().find(|each| each.name == name).map_or(1, |variable| variable.line)
    };
    let value = |name: &str| {
        variables.iter().rfind(|each| each.name == name).map(|variable| variable.value.as_str())
    };
    let mut found = Vec::new();
    let size: usize =
        variables.iter().map(|each| each.name.len().saturating_add(each.value.len())).sum();
    if size > MAX_VARIABLES {
        let text = format!("the variables have {size} bytes; SCF accepts {MAX_VARIABLES}");
        found.push(Finding::new("environment-too-large", 1, text));
    }
    let grants_file = value("GRANTS_FILE").map(|name| beside(path, name));
    let deployment = match Deployment::of_variables(path, text) {
        Ok(deployment) => deployment,
        Err(errors) => {
            found.extend(errors.iter().map(|error| {
                let finding = invalid(error, line(error.variable()));
                match &grants_file {
                    Some(file) if error.to_string().contains(", line ") => {
                        finding.in_file(file.clone())
                    }
                    _ => finding,
                }
            }));
            return found;
        }
    };
    let settings = &deployment.settings;
    found.extend(web_identity::findings(path, &variables));
    // Rules of their own find these, by line.
    let has_rule = |text: &str| text.starts_with("POLICY") || text.contains("TKE_ROLE_ARN");
    let warnings = settings.warnings.iter().filter(|text| !has_rule(text));
    found.extend(warnings.map(|text| Finding::new("setting", 1, text.as_str())));
    match &settings.grants {
        Grants::Raw { policy, .. } => {
            let policy = Policy::parse(policy.as_json());
            let line = line("POLICY");
            let of_policy = policy.map(|policy| of_policy(&policy, &|_| line)).unwrap_or_default();
            // The function accepts it: the operator has allowed it.
            found.extend(of_policy.into_iter().filter(|finding| finding.rule != "full-access"));
        }
        Grants::Each(grants) => {
            let text = grants_file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
            let mut of_file = of_grants(grants, text.as_deref().unwrap_or("#:schema")).await;
            let places = Places::new(text.as_deref().unwrap_or_default());
            for grant in grants {
                of_file.extend(of_claims(grant, &settings.auth, &variables, &places));
            }
            let file = grants_file.unwrap_or_default();
            found.extend(of_file.into_iter().map(|finding| finding.in_file(file.clone())));
        }
    }
    found
}

/// A file next to the file of variables.
fn beside(path: &Path, name: &str) -> PathBuf {
    let near = path.parent().unwrap_or_else(|| Path::new("")).join(name);
    if near.is_file() { near } else { PathBuf::from(name) }
}

/// Claims and methods in the `match` of a grant that no caller can have.
fn of_claims(
    grant: &Grant,
    methods: &[AuthSettings],
    variables: &[Variable],
    places: &Places<'_>,
) -> Vec<Finding> {
    let definition = grant.definition();
    let line = places.of(&definition.name, "match");
    let name = &definition.name;
    let known = claims_of_keys(methods, variables);
    let PrincipalMatch::Claims(claims) = &definition.principal_match else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (claim, wanted) in claims {
        if claim == PrincipalMatch::PROOF {
            if !texts(wanted).iter().any(|text| is_accepted(text, methods)) {
                let text = format!("the grant {name} needs a `proof` that AUTH does not accept");
                found.push(Finding::new("unreachable-grant", line, text));
            }
            continue;
        }
        let Some(known) = &known else {
            continue;
        };
        if !known.contains(claim.as_str()) {
            let text = format!("the grant {name} matches on `{claim}`, which no key of AUTH has");
            found.push(Finding::new("missing-claim", line, text));
        } else if texts(wanted).is_empty() && !matches!(wanted, Match::Prefix(_)) {
            let text = format!(
                "the grant {name} needs another type for `{claim}`: claims of keys are texts"
            );
            found.push(Finding::new("unreachable-grant", line, text));
        }
    }
    found
}

/// The texts that a match accepts as a whole.
fn texts(wanted: &Match) -> Vec<&str> {
    let Match::OneOf(values) = wanted else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for value in values {
        if let Wanted::Text(text) = value {
            found.push(text.as_str());
        }
    }
    found
}

fn is_accepted(proof: &str, methods: &[AuthSettings]) -> bool {
    let gateway = AuthMethod::ALL.iter().filter(|method| matches!(method, AuthMethod::Gateway(_)));
    let is_gateway = gateway.map(|method| method.name()).any(|name| name == proof);
    methods.iter().any(|method| match method {
        AuthSettings::Gateway => is_gateway,
        other => other.name() == proof,
    })
}

/// The claims of all keys, where every method is one of keys; `None` where a token or a gateway can
/// bring any claim.
fn claims_of_keys<'v>(
    methods: &[AuthSettings],
    variables: &'v [Variable],
) -> Option<BTreeSet<&'v str>> {
    let is_of_keys =
        |method: &AuthSettings| matches!(method, AuthSettings::ApiKey(_) | AuthSettings::Hmac(_));
    if methods.is_empty() || !methods.iter().all(is_of_keys) {
        return None;
    }
    let lists =
        variables.iter().filter(|each| ["API_KEYS", "HMAC_KEYS"].contains(&each.name.as_str()));
    let entries = lists.flat_map(|list| list.value.split([';', '\n']));
    // The first word of an entry is its name and key.
    let claims = entries.flat_map(|entry| entry.split_ascii_whitespace().skip(1));
    let names = claims.filter_map(|claim| claim.split_once('=')).map(|(name, _)| name);
    Some(names.chain(["sub"]).collect())
}

/// <https://www.tencentcloud.com/document/product/583/32748>
const MAX_VARIABLES: usize = 4096;
