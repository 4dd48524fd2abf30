//! What the rules of a bucket decide about an access: its policy, its hotlink protection, its ACL
//! and that of the object.
//! <https://www.tencentcloud.com/document/product/436/35240>,
//! <https://www.tencentcloud.com/document/product/436/30583>
//!
//! # Guarantees
//!
//! An ACL allows the actions that the page lists for its permissions, and no other.

use std::sync::Arc;

use tencent::cam::{AccessRequest, Target};

use super::authenticate::Caller;
use crate::account::{Account, Identity, Permanent};
use crate::cos::acl::{Acl, AclCaller, Level, Permission};
use crate::cos::bucket_policy::{PolicyCaller, PolicyDecision};
use crate::cos::http::merge_order::MergeOrder;
use crate::cos::operation::VERSION_KEY;
use crate::cos::store::{Store, Version};

/// What the rules of a bucket decide about an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ResourceVerdict {
    /// With the rule.
    Allowed(String),
    /// With the rule, which wins over every allow.
    Denied(String),
    /// No rule is about it.
    NotMentioned,
}

/// Decides by the rules of the bucket that `access` is about.
pub(super) fn decide(
    store: &Store,
    merge_order: MergeOrder,
    account: &Account,
    caller: &Caller,
    access: &AccessRequest,
) -> ResourceVerdict {
    let Target::Object { region, bucket, key, .. } = &access.target else {
        return ResourceVerdict::NotMentioned;
    };
    let version_id = version_of(access);
    let (settings, object) = {
        let index = store.read();
        let found = index.buckets.get(bucket.as_str());
        let Some(found) = found.filter(|found| found.region == region.as_str()) else {
            return ResourceVerdict::NotMentioned;
        };
        let key = merge_order.stored(key);
        let object = match version_id {
            None => found.objects.get(key.as_ref()).cloned(),
            Some(id) => match found.version(&key, id) {
                Some(Version::Object(object)) => Some(object),
                Some(Version::DeleteMarker(_)) | None => None,
            },
        };
        (Arc::clone(&found.settings), object)
    };
    if let (Caller::Anonymous { referer }, Some(rules)) = (caller, &settings.referer)
        && !rules.allows(referer.as_deref())
    {
        let reason = "denied: the hotlink protection of the bucket does not allow this Referer";
        return ResourceVerdict::Denied(reason.to_owned());
    }
    if let Some(policy) = &settings.policy {
        match policy.decide(policy_caller(caller, account), access) {
            PolicyDecision::Denied(index) if !is_always_the_owners(caller, access) => {
                return ResourceVerdict::Denied(format!(
                    "denied by statement {index} of the bucket policy, whatever others allow"
                ));
            }
            PolicyDecision::Allowed(index) => {
                let reason = format!("allowed by statement {index} of the bucket policy");
                return ResourceVerdict::Allowed(reason);
            }
            PolicyDecision::Denied(_) | PolicyDecision::NotMentioned => {}
        }
    }
    // Documented: only an account that is authorized to may delete a version.
    if version_id.is_some() && access.action == "name/cos:DeleteObject" {
        return ResourceVerdict::NotMentioned;
    }
    let object_acl = object.as_ref().and_then(|object| object.metadata.attributes.acl.as_ref());
    by_acl(settings.acl.as_ref(), object_acl, acl_caller(caller, account), &access.action)
}

/// The version that an access is about. Encoding its id for a comparison does not change it.
fn version_of(access: &AccessRequest) -> Option<&str> {
    access.context.seen(VERSION_KEY)?.first().map(String::as_str)
}

/// Documented: the owner of the account may always replace the policy.
fn is_always_the_owners(caller: &Caller, access: &AccessRequest) -> bool {
    matches!(caller.identity(), Some(Identity::Permanent(Permanent::Root)))
        && access.action == "name/cos:PutBucketPolicy"
}

fn policy_caller<'a>(caller: &'a Caller, account: &Account) -> PolicyCaller<'a> {
    let identity = caller.identity();
    PolicyCaller {
        owner_uin: account.owner_uin,
        uin: identity.map(|identity| identity.uin(account)),
        role: match identity {
            Some(Identity::RoleSession { role, .. }) => Some(&role.name),
            Some(Identity::Permanent(_) | Identity::Federation { .. }) | None => None,
        },
        is_session: !matches!(identity, Some(Identity::Permanent(_)) | None),
    }
}

fn by_acl(
    bucket: Option<&Acl>,
    object: Option<&Acl>,
    caller: AclCaller,
    action: &str,
) -> ResourceVerdict {
    let Some((level, permission)) = required(action) else {
        return ResourceVerdict::NotMentioned;
    };
    // An object without an ACL has the permissions of its bucket (documented).
    let (name, acl) = match (level, object) {
        (Level::Object, Some(object)) => ("object", Some(object)),
        (Level::Object, None) | (Level::Bucket, _) => ("bucket", bucket),
    };
    match acl.is_some_and(|acl| acl.allows(caller, permission)) {
        true => ResourceVerdict::Allowed(format!("allowed: the ACL of the {name}")),
        false => ResourceVerdict::NotMentioned,
    }
}

/// The permission that an action needs in an ACL. Inferred: `GetBucket` is among those of READ,
/// since the page describes it as listing objects, and another one that everyone can list a
/// bucket with `public-read`.
fn required(action: &str) -> Option<(Level, Permission)> {
    let action = action.strip_prefix("name/cos:").unwrap_or(action);
    let is_in = |actions: &str| actions.split_whitespace().any(|listed| listed == action);
    [
        (BUCKET_READ, Level::Bucket, Permission::Read),
        (BUCKET_WRITE, Level::Bucket, Permission::Write),
        ("GetBucketACL", Level::Bucket, Permission::ReadAcp),
        ("PutBucketACL", Level::Bucket, Permission::WriteAcp),
        ("GetObject HeadObject", Level::Object, Permission::Read),
        ("GetObjectACL", Level::Object, Permission::ReadAcp),
        ("PutObjectACL", Level::Object, Permission::WriteAcp),
    ]
    .into_iter()
    .find_map(|(actions, level, permission)| is_in(actions).then_some((level, permission)))
}

fn acl_caller(caller: &Caller, account: &Account) -> AclCaller {
    match caller {
        Caller::Anonymous { .. } => AclCaller::Anonymous,
        Caller::Key(authenticated) => match &authenticated.key.identity {
            Identity::Permanent(Permanent::Root) => {
                AclCaller::User { owner_uin: account.owner_uin, uin: account.owner_uin }
            }
            Identity::Permanent(Permanent::User(user)) => {
                AclCaller::User { owner_uin: account.owner_uin, uin: user.uin }
            }
            Identity::Federation { .. } | Identity::RoleSession { .. } => AclCaller::Authenticated,
        },
    }
}

const BUCKET_READ: &str = "GetBucket GetBucketObjectVersions HeadBucket ListMultipartUploads";

const BUCKET_WRITE: &str = "
    CompleteMultipartUpload DeleteObject InitiateMultipartUpload PostObject PutObject PutObjectCopy
    UploadPart UploadPartCopy
";
