//! Android's `org.json`: `opt…` never throws and falls back, `get…` throws, and both turn text into
//! numbers and back.
//!
//! <https://cs.android.com/android/platform/superproject/main/+/main:libcore/json/src/main/java/org/json/JSON.java>,
//! `toLong` and `toString`; `JSONObject.java`, `get`, `getString`, `optString`.
//!
//! # Not covered
//!
//! Its leniency towards bad JSON.

use serde_json::{Map, Value};

use super::Complaint;

pub(crate) type JsonObject = Map<String, Value>;

/// `new JSONObject(text)`: anything but an object is an exception.
pub(crate) fn parse(text: &str) -> Result<JsonObject, Complaint> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(Complaint::new("cannot be converted to JSONObject")),
    }
}

pub(crate) fn opt_object<'o>(object: &'o JsonObject, name: &str) -> Option<&'o JsonObject> {
    object.get(name)?.as_object()
}

/// `""` when it is absent. A JSON null becomes the text `null`.
pub(crate) fn opt_string(object: &JsonObject, name: &str) -> String {
    object.get(name).map(text_of).unwrap_or_default()
}

/// 0 when it is absent or no number.
pub(crate) fn opt_long(object: &JsonObject, name: &str) -> i64 {
    object.get(name).and_then(long_of).unwrap_or_default()
}

pub(crate) fn object<'o>(object: &'o JsonObject, name: &str) -> Result<&'o JsonObject, Complaint> {
    let value = present(object, name)?;
    value.as_object().ok_or_else(|| mismatch(name, "JSONObject"))
}

pub(crate) fn string(object: &JsonObject, name: &str) -> Result<String, Complaint> {
    present(object, name).map(text_of)
}

pub(crate) fn long(object: &JsonObject, name: &str) -> Result<i64, Complaint> {
    long_of(present(object, name)?).ok_or_else(|| mismatch(name, "long"))
}

fn present<'o>(object: &'o JsonObject, name: &str) -> Result<&'o Value, Complaint> {
    object.get(name).ok_or_else(|| Complaint::new(format!("No value for {name}")))
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text is read as a decimal number and cut off behind the point.
fn long_of(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    text.split('.').next()?.parse().ok()
}

fn mismatch(name: &str, wanted: &str) -> Complaint {
    Complaint::new(format!("Value at {name} cannot be converted to {wanted}"))
}
