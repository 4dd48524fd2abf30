//! JSON objects with unique member names: a token's header, its claims, a JWKS.
//!
//! # Guarantees
//! A repeated member is an error at any depth and in any spelling (`"alg"`, `"\u0061lg"`), because
//! two parsers may each take another one. <https://www.rfc-editor.org/rfc/rfc8725#section-2.4>
//!
//! # Not covered
//! Size, which callers limit. `serde_json` limits the depth to 128.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

pub(super) type JsonObject = Map<String, Value>;

/// Parses a text that consists of one JSON object.
pub(super) fn parse_object(json: &[u8]) -> Option<JsonObject> {
    match serde_json::from_slice(json).ok()? {
        Unique(Value::Object(object)) => Some(object),
        Unique(_) => None,
    }
}

/// A member that may be absent.
///
/// # Errors
/// When it is not a string.
pub(super) fn optional_str<'o>(
    object: &'o JsonObject,
    name: &str,
) -> Result<Option<&'o str>, NotAString> {
    match object.get(name) {
        None => Ok(None),
        Some(member) => member.as_str().map(Some).ok_or(NotAString),
    }
}

pub(super) struct NotAString;

/// The items of an array of strings.
pub(super) fn as_strs(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(flag.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = array.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(member))) = map.next_entry::<String, _>()? {
            if object.insert(name, member).is_some() {
                return Err(A::Error::custom("a repeated member"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_object;

    #[test]
    fn a_repeated_member_is_an_error() {
        for json in [
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","\u0061lg":"none"}"#,
            r#"{"sub":"a","aud":"b","sub":{}}"#,
            r#"{"address":{"city":"a","city":"b"}}"#,
            r#"{"list":[{"a":1,"a":1}]}"#,
            "[]",
            "\"a\"",
            "null",
            "",
            "{}{}",
            "{\"a\":1,}",
            "\u{feff}{}",
        ] {
            assert!(parse_object(json.as_bytes()).is_none(), "{json}");
        }
        assert!(parse_object(b"{\"a\":\"\xff\"}").is_none());
        let nested = "[".repeat(4000);
        assert!(parse_object(format!("{{\"a\":{nested}").as_bytes()).is_none());
        let json = r#"{"a":[1,-1.5,true,null,"b"],"c":{"a":"\u0062"}}"#;
        let object = serde_json::Value::Object(parse_object(json.as_bytes()).unwrap());
        assert_eq!(object, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }
}
