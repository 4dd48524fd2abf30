//! A JSON object whose members are there once: a token's header, its claims, a JWKS.
//!
//! Promises: a member that is there twice is an error, at whatever depth and however it is spelled (`"alg"`, `"\u0061lg"`), since two
//! readers of such an object may each take another one. <https://www.rfc-editor.org/rfc/rfc8725#section-2.4>
//! Leaves out: bounds, which callers set on the text; its depth is bounded by `serde_json`, to 128.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::auth::{Claim, Claims};

/// The value of a member, as far as anything depends on it.
pub(super) enum JsonValue {
    Flag(bool),
    /// The whole part of a number with a fraction: a moment may have one, a claim that grants match on may not.
    Fraction(i64),
    List(Vec<Self>),
    /// Null, or a number that is too large.
    Nothing,
    Number(i64),
    Object(JsonObject),
    Text(String),
}

impl JsonValue {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Flag(_)
            | Self::Fraction(_)
            | Self::List(_)
            | Self::Nothing
            | Self::Number(_)
            | Self::Object(_) => None,
        }
    }

    /// The texts of a list that holds nothing else.
    pub(super) fn as_texts(&self) -> Option<Vec<&str>> {
        match self {
            Self::List(members) => members.iter().map(Self::as_text).collect(),
            Self::Flag(_)
            | Self::Fraction(_)
            | Self::Nothing
            | Self::Number(_)
            | Self::Object(_)
            | Self::Text(_) => None,
        }
    }
}

/// JsonObject by name; they are few.
pub(super) struct JsonObject(Vec<(String, JsonValue)>);

impl JsonObject {
    /// Reads one JSON object and nothing behind it.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(super) fn member(&self, name: &str) -> Option<&JsonValue> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, member)| member)
    }

    /// The text of a member that is there and is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_text()
    }

    /// The text of a member that may be absent; an error when it is there and is none.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&str>, NoText> {
        match self.member(name) {
            None => Ok(None),
            Some(member) => member.as_text().map(Some).ok_or(NoText),
        }
    }

    /// What grants can match on. What has no type of a claim is left out, and so matches nothing.
    pub(super) fn into_claims(self) -> Claims {
        let mut claims = Claims::default();
        for (name, member) in self.0 {
            let texts = member.as_texts();
            let texts = texts.map(|texts| texts.into_iter().map(str::to_owned).collect());
            let claim = match member {
                JsonValue::Flag(flag) => Some(Claim::Flag(flag)),
                JsonValue::List(_) => texts.map(Claim::Texts),
                JsonValue::Number(number) => Some(Claim::Number(number)),
                JsonValue::Text(text) => Some(Claim::Text(text)),
                JsonValue::Fraction(_) | JsonValue::Nothing | JsonValue::Object(_) => None,
            };
            if let Some(claim) = claim {
                claims.add(name, claim);
            }
        }
        claims
    }
}

/// A member that should be a text is none.
pub(super) struct NoText;

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = JsonObject;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut members = JsonObject(Vec::new());
        while let Some((name, member)) = map.next_entry::<String, JsonValue>()? {
            if members.member(&name).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
            members.0.push((name, member));
        }
        Ok(members)
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = JsonValue;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<JsonValue, E> {
        Ok(JsonValue::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<JsonValue, E> {
        Ok(JsonValue::Number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<JsonValue, E> {
        Ok(i64::try_from(number).map_or(JsonValue::Nothing, JsonValue::Number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<JsonValue, E> {
        if number.abs() > WHOLE_PART_MAX {
            return Ok(JsonValue::Nothing);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is within bounds, and its fraction is to be cut off"
        )]
        let whole = number as i64;
        Ok(JsonValue::Fraction(whole))
    }

    fn visit_str<E>(self, text: &str) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<JsonValue, E> {
        Ok(JsonValue::Text(text))
    }

    fn visit_unit<E>(self) -> Result<JsonValue, E> {
        Ok(JsonValue::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<JsonValue, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = list.next_element()? {
            members.push(member);
        }
        Ok(JsonValue::List(members))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JsonValue, A::Error> {
        MembersVisitor.visit_map(map).map(JsonValue::Object)
    }
}

/// Far beyond any moment, and exact in both types.
const WHOLE_PART_MAX: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::{JsonObject, JsonValue};
    use crate::auth::Claim;

    #[test]
    fn a_member_that_is_there_twice_is_an_error() {
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
    fn values_have_the_types_of_claims_or_none() {
        let json = br#"{"t":"a","l":["a","b"],"e":[],"n":-7,"f":7.9,"b":true,"m":["a",1],"d":[["a"]],"o":{"a":1},"z":null,"h":1e300,
            "u":18446744073709551615}"#;
        let members = JsonObject::parse(json).unwrap();
        assert!(matches!(members.member("f"), Some(JsonValue::Fraction(7))));
        assert!(matches!(members.member("h"), Some(JsonValue::Nothing)));
        let claims = members.into_claims();
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
