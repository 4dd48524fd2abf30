//! What the audit log contains about the grants behind a credential.

use super::definition::GrantDefinition;
use super::statements::Statements;
use crate::auth::Claims;

/// Grants in words: lists separated by commas, without repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GrantSummary {
    /// The names of the grants.
    pub(super) names: String,
    /// Where they apply; `None` for a raw policy, which nothing is known about.
    pub(super) place: Option<GrantedPlace>,
}

/// Where grants apply, and what they allow there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedPlace {
    /// The buckets.
    pub buckets: String,
    /// The prefixes as the operator wrote them, for example `users/{sub}/`.
    pub prefix_templates: String,
    /// The prefixes of this caller, for example `users/1/`.
    pub prefixes: String,
    /// The operations that the credential is good for, for example `PutObject`.
    pub actions: String,
}

impl GrantSummary {
    /// Of `sources` for a caller with `claims`, as far as `statements` use them.
    pub(super) fn new(
        sources: &[&GrantDefinition],
        claims: &Claims,
        statements: &Statements,
    ) -> Self {
        let filled = sources.iter().filter_map(|grant| grant.prefix.fill(claims).ok());
        let filled: Vec<_> = filled.collect();
        Self {
            names: list(sources.iter().map(|grant| grant.name.as_str())),
            place: Some(GrantedPlace {
                buckets: list(sources.iter().map(|grant| grant.bucket.as_str())),
                prefix_templates: list(sources.iter().map(|grant| grant.prefix.as_str())),
                prefixes: list(filled.iter().map(|prefix| prefix.as_str())),
                actions: list(statements.operations()),
            }),
        }
    }

    /// Of a raw policy.
    pub(super) fn raw(name: &str) -> Self {
        Self { names: name.to_owned(), place: None }
    }
}

fn list<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for text in texts {
        if !distinct.contains(&text) {
            distinct.push(text);
        }
    }
    distinct.join(",")
}

#[cfg(test)]
impl GrantSummary {
    pub(super) fn for_tests() -> Self {
        let place = GrantedPlace {
            buckets: "bucket-1".to_owned(),
            prefix_templates: "users/{sub}/".to_owned(),
            prefixes: "users/CANARY-user/".to_owned(),
            actions: "PutObject".to_owned(),
        };
        Self { names: "grant".to_owned(), place: Some(place) }
    }
}
