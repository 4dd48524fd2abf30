//! Statements as they are collected: one for each resource and set of conditions.
//!
//! Promises: no action meets a resource, or does without a condition, that it was not allowed with; CAM reads a statement as every one of
//! its actions on every one of its resources, so each has one resource.

use crate::cam::{Action, Conditions, Policy, PolicyError, Resource, Statement};

use super::operation::Operation;

/// What is allowed so far.
#[derive(Debug, Default)]
pub(super) struct Statements(Vec<(Resource, Conditions, Vec<Action>)>);

impl Statements {
    /// Allows one operation on one resource.
    pub(super) fn allow(
        &mut self,
        operation: Operation,
        resource: Resource,
        conditions: &Conditions,
    ) {
        let action = Action::cos(operation.name());
        let mut known = self.0.iter_mut();
        match known.find(|(other, under, _)| *other == resource && under == conditions) {
            Some((_, _, actions)) if actions.contains(&action) => {}
            Some((_, _, actions)) => actions.push(action),
            None => self.0.push((resource, conditions.clone(), vec![action])),
        }
    }

    /// The policy of all of them.
    ///
    /// # Errors
    /// [`PolicyError::Empty`] when nothing was allowed, [`PolicyError::Long`] past what CAM takes.
    pub(super) fn into_policy(self) -> Result<Policy, PolicyError> {
        let statement = |(resource, conditions, actions): (Resource, Conditions, Vec<Action>)| {
            Statement::allow(actions, resource).when(conditions)
        };
        Policy::new(self.0.into_iter().map(statement).collect())
    }
}
