//! Well-formed policies and requests from bytes: text seldom gets past the parser, these nearly
//! always do.
//!
//! # Guarantees tested
//! The evaluator and the naive one decide every request alike, for every operator and for values of
//! every kind, valid and odd.

mod values;

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use oracle::cam::Asked;
use serde_json::{Map, Value, json};
use tencent::cam::Policy;

use crate::policy::decided_alike;
use values::{COMPARISONS, KEYS, Kind, key_of, spelt, value};

/// Tries one input. Returns whether it was taken.
pub fn decision(bytes: &[u8]) -> bool {
    let mut bytes = Unstructured::new(bytes);
    // Bytes that run out end the input, not the promise.
    let (Ok(value), Ok(first), Ok(second)) =
        (made(&mut bytes), asked(&mut bytes), asked(&mut bytes))
    else {
        return false;
    };
    let Ok(policy) = Policy::parse(&value.to_string()) else {
        return false;
    };
    let allowed = [first, second].map(|asked| decided_alike(&policy, &value, &asked));
    allowed.contains(&true)
}

fn made(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let statements = several(bytes, 4, statement)?;
    Ok(json!({"version": "2.0", "statement": statements}))
}

fn statement(bytes: &mut Unstructured<'_>) -> Result<Value> {
    let effect = if bytes.ratio(1, 4)? { "deny" } else { "allow" };
    let mut statement = json!({
        "effect": effect,
        "action": several(bytes, 3, action)?,
        "resource": several(bytes, 3, resource)?,
    });
    let mut operators = Map::new();
    for _ in 0..bytes.int_in_range(0..=3)? {
        let (operator, key, values) = condition(bytes)?;
        let keys = operators.entry(operator).or_insert_with(|| json!({}));
        keys[key] = values;
    }
    if !operators.is_empty() {
        statement["condition"] = operators.into();
    }
    Ok(statement)
}

fn action(bytes: &mut Unstructured<'_>) -> Result<String> {
    let known = *bytes.choose(&[
        "*",
        "cos:*",
        "name/cos:*",
        "cos:Get*",
        "name/cos:PutObject",
        "cos:*Object",
        "cvm:*",
        "*:*",
    ])?;
    Ok(if bytes.ratio(1, 4)? { spelt(bytes, "*:GPetuObjc", 10)? } else { known.to_owned() })
}

fn resource(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(1, 6)? {
        return Ok("*".to_owned());
    }
    let service = *bytes.choose(&["cos", "cos", "", "*", "cvm"])?;
    let region = *bytes.choose(&["ap-guangzhou", "", "*", "ap-*", "ap-beijing", "*u*"])?;
    let account = *bytes.choose(&[
        "uid/1250000000",
        "",
        "uin/100000000001",
        "uid/1250000001",
        "uin/100000000002",
    ])?;
    let start = *bytes.choose(&[
        "b-1250000000/",
        "b-1250000000/",
        "prefix//1250000000/b/",
        "b-1250000001/",
        "",
        "b*",
    ])?;
    let rest = if bytes.ratio(1, 2)? { "*".to_owned() } else { spelt(bytes, "*a/b文", 8)? };
    Ok(format!("qcs::{service}:{region}:{account}:{start}{rest}"))
}

fn condition(bytes: &mut Unstructured<'_>) -> Result<(String, &'static str, Value)> {
    let (kind, comparisons) = *bytes.choose(COMPARISONS)?;
    let comparison = *bytes.choose(comparisons)?;
    let key = if bytes.ratio(1, 5)? { *bytes.choose(KEYS)? } else { key_of(bytes, kind)? };
    let values = several(bytes, 3, |bytes| value(bytes, kind))?;
    if kind == Kind::Null {
        return Ok((comparison.to_owned(), key, json!(values)));
    }
    let quantifier = *bytes.choose(&["", "", "for_any_value:", "for_all_value:"])?;
    let suffix = *bytes.choose(&["", "_if_exist"])?;
    Ok((format!("{quantifier}{comparison}{suffix}"), key, json!(values)))
}

fn asked(bytes: &mut Unstructured<'_>) -> Result<Asked> {
    let action = *bytes.choose(&[
        "name/cos:GetObject",
        "cos:PutObject",
        "cos:GetBucket",
        "name/cos:GetService",
        "cos:Put",
    ])?;
    let bucket = *bytes.choose(&[
        Some(("b-1250000000", "100000000001")),
        Some(("bb-1250000000", "100000000001")),
        Some(("b-1250000001", "100000000002")),
        None,
    ])?;
    let mut context: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..bytes.int_in_range(0..=4)? {
        let (kind, _) = *bytes.choose(COMPARISONS)?;
        let key = key_of(bytes, kind)?;
        let value = value(bytes, kind)?;
        context.entry(key.to_owned()).or_default().push(value);
    }
    Ok(Asked {
        action: action.to_owned(),
        region: (*bytes.choose(&["ap-guangzhou", "ap-beijing"])?).to_owned(),
        bucket: bucket.map(|(name, owner)| (name.to_owned(), owner.to_owned())),
        key: spelt(bytes, "a/b文*", 8)?,
        context,
    })
}

fn several<T>(
    bytes: &mut Unstructured<'_>,
    most: usize,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = bytes.int_in_range(1..=most)?;
    (0..count).map(|_| one(bytes)).collect()
}
