//! Condition operators: `[for_any_value:|for_all_value:]<comparison>[_if_exist]`.
//!
//! <https://www.tencentcloud.com/document/product/598/10608>; `string_like` and `bool_equal` on
//! COS: <https://www.tencentcloud.com/document/product/436/46205>.
//!
//! # Guarantees
//! The parser rejects an undocumented operator. A misspelled one is therefore an error at start,
//! and the meaning of every policy in use is known. Also rejected: `_if_exist` (documented) and
//! quantifiers (inferred) on `null_equal`, which tests for absence itself.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// An operator; sorted by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operator {
    name: String,
    /// The type of its values.
    pub(super) kind: Kind,
    /// The required relation.
    pub(super) order: Order,
    /// How several values of a request count.
    pub(super) quantifier: Option<Quantifier>,
    /// Whether a request without the key meets it.
    pub(super) if_exist: bool,
}

/// The type of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Bool,
    Date,
    Ip,
    Like,
    Null,
    Number,
    Text,
    TextIgnoringCase,
}

/// The required relation from the request's value to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    NotEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantifier {
    All,
    Any,
}

/// How a value of the request relates to one of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Ordered(Ordering),
    /// Not equal, of a type without an order.
    Different,
}

impl Operator {
    /// Parses an operator. <https://www.tencentcloud.com/document/product/598/10608>
    ///
    /// # Errors
    /// [`OperatorError`] for an undocumented text.
    pub fn parse(name: &str) -> Result<Self, OperatorError> {
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("for_any_value:") {
            (Some(Quantifier::Any), rest)
        } else if let Some(rest) = name.strip_prefix("for_all_value:") {
            (Some(Quantifier::All), rest)
        } else {
            (None, name)
        };
        let (if_exist, comparison) = match rest.strip_suffix("_if_exist") {
            Some(comparison) => (true, comparison),
            None => (false, rest),
        };
        let known = COMPARISONS.iter().find(|(name, ..)| *name == comparison);
        let Some(&(_, kind, order)) = known else {
            return Err(OperatorError(name.to_owned()));
        };
        if kind == Kind::Null && (if_exist || quantifier.is_some()) {
            return Err(OperatorError(name.to_owned()));
        }
        Ok(Self { name: name.to_owned(), kind, order, quantifier, if_exist })
    }

    /// The operator as written.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// The text is not a documented operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a condition operator")]
pub struct OperatorError(String);

impl Order {
    pub(super) fn holds(self, relation: Relation) -> bool {
        let ordered = match relation {
            Relation::Ordered(ordering) => Some(ordering),
            Relation::Different => None,
        };
        match self {
            Self::Equal => ordered.is_some_and(Ordering::is_eq),
            Self::NotEqual => ordered.is_none_or(Ordering::is_ne),
            Self::Greater => ordered.is_some_and(Ordering::is_gt),
            Self::GreaterOrEqual => ordered.is_some_and(Ordering::is_ge),
            Self::Less => ordered.is_some_and(Ordering::is_lt),
            Self::LessOrEqual => ordered.is_some_and(Ordering::is_le),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

impl Serialize for Operator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// Every documented comparison. `binary_equal` is documented as equality of text, case-sensitive.
const COMPARISONS: &[(&str, Kind, Order)] = &[
    ("binary_equal", Kind::Text, Order::Equal),
    ("bool_equal", Kind::Bool, Order::Equal),
    ("date_equal", Kind::Date, Order::Equal),
    ("date_greater_than", Kind::Date, Order::Greater),
    ("date_greater_than_equal", Kind::Date, Order::GreaterOrEqual),
    ("date_less_than", Kind::Date, Order::Less),
    ("date_less_than_equal", Kind::Date, Order::LessOrEqual),
    ("date_not_equal", Kind::Date, Order::NotEqual),
    ("ip_equal", Kind::Ip, Order::Equal),
    ("ip_not_equal", Kind::Ip, Order::NotEqual),
    ("null_equal", Kind::Null, Order::Equal),
    ("numeric_equal", Kind::Number, Order::Equal),
    ("numeric_greater_than", Kind::Number, Order::Greater),
    ("numeric_greater_than_equal", Kind::Number, Order::GreaterOrEqual),
    ("numeric_less_than", Kind::Number, Order::Less),
    ("numeric_less_than_equal", Kind::Number, Order::LessOrEqual),
    ("numeric_not_equal", Kind::Number, Order::NotEqual),
    ("string_equal", Kind::Text, Order::Equal),
    ("string_equal_ignore_case", Kind::TextIgnoringCase, Order::Equal),
    ("string_like", Kind::Like, Order::Equal),
    ("string_not_equal", Kind::Text, Order::NotEqual),
    ("string_not_equal_ignore_case", Kind::TextIgnoringCase, Order::NotEqual),
];

#[cfg(test)]
mod tests {
    use super::{Kind, Operator, Order, Quantifier};

    #[test]
    fn an_operator_is_a_quantifier_a_comparison_and_a_suffix() {
        let operator = Operator::parse("for_any_value:numeric_less_than_equal_if_exist").unwrap();
        assert_eq!(operator.kind, Kind::Number);
        assert_eq!(operator.order, Order::LessOrEqual);
        assert_eq!(operator.quantifier, Some(Quantifier::Any));
        assert!(operator.if_exist);
        assert_eq!(operator.as_str(), "for_any_value:numeric_less_than_equal_if_exist");
    }

    #[test]
    fn what_is_not_documented_is_refused() {
        let names = "StringEquals String_equal string_equals string_not_like \
            string_equal_if_exists string_equal_if_exist_if_exist _if_exist for_any_value: \
            for_any_value:for_all_value:string_equal for_some_value:string_equal \
            null_equal_if_exist for_any_value:null_equal";
        for name in names.split(' ').chain(["", " string_equal"]) {
            assert!(Operator::parse(name).is_err(), "{name}");
        }
    }
}
