//! What a caller would get, and why nothing else: each grant, the policy in words, the STS call.
//!
//! # Guarantees
//! The function's own code decides. Each grant is also decided by itself, and each claim of a
//! `match` by itself, so a reason is never a second reading of the rules.
//!
//! # Not covered
//! Rate limits, the kill switch in a shared store, and what STS refuses.

use cos_issuer::access::CurrentAccess;
use cos_issuer::auth::{Claim, Principal};
use cos_issuer::config::Settings;
use cos_issuer::deny_list::DenyList;
use cos_issuer::entropy::SystemEntropy;
use cos_issuer::error::Error;
use cos_issuer::grant::{
    Authorized, Grant, GrantDefinition, Grants, Match, PrincipalMatch, Value as Wanted,
};
use cos_issuer::request::{CredentialRequest, IssueRoute, Request};
use serde::Serialize;
use serde_json::Value;
use tencent::cam::{Clause, Policy};
use tencent::time::Timestamp;

/// What a request would get.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explanation {
    /// The authentication method.
    pub(crate) method: &'static str,
    /// The subject as the audit log shows it.
    pub(crate) subject_hash: Option<String>,
    /// Every grant, in the order of the file.
    pub(crate) grants: Vec<GrantOutcome>,
    /// What would be issued; `None` when the request is refused.
    pub(crate) issued: Option<IssuedCredential>,
    /// Why the request is refused.
    pub(crate) refusal: Option<Refusal>,
}

/// Whether one grant gives the caller something.
#[derive(Serialize)]
pub(crate) struct GrantOutcome {
    pub(crate) name: String,
    pub(crate) applies: bool,
    /// Why not; empty when it applies.
    pub(crate) reasons: Vec<String>,
}

/// A credential that would be issued.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IssuedCredential {
    /// The names of its grants.
    pub(crate) grants: Vec<String>,
    pub(crate) duration_seconds: u32,
    pub(crate) session_name: String,
    /// `None` where the calling key is not known.
    pub(crate) sts_action: Option<&'static str>,
    /// The role that a grant names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    /// The key of a new object; another one for each request.
    pub(crate) example_key: Option<String>,
    pub(crate) clauses: Vec<Clause>,
    pub(crate) policy: Value,
    /// The policy as it is sent.
    #[serde(skip)]
    pub(crate) policy_text: String,
}

/// The answer of the function to a request that it refuses.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code_desc: &'static str,
    pub(crate) message: String,
}

/// What a caller requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Query parameters, as `durationSeconds`.
    pub(crate) query: Vec<(String, String)>,
    /// A scope array, or nothing.
    pub(crate) scopes: String,
    /// Whether the function names a new object.
    pub(crate) is_new_object: bool,
}

impl Wish {
    fn request(&self, scopes: &str) -> Result<CredentialRequest, Error> {
        let request =
            Request { query: self.query.clone(), body: scopes.to_owned(), ..Request::default() };
        let route = if self.is_new_object { IssueRoute::NewObject } else { IssueRoute::Sts };
        CredentialRequest::parse(&request, route)
    }

    /// One request for each scope: a grant may cover one and not another.
    fn single_requests(&self) -> Vec<CredentialRequest> {
        let scopes: Vec<Value> = serde_json::from_str(&self.scopes).unwrap_or_default();
        let mut bodies: Vec<String> =
            scopes.into_iter().map(|scope| Value::Array(vec![scope]).to_string()).collect();
        if bodies.is_empty() {
            bodies.push(String::new());
        }
        bodies.iter().filter_map(|body| self.request(body).ok()).collect()
    }
}

/// Explains what `principal` would get for `wish`.
///
/// # Errors
/// What is wrong with the request itself.
pub(crate) fn explain(
    settings: &Settings,
    sts_action: Option<&'static str>,
    principal: &Principal,
    wish: &Wish,
    now: Timestamp,
) -> Result<Explanation, Error> {
    let request = wish.request(&wish.scopes)?;
    let (grants, deny_list) = (settings.grants.clone(), settings.deny_list.clone());
    let access = CurrentAccess::new(grants, deny_list).load();
    let decided = access.authorize(principal, &request, now, &SystemEntropy);
    let (issued, refusal) = match decided {
        Ok(authorized) => (Some(issued(&authorized, sts_action)), None),
        Err(error) => (None, Some(refusal(&error))),
    };
    Ok(Explanation {
        method: principal.method().name(),
        subject_hash: principal.subject_hash().map(str::to_owned),
        grants: outcomes(settings, principal, wish, now),
        issued,
        refusal,
    })
}

fn issued(authorized: &Authorized, sts_action: Option<&'static str>) -> IssuedCredential {
    let json = authorized.policy().as_json();
    let clauses = Policy::parse(json).map(|policy| policy.clauses()).unwrap_or_default();
    IssuedCredential {
        grants: authorized.grants().split(',').map(str::to_owned).collect(),
        duration_seconds: authorized.duration_seconds(),
        session_name: authorized.session_name().to_owned(),
        sts_action: authorized.role().map(|_| "AssumeRole").or(sts_action),
        role: authorized.role().map(|role| role.arn.as_str().to_owned()),
        example_key: authorized.new_object().map(|object| object.key.as_str().to_owned()),
        clauses,
        policy: serde_json::from_str(json).unwrap_or_default(),
        policy_text: json.to_owned(),
    }
}

fn refusal(error: &Error) -> Refusal {
    let info = error.code().info();
    Refusal { status: info.status.as_u16(), code_desc: info.name, message: error.to_string() }
}

fn outcomes(
    settings: &Settings,
    principal: &Principal,
    wish: &Wish,
    now: Timestamp,
) -> Vec<GrantOutcome> {
    let names = settings.grants.names().into_iter();
    let outcome = |name: &str| {
        let is_switched_off = settings.deny_list.has_grant(name);
        let reasons = match (&settings.grants, is_switched_off) {
            (_, true) => vec!["is switched off by DENY".to_owned()],
            (Grants::Raw { .. }, false) => Vec::new(),
            (Grants::Each(grants), false) => grants
                .iter()
                .find(|grant| grant.definition().name == name)
                .map(|grant| reasons(grant, principal, wish, now))
                .unwrap_or_default(),
        };
        GrantOutcome { name: name.to_owned(), applies: reasons.is_empty(), reasons }
    };
    names.map(outcome).collect()
}

/// Why a grant gives nothing.
fn reasons(grant: &Grant, principal: &Principal, wish: &Wish, now: Timestamp) -> Vec<String> {
    let definition = grant.definition();
    if !is_met(definition, PrincipalMatch::Everyone, principal) {
        let issuers: Vec<&str> = definition.token_issuers.iter().map(|name| &**name).collect();
        let caller = principal
            .token_issuer()
            .map_or("has no token of an [[issuer]]", |_| "has a token of another [[issuer]]");
        return vec![format!("the caller {caller}; `issuer` must be {}", issuers.join(" or "))];
    }
    if let PrincipalMatch::Claims(claims) = &definition.principal_match {
        let differing = claims.iter().filter(|(name, wanted)| {
            !is_met(
                definition,
                PrincipalMatch::Claims(vec![(name.clone(), wanted.clone())]),
                principal,
            )
        });
        let reasons: Vec<String> =
            differing.map(|(name, wanted)| difference(name, wanted, principal)).collect();
        if !reasons.is_empty() {
            return reasons;
        }
    }
    let only = CurrentAccess::new(Grants::Each(vec![grant.clone()]), DenyList::default()).load();
    let mut reasons = Vec::new();
    for request in wish.single_requests() {
        match only.authorize(principal, &request, now, &SystemEntropy) {
            Ok(_) => return Vec::new(),
            Err(error) => {
                let text = error.to_string();
                let text = text.trim_start_matches("no grant for this caller: ");
                let text = text.trim_start_matches("scope 1: ").to_owned();
                if !reasons.contains(&text) {
                    reasons.push(text);
                }
            }
        }
    }
    reasons
}

/// Whether a principal would match this grant if it had another `match`.
fn is_met(definition: &GrantDefinition, only: PrincipalMatch, principal: &Principal) -> bool {
    let definition = GrantDefinition { principal_match: only, ..definition.clone() };
    Grant::new(definition).is_ok_and(|grant| Grants::Each(vec![grant]).matches(principal))
}

/// How a claim differs from what the grant asks for.
fn difference(name: &str, wanted: &Match, principal: &Principal) -> String {
    let wanted = in_words(wanted);
    if name == PrincipalMatch::PROOF {
        let method = principal.method().name();
        return format!("the caller authenticates by {method}; `proof` {wanted}");
    }
    match principal.claims().claim(name) {
        None => format!("the caller has no claim `{name}`; it {wanted}"),
        Some(claim) => format!("`{name}` is {}; it {wanted}", claim_in_words(claim)),
    }
}

/// What a grant asks of a claim, as a predicate.
pub(crate) fn in_words(wanted: &Match) -> String {
    let either = |texts: Vec<String>| texts.join(" or ");
    match wanted {
        Match::OneOf(values) => {
            format!("must be {}", either(values.iter().map(value_in_words).collect()))
        }
        Match::Contains(texts) => {
            let quoted = texts.iter().map(|text| format!("\"{text}\""));
            format!("must be a list that contains {}", either(quoted.collect()))
        }
        Match::Prefix(prefix) => format!("must begin with \"{prefix}\""),
    }
}

fn value_in_words(value: &Wanted) -> String {
    match value {
        Wanted::Flag(flag) => flag.to_string(),
        Wanted::Number(number) => number.to_string(),
        Wanted::Text(text) => format!("\"{text}\""),
    }
}

fn claim_in_words(claim: &Claim) -> String {
    match claim {
        Claim::Flag(flag) => flag.to_string(),
        Claim::Number(number) => number.to_string(),
        Claim::Text(text) => format!("\"{}\"", text.escape_debug()),
        Claim::Texts(texts) => format!("{texts:?}"),
    }
}
