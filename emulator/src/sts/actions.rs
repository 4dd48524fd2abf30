//! GetFederationToken, AssumeRole, GetCallerIdentity: the parameters of an authenticated call, and
//! its response. AssumeRoleWithWebIdentity is in `web_identity`.
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
use super::session::{MAX_ROLE_SECONDS, ROLE_SECONDS, duration, is_name, issue, role};
use super::{permission, policy, web_identity};
use crate::account::{Directory, Identity, Key, Permanent};

/// The default of GetFederationToken.
pub(crate) const FEDERATION_SECONDS: u64 = 1800;

const VERSION: &str = "2018-08-13";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    AssumeRole,
    AssumeRoleWithWebIdentity,
    GetCallerIdentity,
    GetFederationToken,
}

impl Action {
    pub(crate) fn parse(unverified: &Inbound) -> Result<Self, StsError> {
        let required =
            |name| unverified.common(name)?.ok_or_else(|| StsError::missing_parameter(name));
        let action = match required("Action")? {
            "AssumeRole" => Self::AssumeRole,
            "AssumeRoleWithWebIdentity" => Self::AssumeRoleWithWebIdentity,
            "GetCallerIdentity" => Self::GetCallerIdentity,
            "GetFederationToken" => Self::GetFederationToken,
            other => return Err(StsError::invalid_action(other)),
        };
        match required("Version")? {
            VERSION => Ok(action),
            other => Err(StsError::no_such_version(other)),
        }
    }

    /// Runs it for the caller that `verify` authenticates, or `unsigned` lets in. `count` counts
    /// the call, or refuses it.
    pub(crate) fn run(
        self,
        unsigned: impl FnOnce() -> Result<(), StsError>,
        verify: impl FnOnce() -> Result<Arc<Key>, StsError>,
        count: impl FnOnce() -> Result<(), StsError>,
        parameters: &Parameters,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Value, StsError> {
        let caller = match self {
            Self::AssumeRoleWithWebIdentity => unsigned().map(|()| None)?,
            Self::AssumeRole | Self::GetCallerIdentity | Self::GetFederationToken => {
                Some(verify()?)
            }
        };
        count()?;
        match (self, caller.as_deref()) {
            (Self::AssumeRole, Some(caller)) => assume_role(caller, parameters, directory, now),
            (Self::GetCallerIdentity, Some(caller)) => Ok(caller_identity(caller, directory)),
            (Self::GetFederationToken, Some(caller)) => {
                federation_token(caller, parameters, directory, now)
            }
            (_, _) => web_identity::assume_role(parameters, directory, now),
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
    if !is_name(session_name, "+=,.@_-") {
        return Err(StsError::parameter("RoleSessionName"));
    }
    let external_id = parameters.text("ExternalId")?;
    if external_id.is_some_and(|external_id| !is_name(external_id, "+=,.@:/-_")) {
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

fn check_tags(tags: &[(String, String)]) -> Result<(), StsError> {
    let keys: HashSet<&String> = tags.iter().map(|(key, _)| key).collect();
    let fits = |(key, value): &(String, String)| key.len() <= 128 && value.len() <= 256;
    if tags.len() > 50 || keys.len() < tags.len() || !tags.iter().all(fits) {
        return Err(StsError::parameter("Tags"));
    }
    Ok(())
}
