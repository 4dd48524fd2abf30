//! What the STS checks of a session policy before it issues anything: size, syntax, and whose
//! resources it names.
//!
//! Documented: the policy language (CAM 2.0), 6144 characters for a custom policy. Inferred: that
//! the STS has the same limit, and that what our evaluator cannot read is answered with
//! `StrategyInvalid` here rather than with a denial later. `principal` is forbidden by the
//! documentation and tolerated by the service (observed), so it is tolerated here, as is any case
//! of the members' names and of the effect (the documents show both).
//!
//! # Guarantees
//! The policy that is kept is the one that was checked; no member occurs twice in it.
//!
//! # Not covered
//! The existence of actions.

pub(super) mod once;

use serde_json::{Map, Value, json};
use tencent::cam::{Policy, PolicyError, Resource};

use self::once::Once;

use super::error::StsError;
use super::parameters::decode_once;
use crate::account::Account;

const MAX_CHARACTERS: usize = 6144;

/// Checks the parameter as it came: percent-encoded once. The answer is what the session may do at
/// the most.
pub(crate) fn check(wire: &str, account: &Account) -> Result<Policy, StsError> {
    let text = decode_once(wire).ok_or_else(|| StsError::policy_format("not UTF-8"))?;
    if text.chars().filter(|letter| !letter.is_whitespace()).count() > MAX_CHARACTERS {
        return Err(StsError::policy_too_long());
    }
    let Once(policy) =
        serde_json::from_str(&text).map_err(|_| StsError::policy_format("not JSON"))?;
    let members = object(&policy, "the policy is not an object")?;
    if member(members, "version").and_then(Value::as_str) != Some("2.0") {
        return Err(StsError::policy_invalid("version must be 2.0"));
    }
    let statements = match member(members, "statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err(StsError::policy_invalid("no statement")),
    };
    if statements.is_empty() {
        return Err(StsError::policy_invalid("no statement"));
    }
    statements.iter().try_for_each(|statement| check_statement(statement, account))?;
    parse(statements)
}

/// The statements as our evaluator reads them: names and effect in lower case, without `principal`.
fn parse(statements: &[Value]) -> Result<Policy, StsError> {
    let lower = |statement: &Value| -> Value {
        let members = statement.as_object().into_iter().flatten();
        let members = members.map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let value = match value.as_str() {
                Some(effect) if name == "effect" => json!(effect.to_ascii_lowercase()),
                _ => value.clone(),
            };
            (name, value)
        });
        let members = members.filter(|(name, _)| name != "principal");
        Value::Object(members.collect())
    };
    let statements: Vec<Value> = statements.iter().map(lower).collect();
    let document = json!({ "version": "2.0", "statement": statements });
    Policy::parse(&document.to_string()).map_err(|error| match error {
        PolicyError::Long => StsError::policy_too_long(),
        PolicyError::Empty => StsError::policy_invalid("it allows nothing"),
        PolicyError::Syntax(detail) => StsError::policy_invalid(&detail.to_string()),
    })
}

fn check_statement(statement: &Value, account: &Account) -> Result<(), StsError> {
    let members = object(statement, "a statement is not an object")?;
    let effect = member(members, "effect").and_then(Value::as_str);
    if !effect.is_some_and(|effect| {
        effect.eq_ignore_ascii_case("allow") || effect.eq_ignore_ascii_case("deny")
    }) {
        return Err(StsError::policy_invalid("effect must be allow or deny"));
    }
    strings(member(members, "action"), "action")?;
    strings(member(members, "resource"), "resource")?
        .into_iter()
        .try_for_each(|resource| check_resource(resource, account))
}

/// `*`, or six segments `qcs:project:service:region:account:resource` of our own account.
fn check_resource(resource: &str, account: &Account) -> Result<(), StsError> {
    if resource == "*" {
        return Ok(());
    }
    let segments: Vec<&str> = resource.splitn(6, ':').collect();
    let ["qcs", _, _, _, owner, path] = segments.as_slice() else {
        return Err(StsError::resource());
    };
    if path.is_empty() {
        return Err(StsError::resource());
    }
    let ours = match owner.split_once('/') {
        Some(("uid", appid)) => appid == account.appid.to_string(),
        Some(("uin", uin)) => uin == account.owner_uin.to_string(),
        None if owner.is_empty() => true,
        _ => return Err(StsError::resource()),
    };
    if !ours {
        return Err(StsError::grant_other_resource());
    }
    match Resource::try_from(resource.to_owned()) {
        Ok(_) => Ok(()),
        Err(_) => Err(StsError::resource()),
    }
}

fn object<'a>(value: &'a Value, otherwise: &str) -> Result<&'a Map<String, Value>, StsError> {
    value.as_object().ok_or_else(|| StsError::policy_invalid(otherwise))
}

/// Element names are matched by any case (the documents show both).
fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// One string, or a list of at least one.
fn strings<'a>(value: Option<&'a Value>, name: &str) -> Result<Vec<&'a str>, StsError> {
    let bad = || StsError::policy_invalid(&format!("{name} must be a string or a list of strings"));
    let texts: Option<Vec<&str>> = match value {
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect(),
        _ => None,
    };
    texts.filter(|texts| !texts.is_empty()).ok_or_else(bad)
}
