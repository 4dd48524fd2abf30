//! The one request that may be signed with a credential, in place of its secret key.
//!
//! # Guarantees
//! Everything in it comes from grants: a caller chooses an extension, or a key below the grant.

use super::definition::GrantDefinition;
use super::limits::{Limits, TypeLimit};

/// A request for one object. The credential that signs it is good for nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignableRequest {
    /// The bucket with its appid.
    pub bucket: String,
    /// The region of the bucket.
    pub region: String,
    /// The key of the object.
    pub key: String,
    /// What is done with it.
    pub verb: SignableVerb,
}

/// What a signed request does with its object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SignableVerb {
    /// It reads the object.
    Get {
        /// The type to show it as; without one it is saved as a file.
        content_type: Option<&'static str>,
    },
    /// It uploads the object as a form.
    Post(UploadLimits),
    /// It uploads the object as a body.
    Put(UploadLimits),
}

/// The limits of an upload that its signature can contain. Its policy contains them all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UploadLimits {
    /// The largest upload in bytes.
    pub max_size_bytes: Option<u64>,
    /// The type of the object.
    pub content_type: TypeLimit,
}

impl SignableRequest {
    pub(super) fn new(grant: &GrantDefinition, key: &str, verb: SignableVerb) -> Self {
        Self {
            bucket: grant.bucket.as_str().to_owned(),
            region: grant.region.as_str().to_owned(),
            key: key.to_owned(),
            verb,
        }
    }
}

impl UploadLimits {
    pub(super) fn of(limits: &Limits) -> Self {
        Self { max_size_bytes: limits.max_size_bytes, content_type: limits.shared_type() }
    }
}
