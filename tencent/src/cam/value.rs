//! Condition values: as written, and as their operator compares them.
//! <https://www.tencentcloud.com/document/product/598/10608>
//!
//! # Guarantees
//! The parser rejects a value that its operator cannot compare. Dates have the form
//! `2016-06-01T00:01:00Z`, in UTC. Numbers are plain decimals, compared exactly. Booleans are
//! `true` or `false`. `string_like` has `*` at the start, the end or both. Inferred: `null_equal`
//! accepts the empty string or `true` for "absent or empty", `false` for the opposite. Policy
//! variables (`${uin}`) are rejected: each session policy is made for one principal.

use std::cmp::Ordering;
use std::net::IpAddr;

use jiff::civil::DateTime;
use serde::Serialize;

use super::network::Network;
use super::number::Number;
use super::operator::{Kind, Relation};
use super::wildcard::covers;

/// A value as a policy writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Literal {
    /// In quotes.
    Text(String),
    /// A JSON number.
    Number(serde_json::Number),
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for Literal {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

/// A value of a policy, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Bool(bool),
    Date(DateTime),
    Ip(Network),
    Like(String),
    Null(bool),
    Number(Number),
    Text(String),
    TextIgnoringCase(String),
}

impl Operand {
    /// The value of `literal` for an operator of this `kind`.
    pub(super) fn parse(kind: Kind, literal: &Literal) -> Result<Self, &'static str> {
        let text = match literal {
            Literal::Text(text) => text.clone(),
            Literal::Number(number) => number.to_string(),
        };
        if text.contains("${") {
            return Err("policy variables are not supported");
        }
        match kind {
            Kind::Bool => truth(&text).map(Self::Bool).ok_or("not `true` or `false`"),
            Kind::Date => date(&text).map(Self::Date).ok_or("not a date as `2016-06-01T00:01:00Z`"),
            Kind::Ip => {
                Network::parse(&text).map(Self::Ip).ok_or("not an IP address or CIDR network")
            }
            Kind::Like => {
                let start = text.strip_prefix('*').unwrap_or(&text);
                let inner = start.strip_suffix('*').unwrap_or(start);
                if inner.contains('*') {
                    return Err("not a pattern: `*` is allowed only at the start and the end");
                }
                Ok(Self::Like(text))
            }
            Kind::Null if text.is_empty() => Ok(Self::Null(true)),
            Kind::Null => truth(&text).map(Self::Null).ok_or("not ``, `true` or `false`"),
            Kind::Number => Number::parse(&text).map(Self::Number).ok_or("not a number in digits"),
            Kind::Text => Ok(Self::Text(text)),
            Kind::TextIgnoringCase => Ok(Self::TextIgnoringCase(text)),
        }
    }

    /// How a value of a request relates to this one; `None` for another type.
    pub(super) fn relation_of(&self, seen: &str) -> Option<Relation> {
        let equal = |equal: bool| {
            if equal { Relation::Ordered(Ordering::Equal) } else { Relation::Different }
        };
        Some(match self {
            Self::Bool(value) => equal(truth(seen)? == *value),
            Self::Date(value) => Relation::Ordered(date(seen)?.cmp(value)),
            Self::Ip(network) => equal(network.contains(seen.parse::<IpAddr>().ok()?)),
            Self::Like(pattern) => equal(covers(pattern, seen)),
            // Presence decides, never a value.
            Self::Null(_) => return None,
            Self::Number(value) => Relation::Ordered(Number::parse(seen)?.cmp(value)),
            Self::Text(value) => equal(value == seen),
            Self::TextIgnoringCase(value) => equal(value.to_lowercase() == seen.to_lowercase()),
        })
    }
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// `2016-06-01T00:01:00Z`, by hand: the calendar library's parser accepts many more forms than the
/// documents.
fn date(text: &str) -> Option<DateTime> {
    let (day, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let small = |number: i16| i8::try_from(number).ok();
    let (month, day) = (small(month)?, small(day)?);
    let (hour, minute, second) = (small(hour)?, small(minute)?, small(second)?);
    DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

/// Three numbers of these many digits.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i16; 3]> {
    let parts: Vec<&str> = text.split(between).collect();
    let parts: [&str; 3] = parts.try_into().ok()?;
    let mut found = [0; 3];
    for ((number, part), digits) in found.iter_mut().zip(parts).zip(digits) {
        if part.len() != digits || !part.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::operator::Kind;
    use super::{Literal, Operand, date};

    #[test]
    fn dates_are_utc_to_the_second() {
        assert!(date("2016-06-01T00:01:00Z").is_some());
        assert!(date("2016-02-29T23:59:59Z").is_some());
        let texts = "2016-06-01 2016-06-01T00:01:00 2016-06-01T00:01:00+08:00 \
            2015-02-29T00:00:00Z 2016-6-1T00:01:00Z 2016-06-01T24:00:00Z";
        for text in texts.split(' ').chain(["", "2016-06-01T 00:01:00Z"]) {
            assert_eq!(date(text), None, "{text}");
        }
        assert!(date("2016-06-01T00:01:00Z") < date("2016-06-01T00:01:01Z"));
    }

    #[test]
    fn a_value_that_cannot_be_compared_is_refused() {
        for (kind, text) in [
            (Kind::Bool, "True"),
            (Kind::Bool, "1"),
            (Kind::Date, "now"),
            (Kind::Ip, "10.0.0.0/33"),
            (Kind::Like, "a*b"),
            (Kind::Like, "**a"),
            (Kind::Null, "null"),
            (Kind::Number, ""),
            (Kind::Number, "inf"),
            (Kind::Number, "NaN"),
            (Kind::Number, "+1"),
            (Kind::Number, "1e3"),
            (Kind::Number, "1."),
            (Kind::Text, "${uin}"),
        ] {
            assert!(Operand::parse(kind, &Literal::from(text)).is_err(), "{text}");
        }
    }
}
