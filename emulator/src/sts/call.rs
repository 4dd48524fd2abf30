//! The record of a call to the STS.

use super::actions::FEDERATION_SECONDS;
use super::parameters::decode_once;
use super::request::Inbound;
use super::session::ROLE_SECONDS;

/// One call to the STS, without secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsCall {
    /// The action asked for; empty when the request named none.
    pub action: String,
    /// `Success`, the error code answered, or `Fault` for an injected fault that is not an API
    /// error.
    pub outcome: String,
    /// The duration asked for, or the action's default.
    pub duration_seconds: Option<u64>,
    /// The policy, decoded once and otherwise byte for byte as it was sent.
    pub policy: Option<String>,
    /// `Name` or `RoleSessionName`.
    pub name: Option<String>,
    /// `TC3-HMAC-SHA256`, `HmacSHA1` or `HmacSHA256`; `SKIP` when a token takes its place, empty
    /// when the request had none.
    pub signature_method: String,
    /// The `RequestId` of the answer.
    pub request_id: String,
    /// The `TmpSecretId` that was issued.
    pub issued_secret_id: Option<String>,
}

impl StsCall {
    /// What the record shows of a call, its outcome still open.
    pub(super) fn of(unverified: &Inbound) -> Self {
        let text = |name| unverified.parameters.text(name).ok().flatten();
        let action = unverified.common("Action").ok().flatten().unwrap_or_default();
        let default_seconds = match action {
            "GetFederationToken" => Some(FEDERATION_SECONDS),
            "AssumeRole" | "AssumeRoleWithWebIdentity" => Some(ROLE_SECONDS),
            _ => None,
        };
        let asked = unverified.parameters.integer("DurationSeconds").ok().flatten();
        Self {
            action: action.to_owned(),
            duration_seconds: asked.or(default_seconds),
            policy: text("Policy").and_then(decode_once),
            name: text("Name").or_else(|| text("RoleSessionName")).map(str::to_owned),
            signature_method: unverified.signature_method().to_owned(),
            ..Self::default()
        }
    }
}
