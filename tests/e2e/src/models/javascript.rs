//! Members in JavaScript: of nothing there is none, of anything else what is absent is undefined.

use serde_json::Value;

use super::Complaint;

/// `value.name`, `None` for undefined.
pub(crate) fn member<'v>(
    value: Option<&'v Value>,
    name: &str,
) -> Result<Option<&'v Value>, Complaint> {
    match value {
        None | Some(Value::Null) => {
            Err(Complaint::new(format!("TypeError: Cannot read property '{name}' of undefined")))
        }
        Some(value) => Ok(value.get(name)),
    }
}

/// `JSON.parse`.
pub(crate) fn parse(text: &str) -> Result<Value, Complaint> {
    serde_json::from_str(text).map_err(|_| Complaint::new("SyntaxError: JSON Parse error"))
}
