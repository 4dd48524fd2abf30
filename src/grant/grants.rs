//! The grants of a deployment, and the decision about one request.

use std::sync::Arc;

use tencent::cam::PolicyError;

use super::authorized::Authorized;
use super::containment;
use super::definition::GrantDefinition;
use super::grant_summary::GrantSummary;
use super::lifetime::Lifetime;
use super::policy_builder::{PolicyBuilder, shared_lifetime};
use super::resolved::ResolvedGrant;
use super::session_name;
use super::statements::Statements;
use crate::auth::Principal;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::request::{CredentialRequest, RequestedScope};
use tencent::time::Timestamp;

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
        policy: Arc<str>,
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
                grants.iter().any(|Grant(grant)| grant.principal_match.matches(principal))
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
        for name in grants.iter().flat_map(|grant| grant.0.principal_match.wrong_types(principal)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| names.join(","))
    }

    /// Decides a request. `entropy` makes the key of a new object.
    ///
    /// # Errors
    /// [`ErrorCode::CallerNotAllowed`] without a matching grant; [`ErrorCode::DurationSeconds`]
    /// when the requested lifetime is outside the grants; [`ErrorCode::ScopeNotGranted`] when a
    /// scope, bucket or region is; [`ErrorCode::Extension`] when an extension is not granted;
    /// [`ErrorCode::Internal`] when the system has no entropy for the key of a new object.
    pub fn authorize(
        &self,
        principal: &Principal,
        request: &CredentialRequest,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Authorized, Error> {
        let grants = match self {
            Self::Each(grants) => grants,
            Self::Raw { policy, lifetime } => {
                return authorize_raw(policy, *lifetime, principal, request);
            }
        };
        let resolved = filter_by_bucket(matching_grants(grants, principal)?, request)?;
        let PolicyBuilder { sources, statements, new_object } = match &request.scope {
            RequestedScope::Grant => PolicyBuilder::for_all(&resolved),
            RequestedScope::Scopes(scopes) => PolicyBuilder::for_scopes(&resolved, scopes)?,
            RequestedScope::NewObject { extension } => {
                PolicyBuilder::for_new_object(&resolved, extension, now, entropy)?
            }
        };
        let summary = GrantSummary::new(&sources, principal.claims(), &statements);
        let policy = statements.into_policy().map_err(unusable_policy)?.render();
        let duration_seconds = shared_lifetime(&sources)?.choose(request.duration_seconds)?;
        if !containment::is_inside(&policy, &sources, principal.claims()) {
            let message = "internal error: report the request id to the operator of this function";
            let cause = "the policy is wider than the grants; no credential was issued";
            return Err(Error::new(ErrorCode::Internal, message).caused_by(cause));
        }
        Ok(Authorized {
            policy: policy.into(),
            duration_seconds,
            session_name: session_name::name(principal),
            grants: Arc::new(summary),
            new_object,
        })
    }
}

/// The name of a raw policy, as a grant.
const RAW: &str = "POLICY";

/// The grants that match the principal. A grant whose placeholders the claims cannot fill does not
/// match; when nothing else does, that is the reason of the refusal.
fn matching_grants<'g>(
    grants: &'g [Grant],
    principal: &Principal,
) -> Result<Vec<ResolvedGrant<'g>>, Error> {
    let mut resolved = Vec::new();
    let mut unfilled = None;
    for definition in grants
        .iter()
        .map(Grant::definition)
        .filter(|definition| definition.principal_match.matches(principal))
    {
        match definition.prefix.fill(principal.claims()) {
            Ok(prefix) => resolved.push(ResolvedGrant { definition, prefix }),
            Err(error) => unfilled = Some(error),
        }
    }
    if resolved.is_empty() {
        let message = match unfilled {
            Some(error) => format!("no grant for this caller: {error}"),
            None => "no grant for this caller: each has another `match`".to_owned(),
        };
        return Err(Error::new(ErrorCode::CallerNotAllowed, message));
    }
    Ok(resolved)
}

/// The grants of the requested bucket and region.
fn filter_by_bucket<'g>(
    mut resolved: Vec<ResolvedGrant<'g>>,
    request: &CredentialRequest,
) -> Result<Vec<ResolvedGrant<'g>>, Error> {
    let is_requested = |requested: &Option<String>, granted: &str| {
        requested.as_deref().is_none_or(|requested| requested == granted)
    };
    resolved.retain(|ResolvedGrant { definition, .. }| {
        is_requested(&request.bucket, definition.bucket.as_str())
            && is_requested(&request.region, definition.region.as_str())
    });
    if resolved.is_empty() {
        let message = "no grant for this bucket and region: omit `bucket` and `region` to get \
                       everything that you are granted";
        return Err(Error::new(ErrorCode::ScopeNotGranted, message));
    }
    Ok(resolved)
}

/// Why there is no policy, in the caller's terms.
fn unusable_policy(error: PolicyError) -> Error {
    let message = match error {
        PolicyError::Empty => {
            "uploads are granted only for certain extensions: call `/getKeyAndCredentials`, or \
             request whole keys in a scope array"
        }
        PolicyError::Long | PolicyError::Syntax(_) => {
            "the request needs a longer policy than CAM accepts: request less at once, by `bucket` \
             or by scopes"
        }
    };
    Error::new(ErrorCode::ScopeNotGranted, message).caused_by(error)
}

fn authorize_raw(
    policy: &Arc<str>,
    lifetime: Lifetime,
    principal: &Principal,
    request: &CredentialRequest,
) -> Result<Authorized, Error> {
    let is_narrowed = request.bucket.is_some() || request.region.is_some();
    if request.scope != RequestedScope::Grant || is_narrowed {
        let message = "this function issues a raw policy, which a request cannot narrow";
        return Err(Error::new(ErrorCode::ScopeNotGranted, message));
    }
    Ok(Authorized {
        policy: Arc::clone(policy),
        duration_seconds: lifetime.choose(request.duration_seconds)?,
        session_name: session_name::name(principal),
        grants: Arc::new(GrantSummary::raw(RAW)),
        new_object: None,
    })
}
