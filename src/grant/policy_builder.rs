//! What is built for a request: the grants that it comes from, and what they allow.
//!
//! Promises: of scopes, all or none. Leaves out: the last look (`containment`).

use super::lifetime::Lifetime;
use super::object_key::Extension;
use super::resolved::{ResolvedGrant, ScopeMismatch};
use super::statements::Statements;
use super::{Grant, NewObject};
use crate::auth::Principal;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::request::{CredentialRequest, Scopes};
use tencent::cam::PolicyError;
use tencent::time::Timestamp;

/// A grant and what it is for one caller.
pub(super) type Own<'g> = (&'g Grant, ResolvedGrant<'g>);

/// What was built.
#[derive(Debug, Default)]
pub(super) struct PolicyBuilder<'g> {
    pub(super) from: Vec<&'g Grant>,
    pub(super) statements: Statements,
    pub(super) new_object: Option<NewObject>,
}

/// The grants that are for the caller. One whose slots the claims do not fit is not; when it was the only one, that is the reason.
pub(super) fn matching_grants<'g>(
    grants: &'g [Grant],
    caller: &Principal,
) -> Result<Vec<Own<'g>>, Error> {
    let mut own = Vec::new();
    let mut unfit = None;
    for grant in grants
        .iter()
        .filter(|grant| grant.principal_match.matches(caller))
    {
        match grant.prefix.fill(caller.claims()) {
            Ok(prefix) => own.push((grant, grant.place(prefix))),
            Err(error) => unfit = Some(error),
        }
    }
    if own.is_empty() {
        let message = match unfit {
            Some(error) => format!("nothing can be granted to this caller: {error}"),
            None => "nothing is granted to this caller".to_owned(),
        };
        return Err(Error::new(ErrorCode::CallerNotAllowed, message));
    }
    Ok(own)
}

/// Those of the bucket and the region that are asked for.
pub(super) fn filter_by_bucket<'g>(
    own: Vec<Own<'g>>,
    asked: &CredentialRequest,
) -> Result<Vec<Own<'g>>, Error> {
    let is_asked = |asked: &Option<String>, granted: &str| {
        asked.as_deref().is_none_or(|asked| asked == granted)
    };
    let mut near = own;
    near.retain(|(grant, _)| {
        is_asked(&asked.bucket, grant.bucket.as_str())
            && is_asked(&asked.region, grant.region.as_str())
    });
    if near.is_empty() {
        let message = "`bucket` and `region` are not those of something that is granted to this caller; they may be left out";
        return Err(Error::new(ErrorCode::ScopeNotGranted, message));
    }
    Ok(near)
}

impl<'g> PolicyBuilder<'g> {
    /// All that the grants allow.
    pub(super) fn all_of(own: &[Own<'g>]) -> Self {
        let mut built = Self::default();
        for (grant, place) in own {
            // What a grant adds nothing to neither shortens its life nor is logged as its source.
            if place.allow_all(&mut built.statements) {
                built.from.push(grant);
            }
        }
        built
    }

    /// Exactly these scopes, by every grant that covers one.
    pub(super) fn narrowed(own: &[Own<'g>], scopes: &Scopes) -> Result<Self, Error> {
        let mut built = Self::default();
        for (index, scope) in scopes.iter().enumerate() {
            let mut nearest = Some(ScopeMismatch::Action);
            for (grant, place) in own {
                match place.allow(scope, &mut built.statements) {
                    Ok(()) => {
                        nearest = None;
                        if !built.from.iter().any(|known| std::ptr::eq(*known, *grant)) {
                            built.from.push(grant);
                        }
                    }
                    Err(outside) => nearest = nearest.map(|nearest| nearest.max(outside)),
                }
            }
            if let Some(outside) = nearest {
                let number = index.saturating_add(1);
                return Err(Error::new(
                    ErrorCode::ScopeNotGranted,
                    format!("scope {number}: {outside}"),
                ));
            }
        }
        Ok(built)
    }

    /// The upload of one new object, in the first grant that allows it.
    pub(super) fn new_object(
        own: &[Own<'g>],
        extension: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        for (grant, place) in own {
            let mut built = Self::default();
            if let Some(key) = place.allow_new(extension, now, entropy, &mut built.statements)? {
                built.from.push(grant);
                built.new_object = Some(NewObject {
                    bucket: grant.bucket.as_str().to_owned(),
                    region: grant.region.as_str().to_owned(),
                    key,
                });
                return Ok(built);
            }
        }
        Err(unnamed(own))
    }

    /// What all of these grants allow.
    pub(super) fn lifetime(&self) -> Result<Lifetime, Error> {
        let mut lifetimes = self.from.iter().map(|grant| grant.lifetime);
        let first = lifetimes.next();
        let shared = lifetimes.fold(first, |shared, other| shared?.shared(other));
        shared.ok_or_else(|| {
            let message = "what is asked comes from grants whose lifetimes have nothing in common: ask for less at once, by `bucket` or by scopes";
            Error::new(ErrorCode::DurationSeconds, message)
        })
    }
}

/// Why no object is named: what all of the grants together would name.
fn unnamed(own: &[Own<'_>]) -> Error {
    let places: Vec<&[Extension]> = own.iter().filter_map(|(_, place)| place.named()).collect();
    if places.is_empty() {
        return Error::new(ErrorCode::ScopeNotGranted, "uploads are not granted");
    }
    let mut names: Vec<&str> = Vec::new();
    for name in places.into_iter().flatten().map(Extension::as_str) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let message = if names.is_empty() {
        "the function names no objects here: no extensions are set for it".to_owned()
    } else {
        format!("the extension is one of: {}", names.join(", "))
    };
    Error::new(ErrorCode::Extension, message)
}

/// Why there is no policy, in the caller's terms.
pub(super) fn unusable(error: PolicyError) -> Error {
    let message = match error {
        PolicyError::Empty => {
            "uploads are granted for certain extensions alone: ask `/getKeyAndCredentials`, or for whole keys in a scope array"
        }
        PolicyError::Long | PolicyError::Syntax(_) => {
            "what is asked makes a longer policy than CAM takes: ask for less at once, by `bucket` or by scopes"
        }
    };
    Error::new(ErrorCode::ScopeNotGranted, message).caused_by(error)
}
