//! Decisions of CAM about single accesses, for any policy.
//!
//! # Guarantees
//! Nothing is guessed: where the owner of a bucket decides and is not known, that is an error.
//!
//! # Not covered
//! Bucket policies and ACLs.

use serde_json::{Value, json};
use tencent::cam::{
    AccessRequest, Account, Checked, Context, Decision, Effect, Policy, PolicySet, Reason, Target,
    decide,
};
use tencent::names::{Bucket, Region};

/// The policies that decide.
pub(crate) struct Layers {
    pub(crate) identity: Policy,
    /// With it, both have to allow.
    pub(crate) session: Option<Policy>,
}

impl Layers {
    /// Decides about an access.
    pub(crate) fn decide(&self, access: &AccessRequest) -> Decision {
        let set = |name, policy| PolicySet { name, policies: std::slice::from_ref(policy) };
        match &self.session {
            None => decide(&[set("given", &self.identity)], access),
            Some(session) => {
                decide(&[set("identity", &self.identity), set("session", session)], access)
            }
        }
    }

    /// Whether the owner of a bucket can decide.
    fn name_owners(&self) -> bool {
        let policies = std::iter::once(&self.identity).chain(&self.session);
        policies.into_iter().any(|policy| policy.as_json().contains(":uin/"))
    }
}

/// What the command line states once for all accesses.
pub(crate) struct Defaults {
    /// Of a bucket that is named without its region.
    pub(crate) region: Option<Region>,
    /// The user number of the owner of buckets and policies.
    pub(crate) owner: Option<String>,
}

/// The access that these texts mean; `conditions` are keys with values.
pub(crate) fn access(
    layers: &Layers,
    defaults: &Defaults,
    action: &str,
    resource: &str,
    conditions: &[(String, String)],
) -> Result<AccessRequest, String> {
    if action.is_empty() {
        return Err("ACTION: must be one, for example GetObject".to_owned());
    }
    let is_complete = action.contains(':');
    let action = if is_complete { action.to_owned() } else { format!("name/cos:{action}") };
    let (target, appid) = target(layers, defaults, resource)?;
    let context = conditions.iter();
    let context = context.fold(Context::new(), |context, (key, value)| context.with(key, value));
    let owner_uin = defaults.owner.clone().unwrap_or_default();
    Ok(AccessRequest { account: Account { appid, owner_uin }, action, target, context })
}

/// A resource without a wildcard, and the appid of its account.
fn target(
    layers: &Layers,
    defaults: &Defaults,
    resource: &str,
) -> Result<(Target, String), String> {
    if resource == "*" {
        return Ok((Target::Service, String::new()));
    }
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    let (service, region, account, path) = match parts.as_slice() {
        ["qcs", "", service, region, account, path] => (*service, *region, *account, *path),
        [path] => ("cos", "", "", *path),
        _ => return Err(FORM.to_owned()),
    };
    let owner = match account.strip_prefix("uin/") {
        Some(uin) => Some(uin.to_owned()),
        None => defaults.owner.clone(),
    };
    if owner.is_none() && (service == "cam" || layers.name_owners()) {
        return Err("RESOURCE: a policy names owners (`uin/…`): set --owner, for example --owner 100000000001".to_owned());
    }
    let owner_uin = owner.unwrap_or_default();
    if service == "cam" {
        return Ok((Target::Role { owner_uin, name: path.to_owned() }, String::new()));
    }
    let (bucket, key) = path.split_once('/').ok_or(FORM)?;
    let bucket = Bucket::parse(bucket).map_err(|error| format!("RESOURCE: {error}"))?;
    let appid = bucket.appid().to_owned();
    if account.strip_prefix("uid/").is_some_and(|uid| uid != appid) {
        return Err("RESOURCE: the account differs from the appid of the bucket".to_owned());
    }
    let region = match (region, &defaults.region) {
        ("", Some(region)) => region.clone(),
        ("", None) => {
            return Err("RESOURCE: has no region: set --region, for example --region ap-guangzhou"
                .to_owned());
        }
        (region, _) => Region::parse(region).map_err(|error| format!("RESOURCE: {error}"))?,
    };
    let target = Target::Object { region, bucket, owner_uin, key: key.to_owned() };
    Ok((target, appid))
}

/// A decision with everything that decides, for programs.
pub(crate) fn as_json(decision: &Decision) -> Value {
    let matched = decision.matched().iter().map(|each| {
        json!({
            "set": each.position.set,
            "statement": each.position.statement,
            "effect": effect(each.effect),
            "action": each.action,
            "resource": each.resource,
            "conditions": each.conditions.iter().map(condition).collect::<Vec<_>>(),
        })
    });
    json!({
        "allowed": decision.is_allowed(),
        "reason": decision.to_string(),
        "decides": deciding(decision),
        "matched": matched.collect::<Vec<_>>(),
        "missing": decision.missing(),
    })
}

/// The statements that decide, and the condition key if one does.
fn deciding(decision: &Decision) -> Value {
    let (positions, key) = match decision.reason() {
        Reason::Allowed(positions) => (positions.as_slice(), None),
        Reason::Denied(position) | Reason::NoResource { position, .. } => {
            (std::slice::from_ref(position), None)
        }
        Reason::NotMet { position, condition } => {
            (std::slice::from_ref(position), Some(condition.key.as_str()))
        }
        Reason::NoAction { .. } | Reason::NoPolicy | Reason::UnknownAction(_) => (&[][..], None),
    };
    let statements = positions
        .iter()
        .map(|position| json!({ "set": position.set, "statement": position.statement }));
    json!({ "statements": statements.collect::<Vec<_>>(), "key": key })
}

fn condition(checked: &Checked) -> Value {
    json!({
        "operator": checked.operator,
        "key": checked.key,
        "seen": checked.seen,
        "met": checked.is_met,
        "writeInstead": checked.write_instead,
    })
}

/// `allow` or `deny`.
pub(crate) fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    }
}

const FORM: &str = "RESOURCE: must be `*`, `<bucket-appid>/<key>` or six segments without a wildcard, \
     for example `qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/a.jpg`";
