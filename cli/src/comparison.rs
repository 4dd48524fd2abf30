//! What grants give that other grants do not.
//!
//! Grants only add: no grant takes anything away. A new grant is therefore compared for the callers
//! whom it names and who match as few old grants as possible: with no other claims, and with values
//! of their own where any value will do.
//!
//! # Guarantees
//! The function's own code matches callers and writes policies; [`new_access`] compares these.
//!
//! # Not covered
//! Lifetimes, the extensions of keys that the function names, and who can get a token: an issuer
//! that is not the same is only named.

use std::collections::BTreeMap;

use cos_issuer::access::CurrentAccess;
use cos_issuer::auth::{Claims, Principal};
use cos_issuer::deny_list::DenyList;
use cos_issuer::grant::{Grant, GrantDefinition, Grants, Match, PrincipalMatch, Value as Wanted};
use cos_issuer::grant::{Limits, Permissions};
use cos_issuer::request::{CredentialRequest, IssueRoute, Request};
use serde_json::{Map, Value, json};
use tencent::cam::{MAX_POLICY_CHARACTERS, NewAccess, Policy, new_access};
use tencent::time::{Clock as _, SystemClock};

use crate::asker::{AskerMethod, principal};
use crate::deployment::issuers;

/// What a caller gets from the new grants, and did not get from the old ones.
pub(crate) struct NewGrantAccess {
    /// The new grant.
    pub(crate) grant: String,
    /// The caller's authentication method and claims.
    pub(crate) method: AskerMethod,
    /// The `[[issuer]]` of its token.
    pub(crate) issuer: Option<String>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) found: NewAccess,
}

/// The words that placeholders accept, by grant and claim.
pub(crate) type Words = BTreeMap<(String, String), Vec<String>>;

/// One such access for each new grant that gives something new.
///
/// # Errors
/// Why the grants cannot be compared.
pub(crate) async fn new_grant_accesses(
    old: &[Grant],
    new: &[Grant],
    words: &Words,
) -> Result<Vec<NewGrantAccess>, String> {
    let mut found = Vec::new();
    for grant in new {
        let definition = grant.definition();
        let in_grant = |text: String| format!("grant {}: {text}", definition.name);
        for (method, issuer, claims) in callers(definition, old, words).map_err(in_grant)? {
            let caller = principal(method, issuer.as_deref(), &claims, &SystemClock).await;
            let Ok(caller) = caller else {
                continue;
            };
            let Some(policy) = policy_for(grant, &caller).map_err(in_grant)? else {
                continue;
            };
            // What another role can do is not what this one can.
            let of_old = old.iter().filter(|old| old.definition().role == definition.role);
            let of_old = of_old.map(|grant| policy_for(grant, &caller));
            let of_old: Result<Vec<Option<Policy>>, String> = of_old.collect();
            let of_old: Vec<Policy> = of_old.map_err(in_grant)?.into_iter().flatten().collect();
            let is_new =
                new_access(&of_old, &[policy]).map_err(|error| in_grant(error.to_string()))?;
            if let Some(access) = is_new {
                let grant = definition.name.clone();
                found.push(NewGrantAccess { grant, method, issuer, claims, found: access });
                break;
            }
        }
    }
    Ok(found)
}

/// The names of the `[[issuer]]` tables of a grants file that are not the same in the old one:
/// their tokens may be others.
pub(crate) fn other_issuers(old: &str, new: &str) -> Vec<String> {
    let old = issuers(old);
    let others = issuers(new).into_iter().filter(|issuer| !old.contains(issuer));
    let name = |issuer: toml::Value| Some(issuer.get("name")?.as_str()?.to_owned());
    others.filter_map(name).collect()
}

/// What a grant adds to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Something for some caller.
    Adds,
    /// Nothing: the others give it.
    Redundant,
    /// Nothing: no caller can get it.
    Unreachable,
}

/// What a grant adds to `others`.
///
/// # Errors
/// Why it cannot be compared.
pub(crate) async fn standing(
    grant: &Grant,
    others: &[Grant],
    words: &Words,
) -> Result<Standing, String> {
    let mut is_reached = false;
    for (method, issuer, claims) in callers(grant.definition(), others, words)? {
        let caller = principal(method, issuer.as_deref(), &claims, &SystemClock).await;
        if let Ok(caller) = caller {
            is_reached |= policy_for(grant, &caller)?.is_some();
        }
    }
    if !is_reached {
        return Ok(Standing::Unreachable);
    }
    let found = new_grant_accesses(others, std::slice::from_ref(grant), words).await?;
    Ok(if found.is_empty() { Standing::Redundant } else { Standing::Adds })
}

/// Whether the policy of all grants together fits for the callers of `grant`.
///
/// # Errors
/// That it does not.
pub(crate) async fn fits(grant: &Grant, grants: &[Grant], words: &Words) -> Result<(), String> {
    let callers = callers(grant.definition(), &[], words).unwrap_or_default();
    for (method, issuer, claims) in callers {
        let caller = principal(method, issuer.as_deref(), &claims, &SystemClock).await;
        let Ok(caller) = caller else {
            continue;
        };
        let policies = grants.iter().filter_map(|grant| issued(grant, &caller));
        let characters: usize = policies.map(|json| json.chars().count()).sum();
        if characters > MAX_POLICY_CHARACTERS && issued_of_all(grants, &caller).is_none() {
            return Err(format!(
                "callers of the grant {} match several grants whose policy is longer than the \
                 {MAX_POLICY_CHARACTERS} characters of CAM",
                grant.definition().name
            ));
        }
    }
    Ok(())
}

/// The lists of words in `slots` of a grants file, which the function keeps to itself.
pub(crate) fn words(text: &str) -> Words {
    let file: toml::Table = toml::from_str(text).unwrap_or_default();
    let tables = file.get("grant").and_then(toml::Value::as_array);
    let mut words = Words::new();
    for table in tables.into_iter().flatten() {
        let name = table.get("name").and_then(toml::Value::as_str).unwrap_or_default();
        let slots = table.get("slots").and_then(toml::Value::as_table);
        for (claim, accepted) in slots.into_iter().flatten() {
            if let Some(list) = accepted.as_array() {
                let texts = list.iter().filter_map(toml::Value::as_str).map(str::to_owned);
                words.insert((name.to_owned(), claim.clone()), texts.collect());
            }
        }
    }
    words
}

/// Method, token issuer and claims.
type Caller = (AskerMethod, Option<String>, Map<String, Value>);

/// Callers that a grant is for, and that the old grants know as little as possible.
fn callers(
    definition: &GrantDefinition,
    old: &[Grant],
    words: &Words,
) -> Result<Vec<Caller>, String> {
    let mut methods = methods(definition, old)?;
    let mut by_claim: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    if let PrincipalMatch::Claims(claims) = &definition.principal_match {
        for (name, wanted) in claims.iter().filter(|(name, _)| name != PrincipalMatch::PROOF) {
            by_claim.insert(name.clone(), values(wanted, old));
        }
    }
    for claim in definition.prefix.claims() {
        let of_slot = words.get(&(definition.name.clone(), claim.to_owned()));
        let any = || vec![json!(fresh("user-1", old)), json!(fresh_number(old))];
        let values =
            of_slot.map_or_else(any, |words| words.iter().map(|word| json!(word)).collect());
        by_claim.entry(claim.to_owned()).or_insert(values);
    }
    by_claim.entry(Claims::SUBJECT.to_owned()).or_insert_with(|| vec![json!(fresh("user-1", old))]);
    let mut combined = vec![Map::new()];
    for (claim, values) in by_claim {
        let with = |claims: &Map<String, Value>| {
            let each = values.iter().map(|value| {
                let mut claims = claims.clone();
                claims.insert(claim.clone(), value.clone());
                claims
            });
            each.collect::<Vec<_>>()
        };
        combined = combined.iter().flat_map(with).collect();
        if combined.len() > MAX_CALLERS {
            return Err(
                "its `match` names too many combinations of values to be compared".to_owned()
            );
        }
    }
    methods.dedup();
    let named = definition.token_issuers.iter().map(|name| Some(name.to_string()));
    let named: Vec<Option<String>> = named.collect();
    let issuers = if named.is_empty() { vec![None] } else { named };
    let mut callers = Vec::new();
    for method in methods {
        for issuer in &issuers {
            callers.extend(combined.iter().map(|claims| (method, issuer.clone(), claims.clone())));
        }
    }
    Ok(callers)
}

/// The methods that a grant is for: its own, or all where an old grant names one.
fn methods(definition: &GrantDefinition, old: &[Grant]) -> Result<Vec<AskerMethod>, String> {
    let proof = |definition: &GrantDefinition| match &definition.principal_match {
        PrincipalMatch::Claims(claims) => {
            let named = claims.iter().find(|(name, _)| name == PrincipalMatch::PROOF);
            named.map(|(_, wanted)| texts(wanted))
        }
        PrincipalMatch::Everyone => None,
    };
    if !definition.token_issuers.is_empty() {
        return Ok(vec![AskerMethod::Jwt]);
    }
    let Some(named) = proof(definition) else {
        let is_for_some = |definition: &GrantDefinition| {
            proof(definition).is_some() || !definition.token_issuers.is_empty()
        };
        let counts = old.iter().any(|grant| is_for_some(grant.definition()));
        return Ok(if counts { AskerMethod::ALL.to_vec() } else { vec![AskerMethod::Jwt] });
    };
    let known = |name: &String| AskerMethod::ALL.into_iter().find(|method| method.name() == name);
    let methods: Option<Vec<AskerMethod>> = named.iter().map(known).collect();
    methods.ok_or_else(|| "its `proof` is one whose callers cannot be made here".to_owned())
}

/// Values that meet a match; of a prefix, one that few other matches meet.
fn values(wanted: &Match, old: &[Grant]) -> Vec<Value> {
    match wanted {
        Match::OneOf(values) => values
            .iter()
            .map(|value| match value {
                Wanted::Flag(flag) => json!(flag),
                Wanted::Number(number) => json!(number),
                Wanted::Text(text) => json!(text),
            })
            .collect(),
        Match::Contains(texts) => texts.iter().map(|text| json!([text])).collect(),
        Match::Prefix(prefix) => vec![json!(fresh(&format!("{prefix}x"), old))],
    }
}

fn texts(wanted: &Match) -> Vec<String> {
    match wanted {
        Match::OneOf(values) => values
            .iter()
            .map(|value| match value {
                Wanted::Flag(flag) => flag.to_string(),
                Wanted::Number(number) => number.to_string(),
                Wanted::Text(text) => text.clone(),
            })
            .collect(),
        Match::Contains(texts) => texts.clone(),
        Match::Prefix(prefix) => vec![prefix.clone()],
    }
}

/// `text`, made longer until no old grant contains it.
fn fresh(text: &str, old: &[Grant]) -> String {
    let mut text = text.to_owned();
    while old.iter().any(|grant| contains(grant.definition(), &text)) {
        text.push('x');
    }
    text
}

fn fresh_number(old: &[Grant]) -> String {
    let mut text = "7".to_owned();
    while old.iter().any(|grant| contains(grant.definition(), &text)) {
        text.push('7');
    }
    text
}

fn contains(definition: &GrantDefinition, text: &str) -> bool {
    let in_match = match &definition.principal_match {
        PrincipalMatch::Everyone => false,
        PrincipalMatch::Claims(claims) => {
            claims.iter().flat_map(|(_, wanted)| texts(wanted)).any(|known| known.starts_with(text))
        }
    };
    in_match || definition.prefix.as_str().contains(text)
}

/// The policy of one grant for a caller; `None` for another caller.
fn policy_for(grant: &Grant, caller: &Principal) -> Result<Option<Policy>, String> {
    let definition = grant.definition();
    let plain = issued(grant, caller);
    if definition.permissions.limits().extensions.is_empty() {
        return plain.map(|json| parsed(&json)).transpose();
    }
    // What a limit on extensions leaves to requests with whole keys.
    let limits = Limits { extensions: Vec::new(), ..definition.permissions.limits().clone() };
    let operations: Vec<_> = definition.permissions.operations().collect();
    let permissions =
        Permissions::new(&[], &operations, limits).map_err(|error| error.to_string())?;
    let open = GrantDefinition { permissions, ..definition.clone() };
    let open = Grant::new(open).map_err(|error| error.to_string())?;
    let Some(open) = issued(&open, caller) else {
        return Ok(None);
    };
    let plain: Value =
        plain.map_or(Ok(Value::Null), |json| serde_json::from_str(&json)).unwrap_or_default();
    let mut policy: Value = serde_json::from_str(&open).unwrap_or_default();
    let mut statements = statements(&plain);
    let known: Vec<Value> = statements.iter().flat_map(|each| list(each, "action")).collect();
    let extensions = &definition.permissions.limits().extensions;
    for mut statement in self::statements(&policy) {
        let mut actions = list(&statement, "action");
        actions.retain(|action| !known.contains(action));
        let below = list(&statement, "resource");
        let resources = below.iter().filter_map(Value::as_str).flat_map(|resource| {
            let start = resource.strip_suffix('*').unwrap_or(resource);
            extensions.iter().map(move |extension| format!("{start}*.{}", extension.as_str()))
        });
        let resources: Vec<String> = resources.collect();
        if let (false, Some(members)) = (actions.is_empty(), statement.as_object_mut()) {
            members.insert("action".to_owned(), json!(actions));
            members.insert("resource".to_owned(), json!(resources));
            statements.push(statement);
        }
    }
    if let Some(members) = policy.as_object_mut() {
        members.insert("statement".to_owned(), json!(statements));
    }
    parsed(&policy.to_string()).map(Some)
}

fn statements(policy: &Value) -> Vec<Value> {
    list(policy, "statement")
}

fn list(value: &Value, member: &str) -> Vec<Value> {
    value.get(member).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn parsed(json: &str) -> Result<Policy, String> {
    Policy::parse(json).map_err(|error| error.to_string())
}

/// The policy that a caller would be issued for everything, from this grant.
fn issued(grant: &Grant, caller: &Principal) -> Option<String> {
    issued_of_all(std::slice::from_ref(grant), caller)
}

fn issued_of_all(grants: &[Grant], caller: &Principal) -> Option<String> {
    let access = CurrentAccess::new(Grants::Each(grants.to_vec()), DenyList::default()).load();
    let request = CredentialRequest::parse(&Request::default(), IssueRoute::Sts).ok()?;
    let now = SystemClock.now();
    let entropy = cos_issuer::entropy::SystemEntropy;
    let authorized = access.authorize(caller, &request, now, &entropy).ok()?;
    Some(authorized.policy().as_json().to_owned())
}

const MAX_CALLERS: usize = 2000;
