//! The call as data: headers and body, signed and ready to be posted.
//!
//! Common parameters: <https://www.tencentcloud.com/document/product/1150/49446>; signature:
//! `sign::tc3`.
//!
//! # Guarantees
//! Pure. The policy is the one that was authorized, encoded and hashed by [`SessionPolicy`](crate::grant::SessionPolicy).

use serde::Serialize;

use super::endpoint::Endpoint;
use super::identity::Identity;
use crate::grant::Authorized;
use tencent::names::Region;
use tencent::sign::tc3;
use tencent::time::Timestamp;

/// A signed call.
#[expect(missing_debug_implementations, reason = "a header may hold the session token")]
pub struct SignedCall {
    /// Names and values; `Host` and `Content-Length` are the transport's.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: String,
}

impl SignedCall {
    /// The call that requests `authorized`, signed as `identity` for `endpoint` at `now`.
    pub fn new(
        authorized: &Authorized,
        identity: &Identity,
        endpoint: &Endpoint,
        region: &Region,
        now: Timestamp,
    ) -> Self {
        let key = identity.key();
        let (policy, others) = (authorized.policy(), other_parameters(authorized, identity));
        // They follow the policy in one object.
        let others = others.strip_prefix('{').unwrap_or_default();
        let request = tc3::CanonicalRequest {
            method: "POST",
            query: "",
            headers: &[("content-type", CONTENT_TYPE), ("host", endpoint.host())],
            hashed_payload: &policy.hash_of_beginning().continued_hex(others.as_bytes()),
        };
        let authorization =
            tc3::authorization(&request, SERVICE, now, &key.secret_id, &key.secret_key);
        let mut headers = vec![
            ("authorization", authorization),
            ("content-type", CONTENT_TYPE.to_owned()),
            ("x-tc-action", action(identity).to_owned()),
            ("x-tc-version", VERSION.to_owned()),
            ("x-tc-timestamp", now.unix_seconds().to_string()),
            ("x-tc-region", region.as_str().to_owned()),
            // Errors in English, so that a log can be searched.
            ("x-tc-language", "en-US".to_owned()),
        ];
        if let Some(token) = &key.session_token {
            headers.push(("x-tc-token", token.expose().to_owned()));
        }
        Self { headers, body: [policy.beginning_of_body(), others].concat() }
    }
}

/// The action that an identity needs.
fn action(identity: &Identity) -> &'static str {
    if identity.role().is_some() { "AssumeRole" } else { "GetFederationToken" }
}

fn other_parameters(authorized: &Authorized, identity: &Identity) -> String {
    let (name, duration_seconds) = (authorized.session_name(), authorized.duration_seconds());
    let written = match identity.role() {
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

const SERVICE: &str = "sts";

const VERSION: &str = "2018-08-13";

const CONTENT_TYPE: &str = "application/json; charset=utf-8";
