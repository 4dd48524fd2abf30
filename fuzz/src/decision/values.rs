//! Condition keys and their values: of each kind of comparison, most of them good and some odd.

use arbitrary::{Result, Unstructured};

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Date,
    Like,
    Null,
    Number,
    Text,
    Truth,
}

pub(super) const COMPARISONS: &[(Kind, &[&str])] = &[
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

pub(super) const KEYS: &[&str] = &[
    "qcs:ip",
    "qcs:current_time",
    "cos:content-length",
    "cos:content-type",
    "cos:prefix",
    "cos:versionid",
    "cos:secure-transport",
];

pub(super) fn key_of(bytes: &mut Unstructured<'_>, kind: Kind) -> Result<&'static str> {
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
pub(super) fn value(bytes: &mut Unstructured<'_>, kind: Kind) -> Result<String> {
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
    Ok(format!("{year}-{month:02}-{day:02}T{hour:02}:00:{second:02}Z"))
}

/// A text of a few characters.
pub(super) fn spelt(bytes: &mut Unstructured<'_>, characters: &str, most: usize) -> Result<String> {
    let characters: Vec<char> = characters.chars().collect();
    let length = bytes.int_in_range(0..=most)?;
    (0..length).map(|_| bytes.choose(&characters).copied()).collect()
}
