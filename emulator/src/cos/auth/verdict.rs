//! The decision about one access, by the caller's policies and the rules of the bucket.
//!
//! Documented: what either of them allows is allowed, and a deny in any wins.
//! <https://www.tencentcloud.com/document/product/436/35240>
//!
//! Inferred, failing closed: the rules of a bucket never give a session more than its own policy.

use std::fmt;

use tencent::cam::{AccessRequest, Decision};

use super::authenticate::Caller;
use super::resource::ResourceVerdict;
use crate::account::{Identity, Verdict};

/// The decision, and what decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AccessVerdict {
    /// The policies of the caller.
    Identity(Verdict),
    /// The rules of the bucket.
    Resource { is_allowed: bool, reason: String },
}

impl AccessVerdict {
    /// The decision for `caller`, by its policies and by `resource`.
    pub(super) fn of(caller: &Caller, access: &AccessRequest, resource: ResourceVerdict) -> Self {
        let identity = match (caller.identity(), &resource) {
            (Some(identity), _) => identity,
            (None, ResourceVerdict::Allowed(reason)) => return Self::allowed(reason),
            (None, ResourceVerdict::NotMentioned) => {
                let reason = "denied: the request is not signed, and the bucket is private";
                return Self::Resource { is_allowed: false, reason: reason.to_owned() };
            }
        };
        let own = identity.decide(access);
        match resource {
            ResourceVerdict::Allowed(reason)
                if !own.is_allowed() && may_widen(identity, &own, access) =>
            {
                Self::allowed(&reason)
            }
            ResourceVerdict::Allowed(_) | ResourceVerdict::NotMentioned => Self::Identity(own),
        }
    }

    fn allowed(reason: &str) -> Self {
        Self::Resource { is_allowed: true, reason: reason.to_owned() }
    }

    pub(super) fn is_allowed(&self) -> bool {
        match self {
            Self::Identity(verdict) => verdict.is_allowed(),
            Self::Resource { is_allowed, .. } => *is_allowed,
        }
    }

    /// Whether a statement denies it, which wins over every allow.
    pub(super) fn is_denied_by_statement(&self) -> bool {
        match self {
            Self::Identity(verdict) => verdict.is_denied_by_statement(),
            Self::Resource { .. } => false,
        }
    }

    /// The decision of policies, if they decided.
    pub(super) fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Identity(verdict) => verdict.decision(),
            Self::Resource { .. } => None,
        }
    }

    /// What decided, in a few words.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Identity(verdict) => verdict.decision().map(Decision::short).unwrap_or_default(),
            Self::Resource { reason, .. } => reason.clone(),
        }
    }
}

/// Whether a rule of the bucket can allow what the policies of the caller do not.
fn may_widen(identity: &Identity, own: &Verdict, access: &AccessRequest) -> bool {
    !own.is_denied_by_statement() && identity.session_allows(access)
}

impl fmt::Display for AccessVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(verdict) => verdict.fmt(formatter),
            Self::Resource { reason, .. } => formatter.write_str(reason),
        }
    }
}
