//! The Go SDK's two answers: API 3.0 and a CVM's. Its own transports have fixed addresses, so an
//! app reads ours with these types and hands them over as a `CredentialIface`.
//!
//! `tencentyun/cos-go-sdk-v5` cc9846d, `auth.go` 565-589 and 645-664 (`CredentialCompleteResult`),
//! 393-400 and 455-468 (`CVMSecurityCredentials`), 218-221 (without a SecretId a request is sent
//! unsigned).

use super::go_json::{Struct, parse};
use super::{Answered, Complaint, SessionKey};

/// `StsCredentialTransport`: `Response.Credentials`.
///
/// # Errors
/// As the source: see each step.
pub fn complete_result(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    if answer.status > 299 {
        let words = format!("sts StatusCode error: {}", answer.status);
        return Err(Complaint::new(words));
    }
    let failed = || Complaint::new("GetCredential failed");
    // An empty body is neither an error nor a result.
    if answer.text.is_empty() {
        return Err(failed());
    }
    let root = parse(answer.text)?;
    let response = Struct::of(&root)?.pointer("Response")?;
    let response = response.ok_or_else(failed)?;
    let expired_time = response.int("ExpiredTime")?;
    if let Some(error) = response.pointer("Error")? {
        return Err(Complaint::new(format!("Code: {}", error.string("Code")?)));
    }
    let credentials = response.pointer("Credentials")?.ok_or_else(failed)?;
    session_key(credentials, expired_time)
}

/// `CVMCredentialTransport`: flat, and `Code` must be `Success`.
///
/// # Errors
/// As the source: see each step.
pub fn cvm_security_credentials(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    if !(200..300).contains(&answer.status) {
        let words = format!("call cvm security-credentials failed, StatusCode: {}", answer.status);
        return Err(Complaint::new(words));
    }
    let root = parse(answer.text)?;
    let read = Struct::of(&root)?;
    let expired_time = read.int("ExpiredTime")?;
    read.string("Expiration")?;
    let code = read.string("Code")?;
    if code != "Success" {
        let words = format!("call cvm security-credentials failed, Code:{code}");
        return Err(Complaint::new(words));
    }
    session_key(read, expired_time)
}

fn session_key(credentials: Struct<'_>, expired_time: i64) -> Result<SessionKey, Complaint> {
    Ok(SessionKey {
        secret_id: Some(credentials.string("TmpSecretId")?),
        secret_key: Some(credentials.string("TmpSecretKey")?),
        token: Some(credentials.string("Token")?),
        start: None,
        expiry: Some(expired_time),
    })
}
