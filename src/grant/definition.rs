//! A grant as its author defines it: who may do what, where, and for how long.
//!
//! # Not covered
//! Whether the parts fit together: [`Grant::new`](super::Grant::new) checks that.

use std::sync::Arc;

use tencent::names::{Bucket, Region};

use super::lifetime::Lifetime;
use super::permissions::Permissions;
use super::prefix_template::PrefixTemplate;
use super::principal_match::PrincipalMatch;
use super::role::Role;
use crate::auth::{AuthMethod, Claims, Principal};

/// The parts of a grant.
#[derive(Clone, Debug)]
pub struct GrantDefinition {
    /// The name in the audit log.
    pub name: String,
    /// Who gets the grant.
    pub principal_match: PrincipalMatch,
    /// The names of the token issuers whose callers get the grant. Empty where the settings name
    /// none: then it is for callers of every kind.
    pub token_issuers: Vec<Arc<str>>,
    /// The bucket.
    pub bucket: Bucket,
    /// The region of the bucket.
    pub region: Region,
    /// The prefix of the granted keys.
    pub prefix: PrefixTemplate,
    /// Whether operations on objects also apply to the key of the prefix itself, without its last
    /// `/`.
    pub include_prefix_key: bool,
    /// The granted operations and their limits.
    pub permissions: Permissions,
    /// How long a credential may live.
    pub lifetime: Lifetime,
    /// The role that is assumed for it; `None` for that of the calling key.
    pub role: Option<Arc<Role>>,
}

impl GrantDefinition {
    /// Whether a principal with these claims, authenticated by `method` and, with a token, by
    /// `token_issuer`, gets the grant.
    pub(super) fn is_for(
        &self,
        method: AuthMethod,
        token_issuer: Option<&Arc<str>>,
        claims: &Claims,
    ) -> bool {
        self.takes_issuer(token_issuer) && self.principal_match.matches(method, claims)
    }

    /// The claims of `principal` that have a type which cannot match.
    pub(super) fn wrong_types(&self, principal: &Principal) -> Vec<&str> {
        match self.takes_issuer(principal.token_issuer()) {
            true => self.principal_match.wrong_types(principal),
            false => Vec::new(),
        }
    }

    fn takes_issuer(&self, issuer: Option<&Arc<str>>) -> bool {
        self.token_issuers.is_empty()
            || issuer.is_some_and(|issuer| self.token_issuers.contains(issuer))
    }
}

#[cfg(test)]
impl GrantDefinition {
    /// A grant for everyone in the example bucket.
    pub(crate) fn for_tests(
        prefix: &str,
        presets: &[super::Preset],
        operations: &[super::Operation],
        limits: super::Limits,
    ) -> Self {
        Self {
            name: "grant".to_owned(),
            principal_match: PrincipalMatch::Everyone,
            token_issuers: Vec::new(),
            bucket: Bucket::parse("examplebucket-1250000000").unwrap(),
            region: Region::parse("ap-guangzhou").unwrap(),
            prefix: PrefixTemplate::parse(prefix, &[]).unwrap(),
            include_prefix_key: false,
            permissions: Permissions::new(presets, operations, limits).unwrap(),
            lifetime: Lifetime::new(360, 1800).unwrap(),
            role: None,
        }
    }
}
