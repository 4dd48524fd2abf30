//! The React Native plugin: its README's callback, then what each platform makes of the object that
//! the callback returns.
//!
//! `TencentCloud/cos-sdk-react-native-plugin` 0a713ea, `README.md` 52-78 and 92-127 (the same
//! reading for scopes); `android/src/main/java/com/cosreactnative/QCloudCosReactNativeModule.java`
//! 178-206; `ios/QCloudCosReactNative.mm` 1611-1640. That an undefined member does not cross the
//! bridge is inferred.

use serde_json::Value;

use super::javascript::{member, parse};
use super::{Answered, Complaint, SessionKey};

/// On Android: texts and numbers by their types.
///
/// # Errors
/// As the source: see each step.
pub fn on_android(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    let read = Read::callback(answer.text)?;
    let start = match &read.start_time {
        None => None,
        start => Some(double(start.as_ref(), "startTime")?),
    };
    let expiry = double(read.expired_time.as_ref(), "expiredTime")?;
    let key = SessionKey {
        secret_id: Some(text(read.tmp_secret_id.as_ref(), "secretId")?),
        secret_key: Some(text(read.tmp_secret_key.as_ref(), "secretKey")?),
        token: Some(text(read.session_token.as_ref(), "token")?),
        start,
        expiry: Some(expiry),
    };
    if start.unwrap_or(answer.now) >= expiry {
        return Err(Complaint::new("beginTime must be less than expiredTime."));
    }
    Ok(key)
}

/// On iOS: what is there is taken; a text is a number there.
///
/// # Errors
/// Only in the callback, or where Foundation raises.
pub fn on_ios(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    let read = Read::callback(answer.text)?;
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    Ok(SessionKey {
        secret_id: text(read.tmp_secret_id),
        secret_key: text(read.tmp_secret_key),
        token: text(read.session_token),
        start: read.start_time.as_ref().map(double_value).transpose()?,
        expiry: read.expired_time.as_ref().map(double_value).transpose()?,
    })
}

/// What the callback returns. It does not look at the status.
struct Read {
    tmp_secret_id: Option<Value>,
    tmp_secret_key: Option<Value>,
    session_token: Option<Value>,
    start_time: Option<Value>,
    expired_time: Option<Value>,
}

impl Read {
    fn callback(text: &str) -> Result<Self, Complaint> {
        let root = parse(text)?;
        let credentials = member(Some(&root), "credentials")?;
        let of = |value, name| Ok(member(value, name)?.cloned());
        Ok(Self {
            tmp_secret_id: of(credentials, "tmpSecretId")?,
            tmp_secret_key: of(credentials, "tmpSecretKey")?,
            session_token: of(credentials, "sessionToken")?,
            start_time: of(Some(&root), "startTime")?,
            expired_time: of(Some(&root), "expiredTime")?,
        })
    }
}

/// `ReadableMap.getString`, and the constructor that takes no null.
fn text(value: Option<&Value>, name: &str) -> Result<String, Complaint> {
    match value {
        Some(Value::String(text)) => Ok(text.clone()),
        None | Some(Value::Null) => Err(Complaint::new(format!("{name} cannot be null."))),
        Some(_) => Err(Complaint::new("ClassCastException: cannot be cast to java.lang.String")),
    }
}

/// `ReadableMap.getDouble`.
fn double(value: Option<&Value>, name: &str) -> Result<i64, Complaint> {
    match value {
        Some(Value::Number(number)) => Ok(number.as_i64().unwrap_or_default()),
        None => Err(Complaint::new(format!("NoSuchKeyException: {name}"))),
        Some(_) => Err(Complaint::new("ClassCastException: cannot be cast to java.lang.Double")),
    }
}

/// `doubleValue` of a number or a text.
fn double_value(value: &Value) -> Result<i64, Complaint> {
    match value {
        Value::Number(number) => Ok(number.as_i64().unwrap_or_default()),
        Value::String(text) => Ok(text.parse().unwrap_or_default()),
        Value::Bool(is) => Ok(i64::from(*is)),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(Complaint::new("unrecognized selector sent to instance: doubleValue"))
        }
    }
}
