//! What a caller may get, and the proof that a request is inside it.
//!
//! A caller has what the grants that are for them add up to. Each grant that covers what is asked adds its own statements, with its own
//! conditions, so their order decides nothing but which one names a new object. Lifetimes are the one thing that a credential has once for
//! all of it: it keeps to each grant that it comes from.
//!
//! Promises: [`Grants::authorize`] is the only constructor of [`Authorized`], and `sts` takes nothing else, so a request that nobody
//! authorized does not compile. What is asked outside the grants is refused, never clamped; scopes are all granted, or none. What was
//! built is checked once more, by other code, before it leaves.
//! Leaves out: reading grants (`config`).

mod authorized;
mod containment;
mod lifetime;
mod limits;
mod object_key;
mod operation;
mod permissions;
mod policy_builder;
mod prefix_template;
mod principal_match;
mod resolved;
mod session_name;
mod statements;

pub use authorized::{Authorized, NewObject};
pub use lifetime::Lifetime;
pub use limits::{ContentType, ContentTypeError, Limits};
pub use object_key::{Extension, ExtensionError, ObjectKey};
pub use operation::{Operation, OperationError, Preset};
pub use permissions::{PermissionError, Permissions};
pub use prefix_template::{Placeholder, PlaceholderError, PrefixTemplate, TemplateError};
pub use principal_match::{Match, MatchError, PrincipalMatch, Value};

use std::sync::Arc;

use crate::auth::Principal;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::request::{CredentialRequest, RequestedScope};
use policy_builder::PolicyBuilder;
use resolved::ResolvedGrant;
use statements::Statements;
use tencent::cam::PolicyError;
use tencent::names::{Bucket, ObjectPrefix, Region};
use tencent::time::Timestamp;

/// One grant.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What the log calls it.
    pub name: String,
    /// Whom it is for.
    pub principal_match: PrincipalMatch,
    /// The bucket.
    pub bucket: Bucket,
    /// Its region.
    pub region: Region,
    /// Below what prefix.
    pub prefix: PrefixTemplate,
    /// What may be done there.
    pub permissions: Permissions,
    /// How long a credential lives.
    pub lifetime: Lifetime,
}

/// Everything that is granted.
#[derive(Clone, Debug)]
pub enum Grants {
    /// Grants, each for some callers.
    Each(Vec<Grant>),
    /// A raw policy for every caller, which cannot be narrowed.
    Raw {
        /// The policy as it is sent.
        policy: Arc<str>,
        /// How long a credential lives.
        lifetime: Lifetime,
    },
}

impl Grant {
    /// Whether its policy fits into one, whoever asks.
    ///
    /// # Errors
    /// [`PolicyError::Long`].
    pub fn check_length(&self) -> Result<(), PolicyError> {
        let Ok(prefix) = self.prefix.longest() else {
            return Err(PolicyError::Long);
        };
        let mut statements = Statements::default();
        // There is nothing to send as long as no key is named.
        if !self.place(prefix).allow_all(&mut statements) {
            return Ok(());
        }
        statements.into_policy().map(drop)
    }

    fn place(&self, prefix: ObjectPrefix) -> ResolvedGrant<'_> {
        ResolvedGrant {
            bucket: &self.bucket,
            region: &self.region,
            prefix,
            permissions: &self.permissions,
        }
    }
}

impl Grants {
    /// The claims of `caller` whose type keeps grants from matching, separated by commas; `None` if there are none.
    pub fn wrong_type_claims(&self, caller: &Principal) -> Option<String> {
        let Self::Each(grants) = self else {
            return None;
        };
        let mut names: Vec<&str> = Vec::new();
        for name in grants
            .iter()
            .flat_map(|grant| grant.principal_match.wrong_types(caller))
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        (!names.is_empty()).then(|| names.join(","))
    }

    /// Decides a request. `entropy` names the object that the function is asked to name.
    ///
    /// # Errors
    /// [`ErrorCode::CallerNotAllowed`] when no grant is for the caller, [`ErrorCode::DurationSeconds`] when the asked lifetime is outside the
    /// grants, [`ErrorCode::ScopeNotGranted`] when a scope, bucket or region is, [`ErrorCode::Extension`] when an extension is not among the
    /// granted ones, [`ErrorCode::Internal`] when there is no randomness to name an object with.
    pub fn authorize(
        &self,
        caller: &Principal,
        asked: &CredentialRequest,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Authorized, Error> {
        let grants = match self {
            Self::Each(grants) => grants,
            Self::Raw { policy, lifetime } => return raw(policy, *lifetime, caller, asked),
        };
        let own = policy_builder::filter_by_bucket(
            policy_builder::matching_grants(grants, caller)?,
            asked,
        )?;
        let mut built = match &asked.wanted {
            RequestedScope::Grant => PolicyBuilder::all_of(&own),
            RequestedScope::Scopes(scopes) => PolicyBuilder::narrowed(&own, scopes)?,
            RequestedScope::NewObject { extension } => {
                PolicyBuilder::new_object(&own, extension, now, entropy)?
            }
        };
        let policy = std::mem::take(&mut built.statements).into_policy();
        let policy = policy.map_err(policy_builder::unusable)?.render();
        let duration_seconds = built.lifetime()?.choose(asked.duration_seconds)?;
        if !containment::is_inside(&policy, &built.from, caller.claims()) {
            let message = "the function has a fault: its operator finds it by the request id";
            let cause = "a policy was built that is wider than the grants: nothing was issued";
            return Err(Error::new(ErrorCode::Internal, message).caused_by(cause));
        }
        let names: Vec<&str> = built.from.iter().map(|grant| grant.name.as_str()).collect();
        Ok(Authorized {
            policy: policy.into(),
            duration_seconds,
            session_name: session_name::name(caller),
            grants: names.join(","),
            new_object: built.new_object,
        })
    }
}

fn raw(
    policy: &Arc<str>,
    lifetime: Lifetime,
    caller: &Principal,
    asked: &CredentialRequest,
) -> Result<Authorized, Error> {
    if asked.wanted != RequestedScope::Grant || asked.bucket.is_some() || asked.region.is_some() {
        let message = "this function grants a raw policy, which cannot be narrowed";
        return Err(Error::new(ErrorCode::ScopeNotGranted, message));
    }
    Ok(Authorized {
        policy: Arc::clone(policy),
        duration_seconds: lifetime.choose(asked.duration_seconds)?,
        session_name: session_name::name(caller),
        grants: "POLICY".to_owned(),
        new_object: None,
    })
}

#[cfg(test)]
impl Grant {
    pub(crate) fn for_tests(
        prefix: &str,
        presets: &[Preset],
        named: &[Operation],
        limits: Limits,
    ) -> Self {
        Self {
            name: "grant".to_owned(),
            principal_match: PrincipalMatch::Everyone,
            bucket: Bucket::parse("examplebucket-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
            prefix: PrefixTemplate::parse(prefix, &[]).unwrap(),
            permissions: Permissions::new(presets, named, limits).unwrap(),
            lifetime: Lifetime::new(360, 1800).unwrap(),
        }
    }
}

#[cfg(test)]
mod tests;
