//! The proof that a request is inside the caller's grants.
//!
//! Promises: nothing outside `grant` can make one, so a request that nobody authorized does not compile.

use std::sync::Arc;

use super::object_key::ObjectKey;

/// An object that the function named: the credential fits it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket with its appid.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The key.
    pub key: ObjectKey,
}

/// The proof that a credential may be issued, and with what.
#[derive(Clone, Debug)]
pub struct Authorized {
    pub(super) policy: Arc<str>,
    pub(super) duration_seconds: u32,
    pub(super) session_name: String,
    pub(super) grants: String,
    pub(super) new_object: Option<NewObject>,
}

impl Authorized {
    /// The object that the credential is for, when the function named it.
    pub fn new_object(&self) -> Option<&NewObject> {
        self.new_object.as_ref()
    }

    /// The names of the grants that it comes from, with commas between, for the log.
    pub fn grants(&self) -> &str {
        &self.grants
    }

    /// The session policy as JSON; never empty.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The lifetime to ask for.
    pub fn duration_seconds(&self) -> u32 {
        self.duration_seconds
    }

    /// The name that the credential carries into COS access logs.
    pub fn session_name(&self) -> &str {
        &self.session_name
    }
}
