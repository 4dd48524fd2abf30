//! The Flutter plugin's example: the root of the answer, in Dart's types.
//!
//! `TencentCloud/cos-sdk-flutter-plugin` 284de55, `example/lib/cos/fetch_credentials.dart` 26-48
//! and 66-87 (the same reading for scopes), `lib/pigeon.dart` 190-207 (`String`, `int?` and `int`).
//! Whatever goes wrong, and any status but 200, becomes an `ArgumentError`.

use serde_json::Value;

use super::{Answered, Complaint, SessionKey};

/// `FetchCredentials` and `FetchScopeLimitCredentials`.
///
/// # Errors
/// `Invalid argument(s)` for every error; the text after the colon is printed only in debug mode.
pub fn fetch_credentials(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    if answer.status != 200 {
        return Err(argument_error("the status is not 200"));
    }
    let data: Value = serde_json::from_str(answer.text)
        .map_err(|_| argument_error("FormatException: Unexpected character"))?;
    let credentials = index(&data, "credentials")?;
    Ok(SessionKey {
        secret_id: Some(string(index(credentials, "tmpSecretId")?)?),
        secret_key: Some(string(index(credentials, "tmpSecretKey")?)?),
        token: Some(string(index(credentials, "sessionToken")?)?),
        start: match index(&data, "startTime")? {
            Value::Null => None,
            start => Some(int(start)?),
        },
        expiry: Some(int(index(&data, "expiredTime")?)?),
    })
}

/// `[]` of a map; what is absent is null, and null has no `[]`.
fn index<'v>(value: &'v Value, name: &str) -> Result<&'v Value, Complaint> {
    match value {
        Value::Object(members) => Ok(members.get(name).unwrap_or(&Value::Null)),
        Value::Null => Err(argument_error("NoSuchMethodError: '[]' was called on null")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(argument_error("TypeError: no member of that name"))
        }
    }
}

fn string(value: &Value) -> Result<String, Complaint> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| argument_error("TypeError: not a subtype of type 'String'"))
}

fn int(value: &Value) -> Result<i64, Complaint> {
    value.as_i64().ok_or_else(|| argument_error("TypeError: not a subtype of type 'int'"))
}

fn argument_error(cause: &str) -> Complaint {
    Complaint::new(format!("Invalid argument(s): {cause}"))
}
