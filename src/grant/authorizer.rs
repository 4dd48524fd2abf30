//! The decision about one request for credentials.
//!
//! # Guarantees
//! A policy is built and checked once and then used for every caller for whom all that it depends
//! on is equal. What a request narrows is decided for that request.

use std::sync::Arc;

use tencent::cam::PolicyError;
use tencent::time::Timestamp;

use super::authorized::{Authorized, Granted, Handout};
use super::containment;
use super::grant_summary::GrantSummary;
use super::grants::{Grant, Grants, RAW};
use super::lifetime::Lifetime;
use super::policy_builder::{PolicyBuilder, shared_lifetime, shared_role};
use super::policy_cache::PolicyCache;
use super::policy_inputs::{PolicyInputs, claim_names};
use super::resolved::ResolvedGrant;
use super::session_name;
use super::session_policy::SessionPolicy;
use crate::auth::Principal;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::log::Members;
use crate::request::{CredentialRequest, RequestedScope};

/// Decides requests by grants.
#[expect(missing_debug_implementations, reason = "it keeps claims, which are about people")]
pub struct Authorizer {
    grants: Grants,
    /// The claims that the grants name.
    claim_names: Vec<String>,
    policies: PolicyCache,
}

impl Authorizer {
    /// Decides by `grants`, which no longer change.
    pub fn new(grants: Grants) -> Self {
        let claim_names = match &grants {
            Grants::Each(grants) => claim_names(grants),
            Grants::Raw { .. } => Vec::new(),
        };
        Self { grants, claim_names, policies: PolicyCache::new() }
    }

    /// The grants.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Decides a request. `entropy` makes the key of a new object.
    ///
    /// # Errors
    /// [`ErrorCode::CallerNotAllowed`] without a matching grant; [`ErrorCode::DurationSeconds`]
    /// when the requested lifetime is outside the grants; [`ErrorCode::ScopeNotGranted`] when a
    /// scope, bucket or region is, or when grants of several roles are needed;
    /// [`ErrorCode::Extension`] when an extension is not granted;
    /// [`ErrorCode::Internal`] when the system has no entropy for the key of a new object.
    pub fn authorize(
        &self,
        principal: &Principal,
        request: &CredentialRequest,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Authorized, Error> {
        let inputs = || PolicyInputs::new(&self.claim_names, principal, request);
        let (granted, handout) = match (&self.grants, &request.scope) {
            (Grants::Raw { policy, lifetime }, _) => {
                (raw(policy, *lifetime, request)?, Handout::default())
            }
            (Grants::Each(grants), RequestedScope::Grant) => {
                let granted = self.policies.get_or_decide(inputs(), |inputs| {
                    let build = |resolved: &[_]| Ok(PolicyBuilder::for_all(resolved));
                    decide(grants, inputs, &build).map(|(granted, _)| granted)
                });
                (granted?, Handout::default())
            }
            (Grants::Each(grants), RequestedScope::Scopes(scopes)) => {
                decide(grants, &inputs(), &|resolved| PolicyBuilder::for_scopes(resolved, scopes))?
            }
            (Grants::Each(grants), RequestedScope::NewObject { extension }) => {
                decide(grants, &inputs(), &|resolved| {
                    PolicyBuilder::for_new_object(resolved, extension, now, entropy)
                })?
            }
            (Grants::Each(grants), RequestedScope::Signed(request)) => {
                decide(grants, &inputs(), &|resolved| {
                    PolicyBuilder::for_signed(resolved, request, now, entropy)
                })?
            }
        };
        Ok(Authorized {
            duration_seconds: granted.lifetime.choose(request.duration_seconds)?,
            granted,
            session_name: session_name::name(principal),
            handout,
        })
    }
}

/// What `build` makes of the grants that match, checked.
fn decide<'g>(
    grants: &'g [Grant],
    inputs: &PolicyInputs,
    build: &dyn Fn(&[ResolvedGrant<'g>]) -> Result<PolicyBuilder<'g>, Error>,
) -> Result<(Arc<Granted>, Handout), Error> {
    let resolved = filter_by_bucket(matching_grants(grants, inputs)?, inputs)?;
    let PolicyBuilder { sources, statements, handout } = build(&resolved)?;
    let grants = GrantSummary::new(&sources, &inputs.claims, &statements);
    let policy = statements.into_policy().map_err(unusable_policy)?.into_json();
    let (lifetime, role) = (shared_lifetime(&sources)?, shared_role(&sources)?);
    if !containment::is_inside(&policy, role.as_deref(), &sources, &inputs.claims) {
        return Err(too_wide("the policy is wider than the grants; no credential was issued"));
    }
    if let Handout::Signed(signable) = &handout
        && !containment::is_only(&policy, signable)
    {
        return Err(too_wide("the policy allows more than the signed request; nothing was signed"));
    }
    let (policy, logged) = (Arc::new(SessionPolicy::new(policy)), Members::default());
    Ok((Arc::new(Granted { policy, grants, lifetime, role, logged }), handout))
}

fn too_wide(cause: &'static str) -> Error {
    let message = "internal error: report the request id to the operator of this function";
    Error::new(ErrorCode::Internal, message).caused_by(cause)
}

/// The grants that match the principal. A grant whose placeholders the claims cannot fill does not
/// match; when nothing else does, that is the reason of the refusal.
fn matching_grants<'g>(
    grants: &'g [Grant],
    inputs: &PolicyInputs,
) -> Result<Vec<ResolvedGrant<'g>>, Error> {
    let PolicyInputs { method, token_issuer, claims, .. } = inputs;
    let mut resolved = Vec::new();
    let mut unfilled = None;
    for definition in grants
        .iter()
        .map(Grant::definition)
        .filter(|definition| definition.is_for(*method, token_issuer.as_ref(), claims))
    {
        match definition.prefix.fill(claims) {
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
    inputs: &PolicyInputs,
) -> Result<Vec<ResolvedGrant<'g>>, Error> {
    let is_requested = |requested: &Option<String>, granted: &str| {
        requested.as_deref().is_none_or(|requested| requested == granted)
    };
    resolved.retain(|ResolvedGrant { definition, .. }| {
        is_requested(&inputs.bucket, definition.bucket.as_str())
            && is_requested(&inputs.region, definition.region.as_str())
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

fn raw(
    policy: &Arc<SessionPolicy>,
    lifetime: Lifetime,
    request: &CredentialRequest,
) -> Result<Arc<Granted>, Error> {
    let is_narrowed = request.bucket.is_some() || request.region.is_some();
    if request.scope != RequestedScope::Grant || is_narrowed {
        let message = "this function issues a raw policy, which a request cannot narrow";
        return Err(Error::new(ErrorCode::ScopeNotGranted, message));
    }
    let (policy, grants) = (Arc::clone(policy), GrantSummary::raw(RAW));
    Ok(Arc::new(Granted { policy, grants, lifetime, role: None, logged: Members::default() }))
}
