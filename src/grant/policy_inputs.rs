//! All that the policy of a request for everything depends on, besides the grants.
//!
//! # Guarantees
//! Grants are matched and filled from this and nothing else, so two requests with equal inputs have
//! the same policy.

use std::sync::Arc;

use crate::auth::{AuthMethod, Claims, Principal};
use crate::request::CredentialRequest;

use super::grants::Grant;

/// What grants see of a request.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct PolicyInputs {
    pub(super) method: AuthMethod,
    /// The name of the token's issuer.
    pub(super) token_issuer: Option<Arc<str>>,
    /// Only the claims that a grant names.
    pub(super) claims: Claims,
    pub(super) bucket: Option<String>,
    pub(super) region: Option<String>,
}

impl PolicyInputs {
    /// What grants that name these claims see.
    pub(super) fn new(
        names: &[String],
        principal: &Principal,
        request: &CredentialRequest,
    ) -> Self {
        Self {
            method: principal.method(),
            token_issuer: principal.token_issuer().cloned(),
            claims: principal.claims().named(names),
            bucket: request.bucket.clone(),
            region: request.region.clone(),
        }
    }
}

/// The claims that `grants` name, in a match or a prefix.
pub(super) fn claim_names(grants: &[Grant]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for definition in grants.iter().map(Grant::definition) {
        let named = definition.principal_match.claims().chain(definition.prefix.claims());
        for name in named {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}
