//! The exchange of a web identity's token for a temporary calling key.
//!
//! AssumeRoleWithWebIdentity: <https://www.tencentcloud.com/document/product/1150/49454>. It takes
//! no policy, so the key may do all that its role may.
//!
//! # Guarantees
//! What the call returns is a [`WorkloadKey`], which no response can contain: it only signs the
//! AssumeRole that is narrowed to what was authorized.

use std::sync::Arc;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde::Serialize;

use super::call::{Call, Message, common_headers};
use super::endpoint::Endpoint;
use super::identity::{CallingKey, Identity};
use super::response::{AnswerError, Credentials};
use super::web_identity::WebIdentity;
use crate::http_client::CallError;
use tencent::names::Region;
use tencent::secret::Secret;
use tencent::time::Timestamp;

/// The call that exchanges a token for a key.
#[expect(missing_debug_implementations, reason = "it contains the token")]
pub struct Exchange<'a> {
    /// Whose token it is.
    pub web_identity: &'a WebIdentity,
    /// The token.
    pub token: &'a Secret,
}

impl Call for Exchange<'_> {
    type Answer = WorkloadKey;

    const LOGGED_ACTION: Option<&'static str> = Some(ACTION);

    fn request_id(answer: &WorkloadKey) -> &str {
        &answer.sts_request_id
    }

    fn message(&self, _: &Endpoint, _: &Region, now: Timestamp) -> Result<Message, CallError> {
        let WebIdentity { region, provider_id, workload_role, .. } = self.web_identity;
        let mut headers = common_headers(ACTION, region, now)?;
        // The token is the proof; the SDKs send this in place of a signature.
        headers.insert(AUTHORIZATION, HeaderValue::from_static("SKIP"));
        let body = serde_json::to_string(&AssumeRoleWithWebIdentity {
            provider_id,
            web_identity_token: self.token.expose(),
            role_arn: workload_role.as_str(),
            role_session_name: SESSION_NAME,
            duration_seconds: KEY_SECONDS,
        });
        #[expect(clippy::expect_used, reason = "strings and a number always serialise")]
        let body = body.expect("the parameters serialise");
        Ok(Message { headers, body })
    }

    fn answer(
        &self,
        status: u16,
        body: &[u8],
        now: Timestamp,
        _: u32,
    ) -> Result<WorkloadKey, AnswerError> {
        let secrets = [self.token];
        Credentials::parse(status, body, now, KEY_SECONDS, MIN_KEY_SECONDS, &secrets).map(
            |Credentials {
                 tmp_secret_id,
                 tmp_secret_key,
                 session_token,
                 expiry,
                 sts_request_id,
                 ..
             }| {
                let key = CallingKey {
                    secret_id: tmp_secret_id.expose().to_owned(),
                    secret_key: Arc::new(tmp_secret_key),
                    session_token: Some(Arc::new(session_token)),
                };
                let identity = Arc::new(Identity::of_role(key, self.web_identity.role.clone()));
                WorkloadKey { identity, expiry, sts_request_id }
            },
        )
    }
}

/// The temporary calling key of a workload.
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub struct WorkloadKey {
    /// The identity that calls AssumeRole with it.
    pub identity: Arc<Identity>,
    /// When it expires.
    pub expiry: Timestamp,
    /// The id under which STS knows the call.
    pub sts_request_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumeRoleWithWebIdentity<'a> {
    provider_id: &'a str,
    web_identity_token: &'a str,
    role_arn: &'a str,
    role_session_name: &'a str,
    duration_seconds: u32,
}

const ACTION: &str = "AssumeRoleWithWebIdentity";

/// What logs of CAM show.
const SESSION_NAME: &str = "cosissuer";

/// The default of the service and of its SDKs.
const KEY_SECONDS: u32 = 7200;

/// With less, a key would be exchanged for each request.
const MIN_KEY_SECONDS: u32 = 600;
