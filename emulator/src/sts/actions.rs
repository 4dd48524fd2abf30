//! GetFederationToken, AssumeRole, GetCallerIdentity: the parameters of an authenticated call, and
//! its response.
//!
//! Documented: required parameters, defaults and maxima. Inferred: which code answers a value out
//! of its form (`InvalidParameter.ParamError`), a duration above the role's own maximum
//! (`OverTimeError`), an untrusted caller, and that permission is asked last.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use tencent::time::Timestamp;

use super::error::StsError;
use super::parameters::Parameters;
use super::request::Inbound;
use super::{permission, policy};
use crate::account::{Directory, Identity, Key, Permanent, Role};

/// The default of GetFederationToken.
pub(crate) const FEDERATION_SECONDS: u64 = 1800;
/// The default of AssumeRole.
pub(crate) const ROLE_SECONDS: u64 = 7200;

const VERSION: &str = "2018-08-13";
const MAX_ROLE_SECONDS: u64 = 43_200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    AssumeRole,
    GetCallerIdentity,
    GetFederationToken,
}

impl Action {
    pub(crate) fn parse(unverified: &Inbound) -> Result<Self, StsError> {
        let required =
            |name| unverified.common(name)?.ok_or_else(|| StsError::missing_parameter(name));
        let action = match required("Action")? {
            "AssumeRole" => Self::AssumeRole,
            "GetCallerIdentity" => Self::GetCallerIdentity,
            "GetFederationToken" => Self::GetFederationToken,
            other => return Err(StsError::invalid_action(other)),
        };
        match required("Version")? {
            VERSION => Ok(action),
            other => Err(StsError::no_such_version(other)),
        }
    }

    pub(crate) fn run(
        self,
        caller: &Key,
        parameters: &Parameters,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Value, StsError> {
        match self {
            Self::AssumeRole => assume_role(caller, parameters, directory, now),
            Self::GetCallerIdentity => Ok(caller_identity(caller, directory)),
            Self::GetFederationToken => federation_token(caller, parameters, directory, now),
        }
    }
}

fn federation_token(
    caller: &Key,
    parameters: &Parameters,
    directory: &Directory,
    now: Timestamp,
) -> Result<Value, StsError> {
    let Identity::Permanent(owner) = &caller.identity else {
        return Err(StsError::temporary_key_not_allowed());
    };
    let name = parameters.required_text("Name")?;
    let policy = parameters.required_text("Policy")?;
    let maximum = match owner {
        Permanent::Root => 7_200,
        Permanent::User(_) => 129_600,
    };
    let seconds = duration(parameters, FEDERATION_SECONDS, maximum)?;
    let policy = policy::check(policy, &directory.account)?;
    permission::federation_token(&caller.identity, directory, now)?;
    let identity = Identity::Federation { name: name.to_owned(), caller: owner.clone(), policy };
    issue(directory, identity, seconds, now)
}

fn assume_role(
    caller: &Key,
    parameters: &Parameters,
    directory: &Directory,
    now: Timestamp,
) -> Result<Value, StsError> {
    let role_arn = parameters.required_text("RoleArn")?;
    let session_name = parameters.required_text("RoleSessionName")?;
    if !name_like(session_name, "+=,.@_-") {
        return Err(StsError::parameter("RoleSessionName"));
    }
    let external_id = parameters.text("ExternalId")?;
    if external_id.is_some_and(|external_id| !name_like(external_id, "+=,.@:/-_")) {
        return Err(StsError::parameter("ExternalId"));
    }
    check_tags(&parameters.tags()?)?;
    let role = role(role_arn, directory)?;
    if !role.trusts(&caller.identity, directory.account.owner_uin) {
        return Err(StsError::unauthorized("the role does not trust the caller"));
    }
    if role.external_id.is_some() && role.external_id.as_deref() != external_id {
        return Err(StsError::unauthorized("the ExternalId is not the role's"));
    }
    let maximum = MAX_ROLE_SECONDS.min(role.max_session_seconds.into());
    let seconds = duration(parameters, ROLE_SECONDS.min(maximum), maximum)?;
    let policy = parameters
        .text("Policy")?
        .map(|policy| policy::check(policy, &directory.account))
        .transpose()?;
    permission::assume_role(&caller.identity, role, directory, now)?;
    let identity = Identity::RoleSession {
        role: Arc::clone(role),
        session_name: session_name.to_owned(),
        caller_uin: caller.identity.uin(&directory.account),
        policy,
    };
    issue(directory, identity, seconds, now)
}

fn caller_identity(caller: &Key, directory: &Directory) -> Value {
    let owner = directory.account.owner_uin;
    let uin = caller.identity.uin(&directory.account);
    let (kind, user_id, arn) = match &caller.identity {
        Identity::Permanent(_) => {
            ("CAMUser", uin.to_string(), format!("qcs::cam:{owner}:uin/{uin}"))
        }
        Identity::Federation { name, .. } => {
            ("CAMUser", format!("{uin}:{name}"), format!("qcs::sts:{owner}:federated-user/{uin}"))
        }
        Identity::RoleSession { role, session_name, .. } => (
            "CAMRole",
            format!("{}:{session_name}", role.id),
            format!("qcs::sts:{owner}:assumed-role/{}", role.id),
        ),
    };
    json!({
        "Arn": arn,
        "AccountId": owner.to_string(),
        "UserId": user_id,
        "PrincipalId": uin.to_string(),
        "Type": kind,
    })
}

fn duration(parameters: &Parameters, default: u64, maximum: u64) -> Result<u32, StsError> {
    let seconds = parameters.integer("DurationSeconds")?.unwrap_or(default);
    match u32::try_from(seconds) {
        Ok(0) => Err(StsError::parameter("DurationSeconds")),
        Ok(fits) if seconds <= maximum => Ok(fits),
        _ => Err(StsError::over_time()),
    }
}

/// `qcs::cam::uin/<owner>:roleName/<name>`, `…:role/<id>`, and both forms of service roles.
fn role<'a>(role_arn: &str, directory: &'a Directory) -> Result<&'a Arc<Role>, StsError> {
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
fn name_like(text: &str, also: &str) -> bool {
    (2..=128).contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || also.contains(letter))
}

fn check_tags(tags: &[(String, String)]) -> Result<(), StsError> {
    let keys: HashSet<&String> = tags.iter().map(|(key, _)| key).collect();
    let fits = |(key, value): &(String, String)| key.len() <= 128 && value.len() <= 256;
    if tags.len() > 50 || keys.len() < tags.len() || !tags.iter().all(fits) {
        return Err(StsError::parameter("Tags"));
    }
    Ok(())
}

fn issue(
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
