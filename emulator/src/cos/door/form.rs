//! The signature of a form (POST Object): over its policy, or over method and path alone.
//! <https://www.tencentcloud.com/document/product/436/14690>
//!
//! Documented: the fields `policy` (base64 of JSON), `q-sign-algorithm`, `q-ak`, `q-key-time`, `q-signature`. From SDK source
//! (cos-wx-sdk-v5): in place of them the field `Signature`, an ordinary signature of `post /`.
//! Promises: a form that has neither, or both, is nobody's.

mod policy;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::AUTHORIZATION;
use tencent::sign::q_sign::{ALGORITHM, SignKey, policy_string_to_sign};

use self::policy::FormPolicy;
use super::super::ask::{Address, Ask};
use super::super::error::CosError;
use super::super::form::Form;
use super::claim::{Claim, Malformed, Period, TOKEN, malformed, secret_id_of, signature_of};
use super::refusal;
use super::signed::{self, Sent};
use super::verify::{self, Proven};
use crate::account::Directory;

/// A form with a proven signature.
pub(super) struct SignedForm {
    pub(super) proven: Proven,
    /// The sizes that its policy leaves to the file, both included.
    pub(super) file_bytes: Option<(u64, u64)>,
}

/// The key that signed the form, and what its policy says of the file.
pub(super) fn verify(
    ask: &Ask,
    form: &Form,
    directory: &Directory,
) -> Result<SignedForm, CosError> {
    verify::unambiguous(ask)?;
    each_once(form)?;
    if !is_said_in_its_fields(ask, form) {
        return Err(refusal::anonymous(
            ask,
            "denied: the signature of a form stands in its fields; a header may only repeat the field Signature",
        ));
    }
    let token = form.field(TOKEN).filter(|token| !token.is_empty());
    match (form.field("policy"), form.field("Signature")) {
        (Some(_), Some(_)) => Err(refusal::anonymous(
            ask,
            "denied: the form has a policy and the field Signature",
        )),
        (None, None) => Err(refusal::anonymous(
            ask,
            "denied: the form is not signed, and the bucket is private",
        )),
        (None, Some(signature)) => by_path(ask, signature, token, directory),
        (Some(policy), None) => by_policy(ask, form, policy, token, directory),
    }
}

/// From SDK source (cos-wx-sdk-v5): a mini-program sends the text of the field `Signature` as `Authorization` too. Another text there
/// would be a second signature.
fn is_said_in_its_fields(ask: &Ask, form: &Form) -> bool {
    let field = form.field("Signature").map(str::as_bytes);
    let mut headers = ask.headers.get_all(AUTHORIZATION).iter();
    headers.all(|header| Some(header.as_bytes()) == field)
}

/// An ordinary signature, of the request as the client saw it: `post /`.
fn by_path(
    ask: &Ask,
    signature: &str,
    token: Option<&str>,
    directory: &Directory,
) -> Result<SignedForm, CosError> {
    let claim =
        Claim::parse(signature).map_err(|malformed| refusal::unreadable(ask, &malformed))?;
    let key = verify::key(&claim.secret_id, token, directory, ask.now)?;
    verify::period(&claim.sign_time, ask.now)?;
    verify::period(&claim.key_time, ask.now)?;
    signed::check(&claim, &key, &Sent::of(ask)?)?;
    Ok(SignedForm {
        proven: Proven {
            secret_id: claim.secret_id,
            key,
        },
        file_bytes: None,
    })
}

fn by_policy(
    ask: &Ask,
    form: &Form,
    encoded: &str,
    token: Option<&str>,
    directory: &Directory,
) -> Result<SignedForm, CosError> {
    let claim = PolicyClaim::of(form).map_err(|malformed| refusal::unreadable(ask, &malformed))?;
    let owner = verify::key(&claim.secret_id, token, directory, ask.now)?;
    verify::period(&claim.key_time, ask.now)?;
    let not_base64 = || refusal::form_policy("the policy is not base64 of UTF-8");
    let text = STANDARD.decode(encoded).map_err(|_| not_base64())?;
    let text = String::from_utf8(text).map_err(|_| not_base64())?;
    let string_to_sign = policy_string_to_sign(&text);
    let sign_key = SignKey::new(&owner.secret_key, &claim.key_time.text);
    if !verify::same(&sign_key.sign(&string_to_sign), &claim.signature) {
        return Err(refusal::signature(
            &string_to_sign,
            &text,
            "the signature is not the one of this key over this policy",
        ));
    }
    let policy = FormPolicy::parse(&text)?;
    policy.check_expiration(ask.now)?;
    let bucket = match &ask.address {
        Address::Bucket { bucket, .. } => bucket.as_str(),
        Address::Service => return Err(refusal::internal()),
    };
    let value = |name: &str| match name {
        "bucket" => Some(bucket),
        "key" => Some(form.key.as_str()),
        // A condition says q-sign-time where the form says q-key-time; both are KeyTime (documented).
        "q-sign-time" | "q-key-time" => Some(claim.key_time.text.as_str()),
        name => form.field(name),
    };
    policy.check_conditions(&value)?;
    Ok(SignedForm {
        file_bytes: policy.file_bytes(),
        proven: Proven {
            secret_id: claim.secret_id,
            key: owner,
        },
    })
}

/// The signature fields beside a policy.
struct PolicyClaim {
    secret_id: String,
    key_time: Period,
    signature: String,
}

impl PolicyClaim {
    fn of(form: &Form) -> Result<Self, Malformed> {
        let required = |name: &str| {
            form.field(name)
                .ok_or_else(|| malformed(format!("the field `{name}` is missing")))
        };
        if required("q-sign-algorithm")? != ALGORITHM {
            return Err(malformed("q-sign-algorithm has to be sha1"));
        }
        let key_time = required("q-key-time")?;
        if form
            .field("q-sign-time")
            .is_some_and(|sign_time| sign_time != key_time)
        {
            return Err(malformed("q-sign-time and q-key-time differ"));
        }
        Ok(Self {
            secret_id: secret_id_of(required("q-ak")?)?,
            key_time: Period::parse("q-key-time", key_time)?,
            signature: signature_of(required("q-signature")?)?,
        })
    }
}

/// The reader of forms promises it; a field that is checked must be the one that is used.
fn each_once(form: &Form) -> Result<(), CosError> {
    let names = form.fields.iter().map(|(name, _)| {
        let name = name.to_ascii_lowercase();
        // Two names of one thing.
        if name == "x-cos-acl" {
            "acl".to_owned()
        } else {
            name
        }
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    let repeated = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
    match repeated {
        Some((name, _)) => Err(refusal::malformed_form(&format!(
            "the field `{name}` stands twice"
        ))),
        None => Ok(()),
    }
}
