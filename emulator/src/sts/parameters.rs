//! The parameters of one call, whether they came as JSON or flat (query, form).
//!
//! # Guarantees
//! An empty string counts as absent, as the official SDKs send it for what they leave unset;
//! unknown parameters are kept but ignored, as the official .NET SDK sends one. A name occurs once
//! (ours: it is not known which one the service takes).

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::error::StsError;
use super::policy::once::Once;

pub(crate) struct Parameters {
    members: Map<String, Value>,
    /// The names and values as they came, for the string to sign of v1; empty for JSON.
    pub(crate) flat: Vec<(String, String)>,
}

impl Parameters {
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, StsError> {
        let body = if body.is_empty() { b"{}" } else { body };
        let Ok(Once(Value::Object(members))) = serde_json::from_slice(body) else {
            return Err(StsError::new(
                "InvalidParameter",
                "The request body is not a JSON object with each member once.",
            ));
        };
        Ok(Self { members, flat: Vec::new() })
    }

    pub(crate) fn from_flat(text: &str) -> Result<Self, StsError> {
        let mut flat = Vec::new();
        let mut members = Map::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            let known = members.insert(name.clone(), Value::String(value.clone()));
            if known.is_some() {
                return Err(StsError::invalid_request("a parameter occurs twice"));
            }
            flat.push((name, value));
        }
        Ok(Self { members, flat })
    }

    /// A string, or `None` when it is absent or empty.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, StsError> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(StsError::wrong_type(name)),
        }
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<&str, StsError> {
        self.text(name)?.ok_or_else(|| StsError::missing_parameter(name))
    }

    /// An unsigned integer: a number in JSON, digits in a query or form.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<u64>, StsError> {
        match self.members.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => {
                number.as_u64().map(Some).ok_or_else(|| StsError::wrong_type(name))
            }
            Some(Value::String(text)) if !self.flat.is_empty() => match text.as_str() {
                "" => Ok(None),
                digits => digits.parse().map(Some).map_err(|_| StsError::wrong_type(name)),
            },
            Some(_) => Err(StsError::wrong_type(name)),
        }
    }

    /// The pairs of `Tags`, in either form.
    pub(crate) fn tags(&self) -> Result<Vec<(String, String)>, StsError> {
        if let Some(tags) = self.members.get("Tags") {
            let tags = tags.as_array().ok_or_else(|| StsError::wrong_type("Tags"))?;
            return tags
                .iter()
                .map(|tag| {
                    let member = |name| tag.get(name).and_then(Value::as_str).map(str::to_owned);
                    member("Key")
                        .zip(member("Value"))
                        .ok_or_else(|| StsError::missing_parameter("Tags.Key"))
                })
                .collect();
        }
        self.flat
            .iter()
            .filter_map(|(name, key)| {
                let index = name.strip_prefix("Tags.")?.strip_suffix(".Key")?;
                Some((index, key))
            })
            .map(|(index, key)| {
                let value = self.text(&format!("Tags.{index}.Value"))?;
                Ok((key.clone(), value.unwrap_or_default().to_owned()))
            })
            .collect()
    }
}

/// One percent-decoding, `+` as a space; `None` when the outcome is not UTF-8.
pub(crate) fn decode_once(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

fn decoded(text: &str) -> Result<String, StsError> {
    decode_once(text).ok_or_else(|| StsError::invalid_request("a parameter is not UTF-8"))
}
