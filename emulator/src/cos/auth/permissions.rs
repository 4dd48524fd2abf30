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

use cos_issuer::cam::{Access, Bucket, Context, Region, Target};

use super::authenticate::IdentityContext;
use super::errors;
use crate::cos::error::CosError;
use crate::cos::http::copy_source::CopySource;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::{Address, RequestHead};
use crate::cos::http::virtual_host::DefaultBucket;
use crate::cos::operation::Operation;

/// One access that has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequiredPermission {
    pub(super) access: Access,
    /// Other documented names of the same: a deny under one of them counts.
    pub(super) other_names: &'static [&'static str],
}

/// What an operation is about, and which condition keys it has besides the general ones.
struct Rule {
    action: &'static str,
    other_names: &'static [&'static str],
    on: ResourceKind,
    keys: &'static [ConditionKey],
}

#[derive(Clone, Copy)]
enum ResourceKind {
    Service,
    Bucket,
    /// The bucket, and in it the asked prefix.
    Prefix,
    Object,
}

#[derive(Clone, Copy)]
enum ConditionKey {
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
    use ConditionKey::{Acl, Body, Prefix, ResponseContentType, StorageClass, Tags};
    use Operation as Op;
    let (on, keys): (ResourceKind, &[ConditionKey]) = match operation {
        Op::GetService => (ResourceKind::Service, &[]),
        Op::PutBucket => (ResourceKind::Bucket, &[Acl, Body, Tags]),
        Op::PutBucketCORS => (ResourceKind::Bucket, &[Body]),
        Op::HeadBucket
        | Op::DeleteBucket
        | Op::GetBucketCORS
        | Op::DeleteBucketCORS
        | Op::GetBucketACL
        | Op::GetBucketLocation => (ResourceKind::Bucket, &[]),
        Op::GetBucket | Op::ListMultipartUploads => (ResourceKind::Prefix, &[Prefix]),
        Op::PutObject | Op::AppendObject | Op::InitiateMultipartUpload => {
            (ResourceKind::Object, &[Acl, Body, StorageClass])
        }
        Op::PutObjectCopy => (ResourceKind::Object, &[Acl, StorageClass]),
        Op::UploadPart | Op::CompleteMultipartUpload => (ResourceKind::Object, &[Body]),
        Op::GetObject => (ResourceKind::Object, &[ResponseContentType]),
        Op::HeadObject
        | Op::DeleteObject
        | Op::OptionsObject
        | Op::GetObjectACL
        | Op::UploadPartCopy
        | Op::ListParts
        | Op::AbortMultipartUpload => (ResourceKind::Object, &[]),
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
pub(super) fn required(
    request: &RequestHead,
    operation: Operation,
    identity: &IdentityContext,
    default_bucket: &DefaultBucket,
) -> Result<Vec<RequiredPermission>, CosError> {
    let rule = rule(operation).ok_or_else(|| errors::unmapped(request))?;
    let context = context(request, rule.keys, general(request, identity))?;
    let target = target(request, rule.on, identity)?;
    let mut required = vec![RequiredPermission {
        access: access(rule.action, target, context, identity),
        other_names: rule.other_names,
    }];
    if matches!(
        operation,
        Operation::PutObjectCopy | Operation::UploadPartCopy
    ) {
        let source =
            CopySource::of(&request.headers, default_bucket).ok_or_else(errors::internal)??;
        let source = object(&source.bucket, &source.region, &source.key, identity);
        required.push(RequiredPermission {
            access: access("GetObject", source, general(request, identity), identity),
            other_names: &[],
        });
    }
    Ok(required)
}

/// The access of a form.
pub(super) fn form_permission(
    request: &RequestHead,
    form: &Form,
    identity: &IdentityContext,
) -> Result<RequiredPermission, CosError> {
    let mut context = general(request, identity);
    for (condition, value) in [
        ("cos:content-length", header(request, "content-length")?),
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
    Ok(RequiredPermission {
        access: access(
            "PostObject",
            keyed(request, &form.key, identity)?,
            context,
            identity,
        ),
        other_names: &[],
    })
}

/// The access of one key among several that are to be deleted.
pub(super) fn deletion_permission(
    request: &RequestHead,
    key: &str,
    identity: &IdentityContext,
) -> Result<RequiredPermission, CosError> {
    let target = keyed(request, key, identity)?;
    Ok(RequiredPermission {
        access: access("DeleteObject", target, general(request, identity), identity),
        other_names: &["DeleteMultipleObjects"],
    })
}

fn access(action: &str, target: Target, context: Context, identity: &IdentityContext) -> Access {
    Access {
        account: identity.account.clone(),
        action: format!("name/cos:{action}"),
        target,
        context,
    }
}

fn target(
    request: &RequestHead,
    on: ResourceKind,
    identity: &IdentityContext,
) -> Result<Target, CosError> {
    let (bucket, region, key) = match (&request.address, on) {
        (Address::Service, ResourceKind::Service) => return Ok(Target::Service),
        (Address::Service, _) | (Address::Bucket { .. }, ResourceKind::Service) => {
            return Err(errors::internal());
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
        ResourceKind::Prefix => {
            let prefix = request.parameter("prefix").unwrap_or_default();
            Ok(object(bucket, region, &prefix, identity))
        }
        // The operation was found by whether there is a key, so this is what it is about.
        ResourceKind::Bucket | ResourceKind::Object => Ok(object(bucket, region, key, identity)),
        ResourceKind::Service => Err(errors::internal()),
    }
}

/// An object of the asked bucket by a key that the body names, never the bucket itself.
fn keyed(request: &RequestHead, key: &str, identity: &IdentityContext) -> Result<Target, CosError> {
    match &request.address {
        Address::Bucket { bucket, region, .. } if !key.is_empty() => {
            Ok(object(bucket, region, key, identity))
        }
        Address::Bucket { .. } | Address::Service => {
            Err(errors::ambiguous("an object needs a key"))
        }
    }
}

fn object(bucket: &Bucket, region: &Region, key: &str, identity: &IdentityContext) -> Target {
    Target::Object {
        region: region.clone(),
        bucket: bucket.clone(),
        owner_uin: identity.owner_uin.to_string(),
        key: key.to_owned(),
    }
}

/// The keys that every request has.
fn general(request: &RequestHead, identity: &IdentityContext) -> Context {
    Context::new()
        .with("qcs:ip", &request.source_ip.to_string())
        .with("qcs:current_time", &request.now.iso_8601())
        .with("qcs:uin", &identity.uin.to_string())
        .with("qcs:owner_uin", &identity.owner_uin.to_string())
        .with("cos:secure-transport", &request.is_tls.to_string())
}

fn context(
    request: &RequestHead,
    keys: &[ConditionKey],
    mut context: Context,
) -> Result<Context, CosError> {
    for key in keys {
        let pairs = match key {
            ConditionKey::Acl => vec![("cos:x-cos-acl", header(request, "x-cos-acl")?)],
            ConditionKey::Body => vec![
                ("cos:content-length", header(request, "content-length")?),
                ("cos:content-type", header(request, "content-type")?),
            ],
            ConditionKey::StorageClass => vec![(
                "cos:x-cos-storage-class",
                header(request, "x-cos-storage-class")?,
            )],
            ConditionKey::Prefix => {
                if let Some(prefix) = request.parameter("prefix") {
                    context = context.with("cos:prefix", &prefix);
                }
                continue;
            }
            ConditionKey::ResponseContentType => {
                if let Some(asked) = request.parameter("response-content-type") {
                    context = context.with("cos:response-content-type", &asked);
                }
                continue;
            }
            ConditionKey::Tags => {
                // `k1=v1&k2=v2` in the header, `k1&v1` in a condition.
                let tags = header(request, "x-cos-tagging")?.unwrap_or_default();
                for tag in tags.split('&').filter(|tag| !tag.is_empty()) {
                    let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
                    let decoded = crate::cos::http::request::decoded;
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
fn header<'a>(request: &'a RequestHead, name: &str) -> Result<Option<&'a str>, CosError> {
    match request.headers.get(name) {
        None => Ok(None),
        Some(value) => match str::from_utf8(value.as_bytes()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(errors::ambiguous(&format!(
                "the header `{name}` is not UTF-8"
            ))),
        },
    }
}
