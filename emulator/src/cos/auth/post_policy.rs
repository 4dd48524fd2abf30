//! The policy of a form: its expiration, and the values that its fields must have.
//! <https://www.tencentcloud.com/document/product/436/14690>
//!
//! Documented: `{name: value}` and `["eq", "$name", value]` require a value, `["starts-with",
//! "$name", start]` its beginning, `["content-length-range", least, most]` the size of the file.
//! `q-sign-algorithm`, `q-ak` and `q-sign-time` require an exact condition; only some fields may
//! have a starts-with condition; a field with a condition must be in the form.
//! From the vendor's samples: a field without a condition is accepted.
//!
//! # Guarantees
//!
//! An undocumented operator, member or value makes the whole policy invalid.

use serde::Deserialize;
use serde_json::Value;
use tencent::time::Timestamp;

use super::errors;
use crate::cos::error::CosError;

/// A parsed policy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PostPolicy {
    /// Unix seconds.
    expiration: i64,
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq, Eq)]
enum Condition {
    Equal { name: String, value: String },
    StartsWith { name: String, start: String },
    FileBytes { least: u64, most: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    expiration: String,
    conditions: Vec<Value>,
}

impl PostPolicy {
    pub(super) fn parse(text: &str) -> Result<Self, CosError> {
        let document: Document = serde_json::from_str(text)
            .map_err(|error| errors::form_policy(&format!("must be a policy document: {error}")))?;
        if document.conditions.is_empty() {
            // Observed.
            return Err(errors::form_policy(
                "You must provide condition if you specify a policy in post object request.",
            ));
        }
        let expiration = moment(&document.expiration).ok_or_else(|| {
            errors::form_policy("expiration: must be like 2019-08-30T09:38:12.414Z")
        })?;
        let mut conditions = Vec::new();
        for condition in &document.conditions {
            conditions.append(&mut Condition::parse(condition)?);
        }
        let policy = Self { expiration: expiration.as_second(), conditions };
        for name in ["q-sign-algorithm", "q-ak", "q-sign-time"] {
            let asks = |condition: &Condition| matches!(condition, Condition::Equal { name: asked, .. } if asked == name);
            if !policy.conditions.iter().any(asks) {
                return Err(errors::form_policy(&format!(
                    "conditions: must contain one for {name}"
                )));
            }
        }
        Ok(policy)
    }

    pub(super) fn check_expiration(&self, now: Timestamp) -> Result<(), CosError> {
        if self.expiration <= now.unix_seconds() {
            return Err(errors::form_expired(self.expiration, now));
        }
        Ok(())
    }

    /// `value` returns the form's value for a name in lower case.
    pub(super) fn check_conditions<'a>(
        &self,
        value: &dyn Fn(&str) -> Option<&'a str>,
    ) -> Result<(), CosError> {
        for condition in &self.conditions {
            let (name, holds) = match condition {
                Condition::Equal { name, value: asked } => {
                    (name, value(name).is_some_and(|value| value == asked))
                }
                Condition::StartsWith { name, start } => {
                    (name, value(name).is_some_and(|value| value.starts_with(start.as_str())))
                }
                Condition::FileBytes { .. } => continue,
            };
            if !holds {
                return Err(errors::form_condition(name, value(name).unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// The intersection of all ranges, both ends included.
    pub(super) fn file_bytes(&self) -> Option<(u64, u64)> {
        let ranges = self.conditions.iter().filter_map(|condition| match condition {
            Condition::FileBytes { least, most } => Some((*least, *most)),
            Condition::Equal { .. } | Condition::StartsWith { .. } => None,
        });
        ranges.reduce(|(least, most), (other_least, other_most)| {
            (least.max(other_least), most.min(other_most))
        })
    }
}

impl Condition {
    /// An object may contain several fields.
    fn parse(written: &Value) -> Result<Vec<Self>, CosError> {
        match written {
            Value::Object(members) if !members.is_empty() => members
                .iter()
                .map(|(name, value)| {
                    Ok(Self::Equal { name: name.to_ascii_lowercase(), value: text(value)? })
                })
                .collect(),
            Value::Array(parts) => Ok(vec![Self::of_list(parts)?]),
            _ => Err(errors::form_policy("condition: must be an object or a list")),
        }
    }

    fn of_list(parts: &[Value]) -> Result<Self, CosError> {
        let [operator, first, second] = parts else {
            return Err(errors::form_policy("condition: a list must have three parts"));
        };
        let name = || {
            let name = first.as_str().and_then(|name| name.strip_prefix('$'));
            name.map(str::to_ascii_lowercase)
                .ok_or_else(|| errors::form_policy("condition: a field must be written as $key"))
        };
        match operator.as_str() {
            Some("eq") => Ok(Self::Equal { name: name()?, value: text(second)? }),
            Some("starts-with") => {
                let (name, start) = (name()?, text(second)?);
                if !may_start(&name) {
                    return Err(errors::form_policy(&format!(
                        "condition: {name} must be exact, for example [\"eq\", \"${name}\", …]"
                    )));
                }
                Ok(Self::StartsWith { name, start })
            }
            Some("content-length-range") => match (bytes(first), bytes(second)) {
                (Some(least), Some(most)) if least <= most => Ok(Self::FileBytes { least, most }),
                _ => Err(errors::form_policy(
                    "content-length-range: must be two numbers, the smaller first",
                )),
            },
            _ => Err(errors::form_policy(
                "condition: must begin with eq, starts-with or content-length-range",
            )),
        }
    }
}

/// UTC in the documented form, with or without a fraction. Inferred: other forms of ISO 8601 are
/// rejected.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    let shape: String = text
        .chars()
        .map(|character| if character.is_ascii_digit() { '0' } else { character })
        .collect();
    let rest = shape.strip_prefix("0000-00-00T00:00:00")?;
    let fraction = rest.strip_suffix('Z')?;
    let is_fraction = fraction.is_empty()
        || fraction
            .strip_prefix('.')
            .is_some_and(|digits| digits.bytes().all(|digit| digit == b'0'));
    is_fraction.then(|| text.parse().ok()).flatten()
}

/// Documented: the fields that may have a starts-with condition.
fn may_start(name: &str) -> bool {
    const FIELDS: [&str; 5] = ["acl", "cache-control", "expires", "key", "success_action_redirect"];
    FIELDS.contains(&name) || name.starts_with("content-") || name.starts_with("x-cos-meta-")
}

fn text(value: &Value) -> Result<String, CosError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        // The vendor's samples write success_action_status as a number.
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(errors::form_policy("condition: a value must be a text")),
    }
}

/// A number, or a text of digits.
fn bytes(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::PostPolicy;

    const SIGNED: &str = r#"{"q-sign-algorithm":"sha1"},{"q-ak":"a"},{"q-sign-time":"1;2"}"#;

    fn parse(conditions: &str) -> Result<PostPolicy, &'static str> {
        let text = format!(
            r#"{{"expiration":"2026-01-01T00:00:00.000Z","conditions":[{SIGNED}{conditions}]}}"#
        );
        PostPolicy::parse(&text).map_err(|error| error.code)
    }

    #[test]
    fn conditions_that_are_documented() {
        let policy = parse(
            r#",["eq","$key","k"],{"bucket":"b"},["starts-with","$Content-Type","image/"],["content-length-range",1,10],["content-length-range","2","20"]"#,
        );
        assert_eq!(policy.unwrap().file_bytes(), Some((2, 10)));
        assert_eq!(parse("").unwrap().file_bytes(), None);
    }

    #[test]
    fn what_is_not_documented_makes_a_policy_invalid() {
        for conditions in [
            r#",{}"#,
            r#",[]"#,
            r#","key""#,
            r#",["eq","key","k"]"#,
            r#",["eq","$key"]"#,
            r#",["eq","$key","k","l"]"#,
            r#",["eq","$key",["k"]]"#,
            r#",["ends-with","$key","k"]"#,
            r#",["EQ","$key","k"]"#,
            r#",["starts-with","$success_action_status","2"]"#,
            r#",["starts-with","$q-ak","a"]"#,
            r#",["starts-with","$x-cos-storage-class","S"]"#,
            r#",["content-length-range",10,1]"#,
            r#",["content-length-range",-1,1]"#,
            r#",["content-length-range","a","b"]"#,
        ] {
            assert_eq!(parse(conditions), Err("InvalidPolicyDocument"), "{conditions}");
        }
        let right = format!(r#"{{"expiration":"2026-01-01T00:00:00Z","conditions":[{SIGNED}]}}"#);
        assert!(PostPolicy::parse(&right).is_ok());
        for (from, to) in [
            (right.as_str(), ""),
            (&right, "[]"),
            (&right, "{}"),
            (r#""expiration":"2026-01-01T00:00:00Z","#, ""),
            (SIGNED, ""),
            ("00Z", "00z"),
            ("01T00", "01 00"),
            ("00Z", "00+08:00"),
            ("00Z", "00.Z"),
            ("2026-01", "2026-13"),
            ("2026-01-01T00:00:00Z", "tomorrow"),
            (r#"{"q-sign-algorithm":"sha1"},"#, ""),
            (r#"{"q-ak":"a"},"#, ""),
            (r#",{"q-sign-time":"1;2"}"#, ""),
            (r#""conditions""#, r#""more":1,"conditions""#),
        ] {
            assert!(right.contains(from), "{from}");
            let text = right.replacen(from, to, 1);
            let error = PostPolicy::parse(&text).map_err(|error| error.code);
            assert_eq!(error, Err("InvalidPolicyDocument"), "{text}");
        }
    }
}
