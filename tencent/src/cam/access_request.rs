//! What CAM decides about: one action on one target, with the values that conditions read.
//!
//! Condition keys of COS: <https://www.tencentcloud.com/document/product/436/46205>. Other keys
//! work in the same way.
//!
//! # Guarantees
//! A target has a valid bucket and region, so a request cannot introduce a wildcard. Values of keys
//! that COS reads from *query parameters* are compared URL-encoded (`image%2Fjpeg`); those from
//! headers and everything else are compared as they are (`image/jpeg`), as documented. A value is
//! never compared a second time after decoding: a policy that forgot to encode fails here as it
//! does in the cloud. An empty `versionid` counts as absent (documented).
//!
//! # Not covered
//! How an HTTP request becomes an access request. A request with a copy source is two of them; a
//! list request has the requested prefix as its key.

use std::collections::BTreeMap;

use crate::names::{Bucket, Region};
use crate::percent::percent_encode;

/// One access to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// The account that the policies belong to.
    pub account: Account,
    /// The action, for example `name/cos:PutObject`; `name/` is optional.
    pub action: String,
    /// The target of the action.
    pub target: Target,
    /// The values that conditions read.
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

/// The target of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// No resource: GetService, GetFederationToken.
    Service,
    /// A role, for AssumeRole.
    Role {
        /// The user number of the role's owner.
        owner_uin: String,
        /// The last segment of its resource, for example `roleName/uploader` or
        /// `role/4611686018427397919`.
        name: String,
    },
    /// An object, or, with an empty key, a bucket.
    Object {
        /// The region of the bucket.
        region: Region,
        /// The bucket with its appid.
        bucket: Bucket,
        /// The user number of the bucket's owner.
        owner_uin: String,
        /// The stored key: not percent-encoded, without a leading `/`.
        key: String,
    },
}

/// The values of a request, by condition key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
}

impl Context {
    /// An empty context.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same context with one more value of `key`, for example `cos:prefix`. The value is
    /// decoded.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        if !(key == "cos:versionid" && value.is_empty()) {
            let value = as_compared(key, value);
            self.values.entry(key.to_owned()).or_default().push(value);
        }
        self
    }

    /// The values of `key` as they are compared; `None` when the request lacks the key.
    pub fn seen(&self, key: &str) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }
}

/// A request's value in the form that a policy has to write.
pub(super) fn as_compared(key: &str, value: &str) -> String {
    if PARAMETER_KEYS.contains(&key) { percent_encode(value).to_string() } else { value.to_owned() }
}

/// The keys that are read from query parameters.
pub(super) const PARAMETER_KEYS: [&str; 3] =
    ["cos:prefix", "cos:response-content-type", "cos:versionid"];

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn parameters_are_encoded_and_headers_are_not() {
        let context = Context::new()
            .with("cos:prefix", "文 a/b~")
            .with("cos:response-content-type", "image/jpeg")
            .with("cos:content-type", "image/jpeg");
        assert_eq!(context.seen("cos:prefix").unwrap(), ["%E6%96%87%20a%2Fb~"]);
        assert_eq!(context.seen("cos:response-content-type").unwrap(), ["image%2Fjpeg"]);
        assert_eq!(context.seen("cos:content-type").unwrap(), ["image/jpeg"]);
    }

    #[test]
    fn an_empty_version_counts_as_missing_and_an_empty_prefix_does_not() {
        let context = Context::new().with("cos:versionid", "").with("cos:prefix", "");
        assert_eq!(context.seen("cos:versionid"), None);
        assert_eq!(context.seen("cos:prefix").unwrap(), [""]);
    }
}
