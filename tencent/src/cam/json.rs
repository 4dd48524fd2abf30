//! JSON of conditions: strings, numbers, lists, and objects that keep repeated members.
//!
//! One recursive type, because nested generic types would enlarge the deployed binary. The parser
//! bounds the depth.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::Literal;

/// A value.
pub(super) enum Json {
    List(Vec<Self>),
    Literal(Literal),
    Members(Vec<(String, Self)>),
}

impl Json {
    /// The members of an object.
    pub(super) fn into_members<E: Error>(self) -> Result<Vec<(String, Self)>, E> {
        match self {
            Self::Members(members) => Ok(members),
            Self::List(_) | Self::Literal(_) => Err(E::custom("expected an object")),
        }
    }

    /// The elements of a list, or one element without brackets.
    pub(super) fn into_literals<E: Error>(self) -> Result<Vec<Literal>, E> {
        let elements = match self {
            Self::List(elements) => elements,
            element => vec![element],
        };
        let literal = |element| match element {
            Self::Literal(literal) => Ok(literal),
            Self::List(_) | Self::Members(_) => Err(E::custom("expected a string or a number")),
        };
        elements.into_iter().map(literal).collect()
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Literal(Literal::from(text)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Literal(Literal::from(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Literal(Literal::Number(number.into())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        let number = serde_json::Number::from_f64(number);
        let literal = number.map(|number| Json::Literal(Literal::Number(number)));
        literal.ok_or_else(|| E::custom("expected a finite number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element()? {
            elements.push(element);
        }
        Ok(Json::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Json::Members(members))
    }
}
