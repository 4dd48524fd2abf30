//! The call that requests credentials, signed by `sign::tc3`.
//!
//! # Guarantees
//! Pure. The policy is the one that was authorized, in the encoding of its `SessionPolicy`.

use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use serde::Serialize;

use super::call::{CONTENT_TYPE, Call, Message, common_headers};
use super::endpoint::Endpoint;
use super::identity::Identity;
use super::response::{AnswerError, Credentials};
use crate::grant::{Authorized, Role};
use crate::http_client::CallError;
use tencent::names::Region;
use tencent::sign::tc3;
use tencent::time::Timestamp;

/// The call that requests what was authorized.
#[expect(missing_debug_implementations, reason = "it contains the calling key")]
pub struct Issue<'a> {
    /// What was authorized.
    pub authorized: &'a Authorized,
    /// Who calls.
    pub identity: &'a Identity,
}

impl Call for Issue<'_> {
    type Answer = Credentials;

    fn request_id(answer: &Credentials) -> &str {
        &answer.sts_request_id
    }

    fn message(
        &self,
        endpoint: &Endpoint,
        region: &Region,
        now: Timestamp,
    ) -> Result<Message, CallError> {
        let Self { authorized, identity } = *self;
        let (policy, others) = (authorized.policy(), other_parameters(authorized, identity));
        // They follow the policy in one object.
        let others = others.strip_prefix('{').unwrap_or_default();
        let request = tc3::CanonicalRequest {
            method: "POST",
            query: "",
            headers: &[("content-type", CONTENT_TYPE), ("host", endpoint.host())],
            hashed_payload: &policy.hash_of_beginning().continued_hex(others.as_bytes()),
        };
        let authorization = identity.authorization(&request, now);
        let mut headers = common_headers(action(authorized, identity), region, now)?;
        headers.insert(AUTHORIZATION, secret_value("authorization", authorization)?);
        if let Some(token) = &identity.key().session_token {
            headers.insert(X_TC_TOKEN, secret_value("x-tc-token", token.expose().to_owned())?);
        }
        Ok(Message { headers, body: [policy.beginning_of_body(), others].concat() })
    }

    fn answer(
        &self,
        status: u16,
        body: &[u8],
        now: Timestamp,
        remaining_seconds_min: u32,
    ) -> Result<Credentials, AnswerError> {
        let duration_seconds = self.authorized.duration_seconds();
        let secrets = self.identity.key().secrets();
        Credentials::parse(status, body, now, duration_seconds, remaining_seconds_min, &secrets)
    }
}

/// A value that `Debug` does not show.
fn secret_value(name: &'static str, value: String) -> Result<HeaderValue, CallError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| CallError::Header(name))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The role to assume: that of the grants, or else that of the calling key.
fn role<'a>(authorized: &'a Authorized, identity: &'a Identity) -> Option<&'a Role> {
    authorized.role().or_else(|| identity.role())
}

fn action(authorized: &Authorized, identity: &Identity) -> &'static str {
    if role(authorized, identity).is_some() { "AssumeRole" } else { "GetFederationToken" }
}

fn other_parameters(authorized: &Authorized, identity: &Identity) -> String {
    let (name, duration_seconds) = (authorized.session_name(), authorized.duration_seconds());
    let written = match role(authorized, identity) {
        None => serde_json::to_string(&GetFederationToken { name, duration_seconds }),
        Some(role) => serde_json::to_string(&AssumeRole {
            role_arn: role.arn.as_str(),
            role_session_name: name,
            duration_seconds,
            external_id: role.external_id.as_deref(),
        }),
    };
    #[expect(clippy::expect_used, reason = "strings and a number always serialise")]
    written.expect("the parameters serialise")
}

/// All parameters but the policy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetFederationToken<'a> {
    name: &'a str,
    duration_seconds: u32,
}

/// All parameters but the policy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRole<'a> {
    role_arn: &'a str,
    role_session_name: &'a str,
    duration_seconds: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
}

const X_TC_TOKEN: HeaderName = HeaderName::from_static("x-tc-token");
