//! The Java SDK's `InstanceCredentialsFetcher` behind an `HttpCredentialsEndpointProvider`: any
//! URL, the flat answer of a CVM.
//!
//! `tencentyun/cos-java-sdk-v5` 499c86d, `src/main/java/com/qcloud/cos/auth/`:
//! `InstanceCredentialsFetcher.java` 12-56 (Jackson, upper camel case, unknown members ignored,
//! `Code` not looked at), `InstanceCredentialsUtils.java` 50-94, `BasicSessionCredentials.java`
//! 66-77, `InstanceProfileCredentials.java` 34-37. Jackson turns a number into text and back unless
//! configured otherwise (`ALLOW_COERCION_OF_SCALARS`):
//! <https://github.com/FasterXML/jackson-databind/wiki/Mapper-Features>.

use serde_json::{Map, Value};

use super::{Answered, Complaint, SessionKey};

/// `InstanceCredentialsFetcher.fetch`.
///
/// # Errors
/// As the source: see each step. `null` is what `parse` returns for what it cannot read.
pub fn instance_credentials_fetcher(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    match answer.status {
        200 => {}
        404 => return Err(Complaint::new("The requested metadata is not found")),
        _ => return Err(service_exception(answer.text)),
    }
    let Ok(Value::Object(members)) = serde_json::from_str(answer.text) else {
        return Err(null());
    };
    let expired_time = long(members.get("ExpiredTime"))?;
    Ok(SessionKey {
        secret_id: Some(string(&members, "TmpSecretId", "Access key")?),
        secret_key: Some(string(&members, "TmpSecretKey", "Secret key")?),
        token: Some(string(&members, "Token", "Session Token")?),
        start: None,
        // Thirty seconds before its end it counts as expired.
        expiry: Some(expired_time.saturating_sub(30)),
    })
}

/// The only client that shows our error to its user: `code` and `message`, in lower case.
fn service_exception(text: &str) -> Complaint {
    let body: Value = serde_json::from_str(text).unwrap_or_default();
    let told = |name| body.get(name).map(as_text).unwrap_or_default();
    Complaint::new(format!("{}: {}", told("code"), told("message")))
}

/// A member that must not be null.
fn string(members: &Map<String, Value>, name: &str, shown: &str) -> Result<String, Complaint> {
    match members.get(name) {
        None | Some(Value::Null) => Err(Complaint::new(format!("{shown} cannot be null."))),
        Some(Value::Object(_) | Value::Array(_)) => Err(null()),
        Some(value) => Ok(as_text(value)),
    }
}

/// Absent or null is 0, a text is read.
fn long(value: Option<&Value>) -> Result<i64, Complaint> {
    match value {
        None | Some(Value::Null) => Ok(0),
        Some(Value::Number(number)) => number.as_i64().ok_or_else(null),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(0),
        Some(Value::String(text)) => text.trim().parse().map_err(|_| null()),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => Err(null()),
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn null() -> Complaint {
    Complaint::new("Parse the instance credentials response failed.")
}
