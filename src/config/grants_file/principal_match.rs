//! `match`: who gets a grant.
//!
//! `"everyone"`, or a table of claims. The value of a claim is a value, a list of alternatives,
//! `{ contains = "media" }`, or `{ prefix = "org/team/" }`.
//!
//! # Guarantees
//! "everyone" must be written: an empty table is an error, and so is a `proof` that does not exist.
//! In a file with `[[issuer]]` tables, `issuer` is the name of one, and never a claim.

use std::sync::Arc;

use toml::de::DeValue;

use super::issuer_rules::{self, ISSUER};
use super::table::{Table, as_integer};
use crate::auth::{AuthMethod, Claims};
use crate::grant::{Match, PrincipalMatch, Value};

/// The match, and the names of the issuers in it; `issuers` are those of the file.
pub(super) fn read(table: &Table<'_>, issuers: &[&str]) -> Option<(PrincipalMatch, Vec<Arc<str>>)> {
    if table.peek("match") == Some("everyone") {
        return Some((PrincipalMatch::Everyone, Vec::new()));
    }
    let form = "must be a table of claims, for example { sub = \"u-1\" }, or \"everyone\"";
    if !table.has("match") || table.peek("match").is_some() {
        table.report("match", form);
        return None;
    }
    let claims = table.table("match")??;
    if claims.keys().next().is_none() {
        table.report("match", form);
    }
    let wanted = |claim: &str| {
        let wanted = claims.value(claim).and_then(one);
        if wanted.is_none() {
            let text = "must be a text, a whole number, true or false, a list of these, \
                 { contains = \"media\" } for lists, or { prefix = \"org/team/\" }, which ends in `/` or `:`; none may be empty";
            claims.report(claim, text);
        }
        if claim == PrincipalMatch::PROOF && !wanted.as_ref().is_some_and(is_of_methods) {
            let text = format!("must be one of {}", methods().collect::<Vec<_>>().join(", "));
            claims.report(claim, &text);
        }
        if claim == Claims::SUBJECT && matches!(wanted, Some(Match::Contains(_))) {
            claims.report(claim, "is always a single string: omit `contains`");
        }
        Some((claim.to_owned(), wanted?))
    };
    let wanted: Vec<Option<(String, Match)>> = claims.keys().map(wanted).collect();
    let wanted: Option<Vec<_>> = wanted.into_iter().collect();
    let is_issuer = |(name, _): &(String, Match)| name == ISSUER && !issuers.is_empty();
    let (named, wanted): (Vec<_>, Vec<_>) = wanted?.into_iter().partition(is_issuer);
    let Some((_, named)) = named.first() else {
        return Some((PrincipalMatch::Claims(wanted), Vec::new()));
    };
    let named = issuer_rules::named(&claims, named, issuers)?;
    let is_for_all = wanted.is_empty();
    let claims = PrincipalMatch::Claims(wanted);
    Some((if is_for_all { PrincipalMatch::Everyone } else { claims }, named))
}

fn methods() -> impl Iterator<Item = &'static str> {
    AuthMethod::WITH_CREDENTIALS.iter().map(|method| method.name())
}

fn is_of_methods(wanted: &Match) -> bool {
    let is_method =
        |value: &Value| matches!(value, Value::Text(text) if methods().any(|name| name == text));
    matches!(wanted, Match::OneOf(values) if values.iter().all(is_method))
}

fn one(value: &DeValue<'_>) -> Option<Match> {
    match value {
        DeValue::Array(values) => {
            let values = values.iter().map(|value| scalar(value.get_ref()));
            let values: Option<Vec<Value>> = values.collect();
            values.filter(|values| !values.is_empty()).map(Match::OneOf)
        }
        DeValue::Table(table) if table.len() == 1 => match table.get("contains") {
            Some(wanted) => texts(wanted.get_ref()).map(Match::Contains),
            None => Match::prefix(table.get("prefix")?.get_ref().as_str()?).ok(),
        },
        value => scalar(value).map(|value| Match::OneOf(vec![value])),
    }
}

/// A text or a list of texts, none of them empty.
fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let text = |value: &DeValue<'_>| match scalar(value)? {
        Value::Text(text) => Some(text),
        Value::Flag(_) | Value::Number(_) => None,
    };
    match value {
        DeValue::Array(values) if !values.is_empty() => {
            values.iter().map(|value| text(value.get_ref())).collect()
        }
        DeValue::Array(_) => None,
        value => text(value).map(|text| vec![text]),
    }
}

fn scalar(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::Boolean(flag) => Some(Value::Flag(*flag)),
        DeValue::Integer(number) => as_integer(number).map(Value::Number),
        DeValue::String(text) if !text.is_empty() => Some(Value::Text(text.clone().into_owned())),
        _ => None,
    }
}
