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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::signed;
    use crate::grant::{SignableRequest, SignableVerb, TypeLimit, UploadLimits};
    use crate::request::RequestId;
    use crate::sts::Credentials;
    use tencent::secret::Secret;
    use tencent::time::Timestamp;

    /// The answer without `code` and `data`, which has the same members.
    fn answer(verb: SignableVerb) -> Value {
        let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
        let credentials = Credentials {
            tmp_secret_id: secret("id"),
            tmp_secret_key: secret("CANARY-key"),
            session_token: secret("to/ken"),
            start: Timestamp::from_unix_seconds(1_700_000_000).unwrap(),
            expiry: Timestamp::from_unix_seconds(1_700_001_800).unwrap(),
            sts_request_id: "upstream".into(),
        };
        let request = SignableRequest {
            bucket: "b-1".to_owned(),
            region: "r-1".to_owned(),
            key: "a/图 1.jpg".to_owned(),
            verb,
        };
        let id = RequestId::from_platform(Some("request-1"), &[0; 16]);
        let written = signed(&request, &credentials, &id);
        assert!(!written.contains("CANARY"), "{written}");
        let mut answer: Value = serde_json::from_str(&written).unwrap();
        let members = answer.as_object_mut().unwrap();
        assert_eq!(members.remove("code"), Some(json!(0)));
        let data = members.remove("data").unwrap();
        assert_eq!(answer, data);
        answer
    }

    fn limits(max_size_bytes: Option<u64>, content_type: TypeLimit) -> UploadLimits {
        UploadLimits { max_size_bytes, content_type }
    }

    #[test]
    fn a_put_has_what_each_sample_reads() {
        let written = answer(SignableVerb::Put(limits(None, TypeLimit::Any)));
        let url = "https://b-1.cos.r-1.myqcloud.com/a/%E5%9B%BE%201.jpg";
        let time = "1700000000;1700001800";
        let authorization = written["authorization"].as_str().unwrap().to_owned();
        let signed_url = written["signedUrl"].as_str().unwrap().to_owned();
        assert_eq!(
            written,
            json!({
                "bucket": "b-1", "region": "r-1", "key": "a/图 1.jpg",
                "cosHost": "b-1.cos.r-1.myqcloud.com", "cosKey": "a/图 1.jpg", "objectUrl": url,
                "securityToken": "to/ken", "sessionToken": "to/ken",
                "startTime": 1_700_000_000, "expiredTime": 1_700_001_800, "requestId": "request-1",
                "authorization": authorization, "signedUrl": signed_url, "contentType": null,
            })
        );
        let start = format!(
            "q-sign-algorithm=sha1&q-ak=id&q-sign-time={time}&q-key-time={time}&q-header-list=host&q-url-param-list=&q-signature="
        );
        assert!(authorization.starts_with(&start), "{authorization}");
        let time = time.replace(';', "%3B");
        let start = format!(
            "{url}?q-sign-algorithm=sha1&q-ak=id&q-sign-time={time}&q-key-time={time}&q-header-list=host&q-url-param-list=x-cos-security-token&q-signature="
        );
        assert!(signed_url.starts_with(&start), "{signed_url}");
        assert!(signed_url.ends_with("&x-cos-security-token=to%2Fken"), "{signed_url}");
        let one = TypeLimit::Exactly("image/png".to_owned());
        let written = answer(SignableVerb::Put(limits(None, one)));
        assert_eq!(written["contentType"], "image/png");
        for member in ["authorization", "signedUrl"] {
            let text = written[member].as_str().unwrap().replace("%3B", ";");
            assert!(text.contains("&q-header-list=content-type;host&"), "{text}");
        }
    }

    #[test]
    fn a_link_saves_a_file_or_shows_a_type_that_is_signed() {
        for (content_type, end) in [
            (None, "&response-content-disposition=attachment"),
            (
                Some("image/png"),
                "&response-content-disposition=inline&response-content-type=image%2Fpng",
            ),
        ] {
            let written = answer(SignableVerb::Get { content_type });
            let url = written["signedUrl"].as_str().unwrap();
            assert!(url.ends_with(&format!("{end}&x-cos-security-token=to%2Fken")), "{url}");
            assert!(written.get("authorization").is_none(), "{written}");
        }
    }

    #[test]
    fn a_form_has_the_limits_of_its_grant() {
        let policy = |limits| {
            let written = answer(SignableVerb::Post(limits));
            let policy = STANDARD.decode(written["policy"].as_str().unwrap()).unwrap();
            let mut policy: Value = serde_json::from_slice(&policy).unwrap();
            assert_eq!(policy["expiration"], "2023-11-14T22:43:20.000Z");
            let conditions = policy["conditions"].as_array_mut().unwrap();
            let limits = conditions.split_off(5);
            let time = "1700000000;1700001800";
            assert_eq!(
                policy["conditions"],
                json!([{"q-sign-algorithm": "sha1"}, {"q-ak": "id"}, {"q-sign-time": time}, {"bucket": "b-1"}, {"key": "a/图 1.jpg"}])
            );
            let fields = ["qSignAlgorithm", "qAk", "qKeyTime"].map(|name| &written[name]);
            assert_eq!(fields, ["sha1", "id", time]);
            (limits, written["contentType"].clone())
        };
        assert_eq!(policy(limits(None, TypeLimit::Any)), (vec![], json!(null)));
        let starting = TypeLimit::Starting("image/".to_owned());
        let (conditions, only) = policy(limits(Some(10), starting));
        let of_kind = json!(["starts-with", "$Content-Type", "image/"]);
        assert_eq!(
            (conditions, only),
            (vec![json!(["content-length-range", 1, 10]), of_kind], json!(null))
        );
        let exactly = TypeLimit::Exactly("image/png".to_owned());
        let (conditions, only) = policy(limits(None, exactly));
        assert_eq!(
            (conditions, only),
            (vec![json!({"Content-Type": "image/png"})], json!("image/png"))
        );
    }
}
