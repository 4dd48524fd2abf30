//! The statements of both sets of policies, side by side.

use crate::cam::condition::Values;
use crate::cam::operator::Operator;
use crate::cam::statement::{Effect, Statement};

/// A statement of the old or of the new policies.
#[derive(Clone, Copy)]
pub(super) struct Side<'p> {
    /// Its place among all statements.
    pub(super) number: usize,
    pub(super) statement: &'p Statement,
    pub(super) is_new: bool,
}

impl<'p> Side<'p> {
    pub(super) fn has(self, is_new: bool, effect: Effect) -> bool {
        self.is_new == is_new && self.statement.effect == effect
    }

    /// Its comparisons of `key`.
    pub(super) fn comparisons(self, key: &str) -> Vec<Comparison<'p>> {
        let all = self.statement.conditions.iter().filter(|(_, other, _)| *other == key);
        all.map(|(operator, _, values)| (operator, values)).collect()
    }
}

/// An operator with its values, on a key.
pub(super) type Comparison<'p> = (&'p Operator, &'p Values);
