//! Requests for one object of COS, signed with a temporary key: a request with a header, a link,
//! and a form.
//!
//! # Guarantees
//! Each of them names one method, one host and one key. Of a link, every parameter is signed, the
//! session token too. A form is for exactly one key.
//!
//! # Not covered
//! What the temporary key may do: the caller makes sure that it fits the one request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::q_sign::{ALGORITHM, CosRequest, SignKey, authorization, policy_string_to_sign};
use crate::percent::percent_encode;
use crate::secret::Secret;
use crate::time::Timestamp;

/// The address of an object. <https://www.tencentcloud.com/document/product/436/6224>
#[derive(Clone, Copy, Debug)]
pub struct ObjectAddress<'a> {
    /// The bucket with its appid.
    pub bucket: &'a str,
    /// The region of the bucket.
    pub region: &'a str,
    /// The key, not encoded.
    pub key: &'a str,
}

impl ObjectAddress<'_> {
    /// The host of the bucket. <https://www.tencentcloud.com/document/product/436/6224>
    pub fn host(&self) -> String {
        format!("{}.cos.{}.myqcloud.com", self.bucket, self.region)
    }

    /// The URL of the object, without a signature.
    /// <https://www.tencentcloud.com/document/product/436/6224>
    pub fn url(&self) -> String {
        let segments: Vec<String> =
            self.key.split('/').map(|segment| percent_encode(segment).to_string()).collect();
        format!("https://{}/{}", self.host(), segments.join("/"))
    }

    fn path(&self) -> String {
        format!("/{}", self.key)
    }
}

/// A temporary key, for signatures of one period.
/// <https://www.tencentcloud.com/document/product/436/7778>
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a key cannot be formatted, not even redacted")]
pub struct TemporaryKey<'a> {
    /// The public half.
    pub secret_id: &'a str,
    /// The secret half.
    pub secret_key: &'a Secret,
    /// The token that is sent with each request.
    pub session_token: &'a str,
    /// `KeyTime` of the period.
    pub key_time: &'a str,
}

/// The value of `Authorization` for a request with these headers; the host is signed, and the
/// token is sent as a header. <https://www.tencentcloud.com/document/product/436/7778>
pub fn header(
    method: &str,
    address: &ObjectAddress<'_>,
    headers: &[(&str, &str)],
    key: &TemporaryKey<'_>,
) -> String {
    signed(method, address, headers, &[], key)
}

/// A URL that contains its own signature, for a request with these headers. The host, each of the
/// parameters and the token are signed.
/// <https://www.tencentcloud.com/document/product/436/7778>
pub fn link(
    method: &str,
    address: &ObjectAddress<'_>,
    headers: &[(&str, &str)],
    parameters: &[(&str, &str)],
    key: &TemporaryKey<'_>,
) -> String {
    let mut parameters = parameters.to_vec();
    parameters.push((TOKEN, key.session_token));
    let signature = signed(method, address, headers, &parameters, key);
    let fields = signature.split('&').filter_map(|field| field.split_once('='));
    let mut url = address.url();
    for (separator, (name, value)) in
        std::iter::once('?').chain(std::iter::repeat('&')).zip(fields.chain(parameters))
    {
        url.push(separator);
        url.push_str(name);
        url.push('=');
        url.extend(percent_encode(value));
    }
    url
}

/// What a form must have in common with its policy.
/// <https://www.tencentcloud.com/document/product/436/14690>
#[derive(Clone, Copy, Debug)]
pub enum FormCondition<'a> {
    /// The smallest and the largest file, in bytes.
    FileBytes(u64, u64),
    /// The field `Content-Type`.
    ContentType(&'a str),
    /// The beginning of the field `Content-Type`.
    ContentTypeStart(&'a str),
}

/// The fields of a form that prove its signature.
/// <https://www.tencentcloud.com/document/product/436/14690>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedForm {
    /// The field `policy`: base64 of JSON.
    pub policy: String,
    /// The field `q-signature`.
    pub signature: String,
}

/// Signs a form that uploads the object until `expiration`.
/// <https://www.tencentcloud.com/document/product/436/14690>
pub fn form(
    address: &ObjectAddress<'_>,
    conditions: &[FormCondition<'_>],
    expiration: Timestamp,
    key: &TemporaryKey<'_>,
) -> SignedForm {
    // The documents show a fraction in every expiration.
    let expiration = expiration.iso_8601().replace('Z', ".000Z");
    let exact = [
        ("q-sign-algorithm", ALGORITHM),
        ("q-ak", key.secret_id),
        ("q-sign-time", key.key_time),
        ("bucket", address.bucket),
        ("key", address.key),
    ];
    let exact = exact.map(|(name, value)| equal(name, value)).join(",");
    let mut policy = format!("{{\"expiration\":\"{expiration}\",\"conditions\":[{exact}");
    for condition in conditions {
        policy.push(',');
        policy.push_str(&written(condition));
    }
    policy.push_str("]}");
    let sign_key = SignKey::new(key.secret_key, key.key_time);
    SignedForm {
        signature: sign_key.sign(&policy_string_to_sign(&policy)),
        policy: STANDARD.encode(policy),
    }
}

fn written(condition: &FormCondition<'_>) -> String {
    match *condition {
        FormCondition::FileBytes(least, most) => {
            format!("[\"content-length-range\",{least},{most}]")
        }
        FormCondition::ContentType(name) => equal("Content-Type", name),
        FormCondition::ContentTypeStart(start) => {
            format!("[\"starts-with\",\"$Content-Type\",{}]", Value::from(start))
        }
    }
}

/// The condition that a field has a value; as JSON, a text is quoted and escaped.
fn equal(name: &str, value: &str) -> String {
    format!("{{\"{name}\":{}}}", Value::from(value))
}

fn signed(
    method: &str,
    address: &ObjectAddress<'_>,
    headers: &[(&str, &str)],
    parameters: &[(&str, &str)],
    key: &TemporaryKey<'_>,
) -> String {
    let (host, path) = (address.host(), address.path());
    let mut headers = headers.to_vec();
    headers.push(("host", &host));
    let request = CosRequest { method, path: &path, parameters, headers: &headers };
    authorization(&request, key.key_time, key.secret_id, key.secret_key)
}

/// The header or parameter with the token of a temporary key.
/// <https://www.tencentcloud.com/document/product/436/7778>
const TOKEN: &str = "x-cos-security-token";

#[cfg(test)]
mod tests {
    use super::{ObjectAddress, TemporaryKey, link};
    use crate::secret::Secret;

    /// With the key and the time of the vendor's examples.
    #[test]
    fn another_key_parameter_or_token_has_another_signature() {
        let secret_key = Secret::new("BQYIM75p8x0iWVFSIgqEKwFprpRSVHlz".to_owned()).unwrap();
        let signature = |object: &str, parameters: &[(&str, &str)], session_token: &str| {
            let address = ObjectAddress {
                bucket: "examplebucket-1250000000",
                region: "ap-beijing",
                key: object,
            };
            let key = TemporaryKey {
                secret_id: "AKIDQjz3ltompVjBni5LitkWHFlFpwkn9U5q",
                secret_key: &secret_key,
                session_token,
                key_time: "1557989753;1557996953",
            };
            let url = link("get", &address, &[], parameters, &key);
            url.split("q-signature=").nth(1).unwrap().get(..40).unwrap().to_owned()
        };
        let parameters = [("response-content-disposition", "attachment")];
        let right = signature("exampleobject", &parameters, "token");
        assert_eq!(right, signature("exampleobject", &parameters, "token"));
        for other in [
            signature("exampleobjects", &parameters, "token"),
            signature("exampleobject", &[("response-content-disposition", "inline")], "token"),
            signature("exampleobject", &[], "token"),
            signature("exampleobject", &parameters, "other"),
        ] {
            assert_ne!(other, right);
        }
    }
}
