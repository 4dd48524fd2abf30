//! The JSON of each representation of credentials.
//!
//! Shapes: the answer of API 2.0 (<https://www.tencentcloud.com/document/product/598/13895>), the
//! samples of the COS SDKs (<https://github.com/tencentyun/qcloud-cos-sts-sdk>), API 3.0, and a
//! CVM's metadata service.
//!
//! # Guarantees
//! This is the only file that turns the secret key of a credential into text.

use serde::Serialize;

use crate::grant::NewObject;
use crate::request::{Format, RequestId};
use crate::sts::Credentials;
use tencent::secret::Secret;

/// Credentials as `format` represents them, with the object that they are for when the function
/// named it.
pub(super) fn credentials(
    format: Format,
    credentials: &Credentials,
    id: &RequestId,
    object: Option<&NewObject>,
) -> String {
    let issued = |security_token| Issued::new(credentials, Some(id), security_token, object);
    match format {
        Format::Cam => match object {
            None => cam(credentials, id),
            Some(_) => {
                json(&Cam { code: 0, message: "", code_desc: "Success", data: issued(None) })
            }
        },
        Format::CredentialProcess => json(&CredentialProcess::new(credentials)),
        Format::Sdk => {
            let alias = Some(credentials.session_token.expose());
            json(&Sdk {
                code: 0,
                root: issued(alias),
                data: issued(alias),
                // The samples' pages request the same route for either shape, and neither names
                // one.
                flat: object.map(|object| Flat::new(credentials, object)),
            })
        }
        Format::Sts => json(&Sts { response: StsResponse::new(credentials, id) }),
        Format::Cvm => json(&Cvm::new(credentials)),
        Format::Flat => json(&object.map(|object| Flat::new(credentials, object))),
    }
}

/// [`Cam`] without an object, which is what most callers want, and what the cache serves: all that
/// stays the same is written once. No character of an id needs an escape.
fn cam(credentials: &Credentials, id: &RequestId) -> String {
    let members = credentials.members.get_or_init(|| {
        let Credentials { tmp_secret_id, tmp_secret_key, session_token, .. } = credentials;
        let values = [tmp_secret_id, tmp_secret_key, session_token];
        let values_bytes: usize = values.iter().map(|value| value.expose().len()).sum();
        let bytes = values_bytes.saturating_add(NAMES_AND_TIMES_BYTES);
        let mut members = json_of(&Issued::new(credentials, None, None, None), bytes);
        // The id comes before the brace.
        members.pop();
        Secret::new(members)
    });
    let members = members.as_ref().map(Secret::expose).unwrap_or_default();
    [CAM_BEGIN, members, r#","requestId":""#, id.as_str(), r#""}}"#].concat()
}

const CAM_BEGIN: &str = r#"{"code":0,"message":"","codeDesc":"Success","data":"#;

/// Everything but the values: names, times, quotes and commas. An escape in a value would need
/// more, but keys and tokens have none.
const NAMES_AND_TIMES_BYTES: usize = 192;

/// A body as JSON.
pub(super) fn json(body: &impl Serialize) -> String {
    json_of(body, TYPICAL_BYTES)
}

/// A body as JSON that fits into so many bytes.
pub(super) fn json_of(body: &impl Serialize, typical_bytes: usize) -> String {
    let mut json = Vec::with_capacity(typical_bytes);
    #[expect(clippy::expect_used, reason = "strings and numbers always serialise")]
    serde_json::to_writer(&mut json, body).expect("an answer serialises");
    #[expect(clippy::expect_used, reason = "JSON is UTF-8")]
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// Most answers fit. A buffer that grows leaves copies of credentials behind.
pub(super) const TYPICAL_BYTES: usize = 4096;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cam<'a> {
    code: u16,
    message: &'static str,
    code_desc: &'static str,
    data: Issued<'a>,
}

#[derive(Serialize)]
struct Sdk<'a> {
    code: u16,
    #[serde(flatten)]
    root: Issued<'a>,
    data: Issued<'a>,
    #[serde(flatten)]
    flat: Option<Flat<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Issued<'a> {
    credentials: CamKeys<'a>,
    expired_time: i64,
    expiration: String,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(flatten)]
    object: Option<Object<'a>>,
}

#[derive(Serialize)]
struct Object<'a> {
    bucket: &'a str,
    region: &'a str,
    key: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CamKeys<'a> {
    session_token: &'a str,
    tmp_secret_id: &'a str,
    tmp_secret_key: &'a str,
    /// The name that two of the vendor's browser samples read.
    #[serde(skip_serializing_if = "Option::is_none")]
    security_token: Option<&'a str>,
}

impl<'a> Issued<'a> {
    fn new(
        credentials: &'a Credentials,
        id: Option<&'a RequestId>,
        security_token: Option<&'a str>,
        object: Option<&'a NewObject>,
    ) -> Self {
        let object = object.map(|object| Object {
            bucket: &object.bucket,
            region: &object.region,
            key: object.key.as_str(),
        });
        Self {
            credentials: CamKeys {
                session_token: credentials.session_token.expose(),
                tmp_secret_id: credentials.tmp_secret_id.expose(),
                tmp_secret_key: credentials.tmp_secret_key.expose(),
                security_token,
            },
            expired_time: credentials.expiry.unix_seconds(),
            expiration: credentials.expiry.iso_8601(),
            start_time: credentials.start.unix_seconds(),
            request_id: id.map(RequestId::as_str),
            object,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sts<'a> {
    response: StsResponse<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StsResponse<'a> {
    credentials: StsKeys<'a>,
    expired_time: i64,
    expiration: String,
    request_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StsKeys<'a> {
    token: &'a str,
    tmp_secret_id: &'a str,
    tmp_secret_key: &'a str,
}

impl<'a> StsResponse<'a> {
    fn new(credentials: &'a Credentials, id: &'a RequestId) -> Self {
        Self {
            credentials: StsKeys {
                token: credentials.session_token.expose(),
                tmp_secret_id: credentials.tmp_secret_id.expose(),
                tmp_secret_key: credentials.tmp_secret_key.expose(),
            },
            expired_time: credentials.expiry.unix_seconds(),
            expiration: credentials.expiry.iso_8601(),
            request_id: id.as_str(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Cvm<'a> {
    code: &'static str,
    tmp_secret_id: &'a str,
    tmp_secret_key: &'a str,
    token: &'a str,
    expired_time: i64,
    expiration: String,
}

impl<'a> Cvm<'a> {
    fn new(credentials: &'a Credentials) -> Self {
        Self {
            code: "Success",
            tmp_secret_id: credentials.tmp_secret_id.expose(),
            tmp_secret_key: credentials.tmp_secret_key.expose(),
            token: credentials.session_token.expose(),
            expired_time: credentials.expiry.unix_seconds(),
            expiration: credentials.expiry.iso_8601(),
        }
    }
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialProcess<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

impl<'a> CredentialProcess<'a> {
    fn new(credentials: &'a Credentials) -> Self {
        Self {
            version: 1,
            access_key_id: credentials.tmp_secret_id.expose(),
            secret_access_key: credentials.tmp_secret_key.expose(),
            session_token: credentials.session_token.expose(),
            expiration: credentials.expiry.iso_8601(),
        }
    }
}

/// The shape of <https://github.com/tencentyun/cos-js-sdk-v5/blob/master/server/sts.js>. Its page,
/// `demo/demo.js`, sends `?filename=` and no format:
/// <https://github.com/tencentyun/cos-js-sdk-v5/blob/master/demo/demo.js>.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Flat<'a> {
    tmp_secret_id: &'a str,
    tmp_secret_key: &'a str,
    session_token: &'a str,
    start_time: i64,
    expired_time: i64,
    bucket: &'a str,
    region: &'a str,
    key: &'a str,
}

impl<'a> Flat<'a> {
    fn new(credentials: &'a Credentials, object: &'a NewObject) -> Self {
        Self {
            tmp_secret_id: credentials.tmp_secret_id.expose(),
            tmp_secret_key: credentials.tmp_secret_key.expose(),
            session_token: credentials.session_token.expose(),
            start_time: credentials.start.unix_seconds(),
            expired_time: credentials.expiry.unix_seconds(),
            bucket: &object.bucket,
            region: &object.region,
            key: object.key.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use serde_json::{Value, json};

    use super::{Issued, NAMES_AND_TIMES_BYTES, credentials as written, json_of};
    use crate::log::Members;
    use crate::request::{Format, RequestId};
    use crate::sts::Credentials;
    use tencent::secret::Secret;
    use tencent::time::Timestamp;

    fn issued() -> Credentials {
        let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
        Credentials {
            tmp_secret_id: secret("id"),
            tmp_secret_key: secret("key"),
            session_token: secret("token"),
            start: Timestamp::from_unix_seconds(1_700_000_000).unwrap(),
            expiry: Timestamp::from_unix_seconds(1_700_001_800).unwrap(),
            sts_request_id: "upstream".into(),
            members: OnceLock::new(),
            logged: Members::default(),
        }
    }

    fn body(format: Format) -> Value {
        let id = RequestId::from_platform(Some("request-1"), &[0; 16]);
        serde_json::from_str(&written(format, &issued(), &id, None)).unwrap()
    }

    #[test]
    fn the_buffer_of_the_members_does_not_grow() {
        let bytes = json_of(&Issued::new(&issued(), None, None, None), 0).len();
        assert!(bytes <= "idkeytoken".len() + NAMES_AND_TIMES_BYTES, "{bytes}");
    }

    #[test]
    fn cam_is_what_the_samples_answered_with_members_added() {
        assert_eq!(
            body(Format::Cam),
            json!({"code": 0, "message": "", "codeDesc": "Success", "data": {
                "credentials": {"sessionToken": "token", "tmpSecretId": "id", "tmpSecretKey": "key"},
                "expiredTime": 1_700_001_800, "expiration": "2023-11-14T22:43:20Z",
                "startTime": 1_700_000_000, "requestId": "request-1",
            }})
        );
    }

    #[test]
    fn sdk_is_complete_at_the_root_and_under_data() {
        let mut body = body(Format::Sdk);
        let data = body.as_object_mut().unwrap().remove("data").unwrap();
        assert_eq!(body.as_object_mut().unwrap().remove("code"), Some(json!(0)));
        assert_eq!(body, data);
        assert_eq!(
            data,
            json!({
                "credentials": {"sessionToken": "token", "securityToken": "token", "tmpSecretId": "id", "tmpSecretKey": "key"},
                "expiredTime": 1_700_001_800, "expiration": "2023-11-14T22:43:20Z",
                "startTime": 1_700_000_000, "requestId": "request-1",
            })
        );
    }

    #[test]
    fn other_formats_have_upper_camel_members_and_no_numeric_code() {
        assert_eq!(
            body(Format::CredentialProcess),
            json!({"Version": 1, "AccessKeyId": "id", "SecretAccessKey": "key",
                "SessionToken": "token", "Expiration": "2023-11-14T22:43:20Z"})
        );
        assert_eq!(
            body(Format::Sts),
            json!({"Response": {
                "Credentials": {"Token": "token", "TmpSecretId": "id", "TmpSecretKey": "key"},
                "ExpiredTime": 1_700_001_800, "Expiration": "2023-11-14T22:43:20Z", "RequestId": "request-1",
            }})
        );
        assert_eq!(
            body(Format::Cvm),
            json!({"Code": "Success", "TmpSecretId": "id", "TmpSecretKey": "key", "Token": "token",
                "ExpiredTime": 1_700_001_800, "Expiration": "2023-11-14T22:43:20Z"})
        );
    }
}
