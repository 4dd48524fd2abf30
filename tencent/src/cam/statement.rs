//! Statements: an effect on every pair of an action and a resource, under conditions.
//!
//! Promises: members that CAM does not know are refused; so is `principal`, which a session policy must not carry.

use serde::{Deserialize, Serialize};

use super::one_or_many::one_or_many;
use super::{Action, Conditions, Resource};

/// One statement. Its pairs are the full cross product of its actions and resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub(super) effect: Effect,
    #[serde(rename = "action", deserialize_with = "one_or_many")]
    pub(super) actions: Vec<Action>,
    #[serde(rename = "resource", deserialize_with = "one_or_many")]
    pub(super) resources: Vec<Resource>,
    #[serde(
        rename = "condition",
        default,
        skip_serializing_if = "Conditions::is_empty"
    )]
    pub(super) conditions: Conditions,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Effect {
    /// Grants.
    Allow,
    /// Takes away, whatever else grants.
    Deny,
}

/// A text, where a derived reader would take `{"allow":null}` as well.
impl TryFrom<String> for Effect {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            _ => Err("an effect is `allow` or `deny`"),
        }
    }
}

impl Statement {
    /// Allows every one of `actions` on `resource`.
    pub fn allow(actions: Vec<Action>, resource: Resource) -> Self {
        Self::new(Effect::Allow, actions, vec![resource])
    }

    /// An effect on every one of `actions` on every one of `resources`.
    pub fn new(effect: Effect, actions: Vec<Action>, resources: Vec<Resource>) -> Self {
        Self {
            effect,
            actions,
            resources,
            conditions: Conditions::none(),
        }
    }

    /// The same, only where `conditions` are met.
    #[must_use]
    pub fn when(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// Whether it can allow anything at all.
    pub(super) fn allows_something(&self) -> bool {
        self.effect == Effect::Allow && !self.actions.is_empty() && !self.resources.is_empty()
    }
}
