//! The conditions of a statement: operator, key, values.
//!
//! <https://www.tencentcloud.com/document/product/598/10608>: the values of one key are
//! alternatives; all keys of an operator and all operators must be met.
//!
//! # Guarantees
//! Rejected: an operator without keys, a key without values, a repeated operator or key (JSON would
//! keep the last one and drop a limit), and white space in a key. Rendered in one way: sorted, a
//! single value without brackets.
//!
//! # Not covered
//! Whether COS has the key.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::json::Json;
use super::value::{Literal, Operand};
use super::{Operator, OperatorError};

/// All conditions of one statement; without any, every request meets them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Conditions {
    blocks: BTreeMap<Operator, BTreeMap<String, Values>>,
}

/// The alternatives of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Values(Vec<(Literal, Operand)>);

impl Conditions {
    /// No condition.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same, and `operator` must hold between `key` and one of `values`.
    ///
    /// # Errors
    /// [`ConditionError`] for an invalid or repeated condition.
    pub fn and(
        mut self,
        operator: &str,
        key: &str,
        values: Vec<Literal>,
    ) -> Result<Self, ConditionError> {
        self.insert(&Operator::parse(operator)?, key, values)?;
        Ok(self)
    }

    /// Whether there is no condition.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Every operator with a key and its values.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Operator, &str, &Values)> {
        self.blocks.iter().flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| (operator, key.as_str(), values))
        })
    }

    fn insert(
        &mut self,
        operator: &Operator,
        key: &str,
        values: Vec<Literal>,
    ) -> Result<(), ConditionError> {
        if key.is_empty() || key.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(ConditionError::Key(key.to_owned()));
        }
        let place = || format!("{operator} {key}");
        if values.is_empty() {
            return Err(ConditionError::NoValues(place()));
        }
        let typed = |literal: Literal| match Operand::parse(operator.kind, &literal) {
            Ok(operand) => Ok((literal, operand)),
            Err(reason) => Err(ConditionError::Value(place(), reason)),
        };
        let values = Values(values.into_iter().map(typed).collect::<Result<_, _>>()?);
        let twice = ConditionError::Twice(place());
        let keys = self.blocks.entry(operator.clone()).or_default();
        match keys.insert(key.to_owned(), values) {
            None => Ok(()),
            Some(_) => Err(twice),
        }
    }
}

impl Values {
    pub(super) fn literals(&self) -> impl Iterator<Item = &Literal> {
        self.0.iter().map(|(literal, _)| literal)
    }

    pub(super) fn operands(&self) -> impl Iterator<Item = &Operand> {
        self.0.iter().map(|(_, operand)| operand)
    }
}

/// Why a condition is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// An operator has no key.
    #[error("the operator `{0}` has no condition key")]
    NoKeys(String),
    /// A key has no values.
    #[error("the condition `{0}` has no value")]
    NoValues(String),
    /// Empty, or with white space.
    #[error("`{0}` is not a condition key")]
    Key(String),
    /// Not documented.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// Repeated.
    #[error("the condition `{0}` is repeated")]
    Twice(String),
    /// Not of the operator's type.
    #[error("a value of the condition `{0}` is {1}")]
    Value(String, &'static str),
}

impl<'de> Deserialize<'de> for Conditions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut conditions = Self::none();
        for (name, keys) in Json::deserialize(deserializer)?.into_members()? {
            let operator = Operator::parse(&name).map_err(D::Error::custom)?;
            if conditions.blocks.contains_key(&operator) {
                return Err(D::Error::custom(ConditionError::Twice(name)));
            }
            let keys = keys.into_members::<D::Error>()?;
            if keys.is_empty() {
                return Err(D::Error::custom(ConditionError::NoKeys(name)));
            }
            for (key, values) in keys {
                let inserted = conditions.insert(&operator, &key, values.into_literals()?);
                inserted.map_err(D::Error::custom)?;
            }
        }
        Ok(conditions)
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [(literal, _)] => literal.serialize(serializer),
            _ => serializer.collect_seq(self.literals()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Conditions;

    #[track_caller]
    fn written(text: &str) -> String {
        let conditions: Conditions = serde_json::from_str(text).unwrap();
        serde_json::to_string(&conditions).unwrap()
    }

    #[test]
    fn conditions_are_written_in_one_way() {
        assert_eq!(
            written(
                r#"{"string_equal":{"b":["x","y"],"a":["1"]},"numeric_equal":{"c":[1.20],"d":"2"}}"#
            ),
            r#"{"numeric_equal":{"c":1.2,"d":"2"},"string_equal":{"a":"1","b":["x","y"]}}"#
        );
    }

    #[test]
    fn what_would_drop_a_limit_is_refused() {
        for (text, reason) in [
            (r#"{"string_equals":{"a":"1"}}"#, "`string_equals` is not a condition operator"),
            (r#"{"string_equal":{}}"#, "has no condition key"),
            (r#"{"string_equal":{"a":[]}}"#, "has no value"),
            (r#"{"string_equal":{"a ":"1"}}"#, "is not a condition key"),
            (r#"{"string_equal":{"a":"1","a":"2"}}"#, "`string_equal a` is repeated"),
            (r#"{"string_equal":{"a":"1"},"string_equal":{"b":"2"}}"#, "is repeated"),
            (r#"{"numeric_equal":{"a":"x"}}"#, "`numeric_equal a` is not a number in digits"),
            (r#"{"bool_equal":{"a":true}}"#, "a string or a number"),
            (r#"{"string_equal":{"a":null}}"#, "a string or a number"),
            (r#"{"string_equal":{"a":{"b":"c"}}}"#, "a string or a number"),
            (r#"{"string_equal":["a"]}"#, "expected an object"),
        ] {
            let error = serde_json::from_str::<Conditions>(text).unwrap_err();
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }
}
