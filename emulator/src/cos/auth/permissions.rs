//! Every permission that a request requires: action, target and condition keys.
//!
//! Actions: <https://www.tencentcloud.com/document/product/436/30580>. Where the documents have two
//! names for one request, the name of that page is required, and a deny under the other name counts
//! too. Keys:
//! <https://www.tencentcloud.com/document/product/436/46205>.
//!
//! Documented: a copy requires PutObject on its target and GetObject on its source; a list is about
//! its prefix; `cos:content-length` and `cos:content-type` are headers of requests with a body; a
//! key without a value in the request is absent. Inferred: a copy has neither key, since its own
//! body is not what it stores, so a grant with a limit of size never covers one; one that is sent
//! with a body must also be allowed with that body's keys, which COS could use; an upload with tags
//! requires PutObjectTagging too, as in the S3 API, and one with `x-cos-grant-…` PutObjectACL: no
//! condition key covers these; a form's keys are
//! its fields, and its `cos:content-length` is the header of the whole request (at least the size
//! of the file).
//!
//! # Not covered
//!
//! `cos:tls-version` and `qcs:vpc` are unknown, so a condition on them is not met.
//! `vpc:requester_vpc` is the VPC of the account file.

use http::HeaderMap;
use tencent::cam::{AccessRequest, Context, Target};

use super::access::Deletion;
use super::authenticate::IdentityContext;
use super::errors;
use crate::cos::acl::{ACL_HEADER, GRANT_HEADERS};
use crate::cos::attributes::TAGGING;
use crate::cos::bucket_document::{BucketDocument, Verb};
use crate::cos::error::{self, CosError};
use crate::cos::http::address::ObjectAddress;
use crate::cos::http::copy_source::copy_source;
use crate::cos::http::merge_order::merged;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::{RequestHead, decoded};
use crate::cos::http::virtual_host::{BucketAddress, DefaultBucket};
use crate::cos::image::{PicOperations, Stage};
use crate::cos::operation::{BucketOperation, ObjectOperation, Operation, VERSION_ID, VERSION_KEY};
use crate::cos::tags::Tags;

/// One access that must be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequiredPermission {
    pub(super) access: AccessRequest,
    /// Whether the key is that of an object, which COS may merge; the prefix of a list is not.
    pub(super) is_object: bool,
    /// Other documented names of the same: a deny under one of them counts.
    pub(super) other_names: &'static [&'static str],
}

impl RequiredPermission {
    /// The key, the key that COS may merge it to, and the access to that if there is one; `None`
    /// when the two keys are one.
    pub(super) fn merged(&self) -> Option<([String; 2], Option<AccessRequest>)> {
        let mut access = self.access.clone();
        let Target::Object { key, .. } = &mut access.target else {
            return None;
        };
        let merged = merged(key);
        if !self.is_object || merged == *key {
            return None;
        }
        let raw = std::mem::replace(key, merged.clone());
        let access = match merged.is_empty() {
            true => access_to_bucket(&raw, access),
            false => Some(access),
        };
        Some(([raw, merged], access))
    }
}

/// The access to the bucket itself that a key may be merged to. The suite of cos-nodejs-sdk-v5 puts
/// and reads keys that `..` leads out of, while those of `.` and empty segments are the bucket.
fn access_to_bucket(key: &str, access: AccessRequest) -> Option<AccessRequest> {
    let action = match access.action.as_str() {
        "name/cos:PutObject"
        | "name/cos:InitiateMultipartUpload"
        | "name/cos:UploadPart"
        | "name/cos:CompleteMultipartUpload" => "name/cos:PutBucket",
        "name/cos:GetObject" | "name/cos:ListParts" => "name/cos:GetBucket",
        "name/cos:HeadObject" => "name/cos:HeadBucket",
        "name/cos:DeleteObject" | "name/cos:AbortMultipartUpload" => "name/cos:DeleteBucket",
        _ => return None,
    };
    let is_left = key.split('/').any(|segment| segment == "..");
    is_left.then(|| AccessRequest { action: action.to_owned(), ..access })
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
    VersionId,
}

/// The condition keys of an operation, next to the general ones.
fn bucket_condition_keys(operation: BucketOperation) -> &'static [ConditionKey] {
    use BucketOperation as Op;
    use ConditionKey::{Acl, Body, Prefix, Tags};
    match operation {
        Op::PutBucket => &[Acl, Body, Tags],
        Op::PutBucketACL => &[Acl, Body],
        Op::PutBucketCORS
        | Op::PutBucketPolicy
        | Op::PutBucketReferer
        | Op::PutBucketVersioning
        | Op::PostBucketInventory => &[Body],
        Op::GetBucket | Op::GetBucketObjectVersions | Op::ListMultipartUploads => &[Prefix],
        Op::HeadBucket
        | Op::DeleteBucket
        | Op::GetBucketCORS
        | Op::DeleteBucketCORS
        | Op::GetBucketACL
        | Op::GetBucketLocation
        | Op::ListBucketInventory
        | Op::ListBucketIntelligentTiering
        | Op::GetBucketPolicy
        | Op::DeleteBucketPolicy
        | Op::GetBucketReferer
        | Op::GetBucketVersioning => &[],
    }
}

/// The same of an operation on an object.
fn object_condition_keys(operation: ObjectOperation) -> &'static [ConditionKey] {
    use ConditionKey::{Acl, Body, ResponseContentType, StorageClass, VersionId};
    use ObjectOperation as Op;
    match operation {
        Op::PutObject | Op::AppendObject | Op::InitiateMultipartUpload => {
            &[Acl, Body, StorageClass]
        }
        Op::PutObjectACL => &[Acl, Body, VersionId],
        Op::PutObjectCopy => &[Acl, StorageClass],
        Op::UploadPart | Op::CompleteMultipartUpload => &[Body],
        Op::PutObjectTagging | Op::PostObjectRestore => &[Body, VersionId],
        Op::GetObject => &[ResponseContentType, VersionId],
        Op::HeadObject
        | Op::DeleteObject
        | Op::GetObjectACL
        | Op::GetObjectTagging
        | Op::DeleteObjectTagging => &[VersionId],
        Op::UploadPartCopy | Op::ListParts | Op::AbortMultipartUpload | Op::ImageProcess => &[],
    }
}

/// Every permission that `operation` requires.
pub(super) fn required(
    request: &RequestHead,
    operation: &Operation,
    identity: &IdentityContext,
    default_bucket: &DefaultBucket,
) -> Result<Vec<RequiredPermission>, CosError> {
    let (target, keys) = match operation {
        Operation::GetService => (Target::Service, &[][..]),
        Operation::Bucket(operation, bucket) => {
            let keys = bucket_condition_keys(*operation);
            // A list is about its prefix.
            let is_list = keys.iter().any(|key| matches!(key, ConditionKey::Prefix));
            let prefix = request.parameter("prefix").filter(|_| is_list);
            (target(bucket, &prefix.unwrap_or_default(), identity), keys)
        }
        Operation::Object(operation, object) => {
            let keys = object_condition_keys(*operation);
            (target(&object.bucket, &object.key, identity), keys)
        }
        Operation::OptionsObject(bucket, key) => (target(bucket, key, identity), &[][..]),
        Operation::Document(verb, document, bucket)
            if (*verb, *document) != (Verb::Put, BucketDocument::Tagging) =>
        {
            let keys: &[_] = if *verb == Verb::Put { &[ConditionKey::Body] } else { &[] };
            (target(bucket, "", identity), keys)
        }
        // The body contains what these are about, so the head never suffices.
        Operation::Document(..)
        | Operation::Website(..)
        | Operation::PostObject(_)
        | Operation::DeleteMultipleObjects(_) => {
            return Err(errors::unmapped(request));
        }
    };
    let (action, other_names, is_copy) = action(operation);
    let general = general(request, identity);
    let context = context(request, keys, general.clone())?;
    let is_object = matches!(operation, Operation::Object(..));
    let permission = |context| RequiredPermission {
        access: access(action, target.clone(), context, identity),
        is_object,
        other_names,
    };
    let mut required = vec![permission(context.clone())];
    for action in more_actions(operation, &request.headers) {
        required.push(RequiredPermission {
            access: access(action, target.clone(), general.clone(), identity),
            is_object,
            other_names: &[],
        });
    }
    if let Operation::Object(_, source) = operation {
        required.extend(picture_permissions(request, source, identity)?);
    }
    if is_copy {
        if has_body(request) {
            let with_body = self::context(request, &[ConditionKey::Body], context)?;
            required.push(permission(with_body));
        }
        let source =
            copy_source(&request.headers, default_bucket).ok_or_else(error::internal_error)??;
        let general = with_version(general, source.version_id.as_deref());
        let source = self::target(&source.object.bucket, &source.object.key, identity);
        required.push(RequiredPermission {
            access: access("GetObject", source, general, identity),
            is_object: true,
            other_names: &[],
        });
    }
    Ok(required)
}

/// The action that an operation requires on its target, its other names, and whether the operation
/// is a copy.
fn action(operation: &Operation) -> (&'static str, &'static [&'static str], bool) {
    match operation {
        Operation::Object(ObjectOperation::PutObjectCopy, _) => {
            ("PutObject", &["PutObjectCopy"], true)
        }
        Operation::Object(ObjectOperation::UploadPartCopy, _) => {
            ("PutObject", &["UploadPartCopy", "UploadPart"], true)
        }
        Operation::Object(ObjectOperation::PostObjectRestore, _) => {
            ("PostObjectRestore", &["RestoreObject"], false)
        }
        // Documented: GetObject of the original, and PutObject of each result.
        Operation::Object(ObjectOperation::ImageProcess, _) => ("GetObject", &[], false),
        _ => (operation.name(), &[], false),
    }
}

/// The permissions that the results of `Pic-Operations` require, each as an upload of its own.
/// Inferred: as for a copy, the keys of the body are those of the original, so a limit of size
/// never covers a result, and the keys of the request must be allowed too.
fn picture_permissions(
    request: &RequestHead,
    source: &ObjectAddress,
    identity: &IdentityContext,
) -> Result<Vec<RequiredPermission>, CosError> {
    let operations = PicOperations::of(&request.headers, source);
    let operations = operations.map_err(|failure| failure.to_error(Stage::Storing))?;
    let mut required = Vec::new();
    for result in operations.into_iter().flat_map(|operations| operations.results) {
        let target = object(&result.target.bucket, &result.target.key, identity)?;
        let as_upload = object_condition_keys(ObjectOperation::PutObject);
        for keys in [&[][..], as_upload] {
            let context = context(request, keys, general(request, identity))?;
            required.push(RequiredPermission {
                access: access("PutObject", target.clone(), context, identity),
                is_object: true,
                other_names: &[],
            });
        }
    }
    Ok(required)
}

/// The actions of what a request sets besides what its operation is about. `cos:x-cos-acl` is a
/// condition key of the operation itself (documented), so a preset ACL requires none.
fn more_actions(operation: &Operation, headers: &HeaderMap) -> Vec<&'static str> {
    let has_grants = headers.keys().any(|name| name.as_str().starts_with(GRANT_HEADERS));
    let (tagging, acl) = match operation {
        Operation::Object(ObjectOperation::PutObjectACL, _)
        | Operation::Bucket(BucketOperation::PutBucketACL, _) => return Vec::new(),
        Operation::Object(..) => (headers.contains_key(TAGGING), "PutObjectACL"),
        Operation::Bucket(..) => (false, "PutBucketACL"),
        _ => return Vec::new(),
    };
    let tagging = tagging.then_some("PutObjectTagging");
    tagging.into_iter().chain(has_grants.then_some(acl)).collect()
}

/// The permission that the tags of a bucket require.
pub(super) fn bucket_tags_permission(
    request: &RequestHead,
    bucket: &BucketAddress,
    tags: &Tags,
    identity: &IdentityContext,
) -> Result<RequiredPermission, CosError> {
    let context = context(request, &[ConditionKey::Body], general(request, identity))?;
    let context = tags.iter().fold(context, |context, (name, value)| {
        context.with("qcs:request_tag", &format!("{name}&{value}"))
    });
    Ok(RequiredPermission {
        access: access("PutBucketTagging", target(bucket, "", identity), context, identity),
        is_object: false,
        other_names: &[],
    })
}

/// The permissions that a form requires.
pub(super) fn form_permissions(
    request: &RequestHead,
    bucket: &BucketAddress,
    form: &Form,
    identity: &IdentityContext,
) -> Result<Vec<RequiredPermission>, CosError> {
    let mut context = general(request, identity);
    for (condition, value) in [
        ("cos:content-length", header(request, "content-length")?),
        ("cos:content-type", form.field("content-type")),
        ("cos:x-cos-acl", form.field("acl").or_else(|| form.field("x-cos-acl"))),
        ("cos:x-cos-storage-class", form.field("x-cos-storage-class")),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            context = context.with(condition, value);
        }
    }
    let target = object(bucket, &form.key, identity)?;
    let mut actions = vec![("PostObject", context)];
    if form.field(TAGGING).is_some_and(|tags| !tags.is_empty()) {
        actions.push(("PutObjectTagging", general(request, identity)));
    }
    if form.fields.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with(GRANT_HEADERS)) {
        actions.push(("PutObjectACL", general(request, identity)));
    }
    let permission = |(action, context)| RequiredPermission {
        access: access(action, target.clone(), context, identity),
        is_object: true,
        other_names: &[],
    };
    Ok(actions.into_iter().map(permission).collect())
}

/// The permission that the deletion of one of several keys requires.
pub(super) fn deletion_permission(
    request: &RequestHead,
    bucket: &BucketAddress,
    deletion: &Deletion,
    identity: &IdentityContext,
) -> Result<RequiredPermission, CosError> {
    let target = object(bucket, &deletion.key, identity)?;
    let context = with_version(general(request, identity), deletion.version_id.as_deref());
    Ok(RequiredPermission {
        access: access("DeleteObject", target, context, identity),
        is_object: true,
        other_names: &["DeleteMultipleObjects"],
    })
}

fn access(
    action: &str,
    target: Target,
    context: Context,
    identity: &IdentityContext,
) -> AccessRequest {
    AccessRequest {
        account: identity.account.clone(),
        action: format!("name/cos:{action}"),
        target,
        context,
    }
}

fn with_version(context: Context, version_id: Option<&str>) -> Context {
    match version_id {
        Some(id) => context.with(VERSION_KEY, id),
        None => context,
    }
}

/// An object by a key that the body names, never the bucket itself.
fn object(
    bucket: &BucketAddress,
    key: &str,
    identity: &IdentityContext,
) -> Result<Target, CosError> {
    if key.is_empty() {
        return Err(errors::ambiguous("key: must not be empty"));
    }
    Ok(target(bucket, key, identity))
}

fn target(bucket: &BucketAddress, key: &str, identity: &IdentityContext) -> Target {
    Target::Object {
        region: bucket.region.clone(),
        bucket: bucket.name.clone(),
        owner_uin: identity.owner_uin.to_string(),
        key: key.to_owned(),
    }
}

/// The condition keys of every request.
fn general(request: &RequestHead, identity: &IdentityContext) -> Context {
    let context = Context::new()
        .with("qcs:ip", &request.source_ip.to_string())
        .with("qcs:current_time", &request.now.iso_8601())
        .with("cos:secure-transport", &request.is_tls.to_string());
    let context = match &identity.vpc {
        Some(vpc) => context.with("vpc:requester_vpc", vpc),
        None => context,
    };
    match identity.uin {
        Some(uin) => context
            .with("qcs:uin", &uin.to_string())
            .with("qcs:owner_uin", &identity.owner_uin.to_string()),
        None => context,
    }
}

fn context(
    request: &RequestHead,
    keys: &[ConditionKey],
    mut context: Context,
) -> Result<Context, CosError> {
    let header = |name| header(request, name).map(|value| value.map(str::to_owned));
    for key in keys {
        let pairs = match key {
            ConditionKey::Acl => vec![("cos:x-cos-acl", header(ACL_HEADER)?)],
            ConditionKey::Body => vec![
                ("cos:content-length", header("content-length")?),
                ("cos:content-type", header("content-type")?),
            ],
            ConditionKey::StorageClass => {
                vec![("cos:x-cos-storage-class", header("x-cos-storage-class")?)]
            }
            ConditionKey::Prefix => vec![("cos:prefix", request.parameter("prefix"))],
            ConditionKey::VersionId => vec![(VERSION_KEY, request.parameter(VERSION_ID))],
            ConditionKey::ResponseContentType => {
                let asked = request.parameter("response-content-type");
                vec![("cos:response-content-type", asked)]
            }
            ConditionKey::Tags => {
                // `k1=v1&k2=v2` in the header, `k1&v1` in a condition.
                let tags = header(TAGGING)?.unwrap_or_default();
                let tags = tags.split('&').filter(|tag| !tag.is_empty()).map(|tag| {
                    let (name, value) = tag.split_once('=').unwrap_or((tag, ""));
                    format!("{}&{}", decoded(name), decoded(value))
                });
                tags.map(|tag| ("qcs:request_tag", Some(tag))).collect()
            }
        };
        for (condition, value) in pairs {
            if let Some(value) = value {
                context = context.with(condition, &value);
            }
        }
    }
    Ok(context)
}

/// Whether a request has a body, or headers that describe one.
fn has_body(request: &RequestHead) -> bool {
    let length = request.headers.get("content-length");
    length.is_some_and(|length| length != "0")
        || request.headers.contains_key("transfer-encoding")
        || request.headers.contains_key("content-type")
}

/// A header that is a condition key. Text only: a condition on its absence would take other bytes
/// for absent.
fn header<'a>(request: &'a RequestHead, name: &str) -> Result<Option<&'a str>, CosError> {
    match request.headers.get(name) {
        None => Ok(None),
        Some(value) => match str::from_utf8(value.as_bytes()) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(errors::ambiguous(&format!("{name}: must be UTF-8"))),
        },
    }
}
