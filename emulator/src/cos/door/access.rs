//! Every access that a request means: which action, on what, with which condition keys. One table.
//!
//! Actions: <https://www.tencentcloud.com/document/product/436/30580>; where the documents give a request two names, the one of that page
//! is asked for, and a statement that denies the other one counts too. Keys:
//! <https://www.tencentcloud.com/document/product/436/46205>.
//!
//! Documented: a copy needs PutObject on its target and GetObject on its source; a list request is about the prefix that it asks for;
//! `cos:content-length` and `cos:content-type` are headers of requests with a body; what the request has not, the condition has not.
//! Inferred: that a copy, which has no body, has neither key (so a grant with a limit of size never covers one); that a form's keys
//! are its fields, and its `cos:content-length` the header of the whole request (at least the size of the file).
//! Leaves out: `cos:tls-version` and `qcs:vpc`, which are unknown here, so that a condition on them is not met.

use tencent::cam::{AccessRequest, Context, Target};
use tencent::names::{Bucket, Region};

use super::super::ask::{Address, Ask};
use super::super::copy_source::CopySource;
use super::super::error::CosError;
use super::super::form::Form;
use super::super::host::Home;
use super::super::operation::Operation;
use super::refusal;
use super::verify::IdentityKeys;

/// One access that has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) access: AccessRequest,
    /// Other documented names of the same: a deny under one of them counts.
    pub(super) other_names: &'static [&'static str],
}

/// What an operation is about, and which condition keys it has besides the general ones.
struct Rule {
    action: &'static str,
    other_names: &'static [&'static str],
    on: On,
    keys: &'static [Key],
}

#[derive(Clone, Copy)]
enum On {
    Service,
    Bucket,
    /// The bucket, and in it the asked prefix.
    Prefix,
    Object,
}

#[derive(Clone, Copy)]
enum Key {
    Acl,
    /// `cos:content-length` and `cos:content-type`.
    Body,
    Prefix,
    ResponseContentType,
    StorageClass,
    Tags,
}

/// The table.
fn rule(operation: Operation) -> Option<Rule> {
    use Key::{Acl, Body, Prefix, ResponseContentType, StorageClass, Tags};
    use Operation as Op;
    let (on, keys): (On, &[Key]) = match operation {
        Op::GetService => (On::Service, &[]),
        Op::PutBucket => (On::Bucket, &[Acl, Body, Tags]),
        Op::PutBucketCORS => (On::Bucket, &[Body]),
        Op::HeadBucket
        | Op::DeleteBucket
        | Op::GetBucketCORS
        | Op::DeleteBucketCORS
        | Op::GetBucketACL
        | Op::GetBucketLocation => (On::Bucket, &[]),
        Op::GetBucket | Op::ListMultipartUploads => (On::Prefix, &[Prefix]),
        Op::PutObject | Op::AppendObject | Op::InitiateMultipartUpload => {
            (On::Object, &[Acl, Body, StorageClass])
        }
        Op::PutObjectCopy => (On::Object, &[Acl, StorageClass]),
        Op::UploadPart | Op::CompleteMultipartUpload => (On::Object, &[Body]),
        Op::GetObject => (On::Object, &[ResponseContentType]),
        Op::HeadObject
        | Op::DeleteObject
        | Op::OptionsObject
        | Op::GetObjectACL
        | Op::UploadPartCopy
        | Op::ListParts
        | Op::AbortMultipartUpload => (On::Object, &[]),
        // Their accesses stand in their bodies.
        Op::DeleteMultipleObjects | Op::PostObject => return None,
    };
    let (action, other_names): (&str, &[&str]) = match operation {
        Op::PutObjectCopy => ("PutObject", &["PutObjectCopy"]),
        Op::UploadPartCopy => ("PutObject", &["UploadPartCopy", "UploadPart"]),
        _ => (operation.name(), &[]),
    };
    Some(Rule {
        action,
        other_names,
        on,
        keys,
    })
}

/// Every access of `operation`.
pub(super) fn needs(
    ask: &Ask,
    operation: Operation,
    identity: &IdentityKeys,
    home: &Home,
) -> Result<Vec<Need>, CosError> {
    let rule = rule(operation).ok_or_else(|| refusal::unmapped(ask))?;
    let context = context(ask, rule.keys, general(ask, identity))?;
    let target = target(ask, rule.on, identity)?;
    let mut needs = vec![Need {
        access: access(rule.action, target, context, identity),
        other_names: rule.other_names,
    }];
    if matches!(
        operation,
        Operation::PutObjectCopy | Operation::UploadPartCopy
    ) {
        let source = CopySource::of(&ask.headers, home).ok_or_else(refusal::internal)??;
        let source = object(&source.bucket, &source.region, &source.key, identity);
        needs.push(Need {
            access: access("GetObject", source, general(ask, identity), identity),
            other_names: &[],
        });
    }
    Ok(needs)
}

/// The access of a form.
pub(super) fn form_need(ask: &Ask, form: &Form, identity: &IdentityKeys) -> Result<Need, CosError> {
    let mut context = general(ask, identity);
    for (condition, value) in [
        ("cos:content-length", header(ask, "content-length")?),
        ("cos:content-type", form.field("content-type")),
        (
            "cos:x-cos-acl",
            form.field("acl").or_else(|| form.field("x-cos-acl")),
        ),
        ("cos:x-cos-storage-class", form.field("x-cos-storage-class")),
    ] {
        if let Some(value) = value {
            context = context.with(condition, value);
        }
    }
    Ok(Need {
        access: access(
            "PostObject",
            keyed(ask, &form.key, identity)?,
            context,
            identity,
        ),
        other_names: &[],
    })
}

/// The access of one key among several that are to be deleted.
pub(super) fn deletion_need(
    ask: &Ask,
    key: &str,
    identity: &IdentityKeys,
) -> Result<Need, CosError> {
    let target = keyed(ask, key, identity)?;
    Ok(Need {
        access: access("DeleteObject", target, general(ask, identity), identity),
        other_names: &["DeleteMultipleObjects"],
    })
}

fn access(
    action: &str,
    target: Target,
    context: Context,
    identity: &IdentityKeys,
) -> AccessRequest {
    AccessRequest {
        account: identity.account.clone(),
        action: format!("name/cos:{action}"),
        target,
        context,
    }
}

fn target(ask: &Ask, on: On, identity: &IdentityKeys) -> Result<Target, CosError> {
    let (bucket, region, key) = match (&ask.address, on) {
        (Address::Service, On::Service) => return Ok(Target::Service),
        (Address::Service, _) | (Address::Bucket { .. }, On::Service) => {
            return Err(refusal::internal());
        }
        (
            Address::Bucket {
                bucket,
                region,
                key,
            },
            _,
        ) => (bucket, region, key),
    };
    match on {
        On::Prefix => {
            let prefix = ask.parameter("prefix").unwrap_or_default();
            Ok(object(bucket, region, &prefix, identity))
        }
        // The operation was found by whether there is a key, so this is what it is about.
        On::Bucket | On::Object => Ok(object(bucket, region, key, identity)),
        On::Service => Err(refusal::internal()),
    }
}

/// An object of the asked bucket by a key that the body names, never the bucket itself.
fn keyed(ask: &Ask, key: &str, identity: &IdentityKeys) -> Result<Target, CosError> {
    match &ask.address {
        Address::Bucket { bucket, region, .. } if !key.is_empty() => {
            Ok(object(bucket, region, key, identity))
        }
        Address::Bucket { .. } | Address::Service => {
            Err(refusal::ambiguous("an object needs a key"))
        }
    }
}

fn object(bucket: &Bucket, region: &Region, key: &str, identity: &IdentityKeys) -> Target {
    Target::Object {
        region: region.clone(),
        bucket: bucket.clone(),
        owner_uin: identity.owner_uin.to_string(),
        key: key.to_owned(),
    }
}

/// The keys that every request has.
fn general(ask: &Ask, identity: &IdentityKeys) -> Context {
    Context::new()
        .with("qcs:ip", &ask.source_ip.to_string())
        .with("qcs:current_time", &ask.now.iso_8601())
        .with("qcs:uin", &identity.uin.to_string())
        .with("qcs:owner_uin", &identity.owner_uin.to_string())
        .with("cos:secure-transport", &ask.is_tls.to_string())
}

fn context(ask: &Ask, keys: &[Key], mut context: Context) -> Result<Context, CosError> {
    for key in keys {
        let pairs = match key {
            Key::Acl => vec![("cos:x-cos-acl", header(ask, "x-cos-acl")?)],
            Key::Body => vec![
                ("cos:content-length", header(ask, "content-length")?),
                ("cos:content-type", header(ask, "content-type")?),
            ],
            Key::StorageClass => vec![(
                "cos:x-cos-storage-class",
                header(ask, "x-cos-storage-class")?,
            )],
            Key::Prefix => {
                if let Some(prefix) = ask.parameter("prefix") {
                    context = context.with("cos:prefix", &prefix);
                }
                continue;
            }
            Key::ResponseContentType => {
                if let Some(asked) = ask.parameter("response-content-type") {
                    context = context.with("cos:response-content-type", &asked);
                }
                continue;
            }
            Key::Tags => {
                // `k1=v1&k2=v2` in the header, `k1&v1` in a condition.
                let tags = header(ask, "x-cos-tagging")?.unwrap_or_default();
                for tag in tags.split('&').filter(|tag| !tag.is_empty()) {
                    let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
                    let decoded = super::super::ask::decoded;
                    let tag = format!("{}&{}", decoded(name), decoded(value));
                    context = context.with("qcs:request_tag", &tag);
                }
                continue;
            }
        };
        for (condition, value) in pairs {
            if let Some(value) = value {
                context = context.with(condition, value);
            }
        }
    }
    Ok(context)
}

/// A header that a condition can be about. What is not text would be left out of the context, which a condition that asks for its
/// absence would take for absent.
fn header<'a>(ask: &'a Ask, name: &str) -> Result<Option<&'a str>, CosError> {
    match ask.headers.get(name) {
        None => Ok(None),
        Some(value) => match str::from_utf8(value.as_bytes()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refusal::ambiguous(&format!(
                "the header `{name}` is not UTF-8"
            ))),
        },
    }
}
