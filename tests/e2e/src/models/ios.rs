//! The two ways in which the vendor's iOS samples read an answer; the SDK itself has no parser.
//!
//! The documents: <https://www.tencentcloud.com/document/product/436/30618>, whose code makes a
//! date "since now" of the end. The scope sample: `tencentyun/qcloud-sdk-ios-samples` e033ee9,
//! `QCloudCOSXMLDemo/QCloudCOSXMLDemoTests/QCloudSTSPolicyTests.m` 36-57.
//! `tencentyun/qcloud-sdk-ios` 512e640,
//! `QCloudCore/Classes/Base/QCloudClientBase/Authentation/QCloudCredential.m` 16-28 is when a key
//! counts as valid.
//!
//! Foundation: a member of nil is nil, and nil is 0; `integerValue` of a text is the number it
//! begins with; NSNull knows neither.

use serde_json::Value;

use super::{Answered, Complaint, SessionKey};

/// The sample of the documents: status 200, `data.credentials`, `data.startTime`,
/// `data.expiredTime`.
///
/// # Errors
/// On any other status, and where Foundation raises.
pub fn documented(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    if answer.status != 200 {
        return Err(Complaint::new("the status is not 200"));
    }
    let root = dictionary(answer.text);
    let data = member(root.as_ref(), "data")?;
    let mut key = session(data)?;
    // What is a point in time is taken for a number of seconds from now.
    key.expiry = key.expiry.map(|expiry| expiry.saturating_add(answer.now));
    Ok(key)
}

/// The sample that posts scopes: the root, whatever the status.
///
/// # Errors
/// Where Foundation raises.
pub fn scope_sample(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    let root = dictionary(answer.text);
    session(root.as_ref())
}

fn session(object: Option<&Value>) -> Result<SessionKey, Complaint> {
    let credentials = member(object, "credentials")?;
    let text = |name| {
        let value = member(credentials, name)?;
        Ok(value.and_then(Value::as_str).map(str::to_owned))
    };
    Ok(SessionKey {
        secret_id: text("tmpSecretId")?,
        secret_key: text("tmpSecretKey")?,
        token: text("sessionToken")?,
        start: Some(integer(member(object, "startTime")?)?),
        expiry: Some(integer(member(object, "expiredTime")?)?),
    })
}

/// What is not JSON is nil.
fn dictionary(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn member<'v>(object: Option<&'v Value>, name: &str) -> Result<Option<&'v Value>, Complaint> {
    match object {
        None => Ok(None),
        Some(Value::Object(members)) => Ok(members.get(name)),
        Some(_) => Err(unrecognised("objectForKeyedSubscript:")),
    }
}

fn integer(value: Option<&Value>) -> Result<i64, Complaint> {
    match value {
        None => Ok(0),
        Some(Value::Number(number)) => Ok(number.as_i64().unwrap_or_default()),
        Some(Value::String(text)) => {
            let digits = text.chars().take_while(char::is_ascii_digit);
            Ok(digits.collect::<String>().parse().unwrap_or_default())
        }
        Some(Value::Bool(is)) => Ok(i64::from(*is)),
        Some(Value::Null | Value::Array(_) | Value::Object(_)) => Err(unrecognised("integerValue")),
    }
}

fn unrecognised(selector: &str) -> Complaint {
    Complaint::new(format!("unrecognized selector sent to instance: {selector}"))
}
