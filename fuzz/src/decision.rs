//! Policies and accesses of the right shape, made from bytes: where text seldom gets past the parser, these nearly always do.
//!
//! Promise tried: the evaluator decides every access as the naive one does, for every operator and for values of every kind, good
//! and odd.

use std::collections::BTreeMap;

use arbitrary::{Result, Unstructured};
use cos_issuer::cam::Policy;
use serde_json::{Map, Value, json};

use crate::asked::Asked;
use crate::policy::judged_alike;

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
    let allowed = [first, second].map(|asked| judged_alike(&policy, &value, &asked));
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
    Ok(if bytes.ratio(1, 4)? {
        spelt(bytes, "*:GPetuObjc", 10)?
    } else {
        known.to_owned()
    })
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
    let rest = if bytes.ratio(1, 2)? {
        "*".to_owned()
    } else {
        spelt(bytes, "*a/b文", 8)?
    };
    Ok(format!("qcs::{service}:{region}:{account}:{start}{rest}"))
}

fn condition(bytes: &mut Unstructured<'_>) -> Result<(String, &'static str, Value)> {
    let (kind, comparisons) = *bytes.choose(COMPARISONS)?;
    let comparison = *bytes.choose(comparisons)?;
    let key = if bytes.ratio(1, 5)? {
        *bytes.choose(KEYS)?
    } else {
        key_of(bytes, kind)?
    };
    let values = several(bytes, 3, |bytes| value(bytes, kind))?;
    if kind == Kind::Null {
        return Ok((comparison.to_owned(), key, json!(values)));
    }
    let quantifier = *bytes.choose(&["", "", "for_any_value:", "for_all_value:"])?;
    let suffix = *bytes.choose(&["", "_if_exist"])?;
    Ok((
        format!("{quantifier}{comparison}{suffix}"),
        key,
        json!(values),
    ))
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

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Address,
    Date,
    Like,
    Null,
    Number,
    Text,
    Truth,
}

const COMPARISONS: &[(Kind, &[&str])] = &[
    (Kind::Address, &["ip_equal", "ip_not_equal"]),
    (
        Kind::Date,
        &[
            "date_equal",
            "date_not_equal",
            "date_less_than",
            "date_less_than_equal",
            "date_greater_than",
            "date_greater_than_equal",
        ],
    ),
    (Kind::Like, &["string_like"]),
    (Kind::Null, &["null_equal"]),
    (
        Kind::Number,
        &[
            "numeric_equal",
            "numeric_not_equal",
            "numeric_less_than",
            "numeric_less_than_equal",
            "numeric_greater_than",
            "numeric_greater_than_equal",
        ],
    ),
    (
        Kind::Text,
        &[
            "string_equal",
            "string_not_equal",
            "string_equal_ignore_case",
            "string_not_equal_ignore_case",
            "binary_equal",
        ],
    ),
    (Kind::Truth, &["bool_equal"]),
];

const KEYS: &[&str] = &[
    "qcs:ip",
    "qcs:current_time",
    "cos:content-length",
    "cos:content-type",
    "cos:prefix",
    "cos:versionid",
    "cos:secure-transport",
];

fn key_of(bytes: &mut Unstructured<'_>, kind: Kind) -> Result<&'static str> {
    Ok(match kind {
        Kind::Address => "qcs:ip",
        Kind::Date => "qcs:current_time",
        Kind::Number => "cos:content-length",
        Kind::Truth => "cos:secure-transport",
        Kind::Like | Kind::Null | Kind::Text => {
            *bytes.choose(&["cos:content-type", "cos:prefix", "cos:versionid"])?
        }
    })
}

/// A value of this kind, or nearly.
fn value(bytes: &mut Unstructured<'_>, kind: Kind) -> Result<String> {
    match kind {
        Kind::Address => address(bytes),
        Kind::Date => date(bytes),
        Kind::Like => spelt(bytes, "*aB/", 5),
        Kind::Null => Ok((*bytes.choose(&["", "true", "false"])?).to_owned()),
        Kind::Number => number(bytes),
        Kind::Text => spelt(bytes, "aA/ %2Fßſ", 4),
        Kind::Truth => Ok((*bytes.choose(&["true", "false", "True"])?).to_owned()),
    }
}

fn number(bytes: &mut Unstructured<'_>) -> Result<String> {
    let sign = *bytes.choose(&["", "", "-"])?;
    let (whole, fraction) = (spelt(bytes, "0019", 4)?, spelt(bytes, "0019", 3)?);
    let point = *bytes.choose(&[".", "", "", "e"])?;
    Ok(match point {
        "" => format!("{sign}1{whole}"),
        point => format!("{sign}{whole}{point}{fraction}"),
    })
}

fn address(bytes: &mut Unstructured<'_>) -> Result<String> {
    let [a, b, c, d] = bytes.arbitrary::<[u8; 4]>()?.map(|byte| byte % 4);
    let address = match bytes.int_in_range(0..=3)? {
        0 | 1 => format!("10.{b}.{c}.{d}"),
        2 => format!("::ffff:10.{b}.{c}.{d}"),
        _ => format!("{a:x}::{c:x}{d:x}"),
    };
    let bits = match bytes.int_in_range(0..=3)? {
        0 | 1 => String::new(),
        2 => format!("/{}", bytes.int_in_range(0..=33)?),
        _ => format!("/{}", bytes.int_in_range(90..=129)?),
    };
    Ok(address + &bits)
}

fn date(bytes: &mut Unstructured<'_>) -> Result<String> {
    let year = *bytes.choose(&[2023, 2024, 2000, 1900])?;
    let (month, day) = (bytes.int_in_range(1..=12)?, bytes.int_in_range(1..=31)?);
    let (hour, second) = (bytes.int_in_range(0..=24)?, bytes.int_in_range(0..=59)?);
    Ok(format!(
        "{year}-{month:02}-{day:02}T{hour:02}:00:{second:02}Z"
    ))
}

/// A text of a few characters.
fn spelt(bytes: &mut Unstructured<'_>, characters: &str, most: usize) -> Result<String> {
    let characters: Vec<char> = characters.chars().collect();
    let length = bytes.int_in_range(0..=most)?;
    (0..length)
        .map(|_| bytes.choose(&characters).copied())
        .collect()
}

fn several<T>(
    bytes: &mut Unstructured<'_>,
    most: usize,
    mut one: impl FnMut(&mut Unstructured<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let count = bytes.int_in_range(1..=most)?;
    (0..count).map(|_| one(bytes)).collect()
}
