//! The JSON of one signed request: all members that the samples' clients read, at the root and
//! again under `data`.
//!
//! Shapes: <https://github.com/tencentyun/cos-js-sdk-v5/blob/master/server/sts.js> (`/put-sign`,
//! `/post-policy`), <https://github.com/tencentyun/cos-demo/tree/main/server> (`/sts-direct-sign`,
//! `upload-sign`), and `server/sts.js` of the mini-program SDK.
//!
//! # Guarantees
//! What is signed is what was authorized, for as long as the credential lives. The secret key of
//! the credential is not part of the answer.

use serde::Serialize;
use tencent::sign::object_request::{
    FormCondition, ObjectAddress, SignedForm, TemporaryKey, form, header, link,
};
use tencent::sign::q_sign::{ALGORITHM, key_time};

use super::formats::json;
use crate::grant::{SignableRequest, SignableVerb, TypeLimit, UploadLimits};
use crate::request::RequestId;
use crate::sts::Credentials;

/// One request, signed with `credentials`.
pub(super) fn signed(
    request: &SignableRequest,
    credentials: &Credentials,
    id: &RequestId,
) -> String {
    let key_time = key_time(credentials.start, credentials.expiry);
    let key = TemporaryKey {
        secret_id: credentials.tmp_secret_id.expose(),
        secret_key: &credentials.tmp_secret_key,
        session_token: credentials.session_token.expose(),
        key_time: &key_time,
    };
    let address =
        ObjectAddress { bucket: &request.bucket, region: &request.region, key: &request.key };
    let (host, url) = (address.host(), address.url());
    let proof = match &request.verb {
        SignableVerb::Get { content_type } => Proof::get(&address, *content_type, &key),
        SignableVerb::Post(limits) => Proof::post(&address, limits, credentials, &key),
        SignableVerb::Put(limits) => Proof::put(&address, limits, &key),
    };
    let members = Members {
        bucket: &request.bucket,
        region: &request.region,
        key: &request.key,
        cos_host: &host,
        cos_key: &request.key,
        object_url: &url,
        security_token: key.session_token,
        session_token: key.session_token,
        start_time: credentials.start.unix_seconds(),
        expired_time: credentials.expiry.unix_seconds(),
        request_id: id.as_str(),
        proof: &proof,
    };
    json(&Signed { code: 0, root: &members, data: &members })
}

#[derive(Serialize)]
struct Signed<'a> {
    code: u16,
    #[serde(flatten)]
    root: &'a Members<'a>,
    data: &'a Members<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'a> {
    bucket: &'a str,
    region: &'a str,
    key: &'a str,
    /// What the samples for PUT and browsers call host and key.
    cos_host: &'a str,
    cos_key: &'a str,
    object_url: &'a str,
    security_token: &'a str,
    session_token: &'a str,
    start_time: i64,
    expired_time: i64,
    request_id: &'a str,
    #[serde(flatten)]
    proof: &'a Proof<'a>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Proof<'a> {
    Get {
        signed_url: String,
    },
    Post {
        policy: String,
        q_sign_algorithm: &'static str,
        q_ak: &'a str,
        q_key_time: &'a str,
        q_signature: String,
        content_type: Option<&'a str>,
    },
    Put {
        authorization: String,
        signed_url: String,
        content_type: Option<&'a str>,
    },
}

impl<'a> Proof<'a> {
    /// Shown as a type that is signed, or saved as a file, which nothing runs in.
    fn get(
        address: &ObjectAddress<'_>,
        content_type: Option<&str>,
        key: &TemporaryKey<'_>,
    ) -> Self {
        let saved = [("response-content-disposition", "attachment")];
        let signed_url = match content_type {
            None => link("get", address, &[], &saved, key),
            Some(name) => {
                let disposition = ("response-content-disposition", "inline");
                link("get", address, &[], &[disposition, ("response-content-type", name)], key)
            }
        };
        Self::Get { signed_url }
    }

    fn post(
        address: &ObjectAddress<'_>,
        limits: &'a UploadLimits,
        credentials: &Credentials,
        key: &TemporaryKey<'a>,
    ) -> Self {
        let mut conditions = Vec::new();
        if let Some(bytes) = limits.max_size_bytes {
            conditions.push(FormCondition::FileBytes(1, bytes));
        }
        match &limits.content_type {
            TypeLimit::Any => {}
            TypeLimit::Exactly(name) => conditions.push(FormCondition::ContentType(name)),
            TypeLimit::Starting(start) => conditions.push(FormCondition::ContentTypeStart(start)),
        }
        let SignedForm { policy, signature } = form(address, &conditions, credentials.expiry, key);
        Self::Post {
            policy,
            q_sign_algorithm: ALGORITHM,
            q_ak: key.secret_id,
            q_key_time: key.key_time,
            q_signature: signature,
            content_type: only_type(limits),
        }
    }

    fn put(address: &ObjectAddress<'_>, limits: &'a UploadLimits, key: &TemporaryKey<'_>) -> Self {
        let content_type = only_type(limits);
        let headers: Vec<_> = content_type.map(|name| ("content-type", name)).into_iter().collect();
        Self::Put {
            authorization: header("put", address, &headers, key),
            signed_url: link("put", address, &headers, &[], key),
            content_type,
        }
    }
}

/// The one type that an upload must have.
fn only_type(limits: &UploadLimits) -> Option<&str> {
    match &limits.content_type {
        TypeLimit::Exactly(name) => Some(name),
        TypeLimit::Any | TypeLimit::Starting(_) => None,
    }
}
