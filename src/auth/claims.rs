//! Claims of a principal, by name and type.
//!
//! # Guarantees
//! A claim comes from a verified credential or from the operator's settings.
//!
//! # Not covered
//! What claims permit (`grant`).

use serde_json::{Map, Value};

/// The value of one claim.
#[derive(Clone, PartialEq, Eq, Hash)]
#[expect(missing_debug_implementations, reason = "it is about a person")]
pub enum Claim {
    /// True or false.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
    /// A list of strings.
    Texts(Vec<String>),
}

impl Claim {
    /// The string, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Flag(_) | Self::Number(_) | Self::Texts(_) => None,
        }
    }

    /// `None` for values that grants cannot match: null, objects, fractions, other lists.
    fn of_json(value: &Value) -> Option<Self> {
        match value {
            Value::Array(items) => {
                let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Self::Texts)
            }
            Value::Bool(flag) => Some(Self::Flag(*flag)),
            Value::Number(number) => number.as_i64().map(Self::Number),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Null | Value::Object(_) => None,
        }
    }
}

/// Claims by name; they are few.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[expect(missing_debug_implementations, reason = "they are about a person")]
pub struct Claims(Vec<(String, Claim)>);

impl Claims {
    /// The name of the claim that identifies the principal.
    pub const SUBJECT: &'static str = "sub";

    /// Only a subject.
    pub fn of_subject(subject: impl Into<String>) -> Self {
        let subject = Claim::Text(subject.into());
        Self(vec![(Self::SUBJECT.to_owned(), subject)])
    }

    /// Adds a claim. Returns false, and changes nothing, if the name exists.
    pub fn add(&mut self, name: impl Into<String>, claim: Claim) -> bool {
        let name = name.into();
        let is_new = self.claim(&name).is_none();
        if is_new {
            self.0.push((name, claim));
        }
        is_new
    }

    /// The members of a JSON object that grants can match.
    pub(super) fn of_json(object: &Map<String, Value>) -> Self {
        let mut claims = Self::default();
        claims.add_json(object);
        claims
    }

    /// Adds members of a JSON object that grants can match; names that exist are ignored.
    pub(super) fn add_json<'a>(
        &mut self,
        members: impl IntoIterator<Item = (&'a String, &'a Value)>,
    ) {
        for (name, value) in members {
            if let Some(claim) = Claim::of_json(value) {
                self.add(name, claim);
            }
        }
    }

    /// Only the claims of these names, in their order.
    pub fn named(&self, names: &[String]) -> Self {
        let named = names.iter().filter_map(|name| {
            let claim = self.claim(name)?.clone();
            Some((name.clone(), claim))
        });
        Self(named.collect())
    }

    /// The claim of that name.
    pub fn claim(&self, name: &str) -> Option<&Claim> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, claim)| claim)
    }

    /// The subject, if it is a string.
    pub fn subject(&self) -> Option<&str> {
        self.claim(Self::SUBJECT)?.text()
    }
}

/// OpenID Connect allows 255 characters; ARNs are shorter than this.
/// <https://openid.net/specs/openid-connect-core-1_0.html#IDToken>
pub(super) const MAX_SUBJECT_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::{Claim, Claims};

    #[test]
    fn a_claim_is_added_once() {
        let mut claims = Claims::of_subject("a");
        assert!(!claims.add("sub", Claim::Text("b".to_owned())));
        assert!(claims.add("tier", Claim::Number(2)));
        assert_eq!(claims.subject(), Some("a"));
        assert!(claims.claim("tier") == Some(&Claim::Number(2)));
        assert!(claims.claim("team").is_none());
    }

    #[test]
    fn values_of_other_types_are_not_claims() {
        let json = serde_json::json!({"t": "a", "l": ["a", "b"], "e": [], "n": -7, "b": true, "f": 7.9, "m": ["a", 1],
            "d": [["a"]], "o": {"a": 1}, "z": null, "h": 1e300, "u": u64::MAX});
        let claims = Claims::of_json(json.as_object().unwrap());
        assert!(claims.claim("t") == Some(&Claim::Text("a".to_owned())));
        assert!(claims.claim("l") == Some(&Claim::Texts(vec!["a".to_owned(), "b".to_owned()])));
        assert!(claims.claim("e") == Some(&Claim::Texts(Vec::new())));
        assert!(claims.claim("n") == Some(&Claim::Number(-7)));
        assert!(claims.claim("b") == Some(&Claim::Flag(true)));
        for name in ["f", "m", "d", "o", "z", "h", "u", "x"] {
            assert!(claims.claim(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_subject_is_a_string() {
        let mut claims = Claims::default();
        claims.add("sub", Claim::Number(7));
        assert_eq!(claims.subject(), None);
    }
}
