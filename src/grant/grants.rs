//! The grants of a deployment.
//!
//! # Not covered
//! The decision about a request (`authorizer`).

use std::sync::Arc;

use super::definition::GrantDefinition;
use super::lifetime::Lifetime;
use super::resolved::ResolvedGrant;
use super::session_policy::SessionPolicy;
use super::statements::Statements;
use crate::auth::Principal;

/// One grant whose parts fit together.
#[derive(Clone, Debug)]
pub struct Grant(GrantDefinition);

/// All grants of a deployment.
#[derive(Clone, Debug)]
pub enum Grants {
    /// Grants, each for the principals that it matches.
    Each(Vec<Grant>),
    /// A raw policy for every principal. Requests cannot narrow it.
    Raw {
        /// The policy as it is sent to STS.
        policy: Arc<SessionPolicy>,
        /// How long a credential may live.
        lifetime: Lifetime,
    },
}

impl Grant {
    /// Checks that the parts fit together, and that the policy fits into CAM's limit for every
    /// principal.
    ///
    /// # Errors
    /// [`GrantError`].
    pub fn new(definition: GrantDefinition) -> Result<Self, GrantError> {
        let is_whole_bucket = definition.prefix.as_str() == "/";
        if let Some(operation) = definition.permissions.bucket_level().filter(|_| !is_whole_bucket)
        {
            return Err(GrantError::BucketLevel(operation.name()));
        }
        if definition.include_prefix_key && is_whole_bucket {
            return Err(GrantError::NoPrefixKey);
        }
        let prefix = definition.prefix.longest().map_err(|_| GrantError::TooLong)?;
        let mut statements = Statements::default();
        let resolved = ResolvedGrant { definition: &definition, prefix };
        // Without a statement there is nothing to send until a request names a key.
        if resolved.allow_all(&mut statements) && statements.into_policy().is_err() {
            return Err(GrantError::TooLong);
        }
        Ok(Self(definition))
    }

    /// The parts.
    pub fn definition(&self) -> &GrantDefinition {
        &self.0
    }
}

/// Why the parts of a grant do not fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// An operation on the whole bucket, below a prefix.
    #[error("must not contain {0}, a bucket operation, unless `prefix` is \"/\"")]
    BucketLevel(&'static str),
    /// The whole bucket has no prefix key.
    #[error("must be absent when `prefix` is \"/\", which has no key of its own")]
    NoPrefixKey,
    /// The policy would exceed CAM's limit.
    #[error(
        "must be fewer: with the longest prefix, the policy is longer than the 6144 characters of CAM"
    )]
    TooLong,
}

impl Grants {
    /// The grants for whose name `is_first` is true, and the others. A raw policy has the name
    /// `POLICY`.
    #[must_use]
    pub fn partition(self, is_first: impl Fn(&str) -> bool) -> (Self, Self) {
        match self {
            Self::Each(grants) => {
                let (first, other) =
                    grants.into_iter().partition(|Grant(definition)| is_first(&definition.name));
                (Self::Each(first), Self::Each(other))
            }
            Self::Raw { .. } if is_first(RAW) => (self, Self::Each(Vec::new())),
            Self::Raw { .. } => (Self::Each(Vec::new()), self),
        }
    }

    /// The names of the grants; that of a raw policy is `POLICY`.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Each(grants) => grants.iter().map(|Grant(grant)| grant.name.as_str()).collect(),
            Self::Raw { .. } => vec![RAW],
        }
    }

    /// Whether a grant is for `principal`.
    pub fn matches(&self, principal: &Principal) -> bool {
        match self {
            Self::Each(grants) => {
                let (method, claims) = (principal.method(), principal.claims());
                let issuer = principal.token_issuer();
                grants.iter().any(|Grant(grant)| grant.is_for(method, issuer, claims))
            }
            Self::Raw { .. } => true,
        }
    }

    /// The claims of `principal` whose type keeps grants from matching, separated by commas; `None`
    /// if there are none.
    pub fn wrong_type_claims(&self, principal: &Principal) -> Option<String> {
        let Self::Each(grants) = self else {
            return None;
        };
        let mut names: Vec<&str> = Vec::new();
        for name in grants.iter().flat_map(|grant| grant.0.wrong_types(principal)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| names.join(","))
    }
}

/// The name of a raw policy, as a grant.
pub(super) const RAW: &str = "POLICY";
