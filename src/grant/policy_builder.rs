//! Builds the statements of one request from the grants that match.
//!
//! # Guarantees
//! Scopes are granted together or not at all.
//!
//! # Not covered
//! The second check of the finished policy (`containment`).

use std::sync::Arc;

use super::authorized::{Handout, NewObject};
use super::definition::GrantDefinition;
use super::lifetime::Lifetime;
use super::object_key::{Extension, ObjectKey};
use super::operation::{Operation, ResourceLevel};
use super::permissions::Permissions;
use super::resolved::{ResolvedGrant, ScopeMismatch};
use super::role::Role;
use super::signable::{SignableRequest, SignableVerb, UploadLimits};
use super::statements::Statements;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::request::{ObjectKeys, Scope, Scopes, SignedRequest};
use tencent::time::Timestamp;

/// The statements of a request, and the grants that they come from.
#[derive(Debug, Default)]
pub(super) struct PolicyBuilder<'g> {
    pub(super) sources: Vec<&'g GrantDefinition>,
    pub(super) statements: Statements,
    pub(super) handout: Handout,
}

impl<'g> PolicyBuilder<'g> {
    /// Everything that the grants allow.
    pub(super) fn for_all(grants: &[ResolvedGrant<'g>]) -> Self {
        let mut builder = Self::default();
        for grant in grants {
            // A grant that adds nothing neither shortens the lifetime nor appears in the audit log.
            if grant.allow_all(&mut builder.statements) {
                builder.sources.push(grant.definition);
            }
        }
        builder
    }

    /// Exactly these scopes, from every grant that covers one.
    ///
    /// # Errors
    /// [`ErrorCode::ScopeNotGranted`] for the first scope that no grant covers.
    pub(super) fn for_scopes(grants: &[ResolvedGrant<'g>], scopes: &Scopes) -> Result<Self, Error> {
        let mut builder = Self::default();
        for (index, scope) in scopes.iter().enumerate() {
            let mut closest = Some(ScopeMismatch::Action);
            for grant in grants {
                match grant.allow(scope, &mut builder.statements) {
                    Ok(()) => {
                        closest = None;
                        let is_known =
                            |known: &&GrantDefinition| std::ptr::eq(*known, grant.definition);
                        if !builder.sources.iter().any(is_known) {
                            builder.sources.push(grant.definition);
                        }
                    }
                    Err(mismatch) => closest = closest.map(|closest| closest.max(mismatch)),
                }
            }
            if let Some(mismatch) = closest {
                let number = index.saturating_add(1);
                let reason = match mismatch {
                    ScopeMismatch::Action => action_not_granted(&scope.operation, grants),
                    other => other.to_string(),
                };
                let message = format!("scope {number}: {reason}");
                return Err(Error::new(ErrorCode::ScopeNotGranted, message));
            }
        }
        Ok(builder)
    }

    /// The upload of one new object, from the first grant that allows it.
    ///
    /// # Errors
    /// [`ErrorCode::ScopeNotGranted`] without uploads, [`ErrorCode::Extension`] for another
    /// extension, [`ErrorCode::Internal`] without entropy.
    pub(super) fn for_new_object(
        grants: &[ResolvedGrant<'g>],
        extension: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let (grant, key, statements) = new_object(grants, extension, None, now, entropy)?;
        let new_object = NewObject {
            bucket: grant.bucket.as_str().to_owned(),
            region: grant.region.as_str().to_owned(),
            key,
        };
        let handout = Handout::Credential(Some(new_object));
        Ok(Self { sources: vec![grant], statements, handout })
    }

    /// One request to be signed, from the first grant that allows it.
    ///
    /// # Errors
    /// [`ErrorCode::ScopeNotGranted`] when no grant covers the operation or the key,
    /// [`ErrorCode::Extension`] for another extension, [`ErrorCode::Internal`] without entropy.
    pub(super) fn for_signed(
        grants: &[ResolvedGrant<'g>],
        request: &SignedRequest,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let (extension, is_form) = match request {
            SignedRequest::Download { key, content_type } => {
                return Self::for_download(grants, key, *content_type);
            }
            SignedRequest::Upload { extension, is_form } => (extension, *is_form),
        };
        let only = Operation::parse(if is_form { "PostObject" } else { "PutObject" }).ok();
        let (grant, key, statements) = new_object(grants, extension, only, now, entropy)?;
        let limits = UploadLimits::of(grant.permissions.limits());
        let verb = if is_form { SignableVerb::Post(limits) } else { SignableVerb::Put(limits) };
        let signable = SignableRequest::new(grant, key.as_str(), verb);
        Ok(Self { sources: vec![grant], statements, handout: Handout::Signed(signable) })
    }

    fn for_download(
        grants: &[ResolvedGrant<'g>],
        key: &str,
        content_type: Option<&'static str>,
    ) -> Result<Self, Error> {
        let operation = "GetObject";
        let mut closest = ScopeMismatch::Action;
        for grant in grants {
            let definition = grant.definition;
            let scope = Scope {
                operation: operation.to_owned(),
                bucket: definition.bucket.as_str().to_owned(),
                region: definition.region.as_str().to_owned(),
                keys: ObjectKeys::Exactly(key.to_owned()),
            };
            let mut statements = Statements::default();
            match grant.allow(&scope, &mut statements) {
                Ok(()) => {
                    let verb = SignableVerb::Get { content_type };
                    let handout = Handout::Signed(SignableRequest::new(definition, key, verb));
                    return Ok(Self { sources: vec![definition], statements, handout });
                }
                Err(mismatch) => closest = closest.max(mismatch),
            }
        }
        let reason = match closest {
            ScopeMismatch::Action => action_not_granted(operation, grants),
            other => other.to_string(),
        };
        Err(Error::new(ErrorCode::ScopeNotGranted, format!("key: {reason}")))
    }
}

/// A generated key and the statements that allow its upload, from the first grant that does.
fn new_object<'g>(
    grants: &[ResolvedGrant<'g>],
    extension: &str,
    only: Option<Operation>,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<(&'g GrantDefinition, ObjectKey, Statements), Error> {
    for grant in grants {
        let mut statements = Statements::default();
        if let Some(key) = grant.allow_new(extension, only, now, entropy, &mut statements)? {
            return Ok((grant.definition, key, statements));
        }
    }
    Err(no_new_object(grants, only))
}

/// Why an action is not granted: its name, and what is granted instead.
fn action_not_granted(name: &str, grants: &[ResolvedGrant<'_>]) -> String {
    let operation = match Operation::parse(name) {
        Ok(operation) => operation,
        Err(error) => return format!("`{name}` {error}"),
    };
    let permissions = || grants.iter().map(|grant| &grant.definition.permissions);
    let mut granted: Vec<&str> = Vec::new();
    for name in permissions().flat_map(Permissions::operations).map(Operation::name) {
        if !granted.contains(&name) {
            granted.push(name);
        }
    }
    let granted = granted.join(", ");
    let is_limited = permissions().any(|permissions| permissions.limits().need_whole_uploads());
    if is_limited && operation.resource_level() == ResourceLevel::PartialUpload {
        return format!(
            "`{name}` is not granted, because a limit on size or type requires uploads in one \
             request; granted: {granted}"
        );
    }
    format!("`{name}` is not granted; granted: {granted}")
}

/// The lifetime that all of these grants allow.
///
/// # Errors
/// [`ErrorCode::DurationSeconds`] without a common second.
pub(super) fn shared_lifetime(sources: &[&GrantDefinition]) -> Result<Lifetime, Error> {
    let mut lifetimes = sources.iter().map(|grant| grant.lifetime);
    let first = lifetimes.next();
    let shared = lifetimes.fold(first, |shared, other| shared?.shared(other));
    shared.ok_or_else(|| {
        let message = "the request needs several grants whose lifetimes do not overlap: request \
                       less at once, by `bucket` or by scopes";
        Error::new(ErrorCode::DurationSeconds, message)
    })
}

/// The role that is assumed for all of these grants.
///
/// # Errors
/// [`ErrorCode::ScopeNotGranted`] when they name different ones.
pub(super) fn shared_role(sources: &[&GrantDefinition]) -> Result<Option<Arc<Role>>, Error> {
    let role = sources.first().and_then(|grant| grant.role.as_ref());
    if sources.iter().all(|grant| grant.role.as_ref() == role) {
        return Ok(role.cloned());
    }
    let message = "the request needs several grants for which different roles are assumed: \
                   request less at once, by `bucket` or by scopes";
    Err(Error::new(ErrorCode::ScopeNotGranted, message))
}

/// Why no new object can be uploaded: the extensions that the grants together allow.
fn no_new_object(grants: &[ResolvedGrant<'_>], only: Option<Operation>) -> Error {
    let allowing = grants.iter().filter(|grant| grant.allows_new(only));
    let lists: Vec<&[Extension]> =
        allowing.filter_map(ResolvedGrant::new_object_extensions).collect();
    if lists.is_empty() {
        let message = match only {
            Some(only) => action_not_granted(only.name(), grants),
            None => "no grant has `upload` in `allow`".to_owned(),
        };
        return Error::new(ErrorCode::ScopeNotGranted, message);
    }
    let mut names: Vec<&str> = Vec::new();
    for name in lists.into_iter().flatten().map(Extension::as_str) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let message = if names.is_empty() {
        "no extension is configured: set EXTENSIONS, or `extensions` of a grant".to_owned()
    } else {
        format!("the extension must be one of: {}", names.join(", "))
    };
    Error::new(ErrorCode::Extension, message)
}
