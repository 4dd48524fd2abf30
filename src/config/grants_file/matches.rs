//! `match`: whom a grant is for.
//!
//! `"everyone"`, or a table of claims, each with a value, a list of values that are alternatives, or `{ prefix = "org/team/" }`.
//!
//! Promises: everyone has to be written out; an empty table is a fault, and so is a `proof` that no caller can have.

use toml::Spanned;
use toml::de::DeValue;

use super::table::{Diagnostics, Table, as_integer};
use crate::auth::AuthMethod;
use crate::grant::{Match, PrincipalMatch, Value};

pub(super) fn read(table: &Table<'_>, diagnostics: &mut Diagnostics<'_>) -> Option<PrincipalMatch> {
    if table.peek("match") == Some("everyone") {
        return Some(PrincipalMatch::Everyone);
    }
    if !table.has("match") || table.peek("match").is_some() {
        let text =
            "says whom the grant is for: a table of claims, as { sub = \"u-1\" }, or \"everyone\"";
        table.fault("match", text, diagnostics);
        return None;
    }
    let claims = table.table("match", diagnostics)??;
    if claims.keys().next().is_none() {
        table.fault(
            "match",
            "names no claim; everyone is written \"everyone\"",
            diagnostics,
        );
    }
    let read = claims.keys().map(|claim| {
        let wanted = claims.value(claim).and_then(one);
        let text = "is a text, a whole number, true or false, a list of these, or { prefix = \"org/team/\" }, which ends in `/` or `:`; \
                    none of them empty";
        if wanted.is_none() {
            claims.fault(claim, text, diagnostics);
        }
        if claim == PrincipalMatch::PROOF && wanted.as_ref().is_some_and(|wanted| !is_of_proofs(wanted)) {
            let names: Vec<&str> = AuthMethod::WITH_CREDENTIALS.iter().map(|kind| kind.name()).collect();
            let text = format!("is how a caller was proven: {}", names.join(", "));
            claims.fault(claim, &text, diagnostics);
        }
        wanted.map(|wanted| (claim.to_owned(), wanted))
    });
    let read: Vec<Option<(String, Match)>> = read.collect();
    let claims: Vec<(String, Match)> = read.into_iter().collect::<Option<_>>()?;
    Some(PrincipalMatch::Claims(claims))
}

fn is_of_proofs(wanted: &Match) -> bool {
    let is_proof = |value: &Value| matches!(value, Value::Text(text) if AuthMethod::WITH_CREDENTIALS.iter().any(|kind| kind.name() == text));
    matches!(wanted, Match::OneOf(values) if values.iter().all(is_proof))
}

fn one(value: &Spanned<DeValue<'_>>) -> Option<Match> {
    match value.get_ref() {
        DeValue::Array(values) => {
            let values: Option<Vec<Value>> =
                values.iter().map(|value| plain(value.get_ref())).collect();
            values.filter(|values| !values.is_empty()).map(Match::OneOf)
        }
        DeValue::Table(table) if table.len() == 1 => {
            let prefix = table.get("prefix")?.get_ref().as_str()?;
            Match::prefix(prefix).ok()
        }
        value => plain(value).map(|value| Match::OneOf(vec![value])),
    }
}

fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::Boolean(flag) => Some(Value::Flag(*flag)),
        DeValue::Integer(number) => as_integer(number).map(Value::Number),
        DeValue::String(text) if !text.is_empty() => Some(Value::Text(text.clone().into_owned())),
        _ => None,
    }
}
