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

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tencent::sign::object_request::{
    FormCondition, ObjectAddress, SignedForm, TemporaryKey, form, header, link,
};
use tencent::sign::q_sign::{ALGORITHM, key_time};

use super::formats::{TYPICAL_BYTES, json_of};
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
    let mut members = vec![
        ("bucket", Member::from(&*request.bucket)),
        ("region", Member::from(&*request.region)),
        ("key", Member::from(&*request.key)),
        // What most samples call host and key.
        ("cosHost", Member::from(&*host)),
        ("cosKey", Member::from(&*request.key)),
        ("objectUrl", Member::from(&*url)),
        ("securityToken", Member::from(key.session_token)),
        ("sessionToken", Member::from(key.session_token)),
        ("startTime", Member::Number(credentials.start.unix_seconds())),
        ("expiredTime", Member::Number(credentials.expiry.unix_seconds())),
        ("requestId", Member::from(id.as_str())),
    ];
    match &request.verb {
        SignableVerb::Get { content_type } => {
            members.push(("signedUrl", download(&address, *content_type, &key).into()));
        }
        SignableVerb::Post(limits) => {
            let SignedForm { policy, signature } =
                form(&address, &conditions(limits), credentials.expiry, &key);
            members.extend([
                ("policy", policy.into()),
                ("qSignAlgorithm", ALGORITHM.into()),
                ("qAk", key.secret_id.into()),
                ("qKeyTime", key.key_time.into()),
                ("qSignature", signature.into()),
                ("contentType", only_type(limits).into()),
            ]);
        }
        SignableVerb::Put(limits) => {
            let content_type = only_type(limits);
            let header_of_type = content_type.map(|name| ("content-type", name));
            let headers = header_of_type.as_slice();
            members.extend([
                ("authorization", header("put", &address, headers, &key).into()),
                ("signedUrl", link("put", &address, headers, &[], &key).into()),
                ("contentType", content_type.into()),
            ]);
        }
    }
    // The token comes six times, encoded in two of them.
    let token_bytes = key.session_token.len().saturating_mul(8);
    json_of(&Signed(&members), TYPICAL_BYTES.saturating_add(token_bytes))
}

/// A link that shows a type, which is signed, or saves a file, which nothing runs in.
fn download(
    address: &ObjectAddress<'_>,
    content_type: Option<&str>,
    key: &TemporaryKey<'_>,
) -> String {
    const DISPOSITION: &str = "response-content-disposition";
    match content_type {
        None => link("get", address, &[], &[(DISPOSITION, "attachment")], key),
        Some(name) => {
            let shown = [(DISPOSITION, "inline"), ("response-content-type", name)];
            link("get", address, &[], &shown, key)
        }
    }
}

fn conditions(limits: &UploadLimits) -> Vec<FormCondition<'_>> {
    let size = limits.max_size_bytes.map(|bytes| FormCondition::FileBytes(1, bytes));
    let content_type = match &limits.content_type {
        TypeLimit::Any => None,
        TypeLimit::Exactly(name) => Some(FormCondition::ContentType(name)),
        TypeLimit::Starting(start) => Some(FormCondition::ContentTypeStart(start)),
    };
    size.into_iter().chain(content_type).collect()
}

/// The one type that an upload must have.
fn only_type(limits: &UploadLimits) -> Option<&str> {
    match &limits.content_type {
        TypeLimit::Exactly(name) => Some(name),
        TypeLimit::Any | TypeLimit::Starting(_) => None,
    }
}

/// All members at the root, and again under `data`.
struct Signed<'a>(&'a [(&'static str, Member<'a>)]);

impl Serialize for Signed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut root = serializer.serialize_map(None)?;
        root.serialize_entry("code", &Member::Number(0))?;
        for (name, member) in self.0 {
            root.serialize_entry(name, member)?;
        }
        root.serialize_entry("data", &Data(self.0))?;
        root.end()
    }
}

struct Data<'a>(&'a [(&'static str, Member<'a>)]);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, member)| (name, member)))
    }
}

/// A value of the answer.
enum Member<'a> {
    Null,
    Number(i64),
    Text(Cow<'a, str>),
}

impl Serialize for Member<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'a> From<&'a str> for Member<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Member<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Option<&'a str>> for Member<'a> {
    fn from(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::{Value, json};

    use super::signed;
    use crate::grant::{SignableRequest, SignableVerb, TypeLimit, UploadLimits};
    use crate::log::Members;
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
            members: OnceLock::new(),
            logged: Members::default(),
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
