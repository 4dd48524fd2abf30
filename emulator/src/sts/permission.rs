//! Whether an authenticated caller may call an action: its policies decide, as they do for COS.
//!
//! Documented: AssumeRole needs an identity policy that allows it on the role, in addition to the
//! role's trust (<https://www.tencentcloud.com/document/product/1150/49456>); without permission
//! the code is `UnauthorizedOperation`. Inferred: that GetFederationToken is allowed only on `*`;
//! that a role has both of its names. GetCallerIdentity needs only a key.

use tencent::cam::{AccessRequest, Context, Target};
use tencent::time::Timestamp;

use super::error::StsError;
use crate::account::{Directory, Identity, Role};

/// May `caller` ask for a federation token?
pub(crate) fn federation_token(
    caller: &Identity,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), StsError> {
    let access = access("name/sts:GetFederationToken", Target::Service, caller, directory, now);
    decide(caller, "*", &[access])
}

/// May `caller` assume `role`?
pub(crate) fn assume_role(
    caller: &Identity,
    role: &Role,
    directory: &Directory,
    now: Timestamp,
) -> Result<(), StsError> {
    let names = [format!("roleName/{}", role.name), format!("role/{}", role.id)];
    let accesses = names.map(|name| {
        let target = Target::Role { owner_uin: directory.account.owner_uin.to_string(), name };
        access("name/sts:AssumeRole", target, caller, directory, now)
    });
    let resource = directory.account.role_arn(&role.name);
    decide(caller, &resource, &accesses)
}

/// One of `accesses`, which all mean the same, has to be allowed, and none denied by a statement.
fn decide(caller: &Identity, resource: &str, accesses: &[AccessRequest]) -> Result<(), StsError> {
    let verdicts: Vec<_> = accesses.iter().map(|access| (access, caller.decide(access))).collect();
    let denied = verdicts.iter().find(|(_, verdict)| verdict.is_denied_by_statement());
    let is_allowed = verdicts.iter().any(|(_, verdict)| verdict.is_allowed());
    match denied.or_else(|| verdicts.first()) {
        Some((access, verdict)) if denied.is_some() || !is_allowed => {
            Err(StsError::no_permission(&access.action, resource, &verdict.to_string()))
        }
        Some(_) => Ok(()),
        None => Err(StsError::internal()),
    }
}

fn access(
    action: &str,
    target: Target,
    caller: &Identity,
    directory: &Directory,
    now: Timestamp,
) -> AccessRequest {
    let account = &directory.account;
    AccessRequest {
        account: account.of_policies(),
        action: action.to_owned(),
        target,
        context: Context::new()
            .with("qcs:current_time", &now.iso_8601())
            .with("qcs:uin", &caller.uin(account).to_string())
            .with("qcs:owner_uin", &account.owner_uin.to_string()),
    }
}
