//! The decision about one access, by the caller's policies and the rules of the bucket.
//!
//! Documented: what either of them allows is allowed, and a deny in any wins.
//! <https://www.tencentcloud.com/document/product/436/35240>
//!
//! Inferred, failing closed: the rules of a bucket never give a session more than its own policy.

use std::fmt;

use tencent::cam::{AccessRequest, Decision};

use super::authenticate::Caller;
use super::errors;
use super::resource::ResourceVerdict;
use crate::account::{Identity, Verdict};

/// The decision, and what decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AccessVerdict {
    /// The policies of the caller.
    Identity(Verdict),
    /// The rules of the bucket, with the reason.
    AllowedByBucket(String),
    DeniedByBucket(String),
    /// Nothing allows a request without a signature.
    NotSigned,
}

impl AccessVerdict {
    /// The decision for `caller`, by its policies and by `resource`.
    pub(super) fn of(caller: &Caller, access: &AccessRequest, resource: ResourceVerdict) -> Self {
        let Some(identity) = caller.identity() else {
            return match resource {
                ResourceVerdict::Allowed(reason) => Self::AllowedByBucket(reason),
                ResourceVerdict::Denied(reason) => Self::DeniedByBucket(reason),
                ResourceVerdict::NotMentioned => Self::NotSigned,
            };
        };
        let own = identity.decide(access);
        match resource {
            ResourceVerdict::Denied(reason) if !own.is_denied_by_statement() => {
                Self::DeniedByBucket(reason)
            }
            ResourceVerdict::Allowed(reason)
                if !own.is_allowed() && may_widen(identity, &own, access) =>
            {
                Self::AllowedByBucket(reason)
            }
            _ => Self::Identity(own),
        }
    }

    pub(super) fn is_allowed(&self) -> bool {
        match self {
            Self::Identity(verdict) => verdict.is_allowed(),
            Self::AllowedByBucket(_) => true,
            Self::DeniedByBucket(_) | Self::NotSigned => false,
        }
    }

    /// Whether a statement denies it, which wins over every allow.
    pub(super) fn is_denied_by_statement(&self) -> bool {
        match self {
            Self::Identity(verdict) => verdict.is_denied_by_statement(),
            Self::DeniedByBucket(_) => true,
            Self::AllowedByBucket(_) | Self::NotSigned => false,
        }
    }

    /// The decision of policies, if they decided.
    pub(super) fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Identity(verdict) => verdict.decision(),
            Self::AllowedByBucket(_) | Self::DeniedByBucket(_) | Self::NotSigned => None,
        }
    }

    /// What decided, in a few words.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Identity(verdict) => verdict.decision().map(Decision::short).unwrap_or_default(),
            Self::AllowedByBucket(reason) | Self::DeniedByBucket(reason) => reason.clone(),
            Self::NotSigned => errors::NOT_SIGNED.to_owned(),
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
            Self::AllowedByBucket(reason) | Self::DeniedByBucket(reason) => {
                formatter.write_str(reason)
            }
            Self::NotSigned => formatter.write_str(errors::NOT_SIGNED),
        }
    }
}
