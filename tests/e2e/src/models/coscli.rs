//! coscli in its CVM role mode: the flat answer, from a fixed address that no setting changes.
//!
//! `tencentyun/coscli` 78f27ce, `util/cam_auth.go` 12-74. It does not look at the status.

use super::go_json::{Struct, parse};
use super::{Answered, Complaint, SessionKey};

/// `CamAuth`.
///
/// # Errors
/// As the source: see each step.
pub fn cam_auth(answer: &Answered<'_>) -> Result<SessionKey, Complaint> {
    let auth_error =
        |fault: Complaint| Complaint::new(format!("Get cam auth error : auth error[{fault}]"));
    let root = parse(answer.text).map_err(auth_error)?;
    let data = Struct::of(&root).map_err(auth_error)?;
    let text = |name| data.string(name).map_err(auth_error);
    let expired_time = data.int("ExpiredTime").map_err(auth_error)?;
    text("Expiration")?;
    if text("Code")? != "Success" {
        return Err(Complaint::new("Get cam auth error : response error"));
    }
    Ok(SessionKey {
        secret_id: Some(text("TmpSecretId")?),
        secret_key: Some(text("TmpSecretKey")?),
        token: Some(text("Token")?),
        start: None,
        expiry: Some(expired_time),
    })
}
