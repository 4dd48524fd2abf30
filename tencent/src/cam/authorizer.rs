//! Evaluation: whether policies allow an access.
//!
//! <https://www.tencentcloud.com/document/product/598/10605>: a deny wins, then an allow, else it is denied. A temporary key has what
//! the identity policies *and* the session policy allow, and a deny in either wins:
//! <https://www.tencentcloud.com/document/product/1150/49452>.
//!
//! A key that the request lacks: the condition is not met, for negative operators too; with `_if_exist` it is met (documented).
//! Inferred, where the documents are silent: a negative operator with several values means "none of them"; without a quantifier,
//! one of the request's several values is enough, and for a negative operator all of them have to differ; a lacking key is not
//! met under `for_all_value` either; a value of the request that is not of the operator's type meets nothing, not even a negation.
//! Leaves out: bucket policies, ACLs and the rights of a root account, which have no session policy to combine with here.

use super::access_request::{AccessRequest, Target};
use super::access_request::{Context, as_compared};
use super::condition::Values;
use super::decision::{Checked, Decision, MatchedStatement, Position, Reason};
use super::operator::{Kind, Operator, Order, Quantifier, Relation};
use super::value::{Literal, Operand};
use super::{Effect, Policy, Statement, operation};

/// Policies that are read as one: what any of them allows, less what any of them denies.
#[derive(Clone, Copy, Debug)]
pub struct PolicySet<'a> {
    /// What explanations call it, as `session`.
    pub name: &'a str,
    /// Its policies.
    pub policies: &'a [Policy],
}

impl Policy {
    /// Decides by this policy alone.
    pub fn decide(&self, access: &AccessRequest) -> Decision {
        let layer = PolicySet {
            name: "session",
            policies: std::slice::from_ref(self),
        };
        decide(&[layer], access)
    }
}

/// Decides by several layers: every one has to allow, and a deny in any of them wins. No layer allows nothing.
pub fn decide(layers: &[PolicySet<'_>], access: &AccessRequest) -> Decision {
    let action = access
        .action
        .strip_prefix("name/")
        .unwrap_or(&access.action);
    if !operation::is_known_action(action) {
        return Decision {
            reason: Reason::UnknownAction(access.action.clone()),
            considered: Vec::new(),
        };
    }
    let found: Vec<Found> = layers
        .iter()
        .map(|layer| search(layer, action, access))
        .collect();
    let reason = reason(layers, &found, access);
    Decision {
        reason,
        considered: found.into_iter().flat_map(|each| each.considered).collect(),
    }
}

/// What one layer says.
#[derive(Default)]
struct Found {
    /// The first statement that names the action, for the explanation.
    first_with_action: Option<Position>,
    considered: Vec<MatchedStatement>,
}

impl Found {
    fn first(&self, effect: Effect, is_met: bool) -> Option<&MatchedStatement> {
        self.considered
            .iter()
            .find(|each| each.effect == effect && each.applies() == is_met)
    }
}

impl MatchedStatement {
    fn applies(&self) -> bool {
        self.conditions.iter().all(|checked| checked.is_met)
    }
}

fn search(layer: &PolicySet<'_>, asked: &str, access: &AccessRequest) -> Found {
    let target = if operation::is_without_resource(asked) {
        &Target::Service
    } else {
        &access.target
    };
    let mut found = Found::default();
    for (policy_index, policy) in layer.policies.iter().enumerate() {
        for (index, statement) in policy.statements().iter().enumerate() {
            let covers_action = |action: &&super::Action| action.covers(asked);
            let Some(action) = statement.actions.iter().find(covers_action) else {
                continue;
            };
            let position = Position {
                layer: layer.name.to_owned(),
                policy: policy_index,
                statement: index,
            };
            if statement.effect == Effect::Allow && found.first_with_action.is_none() {
                found.first_with_action = Some(position.clone());
            }
            let covers_target =
                |resource: &&super::Resource| resource.covers(target, &access.account);
            let Some(resource) = statement.resources.iter().find(covers_target) else {
                continue;
            };
            found.considered.push(MatchedStatement {
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

fn reason(layers: &[PolicySet<'_>], found: &[Found], access: &AccessRequest) -> Reason {
    let denied = found.iter().find_map(|each| each.first(Effect::Deny, true));
    if let Some(denied) = denied {
        return Reason::Denied(denied.position.clone());
    }
    let mut positions = Vec::new();
    for (layer, found) in layers.iter().zip(found) {
        if let Some(allowed) = found.first(Effect::Allow, true) {
            positions.push(allowed.position.clone());
            continue;
        }
        let nearest = found.first(Effect::Allow, false).and_then(|nearest| {
            let not_met = nearest.conditions.iter().find(|checked| !checked.is_met)?;
            Some((nearest.position.clone(), not_met.clone()))
        });
        return match (nearest, &found.first_with_action) {
            (Some((position, condition)), _) => Reason::NotMet {
                position,
                condition,
            },
            (None, Some(position)) => Reason::NoResource {
                position: position.clone(),
                target: name(&access.target),
            },
            (None, None) => Reason::NoAction {
                layer: layer.name.to_owned(),
                action: access.action.clone(),
            },
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
    conditions
        .map(|(operator, key, values)| check(operator, key, values, context))
        .collect()
}

fn check(operator: &Operator, key: &str, values: &Values, context: &Context) -> Checked {
    let seen = context.seen(key);
    let is_met = match seen {
        _ if operator.kind == Kind::Null => {
            let is_null = seen.is_none_or(|seen| seen.iter().all(String::is_empty));
            values
                .operands()
                .any(|value| *value == Operand::Null(is_null))
        }
        None => operator.if_exist,
        Some(seen) => compare(operator, values, seen),
    };
    Checked {
        operator: operator.as_str().to_owned(),
        key: key.to_owned(),
        seen: seen.map(<[String]>::to_vec),
        is_met,
        write_instead: not_encoded(key, values, seen.unwrap_or_default()),
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
        if is_negative {
            holds.all(|holds| holds)
        } else {
            holds.any(|holds| holds)
        }
    };
    match operator.quantifier {
        Some(Quantifier::All) => seen.iter().all(holds),
        Some(Quantifier::Any) => seen.iter().any(holds),
        None if is_negative => seen.iter().all(holds),
        None => seen.iter().any(holds),
    }
}

/// The encoded form of a value that the request has, and that the policy wrote without encoding.
fn not_encoded(key: &str, values: &Values, seen: &[String]) -> Option<String> {
    values.literals().find_map(|literal| match literal {
        Literal::Text(text) => {
            let encoded = as_compared(key, text);
            (encoded != *text && seen.contains(&encoded)).then_some(encoded)
        }
        Literal::Number(_) => None,
    })
}
