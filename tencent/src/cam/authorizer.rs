//! Evaluation: whether policies allow a request.
//!
//! <https://www.tencentcloud.com/document/product/598/10605>: a deny wins, then an allow; the
//! default is to deny. A temporary key may do what the identity policies *and* the session policy
//! allow, and a deny in either wins: <https://www.tencentcloud.com/document/product/1150/49452>.
//!
//! Documented: a condition on a key that the request lacks is not met, for negative operators too;
//! with `_if_exist` it is met. Inferred: a negative operator with several values means "none of
//! them"; without a quantifier, one of the request's values is enough, and for a negative operator
//! all of them must differ; `for_all_value` does not meet a missing key; a value of another type
//! meets nothing, not even a negation.
//!
//! # Not covered
//! Bucket policies, ACLs, and the permissions of a root account.

use super::access_request::{AccessRequest, Target};
use super::access_request::{Context, as_compared};
use super::condition::Values;
use super::decision::{Checked, Decision, MatchedStatement, Position, Reason};
use super::operator::{Kind, Operator, Order, Quantifier, Relation};
use super::value::{Literal, Operand};
use super::wildcard::covers;
use super::{Effect, Policy, Statement, operation};

/// Policies that count together: what any of them allows, without what any of them denies.
#[derive(Clone, Copy, Debug)]
pub struct PolicySet<'a> {
    /// Its name in explanations, for example `session`.
    pub name: &'a str,
    /// Its policies.
    pub policies: &'a [Policy],
}

impl Policy {
    /// Decides with only this policy.
    pub fn decide(&self, access: &AccessRequest) -> Decision {
        let set = PolicySet { name: "session", policies: std::slice::from_ref(self) };
        decide(&[set], access)
    }
}

/// Decides with several sets: each must allow, and a deny in any of them wins. Without a set,
/// nothing is allowed. <https://www.tencentcloud.com/document/product/1150/49452>
pub fn decide(sets: &[PolicySet<'_>], access: &AccessRequest) -> Decision {
    let action = access.action.strip_prefix("name/").unwrap_or(&access.action);
    if !operation::is_known_action(action) {
        return Decision {
            reason: Reason::UnknownAction(access.action.clone()),
            matched: Vec::new(),
        };
    }
    let found: Vec<Found> = sets.iter().map(|set| search(set, action, access)).collect();
    let reason = reason(sets, &found, access);
    Decision { reason, matched: found.into_iter().flat_map(|each| each.matched).collect() }
}

/// The statements of one set that match.
#[derive(Default)]
struct Found {
    /// The first statement that names the action, for the explanation.
    first_with_action: Option<Position>,
    matched: Vec<MatchedStatement>,
}

impl Found {
    fn first(&self, effect: Effect, is_met: bool) -> Option<&MatchedStatement> {
        self.matched.iter().find(|each| each.effect == effect && each.applies() == is_met)
    }
}

impl MatchedStatement {
    fn applies(&self) -> bool {
        self.conditions.iter().all(|checked| checked.is_met)
    }
}

fn search(set: &PolicySet<'_>, requested: &str, access: &AccessRequest) -> Found {
    let target =
        if operation::is_without_resource(requested) { &Target::Service } else { &access.target };
    let mut found = Found::default();
    for (policy_index, policy) in set.policies.iter().enumerate() {
        for (index, statement) in policy.statements().iter().enumerate() {
            let covers_action = |action: &&super::Action| action.covers(requested);
            let Some(action) = statement.actions.iter().find(covers_action) else {
                continue;
            };
            let position =
                Position { set: set.name.to_owned(), policy: policy_index, statement: index };
            if statement.effect == Effect::Allow && found.first_with_action.is_none() {
                found.first_with_action = Some(position.clone());
            }
            let covers_target =
                |resource: &&super::Resource| resource.covers(target, &access.account);
            let Some(resource) = statement.resources.iter().find(covers_target) else {
                continue;
            };
            found.matched.push(MatchedStatement {
                position,
                effect: statement.effect,
                action: action.as_str().to_owned(),
                resource: resource.as_str().to_owned(),
                conditions: check_all(statement, &access.context),
            });
        }
    }
    found
}

fn reason(sets: &[PolicySet<'_>], found: &[Found], access: &AccessRequest) -> Reason {
    let denied = found.iter().find_map(|each| each.first(Effect::Deny, true));
    if let Some(denied) = denied {
        return Reason::Denied(denied.position.clone());
    }
    let mut positions = Vec::new();
    for (set, found) in sets.iter().zip(found) {
        if let Some(allowed) = found.first(Effect::Allow, true) {
            positions.push(allowed.position.clone());
            continue;
        }
        let closest = found.first(Effect::Allow, false).and_then(|closest| {
            let not_met = closest.conditions.iter().find(|checked| !checked.is_met)?;
            Some((closest.position.clone(), not_met.clone()))
        });
        return match (closest, &found.first_with_action) {
            (Some((position, condition)), _) => Reason::NotMet { position, condition },
            (None, Some(position)) => {
                Reason::NoResource { position: position.clone(), target: name(&access.target) }
            }
            (None, None) => {
                Reason::NoAction { set: set.name.to_owned(), action: access.action.clone() }
            }
        };
    }
    if positions.is_empty() {
        return Reason::NoPolicy;
    }
    Reason::Allowed(positions)
}

fn name(target: &Target) -> String {
    match target {
        Target::Object { bucket, key, .. } => format!("{bucket}/{key}"),
        Target::Role { name, .. } => name.clone(),
        Target::Service => "*".to_owned(),
    }
}

fn check_all(statement: &Statement, context: &Context) -> Vec<Checked> {
    let conditions = statement.conditions.iter();
    conditions.map(|(operator, key, values)| check(operator, key, values, context)).collect()
}

pub(super) fn check(operator: &Operator, key: &str, values: &Values, context: &Context) -> Checked {
    let seen = context.seen(key);
    let is_met = match seen {
        _ if operator.kind == Kind::Null => {
            let is_null = seen.is_none_or(|seen| seen.iter().all(String::is_empty));
            values.operands().any(|value| *value == Operand::Null(is_null))
        }
        None => operator.if_exist,
        Some(seen) => compare(operator, values, seen),
    };
    Checked {
        operator: operator.as_str().to_owned(),
        key: key.to_owned(),
        seen: seen.map(<[String]>::to_vec),
        is_met,
        write_instead: not_encoded(operator, key, values, seen.unwrap_or_default()),
    }
}

fn compare(operator: &Operator, values: &Values, seen: &[String]) -> bool {
    let is_negative = operator.order == Order::NotEqual;
    let holds = |seen: &String| {
        let relations = values.operands().map(|value| value.relation_of(seen));
        let Some(relations) = relations.collect::<Option<Vec<Relation>>>() else {
            return false;
        };
        let mut holds = relations.into_iter().map(|each| operator.order.holds(each));
        if is_negative { holds.all(|holds| holds) } else { holds.any(|holds| holds) }
    };
    match operator.quantifier {
        Some(Quantifier::All) => seen.iter().all(holds),
        Some(Quantifier::Any) => seen.iter().any(holds),
        None if is_negative => seen.iter().all(holds),
        None => seen.iter().any(holds),
    }
}

/// The encoded form of a value that matches the request, and that the policy contains without
/// encoding.
fn not_encoded(operator: &Operator, key: &str, values: &Values, seen: &[String]) -> Option<String> {
    values.literals().find_map(|literal| {
        let encoded = encoded(operator, key, literal)?;
        let matches = |seen: &String| match operator.kind {
            Kind::Like => covers(&encoded, seen),
            _ => *seen == encoded,
        };
        seen.iter().any(matches).then_some(encoded)
    })
}

/// The form in which a policy has to write a value of a query parameter; `None` when it already
/// does. The wildcards of `string_like` stay.
pub(super) fn encoded(operator: &Operator, key: &str, literal: &Literal) -> Option<String> {
    let Literal::Text(text) = literal else {
        return None;
    };
    let encoded = match operator.kind {
        Kind::Like => {
            let parts: Vec<String> = text.split('*').map(|part| as_compared(key, part)).collect();
            parts.join("*")
        }
        _ => as_compared(key, text),
    };
    (encoded != *text).then_some(encoded)
}
