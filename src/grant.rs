//! What a caller may get, and the proof that a request is inside it.
//!
//! A caller has what the grants that are for them add up to. Each grant that covers what is asked adds its own statements, with its own
//! conditions, so their order decides nothing but which one names a new object. Lifetimes are the one thing that a credential has once for
//! all of it: it keeps to each grant that it comes from.
//!
//! Promises: [`Grants::authorise`] is the only constructor of [`Authorized`], and `sts` takes nothing else, so a request that nobody
//! authorised does not compile. What is asked outside the grants is refused, never clamped; scopes are all granted, or none. What was
//! built is checked once more, by other code, before it leaves.
//! Leaves out: reading grants (`config`).

mod abilities;
mod authorized;
mod built;
mod containment;
mod key;
mod lifetime;
mod limits;
mod operation;
mod place;
mod session;
mod statements;
mod template;
mod who;

pub use abilities::{Abilities, AbilityError};
pub use authorized::{Authorized, NewObject};
pub use key::{Extension, ExtensionError, ObjectKey};
pub use lifetime::Lifetime;
pub use limits::{ContentType, ContentTypeError, Limits};
pub use operation::{Operation, OperationError, Preset};
pub use template::{PrefixTemplate, Slot, SlotError, TemplateError};
pub use who::{Match, MatchError, Value, Who};

use std::sync::Arc;

use crate::caller::Caller;
use crate::error::{Error, Rule};
use crate::request::{CredentialRequest, Wanted};
use built::Built;
use place::Place;
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
    pub who: Who,
    /// The bucket.
    pub bucket: Bucket,
    /// Its region.
    pub region: Region,
    /// Below what prefix.
    pub prefix: PrefixTemplate,
    /// What may be done there.
    pub abilities: Abilities,
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

    fn place(&self, prefix: ObjectPrefix) -> Place<'_> {
        Place {
            bucket: &self.bucket,
            region: &self.region,
            prefix,
            abilities: &self.abilities,
        }
    }
}

impl Grants {
    /// Decides a request. `chance` is fresh randomness: it becomes the name of an object that the function is asked to name.
    ///
    /// # Errors
    /// [`Rule::CallerNotAllowed`] when no grant is for the caller, [`Rule::DurationSeconds`] when the asked lifetime is outside the
    /// grants, [`Rule::ScopeNotGranted`] when a scope, bucket or region is, [`Rule::Extension`] when an extension is not among the
    /// granted ones.
    pub fn authorise(
        &self,
        caller: &Caller,
        asked: &CredentialRequest,
        now: Timestamp,
        chance: [u8; 16],
    ) -> Result<Authorized, Error> {
        let grants = match self {
            Self::Each(grants) => grants,
            Self::Raw { policy, lifetime } => return raw(policy, *lifetime, caller, asked),
        };
        let own = built::in_place(built::own(grants, caller)?, asked)?;
        let mut built = match &asked.wanted {
            Wanted::Grant => Built::all_of(&own),
            Wanted::Scopes(scopes) => Built::narrowed(&own, scopes)?,
            Wanted::NewObject { extension } => Built::new_object(&own, extension, now, chance)?,
        };
        let policy = std::mem::take(&mut built.statements).into_policy();
        let policy = policy.map_err(built::unusable)?.render();
        let duration_seconds = built.lifetime()?.choose(asked.duration_seconds)?;
        if !containment::is_inside(&policy, &built.from, caller.claims()) {
            let message = "the function has a fault: its operator finds it by the request id";
            let cause = "a policy was built that is wider than the grants: nothing was issued";
            return Err(Error::new(Rule::Internal, message).caused_by(cause));
        }
        let names: Vec<&str> = built.from.iter().map(|grant| grant.name.as_str()).collect();
        Ok(Authorized {
            policy: policy.into(),
            duration_seconds,
            session_name: session::name(caller),
            grants: names.join(","),
            new_object: built.new_object,
        })
    }
}

fn raw(
    policy: &Arc<str>,
    lifetime: Lifetime,
    caller: &Caller,
    asked: &CredentialRequest,
) -> Result<Authorized, Error> {
    if asked.wanted != Wanted::Grant || asked.bucket.is_some() || asked.region.is_some() {
        let message = "this function grants a raw policy, which cannot be narrowed";
        return Err(Error::new(Rule::ScopeNotGranted, message));
    }
    Ok(Authorized {
        policy: Arc::clone(policy),
        duration_seconds: lifetime.choose(asked.duration_seconds)?,
        session_name: session::name(caller),
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
            who: Who::Everyone,
            bucket: Bucket::parse("examplebucket-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
            prefix: PrefixTemplate::parse(prefix, &[]).unwrap(),
            abilities: Abilities::new(presets, named, limits).unwrap(),
            lifetime: Lifetime::new(360, 1800).unwrap(),
        }
    }
}

#[cfg(test)]
mod tests;
