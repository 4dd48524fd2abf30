//! The proof that a request is inside the grants of its principal.
//!
//! # Guarantees
//! Only `grant` can construct one, so a request that was not authorized does not compile.

use std::sync::Arc;

use super::object_key::ObjectKey;

/// An object whose key the function generated. The credential covers only this object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket with its appid.
    pub bucket: String,
    /// The region of the bucket.
    pub region: String,
    /// The generated key.
    pub key: ObjectKey,
}

/// The proof that a credential may be issued, and its parameters.
#[derive(Clone, Debug)]
pub struct Authorized {
    pub(super) policy: Arc<str>,
    pub(super) duration_seconds: u32,
    pub(super) session_name: String,
    pub(super) grants: String,
    pub(super) new_object: Option<NewObject>,
}

impl Authorized {
    /// The object that the credential is for, when the function generated its key.
    pub fn new_object(&self) -> Option<&NewObject> {
        self.new_object.as_ref()
    }

    /// The comma-separated names of the grants that the credential comes from, for the audit log.
    pub fn grants(&self) -> &str {
        &self.grants
    }

    /// The session policy as JSON; never empty.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The lifetime to request from STS.
    pub fn duration_seconds(&self) -> u32 {
        self.duration_seconds
    }

    /// The session name in COS access logs.
    pub fn session_name(&self) -> &str {
        &self.session_name
    }
}
