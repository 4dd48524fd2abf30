//! The vendor's own examples, each with its page, and what the page says comes of them; then how decisions explain themselves.
//!
//! Left out of each example: its `principal`, which a bucket policy has and a session policy must not; member names are in the
//! lower case that CAM documents. One example is printed wrongly and is judged as printed, see `as_printed`.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests outside `#[test]` functions"
)]

#[path = "cam/asserting.rs"]
mod asserting;

use asserting::{access, assert_allows, assert_denies, policy};
use tencent::cam::{AccessRequest, Context, Policy, PolicySet, Reason, Target, decide};

const OBJECTS: &str =
    r#""resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"]"#;

/// <https://www.tencentcloud.com/document/product/598/10608>, sample 1: the host bits of the networks are set.
#[test]
fn uploads_from_two_networks() {
    let policy = policy(
        r#"[{"effect":"allow","action":"cos:PutObject","resource":"*","condition":{"ip_equal":{"qcs:ip":["10.217.182.3/24","111.21.33.72/24"]}}}]"#,
    );
    assert_allows(&policy, &put(&[("qcs:ip", "10.217.182.99")]));
    assert_allows(&policy, &put(&[("qcs:ip", "111.21.33.1")]));
    assert_denies(&policy, &put(&[("qcs:ip", "10.217.183.99")]));
    assert_denies(&policy, &put(&[]));
    assert_denies(&policy, &get(&[("qcs:ip", "10.217.182.99")]));
}

/// <https://www.tencentcloud.com/document/product/436/46206>, qcs:ip: one object, a network and two addresses.
#[test]
fn one_object_from_named_addresses() {
    let policy = policy(
        r#"[{"effect":"allow","action":["name/cos:PutObject","name/cos:GetObject"],
            "resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-gz-1250000000/exampleobject"],
            "condition":{"ip_equal":{"qcs:ip":["192.168.1.0/24","101.226.100.185","101.226.100.186"]}}}]"#,
    );
    let from = |key: &str, ip: &str| {
        let path = format!("examplebucket-gz-1250000000/{key}");
        access("name/cos:GetObject", &path, &[("qcs:ip", ip)])
    };
    assert_allows(&policy, &from("exampleobject", "192.168.1.77"));
    assert_allows(&policy, &from("exampleobject", "101.226.100.186"));
    assert_denies(&policy, &from("exampleobject", "101.226.100.187"));
    assert_denies(&policy, &from("exampleobject2", "192.168.1.77"));
}

/// <https://www.tencentcloud.com/document/product/436/46205>, samples 1 and 2: both tables, all twelve rows.
#[test]
fn a_version_allowed_and_denied() {
    let of = |effect: &str, operator: &str| {
        format!(
            r#"{{"effect":"{effect}","action":["name/cos:GetObject"],{OBJECTS},"condition":{{"{operator}":{{"cos:versionid":"MTg0NDUxNTc1NjIzMTQ1MDAwODg"}}}}}}"#
        )
    };
    let rest = r#"{"effect":"allow","action":"name/cos:*","resource":"*"}"#;
    let right = get(&[("cos:versionid", "MTg0NDUxNTc1NjIzMTQ1MDAwODg")]);
    let wrong = get(&[("cos:versionid", "other")]);
    let without = get(&[]);
    for (operator, access, is_met) in [
        ("string_equal", &without, false),
        ("string_equal_if_exist", &without, true),
        ("string_equal", &right, true),
        ("string_equal_if_exist", &right, true),
        ("string_equal", &wrong, false),
        ("string_equal_if_exist", &wrong, false),
    ] {
        let allow = policy(&of("allow", operator));
        let deny = policy(&format!("[{rest},{}]", of("deny", operator)));
        if is_met {
            assert_allows(&allow, access);
            assert_denies(&deny, access);
        } else {
            assert_denies(&allow, access);
            assert_allows(&deny, access);
        }
    }
}

/// <https://www.tencentcloud.com/document/product/436/46206>, cos:versionid, example 2: none and an empty one are the latest.
#[test]
fn only_the_latest_version() {
    let policy = pair(
        "GetObject",
        r#""string_equal_if_exist":{"cos:versionid":""}"#,
        r#""string_not_equal":{"cos:versionid":""}"#,
    );
    assert_allows(&policy, &get(&[]));
    assert_allows(&policy, &get(&[("cos:versionid", "")]));
    assert_denies(&policy, &get(&[("cos:versionid", "v1")]));
}

/// The same page, example 3: an object from before versioning cannot be removed for good.
#[test]
fn no_removal_of_the_null_version() {
    let policy = policy(&format!(
        r#"[{{"effect":"allow","action":["name/cos:DeleteObject"],{OBJECTS}}},
            {{"effect":"deny","action":["name/cos:DeleteObject"],{OBJECTS},"condition":{{"string_equal":{{"cos:versionid":"null"}}}}}}]"#
    ));
    let delete = |context: &[(&str, &str)]| {
        access(
            "name/cos:DeleteObject",
            "examplebucket-1250000000/a",
            context,
        )
    };
    assert_allows(&policy, &delete(&[]));
    assert_allows(&policy, &delete(&[("cos:versionid", "v1")]));
    assert_denies(&policy, &delete(&[("cos:versionid", "null")]));
}

/// The same page, cos:content-length, examples 1 and 2: values are JSON numbers, uploads without a length are refused.
#[test]
fn uploads_of_a_size() {
    let small = pair(
        "PutObject",
        r#""numeric_less_than_equal":{"cos:content-length":10}"#,
        r#""numeric_greater_than_if_exist":{"cos:content-length":10}"#,
    );
    let large = pair(
        "PutObject",
        r#""numeric_greater_than_equal":{"cos:content-length":2}"#,
        r#""numeric_less_than_if_exist":{"cos:content-length":2}"#,
    );
    for (length, is_small, is_large) in [("1", true, false), ("2", true, true), ("11", false, true)]
    {
        let put = put(&[("cos:content-length", length)]);
        assert_eq!(small.decide(&put).is_allowed(), is_small, "{length}");
        assert_eq!(large.decide(&put).is_allowed(), is_large, "{length}");
    }
    assert_denies(&small, &put(&[]));
    assert_denies(&large, &put(&[]));
}

/// The same page, cos:content-type: a header is compared as it is. T10: leaving it out does not help.
#[test]
fn uploads_of_a_type() {
    let policy = pair(
        "PutObject",
        r#""string_equal":{"cos:content-type":"image/jpeg"}"#,
        r#""string_not_equal_if_exist":{"cos:content-type":"image/jpeg"}"#,
    );
    assert_allows(&policy, &put(&[("cos:content-type", "image/jpeg")]));
    assert_denies(&policy, &put(&[("cos:content-type", "image/png")]));
    assert_denies(&policy, &put(&[("cos:content-type", "image%2Fjpeg")]));
    assert_denies(&policy, &put(&[]));
}

/// The same page, cos:response-content-type: a query parameter is compared URL-encoded.
#[test]
fn downloads_as_a_type() {
    let right = pair(
        "GetObject",
        r#""string_equal":{"cos:response-content-type":"image%2Fjpeg"}"#,
        r#""string_not_equal_if_exist":{"cos:response-content-type":"image%2Fjpeg"}"#,
    );
    assert_allows(&right, &get(&[("cos:response-content-type", "image/jpeg")]));
    assert_denies(&right, &get(&[("cos:response-content-type", "image/png")]));
    assert_denies(&right, &get(&[]));

    let forgot = policy(&format!(
        r#"{{"effect":"allow","action":"cos:GetObject",{OBJECTS},"condition":{{"string_equal":{{"cos:response-content-type":"image/jpeg"}}}}}}"#
    ));
    let decision = forgot.decide(&get(&[("cos:response-content-type", "image/jpeg")]));
    assert_eq!(
        decision.to_string(),
        "denied: statement 0 of the session policy would allow it, but `string_equal` on `cos:response-content-type` is not met: \
         the request has `image%2Fjpeg` (request parameters are compared URL-encoded: write `image%2Fjpeg`)"
    );
}

/// <https://www.tencentcloud.com/document/product/436/46205>, notes: `*` with a key of one request breaks or frees the others.
#[test]
fn conditions_of_one_request_under_every_action() {
    let both = |allow: &str, deny: &str| {
        policy(&format!(
            r#"[{{"effect":"allow","action":["*"],{OBJECTS},"condition":{{"{allow}":{{"cos:response-content-type":"image%2Fjpeg"}}}}}},
                {{"effect":"deny","action":["*"],{OBJECTS},"condition":{{"{deny}":{{"cos:response-content-type":"image%2Fjpeg"}}}}}}]"#
        ))
    };
    let strict = both("string_equal", "string_not_equal_if_exist");
    let loose = both("string_equal_if_exist", "string_not_equal");
    assert_denies(&strict, &put(&[]));
    assert_allows(&loose, &put(&[]));
    assert_allows(&loose, &get(&[]));
    assert_denies(&loose, &get(&[("cos:response-content-type", "text/html")]));
}

/// <https://www.tencentcloud.com/document/product/436/46206>, cos:secure-transport, example 1, and its deny beside an allow.
#[test]
fn only_https() {
    let allow = policy(&format!(
        r#"{{"effect":"allow","action":["name/cos:GetObject"],{OBJECTS},"condition":{{"bool_equal":{{"cos:secure-transport":"true"}}}}}}"#
    ));
    let deny = policy(&format!(
        r#"[{{"effect":"allow","action":"*","resource":"*"}},
            {{"effect":"deny","action":["*"],{OBJECTS},"condition":{{"bool_equal":{{"cos:secure-transport":"false"}}}}}}]"#
    ));
    for policy in [allow, deny] {
        assert_allows(&policy, &get(&[("cos:secure-transport", "true")]));
        assert_denies(&policy, &get(&[("cos:secure-transport", "false")]));
    }
}

/// The same page, cos:tls-version, examples 1 and 2.
#[test]
fn only_newer_tls() {
    let exact = policy(&format!(
        r#"{{"effect":"allow","action":["*"],{OBJECTS},"condition":{{"numeric_equal":{{"cos:tls-version":1.2}}}}}}"#
    ));
    let least = pair(
        "*",
        r#""numeric_greater_than_equal":{"cos:tls-version":1.2}"#,
        r#""numeric_less_than_if_exist":{"cos:tls-version":1.2}"#,
    );
    for policy in [&exact, &least] {
        assert_allows(policy, &get(&[("cos:tls-version", "1.2")]));
        assert_denies(policy, &get(&[("cos:tls-version", "1.0")]));
    }
    assert_denies(&exact, &get(&[("cos:tls-version", "1.3")]));
    assert_allows(&least, &get(&[("cos:tls-version", "1.3")]));
}

/// The same page, qcs:request_tag: both tables.
#[test]
fn buckets_with_tags() {
    let of = |quantifier: &str| {
        policy(&format!(
            r#"{{"effect":"allow","action":["name/cos:PutBucket"],"resource":"*","condition":{{"{quantifier}:string_equal":{{"qcs:request_tag":["a&b","c&d"]}}}}}}"#
        ))
    };
    let (any, all) = (of("for_any_value"), of("for_all_value"));
    let put_bucket = |tags: &[&str]| {
        let tags: Vec<(&str, &str)> = tags.iter().map(|tag| ("qcs:request_tag", *tag)).collect();
        access("name/cos:PutBucket", "examplebucket-1250000000/", &tags)
    };
    for tags in [&["a&b", "c&d"][..], &["a&b"]] {
        assert_allows(&any, &put_bucket(tags));
        assert_allows(&all, &put_bucket(tags));
    }
    assert_allows(&any, &put_bucket(&["a&b", "c&d", "e&f"]));
    assert_denies(&all, &put_bucket(&["a&b", "c&d", "e&f"]));
    assert_denies(&any, &put_bucket(&["e&f"]));
}

/// The same page, cos:prefix. The page denies with `string_equal_if_exist`, which takes away the very thing it means to allow;
/// its other examples show that `string_not_equal_if_exist` was meant.
#[test]
fn one_listed_folder_as_printed_and_as_meant() {
    let list = |prefix: &str| {
        let path = format!("examplebucket-1250000000/{prefix}");
        access("name/cos:GetBucket", &path, &[("cos:prefix", prefix)])
    };
    let allow = r#""string_equal":{"cos:prefix":"folder1"}"#;
    let as_printed = pair(
        "GetBucket",
        allow,
        r#""string_equal_if_exist":{"cos:prefix":"folder1"}"#,
    );
    assert_denies(&as_printed, &list("folder1"));
    let as_meant = pair(
        "GetBucket",
        allow,
        r#""string_not_equal_if_exist":{"cos:prefix":"folder1"}"#,
    );
    assert_allows(&as_meant, &list("folder1"));
    assert_denies(&as_meant, &list("folder2"));
    assert_denies(&as_meant, &list(""));
}

/// <https://www.tencentcloud.com/document/product/436/30580>: GetService is granted on `*`, and on nothing narrower.
#[test]
fn the_list_of_buckets_needs_the_star() {
    let of = |resource: &str| {
        policy(&format!(
            r#"{{"effect":"allow","action":"name/cos:GetService","resource":"{resource}"}}"#
        ))
    };
    for target in [Target::Service, get(&[]).target] {
        let access = AccessRequest {
            action: "name/cos:GetService".to_owned(),
            target,
            context: Context::new(),
            ..get(&[])
        };
        assert_allows(&of("*"), &access);
        assert_denies(&of("qcs::cos:::*"), &access);
        assert_denies(
            &of("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"),
            &access,
        );
    }
}

/// T16, the third bad example of the vendor's guide: two actions on two resources are four pairs.
#[test]
fn t16_a_statement_is_a_cross_product() {
    let policy = policy(
        r#"{"effect":"allow","action":["cos:GetObject","cos:PutObject"],"resource":["qcs::cos:::examplebucket-1250000000/a","qcs::cos:::examplebucket-1250000000/b"]}"#,
    );
    for action in ["cos:GetObject", "name/cos:PutObject"] {
        for key in ["a", "b"] {
            assert_allows(
                &policy,
                &access(action, &format!("examplebucket-1250000000/{key}"), &[]),
            );
        }
        assert_denies(&policy, &access(action, "examplebucket-1250000000/c", &[]));
    }
}

/// <https://www.tencentcloud.com/document/product/1150/49452>: identity and session policy both have to allow.
#[test]
fn layers_have_to_agree_and_a_deny_in_any_wins() {
    let all = || policy(r#"{"effect":"allow","action":"cos:*","resource":"*"}"#);
    let gets = || policy(r#"{"effect":"allow","action":"cos:Get*","resource":"*"}"#);
    let puts = || policy(r#"{"effect":"allow","action":"cos:Put*","resource":"*"}"#);
    let no_puts = || {
        policy(
            r#"[{"effect":"allow","action":"cos:*","resource":"*"},{"effect":"deny","action":"cos:Put*","resource":"*"}]"#,
        )
    };
    // (identity policies, session policies, get, put)
    for (identity, session, may_get, may_put) in [
        (vec![all()], vec![all()], true, true),
        (vec![all()], vec![gets()], true, false),
        (vec![puts()], vec![gets()], false, false),
        (vec![gets(), puts()], vec![all()], true, true),
        (vec![no_puts()], vec![all()], true, false),
        (vec![all()], vec![no_puts()], true, false),
        (vec![all(), no_puts()], vec![puts()], false, false),
        (vec![], vec![all()], false, false),
    ] {
        let layers = [
            PolicySet {
                name: "identity",
                policies: &identity,
            },
            PolicySet {
                name: "session",
                policies: &session,
            },
        ];
        let (get, put) = (decide(&layers, &get(&[])), decide(&layers, &put(&[])));
        assert_eq!(get.is_allowed(), may_get, "{get}");
        assert_eq!(put.is_allowed(), may_put, "{put}");
    }
    let nothing = decide(&[], &get(&[]));
    assert_eq!(nothing.reason(), &Reason::NoPolicy);
    assert_eq!(nothing.to_string(), "denied: there is no policy");
}

#[test]
fn a_decision_explains_itself() {
    let policy = policy(
        r#"[{"effect":"allow","action":["cos:Put*"],"resource":["qcs::cos:::other-1250000000/*","qcs::cos:::examplebucket-1250000000/doc/*"],
             "condition":{"string_equal":{"cos:content-type":"image/png"},"bool_equal":{"cos:secure-transport":"true"}}},
            {"effect":"deny","action":"*","resource":"*","condition":{"ip_not_equal":{"qcs:ip":"10.0.0.0/8"}}}]"#,
    );
    let ask = |action: &str, path: &str, context: &[(&str, &str)]| {
        policy.decide(&access(action, path, context))
    };
    let path = "examplebucket-1250000000/doc/a";
    let right = [
        ("cos:content-type", "image/png"),
        ("cos:secure-transport", "true"),
    ];

    let allowed = ask("cos:PutObject", path, &right);
    assert_eq!(
        allowed.to_string(),
        "allowed by statement 0 of the session policy (`cos:Put*` on `qcs::cos:::examplebucket-1250000000/doc/*`)"
    );
    assert_eq!(
        allowed.seen().into_keys().collect::<Vec<_>>(),
        ["cos:content-type", "cos:secure-transport"]
    );
    assert_eq!(
        allowed.missing().into_iter().collect::<Vec<_>>(),
        ["qcs:ip"]
    );

    let foreign = [right[0], right[1], ("qcs:ip", "203.0.113.1")];
    assert_eq!(
        ask("cos:PutObject", path, &foreign).to_string(),
        "denied by statement 1 of the session policy (`*` on `*`), whatever else allows"
    );
    let half = ask("cos:PutObject", path, &right[1..]);
    assert_eq!(
        half.to_string(),
        "denied: statement 0 of the session policy would allow it, but `string_equal` on `cos:content-type` is not met: the request has no such key"
    );
    assert_eq!(
        half.missing().into_iter().collect::<Vec<_>>(),
        ["cos:content-type", "qcs:ip"]
    );
    assert_eq!(half.considered().len(), 2);
    assert_eq!(
        ask("cos:PutObject", "examplebucket-1250000000/x", &right).to_string(),
        "denied: statement 0 of the session policy allows the action, but not on `examplebucket-1250000000/x`"
    );
    assert_eq!(
        ask("name/cos:GetObject", path, &right).to_string(),
        "denied: no statement of the session policy allows `name/cos:GetObject`"
    );
    for unknown in [
        "name/cos:PutObjects",
        "cos:*",
        "PutObject",
        "cvm:RunInstances",
        "",
    ] {
        let decision = ask(unknown, path, &right);
        assert_eq!(
            decision.reason(),
            &Reason::UnknownAction(unknown.to_owned())
        );
        assert_eq!(
            decision.to_string(),
            format!("denied: `{unknown}` is no known COS action")
        );
    }
}

/// Allow and deny of one action on the example bucket, each under a condition: the form of most documented examples.
#[track_caller]
fn pair(operation: &str, allow: &str, deny: &str) -> Policy {
    let action = if operation == "*" {
        "*".to_owned()
    } else {
        format!("name/cos:{operation}")
    };
    policy(&format!(
        r#"[{{"effect":"allow","action":["{action}"],{OBJECTS},"condition":{{{allow}}}}},
            {{"effect":"deny","action":["{action}"],{OBJECTS},"condition":{{{deny}}}}}]"#
    ))
}

fn get(context: &[(&str, &str)]) -> AccessRequest {
    access("name/cos:GetObject", "examplebucket-1250000000/a", context)
}

fn put(context: &[(&str, &str)]) -> AccessRequest {
    access("name/cos:PutObject", "examplebucket-1250000000/a", context)
}
