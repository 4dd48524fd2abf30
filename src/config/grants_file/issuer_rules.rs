//! Which token issuers a grant is for.
//!
//! # Guarantees
//! - With several issuers, each grant for tokens names its own: subjects of different issuers are
//!   different people, and an issuer that is added gives nobody an older grant.
//! - A grant by subject is for one issuer.
//! - A grant for a CI system names the repository.

use std::sync::Arc;

use super::issuer::FileIssuer;
use super::table::Table;
use crate::auth::{AuthMethod, Claims};
use crate::grant::{GrantDefinition, Match, PrincipalMatch, Value};

/// Reports what makes a grant too wide for these issuers.
pub(super) fn check(table: &Table<'_>, grant: &GrantDefinition, issuers: &[FileIssuer]) {
    let named = &grant.token_issuers;
    if !is_for_tokens(&grant.principal_match) {
        if !named.is_empty() {
            table.report("match", "must not name an `issuer` and another `proof` than \"jwt\"");
        }
        return;
    }
    if named.is_empty() && issuers.len() > 1 {
        let text = "must name its `issuer`, because there are several, or a `proof` other than \
             \"jwt\"";
        table.report("match", text);
        return;
    }
    if named.len() > 1 && is_by_subject(grant) {
        let text = "must name one `issuer`: a `sub` of another issuer is another person, so write a \
             grant for each";
        table.report("match", text);
    }
    let is_reached = |issuer: &&FileIssuer| {
        let name = issuer.issuer.name.as_deref();
        named.is_empty() || named.iter().any(|named| Some(&**named) == name)
    };
    for preset in issuers.iter().filter(is_reached).filter_map(|issuer| issuer.preset) {
        if let Err(text) = preset.check(&grant.principal_match) {
            table.report("match", &text);
        }
    }
}

/// The names of issuers in `match`, which must be among `known`.
pub(super) fn named(claims: &Table<'_>, wanted: &Match, known: &[&str]) -> Option<Vec<Arc<str>>> {
    let name = |value: &Value| match value {
        Value::Text(text) => known.contains(&text.as_str()).then(|| text.as_str().into()),
        Value::Flag(_) | Value::Number(_) => None,
    };
    let names = match wanted {
        Match::OneOf(values) => values.iter().map(name).collect(),
        Match::Contains(_) | Match::Prefix(_) => None,
    };
    if names.is_none() {
        let text =
            format!("must be the name of an [[issuer]], or a list of them: {}", known.join(", "));
        claims.report(ISSUER, &text);
    }
    names
}

fn is_for_tokens(principal_match: &PrincipalMatch) -> bool {
    let PrincipalMatch::Claims(claims) = principal_match else {
        return true;
    };
    let jwt = Value::Text(AuthMethod::Jwt.name().to_owned());
    claims.iter().all(|(name, wanted)| {
        name != PrincipalMatch::PROOF
            || matches!(wanted, Match::OneOf(methods) if methods.contains(&jwt))
    })
}

fn is_by_subject(grant: &GrantDefinition) -> bool {
    let in_match = match &grant.principal_match {
        PrincipalMatch::Claims(claims) => claims.iter().any(|(name, _)| name == Claims::SUBJECT),
        PrincipalMatch::Everyone => false,
    };
    in_match || grant.prefix.claims().any(|claim| claim == Claims::SUBJECT)
}

/// The name in `match`, in a file with issuers.
pub(super) const ISSUER: &str = "issuer";
