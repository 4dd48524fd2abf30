//! Statements as they are collected: one for each resource and set of conditions.
//!
//! Promises: no action meets a resource, or does without a condition, that it was not allowed with; CAM reads a statement as every one of
//! its actions on every one of its resources, so each has one resource. Bounded: past what any policy has room for, nothing is collected.

use tencent::cam::{Action, Conditions, Policy, PolicyError, Resource, Statement};

use super::operation::Operation;

/// What is allowed so far.
#[derive(Debug, Default)]
pub(super) struct Statements {
    each: Vec<(Resource, Conditions, Vec<Action>)>,
    /// There were more than fit.
    is_over: bool,
}

impl Statements {
    /// Allows one operation on one resource.
    pub(super) fn allow(
        &mut self,
        operation: Operation,
        resource: Resource,
        conditions: &Conditions,
    ) {
        let action = Action::cos(operation.name());
        let has_room = self.each.len() < STATEMENTS_MAX;
        let mut known = self.each.iter_mut();
        match known.find(|(other, under, _)| *other == resource && under == conditions) {
            Some((_, _, actions)) if actions.contains(&action) => {}
            Some((_, _, actions)) => actions.push(action),
            None if !has_room => self.is_over = true,
            None => self.each.push((resource, conditions.clone(), vec![action])),
        }
    }

    /// The policy of all of them.
    ///
    /// # Errors
    /// [`PolicyError::Empty`] when nothing was allowed, [`PolicyError::Long`] past what CAM takes.
    pub(super) fn into_policy(self) -> Result<Policy, PolicyError> {
        if self.is_over {
            return Err(PolicyError::Long);
        }
        let statement = |(resource, conditions, actions): (Resource, Conditions, Vec<Action>)| {
            Statement::allow(actions, resource).when(conditions)
        };
        Policy::new(self.each.into_iter().map(statement).collect())
    }
}

/// None is shorter than 64 of the 6144 characters of a policy.
const STATEMENTS_MAX: usize = 96;

#[cfg(test)]
mod tests {
    use super::{STATEMENTS_MAX, Statements};
    use crate::grant::Operation;
    use tencent::cam::{Conditions, POLICY_CHARACTERS_MAX, PolicyError, Resource};
    use tencent::names::{Bucket, Region};

    fn of_keys(count: usize) -> Statements {
        let bucket = Bucket::parse("a-12500").unwrap();
        let region = Region::parse("ap-a").unwrap();
        let operation = Operation::parse("ListParts").unwrap();
        let mut statements = Statements::default();
        for number in 0..count {
            let resource = Resource::exactly(&bucket, &region, &number.to_string());
            statements.allow(operation, resource, &Conditions::none());
        }
        statements
    }

    #[test]
    fn what_no_policy_has_room_for_is_not_collected() {
        let statements = of_keys(10_000);
        assert_eq!(statements.each.len(), STATEMENTS_MAX);
        assert!(matches!(statements.into_policy(), Err(PolicyError::Long)));
        let mut statements = of_keys(10);
        for operation in ["GetService", "GetService"] {
            let operation = Operation::parse(operation).unwrap();
            statements.allow(operation, Resource::everything(), &Conditions::none());
        }
        assert_eq!(
            statements
                .into_policy()
                .unwrap()
                .render()
                .matches("effect")
                .count(),
            11
        );
    }

    /// So that nothing is refused here that CAM would take.
    #[test]
    fn no_policy_has_room_for_one_statement_more() {
        let mut shortest = Statements::default();
        let operation = Operation::parse("GetObject").unwrap();
        shortest.allow(operation, Resource::everything(), &Conditions::none());
        let written = shortest.into_policy().unwrap().render();
        let statement = written.split_once('[').unwrap().1.trim_end_matches("]}");
        assert!(
            statement.len() * (STATEMENTS_MAX + 1) > POLICY_CHARACTERS_MAX,
            "{statement}"
        );
    }
}
