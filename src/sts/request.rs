//! The call as data: headers and body, signed and ready to be posted.
//!
//! Common parameters: <https://www.tencentcloud.com/document/product/1150/49446>; signature:
//! `sign::tc3`.
//!
//! # Guarantees
//! Pure. The policy is the one that was authorized, in the encoding of its `SessionPolicy`.

use http::header::{AUTHORIZATION, CONTENT_TYPE as CONTENT_TYPE_NAME};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use super::endpoint::Endpoint;
use super::identity::Identity;
use crate::grant::{Authorized, Role};
use crate::http_client::CallError;
use tencent::names::Region;
use tencent::sign::tc3;
use tencent::time::Timestamp;

/// A signed call.
#[expect(missing_debug_implementations, reason = "a header may hold the session token")]
pub struct SignedCall {
    /// All headers but `Host` and `Content-Length`, which are the transport's.
    pub headers: HeaderMap,
    /// The JSON body.
    pub body: String,
}

impl SignedCall {
    /// The call that requests `authorized`, signed as `identity` for `endpoint` at `now`.
    ///
    /// # Errors
    /// [`CallError::Header`] when the calling key is not possible in a header.
    pub fn new(
        authorized: &Authorized,
        identity: &Identity,
        endpoint: &Endpoint,
        region: &Region,
        now: Timestamp,
    ) -> Result<Self, CallError> {
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
        let mut headers = HeaderMap::with_capacity(MAX_HEADERS);
        headers.insert(AUTHORIZATION, secret_value("authorization", authorization)?);
        headers.insert(CONTENT_TYPE_NAME, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(X_TC_ACTION, HeaderValue::from_static(action(authorized, identity)));
        headers.insert(X_TC_VERSION, HeaderValue::from_static(VERSION));
        headers.insert(X_TC_TIMESTAMP, now.unix_seconds().into());
        let region = HeaderValue::from_str(region.as_str());
        headers.insert(X_TC_REGION, region.map_err(|_| CallError::Header("x-tc-region"))?);
        // Errors in English, so that a log can be searched.
        headers.insert(X_TC_LANGUAGE, HeaderValue::from_static("en-US"));
        if let Some(token) = &identity.key().session_token {
            headers.insert(X_TC_TOKEN, secret_value("x-tc-token", token.expose().to_owned())?);
        }
        Ok(Self { headers, body: [policy.beginning_of_body(), others].concat() })
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

const VERSION: &str = "2018-08-13";

const CONTENT_TYPE: &str = "application/json; charset=utf-8";

const X_TC_ACTION: HeaderName = HeaderName::from_static("x-tc-action");
const X_TC_LANGUAGE: HeaderName = HeaderName::from_static("x-tc-language");
const X_TC_REGION: HeaderName = HeaderName::from_static("x-tc-region");
const X_TC_TIMESTAMP: HeaderName = HeaderName::from_static("x-tc-timestamp");
const X_TC_TOKEN: HeaderName = HeaderName::from_static("x-tc-token");
const X_TC_VERSION: HeaderName = HeaderName::from_static("x-tc-version");

/// With those that the client adds.
const MAX_HEADERS: usize = 12;
