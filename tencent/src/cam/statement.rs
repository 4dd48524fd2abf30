//! Statements: an effect on every pair of an action and a resource, under conditions.
//! <https://www.tencentcloud.com/document/product/598/10603>
//!
//! # Guarantees
//! Unknown members are rejected, as is `principal`, which a session policy must not contain.

use serde::{Deserialize, Serialize};

use super::one_or_many::one_or_many;
use super::{Action, Conditions, Resource};

/// One statement. It applies to the full cross product of its actions and resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub(super) effect: Effect,
    #[serde(rename = "action", deserialize_with = "one_or_many")]
    pub(super) actions: Vec<Action>,
    #[serde(rename = "resource", deserialize_with = "one_or_many")]
    pub(super) resources: Vec<Resource>,
    #[serde(rename = "condition", default, skip_serializing_if = "Conditions::is_empty")]
    pub(super) conditions: Conditions,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies, whatever other statements allow.
    Deny,
}

/// Only a string: a derived reader would also accept `{"allow":null}`.
impl TryFrom<String> for Effect {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "allow" => Ok(Self::Allow),
            "deny" => Ok(Self::Deny),
            _ => Err("an effect must be `allow` or `deny`"),
        }
    }
}

impl Statement {
    /// Allows each of `actions` on `resource`.
    pub fn allow(actions: Vec<Action>, resource: Resource) -> Self {
        Self::new(Effect::Allow, actions, vec![resource])
    }

    /// An effect for each of `actions` on each of `resources`.
    pub fn new(effect: Effect, actions: Vec<Action>, resources: Vec<Resource>) -> Self {
        Self { effect, actions, resources, conditions: Conditions::none() }
    }

    /// The same statement under `conditions`.
    #[must_use]
    pub fn when(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// Whether it allows anything.
    pub(super) fn allows_something(&self) -> bool {
        self.effect == Effect::Allow && !self.actions.is_empty() && !self.resources.is_empty()
    }
}
