//! What is asked of CAM: one action on one target, in a context.
//!
//! Promises: a target holds a real bucket and region, so no wildcard can come from a request.
//! Leaves out: how an HTTP request becomes one. A request with a copy source is two accesses; a list request has the asked
//! prefix as its key.

use super::{Bucket, Context, Region};

/// One access to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The account that the policies belong to.
    pub account: Account,
    /// The action, as `name/cos:PutObject`; without `name/` it is the same.
    pub action: String,
    /// What it is done to.
    pub target: Target,
    /// The values that conditions look at.
    pub context: Context,
}

/// A root account, by both of its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account number in bucket names.
    pub appid: String,
    /// The user number of the owner.
    pub owner_uin: String,
}

/// What an action is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing that a resource could name: GetService, GetFederationToken.
    Service,
    /// A role, for AssumeRole.
    Role {
        /// The user number of the role's owner.
        owner_uin: String,
        /// The last segment of its resource, as `roleName/uploader` or `role/4611686018427397919`.
        name: String,
    },
    /// An object, or, with an empty key, a bucket.
    Object {
        /// Where the bucket is.
        region: Region,
        /// The bucket with its appid.
        bucket: Bucket,
        /// The user number of the bucket's owner.
        owner_uin: String,
        /// The key as it is stored: not percent-encoded, no leading `/`.
        key: String,
    },
}
