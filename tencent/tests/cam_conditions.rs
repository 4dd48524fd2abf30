//! Every condition operator: met, not met, and absent; plain and with `_if_exist`; under allow and
//! under deny.
//!
//! The rules: <https://www.tencentcloud.com/document/product/598/10608>, absent keys:
//! <https://www.tencentcloud.com/document/product/436/46205>.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests outside `#[test]` functions"
)]

#[path = "cam/asserting.rs"]
mod asserting;

use asserting::{access, assert_allows, assert_denies, policy};
use tencent::cam::{AccessRequest, Operator};

/// Operator; the policy's values as JSON; behind `+` values of a request that meet it, behind `-`
/// values that do not. `''` is an empty one.
const TABLE: &str = r#"
string_equal "a" + a - A '' ab
string_equal ["a","b"] + a b - c
string_not_equal "a" + A '' ab - a
string_not_equal ["a","b"] + c - a b
string_equal_ignore_case "aÉ" + aé AÉ - b ''
string_not_equal_ignore_case "a" + b '' - a A
string_like "image/*" + image/ image/png - Image/png ximage/png image
string_like "*/png" + image/png /png - image/pngx png
string_like "*a*" + a bab - b ''
string_like "a" + a - ab ba
binary_equal "QQ==" + QQ== - qq== QQ
numeric_equal 10 + 10 10.0 010 - 11 x ''
numeric_equal "1.2" + 1.2 1.20 - 1.3 1
numeric_equal 0 + -0 0.0 - 1
numeric_not_equal 10 + 11 -10 - 10 x ''
numeric_greater_than 10 + 10.5 11 - 10 9 -11 x
numeric_greater_than_equal 10 + 10 11 - 9 9.9 x
numeric_less_than 10 + 9 -11 - 10 11 100 x
numeric_less_than_equal 10 + 10 9 - 11 10.01 x 1e0 inf
date_equal "2016-06-01T00:01:00Z" + 2016-06-01T00:01:00Z - 2016-06-01T00:01:01Z x
date_not_equal "2016-06-01T00:01:00Z" + 2016-06-01T00:01:01Z - 2016-06-01T00:01:00Z x
date_greater_than "2016-06-01T00:01:00Z" + 2017-01-01T00:00:00Z - 2016-06-01T00:01:00Z 2016-05-31T23:59:59Z
date_greater_than_equal "2016-06-01T00:01:00Z" + 2016-06-01T00:01:00Z - 2016-06-01T00:00:59Z
date_less_than "2016-06-01T00:01:00Z" + 2016-06-01T00:00:59Z - 2016-06-01T00:01:00Z x
date_less_than_equal "2016-06-01T00:01:00Z" + 2016-06-01T00:01:00Z - 2016-06-01T00:01:01Z
ip_equal "10.217.182.3/24" + 10.217.182.200 ::ffff:10.217.182.1 - 10.217.183.1 x ::1
ip_equal ["2001:db8::/32","10.0.0.1"] + 2001:db8::5 10.0.0.1 - 2001:db9:: 10.0.0.2
ip_not_equal ["10.121.2.10/24","10.121.3.20/24"] + 10.121.4.1 ::1 - 10.121.2.1 10.121.3.1 x
bool_equal "true" + true - false TRUE 1 ''
bool_equal "false" + false - true ''
null_equal "true" + '' - a null
null_equal "" + '' - a
null_equal "false" + a - ''
"#;

struct Row {
    operator: &'static str,
    values: &'static str,
    meeting: Vec<&'static str>,
    failing: Vec<&'static str>,
}

fn rows() -> impl Iterator<Item = Row> {
    TABLE.trim().lines().map(|row| {
        let (start, failing) = row.split_once(" - ").expect("a minus");
        let (start, meeting) = start.split_once(" + ").expect("a plus");
        let (operator, values) = start.split_once(' ').expect("an operator");
        let list =
            |text: &'static str| text.split(' ').map(|each| each.trim_matches('\'')).collect();
        Row { operator, values, meeting: list(meeting), failing: list(failing) }
    })
}

/// The documented operators, from the two lists named above.
const DOCUMENTED: &str = "string_equal string_not_equal string_equal_ignore_case \
    string_not_equal_ignore_case string_like binary_equal date_equal date_not_equal \
    date_greater_than date_greater_than_equal date_less_than date_less_than_equal ip_equal \
    ip_not_equal numeric_equal numeric_not_equal numeric_greater_than numeric_greater_than_equal \
    numeric_less_than numeric_less_than_equal bool_equal null_equal";

#[test]
fn the_table_has_every_operator_and_no_other() {
    let documented: Vec<&str> = DOCUMENTED.split(' ').collect();
    for operator in &documented {
        assert!(Operator::parse(operator).is_ok(), "{operator}");
        assert!(rows().any(|row| row.operator == *operator), "{operator} is not in the table");
    }
    for Row { operator, .. } in rows() {
        assert!(documented.contains(&operator), "{operator}");
    }
}

#[test]
fn present_keys() {
    for Row { operator, values, meeting, failing } in rows() {
        for suffix in suffixes(operator) {
            let operator = format!("{operator}{suffix}");
            for seen in &meeting {
                check(&operator, values, &[seen], true);
            }
            for seen in &failing {
                check(&operator, values, &[seen], false);
            }
        }
    }
}

#[test]
fn absent_keys_meet_only_if_exist() {
    for Row { operator, values, .. } in rows() {
        if operator == "null_equal" {
            check(operator, values, &[], values != r#""false""#);
            continue;
        }
        for quantifier in ["", "for_any_value:", "for_all_value:"] {
            check(&format!("{quantifier}{operator}"), values, &[], false);
            check(&format!("{quantifier}{operator}_if_exist"), values, &[], true);
        }
    }
}

#[test]
fn quantifiers_count_the_values_of_the_request() {
    let two = r#"["a","b"]"#;
    // (operator, values of the request, met)
    for (operator, seen, is_met) in [
        ("for_any_value:string_equal", &["a", "x"][..], true),
        ("for_any_value:string_equal", &["x", "y"], false),
        ("for_all_value:string_equal", &["a", "b"], true),
        ("for_all_value:string_equal", &["a"], true),
        ("for_all_value:string_equal", &["a", "x"], false),
        ("for_any_value:string_not_equal", &["a", "x"], true),
        ("for_any_value:string_not_equal", &["a", "b"], false),
        ("for_all_value:string_not_equal", &["x", "y"], true),
        ("for_all_value:string_not_equal", &["a", "x"], false),
        ("string_equal", &["a", "x"], true),
        ("string_equal", &["x", "y"], false),
        ("string_not_equal", &["a", "x"], false),
        ("string_not_equal", &["x", "y"], true),
    ] {
        for suffix in ["", "_if_exist"] {
            check(&format!("{operator}{suffix}"), two, seen, is_met);
        }
    }
}

#[test]
fn keys_of_one_operator_and_operators_are_all_needed() {
    let both_keys = policy(
        r#"{"effect":"allow","action":"cos:GetObject","resource":"*","condition":{"string_equal":{"k":"1","l":"1"}}}"#,
    );
    let both_operators = policy(
        r#"{"effect":"allow","action":"cos:GetObject","resource":"*","condition":{"string_equal":{"k":"1"},"numeric_equal":{"l":1}}}"#,
    );
    for policy in [both_keys, both_operators] {
        assert_allows(&policy, &get(&[("k", "1"), ("l", "1")]));
        assert_denies(&policy, &get(&[("k", "1"), ("l", "2")]));
        assert_denies(&policy, &get(&[("k", "2"), ("l", "1")]));
        assert_denies(&policy, &get(&[("k", "1")]));
    }
}

/// An allow applies where the condition is met; a deny next to an unconditional allow, where it is
/// not.
#[track_caller]
fn check(operator: &str, values: &str, seen: &[&str], is_met: bool) {
    let condition = format!(r#""condition":{{"{operator}":{{"k":{values}}}}}"#);
    let pairs: Vec<(&str, &str)> = seen.iter().map(|value| ("k", *value)).collect();
    let allow = policy(&format!(
        r#"{{"effect":"allow","action":"cos:GetObject","resource":"*",{condition}}}"#
    ));
    let deny = policy(&format!(
        r#"[{{"effect":"allow","action":"cos:*","resource":"*"}},{{"effect":"deny","action":"cos:GetObject","resource":"*",{condition}}}]"#
    ));
    let access = get(&pairs);
    if is_met {
        assert_allows(&allow, &access);
        assert_denies(&deny, &access);
    } else {
        assert_denies(&allow, &access);
        assert_allows(&deny, &access);
    }
}

fn get(context: &[(&str, &str)]) -> AccessRequest {
    access("name/cos:GetObject", "examplebucket-1250000000/a", context)
}

fn suffixes(operator: &str) -> &'static [&'static str] {
    if operator == "null_equal" { &[""] } else { &["", "_if_exist"] }
}
