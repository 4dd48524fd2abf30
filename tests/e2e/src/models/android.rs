//! The Android SDK's two parsers, and the provider of its transfer demo.
//!
//! `tencentyun/qcloud-sdk-android` 252230a,
//! `QCloudFoundation/foundation/src/main/java/com/tencent/qcloud/core/auth/`:
//! `SessionCredentialProvider.java` 133-195, `SessionQCloudCredentials.java` 48-73,
//! `BasicLifecycleCredentialProvider.java` 69-79, `STSScopeLimitCredentialProvider.java` 62-91 (the
//! same parser). The demo: `tencentyun/qcloud-sdk-android-samples` aa61acd,
//! `COSTransferPractice/app/src/main/java/com/tencent/qcloud/costransferpractice/MySessionCredentialProvider.java`
//! 62-87.

use super::org_json::{self, JsonObject, opt_long, opt_object, opt_string};
use super::{Answered, Complaint, SessionKey};

/// `SessionCredentialProvider` as it is without a word (STS 2.0), and
/// `STSScopeLimitCredentialProvider`.
///
/// # Errors
/// As the source: see each step.
pub fn session_credential_provider(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    successful(answer)?;
    let root = org_json::parse(answer.text)
        .map_err(|fault| Complaint::new(format!("parse sts2.0 session json fails: {fault}")))?;
    // Where there is a `data`, nothing else is looked at, not even `code`.
    let data = opt_object(&root, "data").unwrap_or(&root);
    let Some(credentials) = opt_object(data, "credentials") else {
        return Err(if opt_long(data, "code") > 0 {
            get_credentials_error()
        } else {
            content_is_null()
        });
    };
    let start = Some(opt_long(data, "startTime")).filter(|start| *start > 0);
    session(
        [
            opt_string(credentials, "tmpSecretId"),
            opt_string(credentials, "tmpSecretKey"),
            opt_string(credentials, "sessionToken"),
        ],
        start,
        opt_long(data, "expiredTime"),
        answer.now,
    )
}

/// `SessionCredentialProvider` with `StsVersion.VERSION_3`.
///
/// # Errors
/// As the source: see each step.
pub fn sts_3(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    successful(answer)?;
    let root = org_json::parse(answer.text)
        .map_err(|fault| Complaint::new(format!("parse sts3.0 session json fails: {fault}")))?;
    let data = opt_object(&root, "Response").unwrap_or(&root);
    let Some(credentials) = opt_object(data, "Credentials") else {
        return Err(match opt_object(data, "Error") {
            Some(_) => get_credentials_error(),
            None => content_is_null(),
        });
    };
    session(
        [
            opt_string(credentials, "TmpSecretId"),
            opt_string(credentials, "TmpSecretKey"),
            opt_string(credentials, "Token"),
        ],
        None,
        opt_long(data, "ExpiredTime"),
        answer.now,
    )
}

/// `MySessionCredentialProvider` of the transfer demo: only the root, and every member required.
///
/// # Errors
/// As the source: see each step.
pub fn transfer_demo(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    if !(200..300).contains(&answer.status) {
        return Err(Complaint::new("Unexpected code"));
    }
    let root: JsonObject = org_json::parse(answer.text)?;
    let credentials = org_json::object(&root, "credentials")?;
    session(
        [
            org_json::string(credentials, "tmpSecretId")?,
            org_json::string(credentials, "tmpSecretKey")?,
            org_json::string(credentials, "sessionToken")?,
        ],
        Some(org_json::long(&root, "startTime")?),
        org_json::long(&root, "expiredTime")?,
        answer.now,
    )
}

/// The body of any other status is not read.
fn successful(answer: &Answered<'_>) -> Result<(), Complaint> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    Err(Complaint::new("fetch new credentials error"))
}

/// The constructor. It takes empty texts; without a start, the device's clock is one.
fn session(
    [secret_id, secret_key, token]: [String; 3],
    start: Option<i64>,
    expiry: i64,
    now: i64,
) -> Result<SessionKey, Complaint> {
    if start.unwrap_or(now) >= expiry {
        return Err(Complaint::new(
            "fetch credentials error happens: beginTime must be less than expiredTime.",
        ));
    }
    Ok(SessionKey {
        secret_id: Some(secret_id),
        secret_key: Some(secret_key),
        token: Some(token),
        start,
        expiry: Some(expiry),
    })
}

/// The source adds the whole answer to it.
fn get_credentials_error() -> Complaint {
    Complaint::new("get credentials error")
}

fn content_is_null() -> Complaint {
    Complaint::new("fetch credential response content is null")
}
