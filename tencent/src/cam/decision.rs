//! Decisions that explain themselves.
//!
//! # Guarantees
//! A [`Decision`] names the deciding rule in one sentence (`Display`). It lists every statement
//! that matches the action and target, and each condition with the request's values. It can contain
//! values of a request (an address, a content type), so it belongs in a developer's log and not in
//! a response.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Effect;

/// A decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub(super) reason: Reason,
    pub(super) matched: Vec<MatchedStatement>,
}

/// The deciding rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Each set allows it, by these statements.
    Allowed(Vec<Position>),
    /// A statement denies it, whatever others allow.
    Denied(Position),
    /// No statement of a set allows the action.
    NoAction {
        /// The set.
        set: String,
        /// The requested action.
        action: String,
    },
    /// There is no policy set.
    NoPolicy,
    /// The action is allowed, but not on this target.
    NoResource {
        /// The first statement with the action.
        position: Position,
        /// The target as `bucket/key`.
        target: String,
    },
    /// Action and target match, but a condition is not met.
    NotMet {
        /// The first statement that matches.
        position: Position,
        /// Its first condition that is not met.
        condition: Checked,
    },
    /// COS has no such action.
    UnknownAction(String),
}

/// The place of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The name of the policy set, for example `session`.
    pub set: String,
    /// The policy in that set, from 0.
    pub policy: usize,
    /// The statement in that policy, from 0.
    pub statement: usize,
}

/// A statement whose action and resource match the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedStatement {
    /// Its place.
    pub position: Position,
    /// Its effect when its conditions are met.
    pub effect: Effect,
    /// The matching action, as written.
    pub action: String,
    /// The matching resource, as written.
    pub resource: String,
    /// Its conditions; all are checked, also after one is not met.
    pub conditions: Vec<Checked>,
}

/// A condition, and the request's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The operator.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The request's values as they are compared; `None` without the key.
    pub seen: Option<Vec<String>>,
    /// Whether the condition is met.
    pub is_met: bool,
    /// The value to write in the policy, when URL-encoding seems to be missing.
    pub write_instead: Option<String>,
}

impl Decision {
    /// Whether the request is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self.reason, Reason::Allowed(_))
    }

    /// The deciding rule in a few words, without values of the request.
    pub fn short(&self) -> String {
        match &self.reason {
            Reason::Allowed(_) => "allowed".to_owned(),
            Reason::Denied(Position { set, .. }) => {
                format!("a statement of the {set} policy denies it")
            }
            Reason::NoAction { set, action } => {
                let action = action.strip_prefix("name/cos:").unwrap_or(action);
                format!("{set} policy does not allow {action}")
            }
            Reason::NoPolicy => "there is no policy".to_owned(),
            Reason::NoResource { position, .. } => {
                format!("{} policy does not cover this key", position.set)
            }
            Reason::NotMet { position, condition } => {
                format!("{} policy: the condition on {} is not met", position.set, condition.key)
            }
            Reason::UnknownAction(_) => "COS has no such action".to_owned(),
        }
    }

    /// The deciding rule.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Every statement that matches the action and target, in the order of the policies.
    pub fn matched(&self) -> &[MatchedStatement] {
        &self.matched
    }

    /// The checked condition keys that the request has, with its values.
    pub fn seen(&self) -> BTreeMap<&str, &[String]> {
        self.checked()
            .filter_map(|checked| Some((checked.key.as_str(), checked.seen.as_deref()?)))
            .collect()
    }

    /// The checked condition keys that the request lacks.
    pub fn missing(&self) -> BTreeSet<&str> {
        self.checked()
            .filter(|checked| checked.seen.is_none())
            .map(|checked| checked.key.as_str())
            .collect()
    }

    fn checked(&self) -> impl Iterator<Item = &Checked> {
        self.matched.iter().flat_map(|each| &each.conditions)
    }

    /// The matching action and resource at `position`.
    fn pair_at(&self, position: &Position) -> (&str, &str) {
        let at = self.matched.iter().find(|each| each.position == *position);
        at.map_or(("", ""), |each| (&each.action, &each.resource))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Allowed(positions) => {
                formatter.write_str("allowed by ")?;
                for (index, position) in positions.iter().enumerate() {
                    let (action, resource) = self.pair_at(position);
                    let and = if index == 0 { "" } else { " and " };
                    write!(formatter, "{and}{position} (`{action}` on `{resource}`)")?;
                }
                Ok(())
            }
            Reason::Denied(position) => {
                let (action, resource) = self.pair_at(position);
                write!(
                    formatter,
                    "denied by {position} (`{action}` on `{resource}`), whatever others allow"
                )
            }
            Reason::NoAction { set, action } => {
                write!(formatter, "denied: no statement of the {set} policy allows `{action}`")
            }
            Reason::NoPolicy => formatter.write_str("denied: there is no policy"),
            Reason::NoResource { position, target } => {
                write!(formatter, "denied: {position} allows the action, but not on `{target}`")
            }
            Reason::NotMet { position, condition } => {
                write!(formatter, "denied: {position} would allow it, but {condition}")
            }
            Reason::UnknownAction(action) => {
                write!(formatter, "denied: `{action}` is not a COS action")
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "statement {} of ", self.statement)?;
        match self.policy {
            0 => write!(formatter, "the {} policy", self.set),
            policy => write!(formatter, "{} policy {policy}", self.set),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, key, .. } = self;
        let is = if self.is_met { "is" } else { "is not" };
        write!(formatter, "`{operator}` on `{key}` {is} met: the request ")?;
        match &self.seen {
            None => formatter.write_str("lacks this key")?,
            Some(values) => write!(formatter, "has `{}`", values.join("`, `"))?,
        }
        if let Some(value) = &self.write_instead {
            write!(formatter, " (request parameters are compared URL-encoded: write `{value}`)")?;
        }
        Ok(())
    }
}
