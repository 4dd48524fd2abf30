//! Decisions, and how they explain themselves.
//!
//! Promises: a [`Decision`] names the rule in one sentence (`Display`), and lists every statement that was about the access with the
//! action and resource that matched, and each condition with what the request had for it.
//! Values of a request can stand in it (an address, a content type): it belongs into a developer's log, not into an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Effect;

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub(super) reason: Reason,
    pub(super) considered: Vec<MatchedStatement>,
}

/// The rule that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Each layer allows it, by the statement named.
    Allowed(Vec<Position>),
    /// A statement denies it, whatever else allows.
    Denied(Position),
    /// No statement of a layer names the action.
    NoAction {
        /// The layer.
        layer: String,
        /// The action that was asked for.
        action: String,
    },
    /// There is no layer, so nothing allows.
    NoPolicy,
    /// The action is allowed, but not on this target.
    NoResource {
        /// The first statement with the action.
        position: Position,
        /// The target as `bucket/key`.
        target: String,
    },
    /// Action and target fit, and a condition is not met.
    NotMet {
        /// The first statement that fits.
        position: Position,
        /// Its first condition that is not met.
        condition: Checked,
    },
    /// Nothing in COS is called so.
    UnknownAction(String),
}

/// Where a statement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The name of the layer, as `session`.
    pub layer: String,
    /// The policy in that layer, from 0.
    pub policy: usize,
    /// The statement in that policy, from 0.
    pub statement: usize,
}

/// A statement whose action and resource fit the access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedStatement {
    /// Where it stands.
    pub position: Position,
    /// What it does when its conditions are met.
    pub effect: Effect,
    /// Its action that matched, as written.
    pub action: String,
    /// Its resource that matched, as written.
    pub resource: String,
    /// Its conditions; all are looked at, also after one is not met.
    pub conditions: Vec<Checked>,
}

/// A condition, and what the request had for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The operator.
    pub operator: String,
    /// The condition key.
    pub key: String,
    /// The request's values as they are compared; `None` when it has none.
    pub seen: Option<Vec<String>>,
    /// Whether the condition is met.
    pub is_met: bool,
    /// The value that the policy should have written, when it looks as if it forgot to URL-encode.
    pub write_instead: Option<String>,
}

impl Decision {
    /// Whether the access may happen.
    pub fn is_allowed(&self) -> bool {
        matches!(self.reason, Reason::Allowed(_))
    }

    /// The rule that decided.
    pub fn reason(&self) -> &Reason {
        &self.reason
    }

    /// Every statement that was about this action and target, in the order of the policies.
    pub fn considered(&self) -> &[MatchedStatement] {
        &self.considered
    }

    /// The condition keys that were asked for and that the request has, with its values.
    pub fn seen(&self) -> BTreeMap<&str, &[String]> {
        self.checked()
            .filter_map(|checked| Some((checked.key.as_str(), checked.seen.as_deref()?)))
            .collect()
    }

    /// The condition keys that were asked for and that the request has not.
    pub fn missing(&self) -> BTreeSet<&str> {
        self.checked()
            .filter(|checked| checked.seen.is_none())
            .map(|checked| checked.key.as_str())
            .collect()
    }

    fn checked(&self) -> impl Iterator<Item = &Checked> {
        self.considered.iter().flat_map(|each| &each.conditions)
    }

    /// The action and resource that matched at `position`.
    fn matched(&self, position: &Position) -> (&str, &str) {
        let at = self
            .considered
            .iter()
            .find(|each| each.position == *position);
        at.map_or(("", ""), |each| (&each.action, &each.resource))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Allowed(positions) => {
                formatter.write_str("allowed by ")?;
                for (index, position) in positions.iter().enumerate() {
                    let (action, resource) = self.matched(position);
                    let and = if index == 0 { "" } else { " and " };
                    write!(formatter, "{and}{position} (`{action}` on `{resource}`)")?;
                }
                Ok(())
            }
            Reason::Denied(position) => {
                let (action, resource) = self.matched(position);
                write!(
                    formatter,
                    "denied by {position} (`{action}` on `{resource}`), whatever else allows"
                )
            }
            Reason::NoAction { layer, action } => write!(
                formatter,
                "denied: no statement of the {layer} policy allows `{action}`"
            ),
            Reason::NoPolicy => formatter.write_str("denied: there is no policy"),
            Reason::NoResource { position, target } => write!(
                formatter,
                "denied: {position} allows the action, but not on `{target}`"
            ),
            Reason::NotMet {
                position,
                condition,
            } => {
                write!(
                    formatter,
                    "denied: {position} would allow it, but {condition}"
                )
            }
            Reason::UnknownAction(action) => {
                write!(formatter, "denied: `{action}` is no known COS action")
            }
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "statement {} of ", self.statement)?;
        match self.policy {
            0 => write!(formatter, "the {} policy", self.layer),
            policy => write!(formatter, "{} policy {policy}", self.layer),
        }
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, key, .. } = self;
        let is = if self.is_met { "is" } else { "is not" };
        write!(formatter, "`{operator}` on `{key}` {is} met: the request ")?;
        match &self.seen {
            None => formatter.write_str("has no such key")?,
            Some(values) => write!(formatter, "has `{}`", values.join("`, `"))?,
        }
        if let Some(value) = &self.write_instead {
            write!(
                formatter,
                " (request parameters are compared URL-encoded: write `{value}`)"
            )?;
        }
        Ok(())
    }
}
