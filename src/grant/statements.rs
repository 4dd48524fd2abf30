//! Collects statements: one for each resource and set of conditions.
//!
//! # Guarantees
//! An action never gets a resource, or loses a condition, that it was not allowed with: CAM reads a
//! statement as each of its actions on each of its resources, so each statement has one resource.
//! Nothing is collected beyond the size of the largest policy.

use tencent::cam::{Action, Conditions, Policy, PolicyError, Resource, Statement};

use super::operation::Operation;

/// The statements so far.
#[derive(Debug, Default)]
pub(super) struct Statements {
    each: Vec<(Resource, Conditions, Vec<Action>)>,
    /// More were added than fit into a policy.
    is_full: bool,
}

impl Statements {
    /// Allows one operation on one resource.
    pub(super) fn allow(
        &mut self,
        operation: Operation,
        resource: &Resource,
        conditions: &Conditions,
    ) {
        let action = Action::cos(operation.name());
        let has_room = self.each.len() < MAX_STATEMENTS;
        // The operations of one grant follow each other.
        let mut known = self.each.iter_mut().rev();
        match known.find(|(other, under, _)| other == resource && under == conditions) {
            Some((_, _, actions)) if actions.contains(&action) => {}
            Some((_, _, actions)) => actions.push(action),
            None if !has_room => self.is_full = true,
            None => self.each.push((resource.clone(), conditions.clone(), vec![action])),
        }
    }

    /// The names of the operations, each as often as it is allowed.
    pub(super) fn operations(&self) -> impl Iterator<Item = &str> {
        let actions = self.each.iter().flat_map(|(_, _, actions)| actions);
        actions.map(|action| action.as_str().trim_start_matches("name/cos:"))
    }

    /// The policy of all statements.
    ///
    /// # Errors
    /// [`PolicyError::Empty`] when nothing was allowed, [`PolicyError::Long`] beyond CAM's limit.
    pub(super) fn into_policy(self) -> Result<Policy, PolicyError> {
        if self.is_full {
            return Err(PolicyError::Long);
        }
        let statement = |(resource, conditions, actions): (Resource, Conditions, Vec<Action>)| {
            Statement::allow(actions, resource).when(conditions)
        };
        Policy::new(self.each.into_iter().map(statement).collect())
    }
}

/// Each takes at least 64 of the 6144 characters of a policy.
const MAX_STATEMENTS: usize = 96;

#[cfg(test)]
mod tests {
    use super::{MAX_STATEMENTS, Statements};
    use crate::grant::Operation;
    use tencent::cam::{Conditions, MAX_POLICY_CHARACTERS, PolicyError, Resource};
    use tencent::names::{Bucket, Region};

    fn of_keys(count: usize) -> Statements {
        let bucket = Bucket::parse("a-12500").unwrap();
        let region = Region::parse("ap-a").unwrap();
        let operation = Operation::parse("ListParts").unwrap();
        let mut statements = Statements::default();
        for number in 0..count {
            let resource = Resource::exactly(&bucket, &region, &number.to_string());
            statements.allow(operation, &resource, &Conditions::none());
        }
        statements
    }

    #[test]
    fn what_does_not_fit_in_a_policy_is_not_collected() {
        let statements = of_keys(10_000);
        assert_eq!(statements.each.len(), MAX_STATEMENTS);
        assert!(matches!(statements.into_policy(), Err(PolicyError::Long)));
        let mut statements = of_keys(10);
        for operation in ["GetService", "GetService"] {
            let operation = Operation::parse(operation).unwrap();
            statements.allow(operation, &Resource::everything(), &Conditions::none());
        }
        assert_eq!(statements.into_policy().unwrap().as_json().matches("effect").count(), 11);
    }

    /// So nothing is refused here that CAM would accept.
    #[test]
    fn one_statement_more_does_not_fit() {
        let mut shortest = Statements::default();
        let operation = Operation::parse("GetObject").unwrap();
        shortest.allow(operation, &Resource::everything(), &Conditions::none());
        let written = shortest.into_policy().unwrap().into_json();
        let statement = written.split_once('[').unwrap().1.trim_end_matches("]}");
        assert!(statement.len() * (MAX_STATEMENTS + 1) > MAX_POLICY_CHARACTERS, "{statement}");
    }
}
