//! What the actions that issue a key share: the role, the duration, the answer.

use std::sync::Arc;

use serde_json::{Value, json};
use tencent::time::Timestamp;

use super::error::StsError;
use super::parameters::Parameters;
use crate::account::{Directory, Identity, Role};

/// The default of roles.
pub(crate) const ROLE_SECONDS: u64 = 7200;
pub(super) const MAX_ROLE_SECONDS: u64 = 43_200;

pub(super) fn duration(
    parameters: &Parameters,
    default: u64,
    maximum: u64,
) -> Result<u32, StsError> {
    let seconds = parameters.integer("DurationSeconds")?.unwrap_or(default);
    match u32::try_from(seconds) {
        Ok(0) => Err(StsError::parameter("DurationSeconds")),
        Ok(fits) if seconds <= maximum => Ok(fits),
        _ => Err(StsError::over_time()),
    }
}

/// `qcs::cam::uin/<owner>:roleName/<name>`, `…:role/<id>`, and both forms of service roles.
pub(super) fn role<'a>(
    role_arn: &str,
    directory: &'a Directory,
) -> Result<&'a Arc<Role>, StsError> {
    let bad = || StsError::parameter("RoleArn");
    let rest = role_arn.strip_prefix("qcs::cam::uin/").ok_or_else(bad)?;
    let (uin, path) = rest.split_once(':').ok_or_else(bad)?;
    if uin != directory.account.owner_uin.to_string() {
        return Err(StsError::role_not_exist());
    }
    let path = path.strip_prefix("role/tencentcloudServiceRoleName/").map_or_else(
        || path.replace("role/tencentcloudServiceRole/", "role/"),
        |name| format!("roleName/{name}"),
    );
    let (kind, name) = path.split_once('/').ok_or_else(bad)?;
    let found = directory.roles.iter().find(|role| match kind {
        "roleName" => role.name == name,
        "role" => role.id.to_string() == name,
        _ => false,
    });
    match kind {
        "role" | "roleName" if !name.is_empty() => found.ok_or_else(StsError::role_not_exist),
        _ => Err(bad()),
    }
}

/// 2 to 128 letters, digits and `also`.
pub(super) fn is_name(text: &str, also: &str) -> bool {
    (2..=128).contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || also.contains(letter))
}

pub(super) fn issue(
    directory: &Directory,
    identity: Identity,
    seconds: u32,
    now: Timestamp,
) -> Result<Value, StsError> {
    let expires = now.plus_seconds(seconds);
    // Fails only when the file of secrets cannot be written.
    let issued = directory.issue(identity, expires).map_err(|_| StsError::internal())?;
    Ok(json!({
        "Credentials": {
            "Token": issued.token,
            "TmpSecretId": issued.secret_id,
            "TmpSecretKey": issued.secret_key,
        },
        "ExpiredTime": expires.unix_seconds(),
        "Expiration": expires.iso_8601(),
    }))
}
