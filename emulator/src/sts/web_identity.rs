//! AssumeRoleWithWebIdentity, which no key signs: the token of an OIDC provider is the proof.
//!
//! Documented: the parameters, that there is no `Policy` among them, `Authorization: SKIP`
//! (<https://www.tencentcloud.com/document/product/1150/49454>), `WebIdentityTokenError` for a
//! wrong token. Inferred: the code of a provider that is not known, the order of the checks, that a
//! role with a trusted provider may name subjects.

use std::sync::Arc;

use serde_json::Value;
use tencent::time::Timestamp;

use super::error::StsError;
use super::parameters::Parameters;
use super::session::{MAX_ROLE_SECONDS, ROLE_SECONDS, duration, is_name, issue, role};
use crate::account::{Directory, Identity, Trust};

pub(super) fn assume_role(
    parameters: &Parameters,
    directory: &Directory,
    now: Timestamp,
) -> Result<Value, StsError> {
    let provider_id = parameters.required_text("ProviderId")?;
    let token = parameters.required_text("WebIdentityToken")?;
    let role_arn = parameters.required_text("RoleArn")?;
    let session_name = parameters.required_text("RoleSessionName")?;
    if !is_name(session_name, "+=,.@_-") {
        return Err(StsError::parameter("RoleSessionName"));
    }
    let provider = directory.oidc_providers.iter().find(|provider| provider.name == provider_id);
    let provider = provider.ok_or_else(|| StsError::parameter("ProviderId"))?;
    let subject = provider.subject(token, now).map_err(StsError::web_identity_token)?;
    let role = role(role_arn, directory)?;
    let is_trusted = match &role.trust {
        Trust::Oidc { provider, subjects } => {
            provider == provider_id && (subjects.is_empty() || subjects.contains(&subject))
        }
        Trust::Account | Trust::Service | Trust::Users(_) => false,
    };
    if !is_trusted {
        return Err(StsError::unauthorized("the role does not trust the provider or the subject"));
    }
    let maximum = MAX_ROLE_SECONDS.min(role.max_session_seconds.into());
    let seconds = duration(parameters, ROLE_SECONDS.min(maximum), maximum)?;
    let identity = Identity::RoleSession {
        role: Arc::clone(role),
        session_name: session_name.to_owned(),
        caller_uin: directory.account.owner_uin,
        policy: None,
    };
    issue(directory, identity, seconds, now)
}
