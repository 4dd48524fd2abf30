//! Random policies as JSON, and random accesses: small pools, so that they meet often.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::Asked;

/// A policy with at least one statement that allows.
pub fn policies() -> impl Strategy<Value = Value> {
    (statement("allow"), prop::collection::vec(any_statement(), 0..4)).prop_map(
        |(first, mut rest)| {
            let middle = rest.len() / 2;
            rest.insert(middle, first);
            json!({ "version": "2.0", "statement": rest })
        },
    )
}

/// An access that such a policy may cover.
pub fn accesses() -> impl Strategy<Value = Asked> {
    let places = (
        select(&["ap-guangzhou", "ap-guangzhou", "ap-beijing"][..]),
        select(
            &[
                Some(("b-1250000000", "100000000001")),
                Some(("b-1250000000", "100000000001")),
                Some(("bb-1250000000", "100000000001")),
                Some(("b-1250000001", "100000000002")),
                None,
            ][..],
        ),
        select(
            &[
                "",
                "a",
                "doc/",
                "doc/a.mp3",
                "docs/a",
                "users/1/x",
                "users/10/x",
                "prefix//1250000000/b/a",
            ][..],
        ),
    );
    (select(ASKED_ACTIONS), places, context()).prop_map(
        |(action, (region, bucket, key), context)| Asked {
            action: action.to_owned(),
            region: region.to_owned(),
            bucket: bucket.map(|(name, owner)| (name.to_owned(), owner.to_owned())),
            key: key.to_owned(),
            context,
        },
    )
}

fn any_statement() -> impl Strategy<Value = Value> {
    prop_oneof![2 => statement("allow"), 1 => statement("deny")]
}

fn statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let conditions = prop_oneof![
        2 => Just(BTreeMap::new()).boxed(),
        3 => prop::collection::vec(condition(), 1..3).prop_map(grouped).boxed(),
    ];
    (some_of(ACTIONS, 3), some_of(RESOURCES, 3), conditions).prop_map(
        move |(actions, resources, conditions)| {
            let mut statement =
                json!({ "effect": effect, "action": actions, "resource": resources });
            if let (false, Some(members)) = (conditions.is_empty(), statement.as_object_mut()) {
                members.insert("condition".to_owned(), json!(conditions));
            }
            statement
        },
    )
}

fn some_of(pool: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(pool, 1..=most)
}

type Grouped = BTreeMap<String, BTreeMap<&'static str, Value>>;

fn grouped(conditions: Vec<(String, &'static str, Value)>) -> Grouped {
    let mut grouped = Grouped::new();
    for (operator, key, values) in conditions {
        grouped.entry(operator).or_default().insert(key, values);
    }
    grouped
}

/// A comparison of one kind, with values of that kind, mostly on the keys that hold such values.
fn condition() -> impl Strategy<Value = (String, &'static str, Value)> {
    select(KINDS).prop_flat_map(|(keys, comparisons, values)| {
        let keys = prop_oneof![4 => select(keys), 1 => select(ALL_KEYS)];
        let values = prop_oneof![
            1 => select(values).prop_map(|value| json!(value)),
            1 => subsequence(values, 1..=2).prop_map(|values| json!(values)),
        ];
        let quantifier = select(&["", "", "for_any_value:", "for_all_value:"][..]);
        let suffix = select(&["", "_if_exist"][..]);
        (keys, select(comparisons), values, quantifier, suffix).prop_map(
            |(key, comparison, values, quantifier, suffix)| {
                let operator = match comparison {
                    "null_equal" => comparison.to_owned(),
                    _ => format!("{quantifier}{comparison}{suffix}"),
                };
                let plain = comparison == "numeric_equal" && values == json!("10");
                (operator, key, if plain { json!(10) } else { values })
            },
        )
    })
}

fn context() -> impl Strategy<Value = BTreeMap<String, Vec<String>>> {
    let of_kind = select(KINDS).prop_flat_map(|(keys, _, values)| {
        let values = prop_oneof![3 => select(values), 1 => select(ODD_VALUES)];
        let values = prop::collection::vec(values.prop_map(str::to_owned), 1..3);
        (select(keys).prop_map(str::to_owned), values)
    });
    prop::collection::vec(of_kind, 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

/// Keys that hold such values, comparisons of them, and values.
type Kind = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const KINDS: &[Kind] = &[
    (
        &["cos:content-type", "cos:prefix", "cos:versionid", "qcs:request_tag"],
        &[
            "string_equal",
            "string_not_equal",
            "string_equal_ignore_case",
            "string_not_equal_ignore_case",
            "binary_equal",
        ],
        &["a", "A", "a/b", "a%2Fb", "", "a b", "文"],
    ),
    (
        &["cos:content-type", "cos:prefix"],
        &["string_like"],
        &["a*", "*b", "*", "a/b", "*/*", "a%2F*"],
    ),
    (
        &["cos:content-length"],
        &[
            "numeric_equal",
            "numeric_not_equal",
            "numeric_less_than",
            "numeric_less_than_equal",
            "numeric_greater_than",
            "numeric_greater_than_equal",
        ],
        &["10", "10.0", "9", "-1", "0", "-0", "100"],
    ),
    (
        &["qcs:current_time"],
        &[
            "date_equal",
            "date_not_equal",
            "date_less_than",
            "date_less_than_equal",
            "date_greater_than",
            "date_greater_than_equal",
        ],
        &["2016-06-01T00:01:00Z", "2016-06-01T00:01:01Z", "2015-12-31T23:59:59Z"],
    ),
    (
        &["qcs:ip"],
        &["ip_equal", "ip_not_equal"],
        &["10.0.0.1", "10.0.1.1", "192.168.1.1", "2001:db8::1"],
    ),
    (
        &["qcs:ip"],
        &["ip_equal", "ip_not_equal"],
        &["10.0.0.9/24", "10.0.0.0/8", "0.0.0.0/0", "10.0.0.1/31", "::/0", "2001:db8::/33"],
    ),
    (&["cos:secure-transport"], &["bool_equal", "null_equal"], &["true", "false"]),
];

const ALL_KEYS: &[&str] = &[
    "cos:content-type",
    "cos:prefix",
    "cos:versionid",
    "cos:content-length",
    "qcs:ip",
    "qcs:current_time",
    "cos:secure-transport",
    "qcs:request_tag",
];

/// What no typed comparison takes.
const ODD_VALUES: &[&str] = &["", "x", "1e1", "TRUE", "10.0.0", "2016-06-01"];

const ASKED_ACTIONS: &[&str] = &[
    "name/cos:GetObject",
    "cos:PutObject",
    "name/cos:GetBucket",
    "name/cos:GetService",
    "name/cos:GetNothing",
    "cos:GetObject",
    "name/cos:getObject",
    "name/cos:GetObject*",
];

const ACTIONS: &[&str] = &[
    "*",
    "name/*",
    "*:*",
    "cos:*",
    "name/cos:*",
    "name/cos:Get*",
    "cos:GetObject",
    "name/cos:PutObject",
    "cos:*Object",
    "cos:*et*",
    "name/cos:GetBucket",
    "name/cos:GetService",
    "cos:getobject",
    "cvm:*",
    "*:GetObject",
];

const RESOURCES: &[&str] = &[
    "*",
    "qcs::cos:::*",
    "qcs:::::*",
    "qcs::cvm:::*",
    "qcs::*:ap-guangzhou:uid/1250000000:*",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/*",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/",
    "qcs::cos:ap-*:uid/1250000000:b-1250000000*",
    "qcs::cos:*:uin/100000000001:b-1250000000/doc/*",
    "qcs::cos::uin/100000000002:*",
    "qcs::cos:ap-guangzhou::b-1250000000/doc/a.mp3",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000000/users/1/*",
    "qcs::cos:ap-guangzhou:uid/1250000001:b-1250000001/*",
    "qcs::cos:ap-guangzhou:uid/1250000000:b-1250000001/*",
    "qcs::cos::uid/1250000000:*/a*",
    "qcs::cos::uid/1250000000:prefix//1250000000/b/*",
    "qcs::cos::uid/1250000000:prefix//1250000000/b/doc/a.mp3",
    "qcs::cos::uid/1250000000:prefix//1250000000/*",
    "qcs::cos:::prefix//1250000000/b-*",
    "qcs::cos:ap-guangzhou::prefix//1250000001/b/*",
];
