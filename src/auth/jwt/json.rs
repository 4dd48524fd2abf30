//! A JSON object with unique member names: a token's header, its claims, a JWKS.
//!
//! # Guarantees
//! A repeated member is an error at any depth and in any spelling (`"alg"`, `"\u0061lg"`), because two parsers may each take
//! another one. <https://www.rfc-editor.org/rfc/rfc8725#section-2.4>
//!
//! # Not covered
//! Size, which callers limit. `serde_json` limits the depth to 128.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::auth::claims::{Claim, Claims};

/// A JSON value, as far as tokens and keys need it.
pub(super) enum JsonValue {
    Array(Vec<Self>),
    Bool(bool),
    /// The integer part of a number with a fraction, which a date may have and a claim that grants match may not.
    Fraction(i64),
    Number(i64),
    Object(JsonObject),
    /// Null, or a number out of range.
    Other,
    String(String),
}

impl JsonValue {
    pub(super) fn as_str(&self) -> Option<&str> {
        let Self::String(text) = self else {
            return None;
        };
        Some(text)
    }

    /// The items of an array of strings.
    pub(super) fn as_strings(&self) -> Option<Vec<&str>> {
        let Self::Array(items) = self else {
            return None;
        };
        items.iter().map(Self::as_str).collect()
    }
}

/// Members by name.
pub(super) struct JsonObject(Vec<(String, JsonValue)>);

impl JsonObject {
    /// Parses a text that consists of one JSON object.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(super) fn member(&self, name: &str) -> Option<&JsonValue> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, member)| member)
    }

    pub(super) fn string(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    /// A member that may be absent.
    ///
    /// # Errors
    /// When it is not a string.
    pub(super) fn optional_string(&self, name: &str) -> Result<Option<&str>, NotAString> {
        match self.member(name) {
            None => Ok(None),
            Some(member) => member.as_str().map(Some).ok_or(NotAString),
        }
    }

    /// The members that grants can match; those of other types are omitted.
    pub(super) fn into_claims(self) -> Claims {
        let mut claims = Claims::default();
        for (name, member) in self.0 {
            let claim = match member {
                JsonValue::Array(_) => member
                    .as_strings()
                    .map(|texts| Claim::Texts(texts.into_iter().map(str::to_owned).collect())),
                JsonValue::Bool(flag) => Some(Claim::Flag(flag)),
                JsonValue::Number(number) => Some(Claim::Number(number)),
                JsonValue::String(text) => Some(Claim::Text(text)),
                JsonValue::Fraction(_) | JsonValue::Object(_) | JsonValue::Other => None,
            };
            if let Some(claim) = claim {
                claims.add(name, claim);
            }
        }
        claims
    }
}

pub(super) struct NotAString;

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = JsonObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut object = JsonObject(Vec::new());
        while let Some((name, member)) = map.next_entry::<String, JsonValue>()? {
            if object.member(&name).is_some() {
                return Err(A::Error::custom("a repeated member"));
            }
            object.0.push((name, member));
        }
        Ok(object)
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = JsonValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<JsonValue, E> {
        Ok(i64::try_from(number).map_or(JsonValue::Other, JsonValue::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<JsonValue, E> {
        if number.abs() > MAX_INTEGER_PART {
            return Ok(JsonValue::Other);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is within bounds, and the fraction is to be cut off"
        )]
        let integer = number as i64;
        Ok(JsonValue::Fraction(integer))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonValue, E> {
        Ok(JsonValue::String(text.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<JsonValue, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            items.push(item);
        }
        Ok(JsonValue::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonValue, A::Error> {
        ObjectVisitor.visit_map(map).map(JsonValue::Object)
    }
}

/// Far beyond any date, and exact in both types.
const MAX_INTEGER_PART: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::{JsonObject, JsonValue};
    use crate::auth::Claim;

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
            assert!(JsonObject::parse(json.as_bytes()).is_none(), "{json}");
        }
        assert!(JsonObject::parse(b"{\"a\":\"\xff\"}").is_none());
        let nested = "[".repeat(4000);
        assert!(JsonObject::parse(format!("{{\"a\":{nested}").as_bytes()).is_none());
    }

    #[test]
    fn values_of_other_types_are_not_claims() {
        let json = br#"{"t":"a","l":["a","b"],"e":[],"n":-7,"f":7.9,"b":true,"m":["a",1],"d":[["a"]],"o":{"a":1},"z":null,"h":1e300,
            "u":18446744073709551615}"#;
        let object = JsonObject::parse(json).unwrap();
        assert!(matches!(object.member("f"), Some(JsonValue::Fraction(7))));
        assert!(matches!(object.member("h"), Some(JsonValue::Other)));
        let claims = object.into_claims();
        assert!(claims.claim("t") == Some(&Claim::Text("a".to_owned())));
        assert!(claims.claim("l") == Some(&Claim::Texts(vec!["a".to_owned(), "b".to_owned()])));
        assert!(claims.claim("e") == Some(&Claim::Texts(Vec::new())));
        assert!(claims.claim("n") == Some(&Claim::Number(-7)));
        assert!(claims.claim("b") == Some(&Claim::Flag(true)));
        for name in ["f", "m", "d", "o", "z", "h", "u", "x"] {
            assert!(claims.claim(name).is_none(), "{name}");
        }
    }
}
