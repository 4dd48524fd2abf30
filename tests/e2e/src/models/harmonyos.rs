//! The HarmonyOS SDK's documents: the callback that they print.
//!
//! <https://cloud.tencent.com/document/product/436/112125>, `sessionCredential` and its class
//! `StsSessionQCloudCredentials`; the README of `@tencentcloud/cos` has the same. The root of the
//! answer, whatever the status; both times are multiplied by 1000 for a `Date`.

use serde_json::Value;

use super::javascript::{member, parse};
use super::{Answered, Complaint, SessionKey};

/// The documented callback.
///
/// # Errors
/// Where JavaScript throws. That happens inside another callback, so the SDK's promise is never
/// settled.
pub fn documented(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    let root = parse(answer.text)?;
    let credentials = member(Some(&root), "credentials")?;
    let text = |name| {
        let value = member(credentials, name)?;
        Ok(value.and_then(Value::as_str).map(str::to_owned))
    };
    Ok(SessionKey {
        secret_id: text("tmpSecretId")?,
        secret_key: text("tmpSecretKey")?,
        token: text("sessionToken")?,
        start: date(member(Some(&root), "startTime")?),
        // What is not to be multiplied makes an invalid date, which no time is before.
        expiry: Some(date(member(Some(&root), "expiredTime")?).unwrap_or(0)),
    })
}

/// `new Date(seconds * 1000)`, in seconds; a text is multiplied too.
fn date(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null => Some(0),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
