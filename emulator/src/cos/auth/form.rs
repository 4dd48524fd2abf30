//! The signature of a form (POST Object): over its policy, or over method and path only.
//! <https://www.tencentcloud.com/document/product/436/14690>
//!
//! Documented: the fields `policy` (base64 of JSON), `q-sign-algorithm`, `q-ak`, `q-key-time`,
//! `q-signature`. From SDK source (cos-wx-sdk-v5): in place of them the field `Signature`, an
//! ordinary signature of `post /`.
//!
//! # Guarantees
//!
//! A form with both, or with a part of either, is rejected. One with neither is anonymous, as any
//! request without a signature: only an ACL or a bucket policy can allow it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use tencent::sign::q_sign::{ALGORITHM, SignKey, policy_string_to_sign};

use super::authenticate::{self, Authenticated};
use super::authorization::{
    Authorization, Malformed, Period, TOKEN, malformed, secret_id_of, signature_of,
};
use super::errors;
use super::post_policy::PostPolicy;
use super::signature::{self, SignableRequest};
use crate::account::Directory;
use crate::cos::error::{self, CosError};
use crate::cos::http::post_form::Form;
use crate::cos::http::request::RequestHead;
use crate::cos::http::virtual_host::BucketAddress;

/// A form with a valid signature.
pub(super) struct SignedForm {
    pub(super) authenticated: Authenticated,
    /// The smallest and largest file that its policy allows.
    pub(super) file_bytes: Option<(u64, u64)>,
}

/// Authenticates a form; `None` for one that is not signed.
pub(super) fn verify(
    request: &RequestHead,
    bucket: &BucketAddress,
    form: &Form,
    directory: &Directory,
) -> Result<Option<SignedForm>, CosError> {
    authenticate::unambiguous(request)?;
    each_once(form)?;
    if !is_signed_in_fields(request, form) {
        return Err(errors::anonymous(
            request,
            "denied: sign a form in its fields; the header Authorization may only repeat the field Signature",
        ));
    }
    let token = form.field(TOKEN).filter(|token| !token.is_empty());
    match (form.field("policy"), form.field("Signature")) {
        (Some(_), Some(_)) => Err(errors::anonymous(
            request,
            "denied: the form must not have both a policy and the field Signature",
        )),
        (None, None) => match signature_field(form) {
            Some(name) => Err(errors::anonymous(
                request,
                &format!("denied: the form has `{name}`, and no policy"),
            )),
            None => Ok(None),
        },
        (None, Some(signature)) => by_path(request, signature, token, directory).map(Some),
        (Some(policy), None) => {
            by_policy(request, bucket, form, policy, token, directory).map(Some)
        }
    }
}

/// A field that only a signed form has.
fn signature_field(form: &Form) -> Option<&str> {
    let mut names = form.fields.iter().map(|(name, _)| name.as_str());
    names.find(|name| {
        let name = name.to_ascii_lowercase();
        name.starts_with("q-") || name == TOKEN
    })
}

/// From SDK source (cos-wx-sdk-v5): a mini-program sends the field `Signature` as `Authorization`
/// too. Another text there would be a second signature.
fn is_signed_in_fields(request: &RequestHead, form: &Form) -> bool {
    let field = form.field("Signature").map(str::as_bytes);
    let mut headers = request.headers.get_all(AUTHORIZATION).iter();
    headers.all(|header| Some(header.as_bytes()) == field)
}

/// An ordinary signature, of the request as the client saw it: `post /`.
fn by_path(
    request: &RequestHead,
    signature: &str,
    token: Option<&str>,
    directory: &Directory,
) -> Result<SignedForm, CosError> {
    let authorization = Authorization::parse(signature)
        .map_err(|malformed| errors::unreadable(request, &malformed))?;
    let key = authenticate::key(&authorization.secret_id, token, directory, request.now)?;
    authenticate::period(&authorization.sign_time, request.now)?;
    authenticate::period(&authorization.key_time, request.now)?;
    signature::check(&authorization, &key, &SignableRequest::of(request)?)?;
    Ok(SignedForm {
        authenticated: Authenticated { secret_id: authorization.secret_id, key },
        file_bytes: None,
    })
}

fn by_policy(
    request: &RequestHead,
    bucket: &BucketAddress,
    form: &Form,
    encoded: &str,
    token: Option<&str>,
    directory: &Directory,
) -> Result<SignedForm, CosError> {
    let authorization = PolicyAuthorization::of(form)
        .map_err(|malformed| errors::unreadable(request, &malformed))?;
    let owner = authenticate::key(&authorization.secret_id, token, directory, request.now)?;
    authenticate::period(&authorization.key_time, request.now)?;
    let not_base64 = || errors::form_policy("it must be base64 of UTF-8");
    let text = STANDARD.decode(encoded).map_err(|_| not_base64())?;
    let text = String::from_utf8(text).map_err(|_| not_base64())?;
    let string_to_sign = policy_string_to_sign(&text);
    let sign_key = SignKey::new(&owner.secret_key, &authorization.key_time.text);
    if !signature::same(&sign_key.sign(&string_to_sign), &authorization.signature) {
        return Err(errors::signature(
            &string_to_sign,
            &text,
            "the signature is not the one of this key over this policy",
        ));
    }
    let policy = PostPolicy::parse(&text)?;
    policy.check_expiration(request.now)?;
    let value = |name: &str| match name {
        "bucket" => Some(bucket.name.as_str()),
        "key" => Some(form.key.as_str()),
        // The condition q-sign-time is the field q-key-time; both are KeyTime (documented).
        "q-sign-time" | "q-key-time" => Some(authorization.key_time.text.as_str()),
        name => form.field(name),
    };
    policy.check_conditions(&value)?;
    Ok(SignedForm {
        file_bytes: policy.file_bytes(),
        authenticated: Authenticated { secret_id: authorization.secret_id, key: owner },
    })
}

/// The signature fields of a form with a policy.
struct PolicyAuthorization {
    secret_id: String,
    key_time: Period,
    signature: String,
}

impl PolicyAuthorization {
    fn of(form: &Form) -> Result<Self, Malformed> {
        let required = |name: &str| {
            form.field(name).ok_or_else(|| malformed(format!("the field `{name}` is missing")))
        };
        if required("q-sign-algorithm")? != ALGORITHM {
            return Err(malformed("q-sign-algorithm: must be sha1"));
        }
        let key_time = required("q-key-time")?;
        if form.field("q-sign-time").is_some_and(|sign_time| sign_time != key_time) {
            return Err(malformed("q-sign-time: must equal q-key-time"));
        }
        Ok(Self {
            secret_id: secret_id_of(required("q-ak")?)?,
            key_time: Period::parse("q-key-time", key_time)?,
            signature: signature_of(required("q-signature")?)?,
        })
    }
}

/// Checks that no field is repeated: the field that is checked must be the one that is used.
fn each_once(form: &Form) -> Result<(), CosError> {
    let names = form.fields.iter().map(|(name, _)| {
        let name = name.to_ascii_lowercase();
        // Two names of one field.
        if name == "x-cos-acl" { "acl".to_owned() } else { name }
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    let repeated = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
    match repeated {
        Some((name, _)) => {
            Err(error::malformed_form().because(format!("the field `{name}` is repeated")))
        }
        None => Ok(()),
    }
}
