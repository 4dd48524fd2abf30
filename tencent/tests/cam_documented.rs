//! The vendor's own examples, each with its page and the decisions that the page describes; then
//! how decisions explain themselves.
//!
//! `principal` is left out: a bucket policy has it and a session policy must not. Member names are
//! in the lower case that CAM documents. One page contains a mistake; the example is tested as
//! printed and as meant.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests outside `#[test]` functions"
)]

#[path = "cam/asserting.rs"]
mod asserting;

use asserting::{access, assert_allows, assert_denies, policy};
use tencent::cam::{AccessRequest, Context, PolicySet, Reason, Target, decide};

const BUCKET: &str = "examplebucket-1250000000";

/// Decides each line of `requests` and compares it with its mark, `+` or `-`: operation, key (or
/// bucket and key), and `name=value` for each condition key.
#[track_caller]
fn check(statements: &str, requests: &str) {
    let objects = format!(r#""resource":["qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/*"]"#);
    let policy = policy(&statements.replace("OBJECTS", &objects));
    for line in requests.trim().lines() {
        let (mark, request) = line.trim().split_once(' ').expect("a mark and a request");
        let request = parse(request);
        match mark {
            "+" => assert_allows(&policy, &request),
            "-" => assert_denies(&policy, &request),
            other => panic!("{other} is not a mark"),
        }
    }
}

fn parse(request: &str) -> AccessRequest {
    let mut words = request.split(' ');
    let operation = words.next().expect("an operation");
    let path = words.next().expect("a key");
    let path = match path.contains("-1250000000/") {
        true => path.to_owned(),
        false => format!("{BUCKET}/{path}"),
    };
    let context: Vec<_> = words.filter_map(|word| word.split_once('=')).collect();
    access(&format!("name/cos:{operation}"), &path, &context)
}

/// An allow and a deny of one action under conditions: the form of most documented examples.
fn pair(operation: &str, allow: &str, deny: &str) -> String {
    format!(
        r#"[{{"effect":"allow","action":["{operation}"],OBJECTS,"condition":{{{allow}}}}},
            {{"effect":"deny","action":["{operation}"],OBJECTS,"condition":{{{deny}}}}}]"#
    )
}

/// <https://www.tencentcloud.com/document/product/598/10608>, sample 1: the host bits of the
/// networks are set. <https://www.tencentcloud.com/document/product/436/46206>, qcs:ip.
#[test]
fn uploads_from_two_networks() {
    check(
        r#"[{"effect":"allow","action":"cos:PutObject","resource":"*","condition":{"ip_equal":{"qcs:ip":["10.217.182.3/24","111.21.33.72/24"]}}}]"#,
        "+ PutObject a qcs:ip=10.217.182.99
         + PutObject a qcs:ip=111.21.33.1
         - PutObject a qcs:ip=10.217.183.99
         - PutObject a
         - GetObject a qcs:ip=10.217.182.99",
    );
    check(
        r#"[{"effect":"allow","action":["name/cos:PutObject","name/cos:GetObject"],
            "resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-gz-1250000000/exampleobject"],
            "condition":{"ip_equal":{"qcs:ip":["192.168.1.0/24","101.226.100.185","101.226.100.186"]}}}]"#,
        "+ GetObject examplebucket-gz-1250000000/exampleobject qcs:ip=192.168.1.77
         + GetObject examplebucket-gz-1250000000/exampleobject qcs:ip=101.226.100.186
         - GetObject examplebucket-gz-1250000000/exampleobject qcs:ip=101.226.100.187
         - GetObject examplebucket-gz-1250000000/exampleobject2 qcs:ip=192.168.1.77",
    );
}

/// <https://www.tencentcloud.com/document/product/436/46205>, samples 1 and 2: both tables, all
/// twelve rows.
#[test]
fn a_version_allowed_and_denied() {
    const RIGHT: &str = "MTg0NDUxNTc1NjIzMTQ1MDAwODg";
    for (operator, right, other, absent) in
        [("string_equal", true, false, false), ("string_equal_if_exist", true, false, true)]
    {
        let of = |effect: &str| {
            format!(
                r#"{{"effect":"{effect}","action":"name/cos:GetObject",OBJECTS,"condition":{{"{operator}":{{"cos:versionid":"{RIGHT}"}}}}}}"#
            )
        };
        let deny = of("deny");
        let rest = r#"{"effect":"allow","action":"name/cos:*","resource":"*"}"#;
        let marks =
            [right, other, absent].map(|is_met| if is_met { ("+", "-") } else { ("-", "+") });
        let requests = [
            format!("GetObject a cos:versionid={RIGHT}"),
            "GetObject a cos:versionid=other".to_owned(),
            "GetObject a".to_owned(),
        ];
        for ((allowed, denied), request) in marks.into_iter().zip(requests) {
            check(&of("allow"), &format!("{allowed} {request}"));
            check(&format!("[{rest},{deny}]"), &format!("{denied} {request}"));
        }
    }
}

/// <https://www.tencentcloud.com/document/product/436/46206>, cos:versionid, examples 2 and 3: no
/// version and an empty one are the latest; an object from before versioning cannot be removed for
/// good.
#[test]
fn only_the_latest_version() {
    check(
        &pair(
            "name/cos:GetObject",
            r#""string_equal_if_exist":{"cos:versionid":""}"#,
            r#""string_not_equal":{"cos:versionid":""}"#,
        ),
        "+ GetObject a
         + GetObject a cos:versionid=
         - GetObject a cos:versionid=v1",
    );
    check(
        r#"[{"effect":"allow","action":["name/cos:DeleteObject"],OBJECTS},
            {"effect":"deny","action":["name/cos:DeleteObject"],OBJECTS,"condition":{"string_equal":{"cos:versionid":"null"}}}]"#,
        "+ DeleteObject a
         + DeleteObject a cos:versionid=v1
         - DeleteObject a cos:versionid=null",
    );
}

/// The same page, cos:content-length, examples 1 and 2: values are JSON numbers, uploads without a
/// length are refused.
#[test]
fn uploads_of_a_size() {
    check(
        &pair(
            "name/cos:PutObject",
            r#""numeric_less_than_equal":{"cos:content-length":10}"#,
            r#""numeric_greater_than_if_exist":{"cos:content-length":10}"#,
        ),
        "+ PutObject a cos:content-length=1
         + PutObject a cos:content-length=2
         - PutObject a cos:content-length=11
         - PutObject a",
    );
    check(
        &pair(
            "name/cos:PutObject",
            r#""numeric_greater_than_equal":{"cos:content-length":2}"#,
            r#""numeric_less_than_if_exist":{"cos:content-length":2}"#,
        ),
        "- PutObject a cos:content-length=1
         + PutObject a cos:content-length=2
         + PutObject a cos:content-length=11
         - PutObject a",
    );
}

/// The same page, cos:content-type: a header is compared as it is, and omitting it does not help;
/// cos:response-content-type: a query parameter is compared URL-encoded.
#[test]
fn headers_are_compared_raw_and_parameters_encoded() {
    check(
        &pair(
            "name/cos:PutObject",
            r#""string_equal":{"cos:content-type":"image/jpeg"}"#,
            r#""string_not_equal_if_exist":{"cos:content-type":"image/jpeg"}"#,
        ),
        "+ PutObject a cos:content-type=image/jpeg
         - PutObject a cos:content-type=image/png
         - PutObject a cos:content-type=image%2Fjpeg
         - PutObject a",
    );
    check(
        &pair(
            "name/cos:GetObject",
            r#""string_equal":{"cos:response-content-type":"image%2Fjpeg"}"#,
            r#""string_not_equal_if_exist":{"cos:response-content-type":"image%2Fjpeg"}"#,
        ),
        "+ GetObject a cos:response-content-type=image/jpeg
         - GetObject a cos:response-content-type=image/png
         - GetObject a",
    );
}

/// <https://www.tencentcloud.com/document/product/436/46205>, notes: `*` with a key of one request
/// breaks or frees the others.
#[test]
fn conditions_of_one_request_under_every_action() {
    let both = |allow: &str, deny: &str| {
        let condition =
            |operator| format!(r#""{operator}":{{"cos:response-content-type":"image%2Fjpeg"}}"#);
        pair("*", &condition(allow), &condition(deny))
    };
    check(&both("string_equal", "string_not_equal_if_exist"), "- PutObject a");
    check(
        &both("string_equal_if_exist", "string_not_equal"),
        "+ PutObject a
         + GetObject a
         - GetObject a cos:response-content-type=text/html",
    );
}

/// <https://www.tencentcloud.com/document/product/436/46206>, cos:secure-transport and
/// cos:tls-version.
#[test]
fn only_https_and_newer_tls() {
    let https = "+ GetObject a cos:secure-transport=true
                 - GetObject a cos:secure-transport=false";
    check(
        r#"{"effect":"allow","action":["name/cos:GetObject"],OBJECTS,"condition":{"bool_equal":{"cos:secure-transport":"true"}}}"#,
        https,
    );
    check(
        r#"[{"effect":"allow","action":"*","resource":"*"},
            {"effect":"deny","action":["*"],OBJECTS,"condition":{"bool_equal":{"cos:secure-transport":"false"}}}]"#,
        https,
    );
    check(
        r#"{"effect":"allow","action":["*"],OBJECTS,"condition":{"numeric_equal":{"cos:tls-version":1.2}}}"#,
        "+ GetObject a cos:tls-version=1.2
         - GetObject a cos:tls-version=1.0
         - GetObject a cos:tls-version=1.3",
    );
    check(
        &pair(
            "*",
            r#""numeric_greater_than_equal":{"cos:tls-version":1.2}"#,
            r#""numeric_less_than_if_exist":{"cos:tls-version":1.2}"#,
        ),
        "+ GetObject a cos:tls-version=1.2
         - GetObject a cos:tls-version=1.0
         + GetObject a cos:tls-version=1.3",
    );
}

/// The same page, qcs:request_tag: both tables.
#[test]
fn buckets_with_tags() {
    let of = |quantifier: &str| {
        format!(
            r#"{{"effect":"allow","action":["name/cos:PutBucket"],"resource":"*","condition":{{"{quantifier}:string_equal":{{"qcs:request_tag":["a&b","c&d"]}}}}}}"#
        )
    };
    check(
        &of("for_any_value"),
        "+ PutBucket examplebucket-1250000000/ qcs:request_tag=a&b qcs:request_tag=c&d
         + PutBucket examplebucket-1250000000/ qcs:request_tag=a&b
         + PutBucket examplebucket-1250000000/ qcs:request_tag=a&b qcs:request_tag=c&d qcs:request_tag=e&f
         - PutBucket examplebucket-1250000000/ qcs:request_tag=e&f",
    );
    check(
        &of("for_all_value"),
        "+ PutBucket examplebucket-1250000000/ qcs:request_tag=a&b qcs:request_tag=c&d
         + PutBucket examplebucket-1250000000/ qcs:request_tag=a&b
         - PutBucket examplebucket-1250000000/ qcs:request_tag=a&b qcs:request_tag=c&d qcs:request_tag=e&f",
    );
}

/// The same page, cos:prefix. The page denies with `string_equal_if_exist`, which removes what it
/// means to allow; its other examples show that `string_not_equal_if_exist` was meant.
#[test]
fn one_listed_folder_as_printed_and_as_meant() {
    let with = |deny: &str| {
        pair(
            "name/cos:GetBucket",
            r#""string_equal":{"cos:prefix":"folder1"}"#,
            &format!(r#""{deny}":{{"cos:prefix":"folder1"}}"#),
        )
    };
    check(&with("string_equal_if_exist"), "- GetBucket folder1 cos:prefix=folder1");
    check(
        &with("string_not_equal_if_exist"),
        "+ GetBucket folder1 cos:prefix=folder1
         - GetBucket folder2 cos:prefix=folder2
         - GetBucket examplebucket-1250000000/ cos:prefix=",
    );
}

/// <https://www.tencentcloud.com/document/product/436/30580>: GetService is granted on `*`, and on
/// nothing narrower.
#[test]
fn the_list_of_buckets_needs_the_star() {
    let of = |resource: &str| {
        policy(&format!(
            r#"{{"effect":"allow","action":"name/cos:GetService","resource":"{resource}"}}"#
        ))
    };
    for target in [Target::Service, parse("GetService a").target] {
        let request = AccessRequest { target, context: Context::new(), ..parse("GetService a") };
        assert_allows(&of("*"), &request);
        assert_denies(&of("qcs::cos:::*"), &request);
        assert_denies(&of(&format!("qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/*")), &request);
    }
}

/// The third bad example of the vendor's guide: two actions on two resources are four pairs.
#[test]
fn t16_a_statement_is_a_cross_product() {
    check(
        r#"{"effect":"allow","action":["cos:GetObject","cos:PutObject"],"resource":["qcs::cos:::examplebucket-1250000000/a","qcs::cos:::examplebucket-1250000000/b"]}"#,
        "+ GetObject a
         + GetObject b
         + PutObject a
         + PutObject b
         - GetObject c
         - PutObject c",
    );
}

/// <https://www.tencentcloud.com/document/product/1150/49452>: identity and session policy must
/// both allow.
#[test]
fn layers_have_to_agree_and_a_deny_in_any_wins() {
    let all = r#"{"effect":"allow","action":"cos:*","resource":"*"}"#;
    let gets = r#"{"effect":"allow","action":"cos:Get*","resource":"*"}"#;
    let puts = r#"{"effect":"allow","action":"cos:Put*","resource":"*"}"#;
    let no_puts = &format!(r#"[{all},{{"effect":"deny","action":"cos:Put*","resource":"*"}}]"#);
    // Identity policies, session policy, GetObject, PutObject.
    for (identity, session, may_get, may_put) in [
        (&[all][..], all, true, true),
        (&[all], gets, true, false),
        (&[puts], gets, false, false),
        (&[gets, puts], all, true, true),
        (&[no_puts], all, true, false),
        (&[all], no_puts, true, false),
        (&[all, no_puts], puts, false, false),
        (&[], all, false, false),
    ] {
        let identity: Vec<_> = identity.iter().map(|statements| policy(statements)).collect();
        let session = [policy(session)];
        let set = |name, policies| PolicySet { name, policies };
        let sets = [set("identity", &identity[..]), set("session", &session)];
        for (request, expected) in [("GetObject a", may_get), ("PutObject a", may_put)] {
            let decision = decide(&sets, &parse(request));
            assert_eq!(decision.is_allowed(), expected, "{decision}");
        }
    }
    let nothing = decide(&[], &parse("GetObject a"));
    assert_eq!(nothing.reason(), &Reason::NoPolicy);
    assert_eq!(nothing.to_string(), "denied: there is no policy");
}

#[test]
fn a_decision_explains_itself() {
    let policy = policy(
        r#"[{"effect":"allow","action":["cos:Put*"],"resource":["qcs::cos:::other-1250000000/*","qcs::cos:::examplebucket-1250000000/doc/*"],
             "condition":{"string_equal":{"cos:content-type":"image/png"},"bool_equal":{"cos:secure-transport":"true"}}},
            {"effect":"allow","action":"cos:GetBucket","resource":"*","condition":{"string_like":{"cos:prefix":"menu/*"}}},
            {"effect":"deny","action":"*","resource":"*","condition":{"ip_not_equal":{"qcs:ip":"10.0.0.0/8"}}}]"#,
    );
    const MET: &str = "cos:content-type=image/png cos:secure-transport=true";
    for (request, expected) in [
        (
            format!("PutObject doc/a {MET}"),
            "allowed by statement 0 of the session policy (`cos:Put*` on `qcs::cos:::examplebucket-1250000000/doc/*`)",
        ),
        (
            format!("PutObject doc/a {MET} qcs:ip=203.0.113.1"),
            "denied by statement 2 of the session policy (`*` on `*`), whatever others allow",
        ),
        (
            "PutObject doc/a cos:secure-transport=true".to_owned(),
            "denied: statement 0 of the session policy would allow it, but `string_equal` on `cos:content-type` is not met: the request lacks this key",
        ),
        (
            format!("PutObject x {MET}"),
            "denied: statement 0 of the session policy allows the action, but not on `examplebucket-1250000000/x`",
        ),
        (
            "GetObject doc/a".to_owned(),
            "denied: no statement of the session policy allows `name/cos:GetObject`",
        ),
        (
            "GetBucket menu/ cos:prefix=menu/a".to_owned(),
            "denied: statement 1 of the session policy would allow it, but `string_like` on `cos:prefix` is not met: \
             the request has `menu%2Fa` (request parameters are compared URL-encoded: write `menu%2F*`)",
        ),
    ] {
        assert_eq!(policy.decide(&parse(&request)).to_string(), expected);
    }
    let allowed = policy.decide(&parse(&format!("PutObject doc/a {MET}")));
    let seen: Vec<_> = allowed.seen().into_keys().collect();
    assert_eq!(seen, ["cos:content-type", "cos:secure-transport"]);
    let half = policy.decide(&parse("PutObject doc/a cos:secure-transport=true"));
    let missing: Vec<_> = half.missing().into_iter().collect();
    assert_eq!(missing, ["cos:content-type", "qcs:ip"]);
    assert_eq!(half.matched().len(), 2);
    for unknown in ["name/cos:PutObjects", "cos:*", "PutObject", "cvm:RunInstances", ""] {
        let request = AccessRequest { action: unknown.to_owned(), ..parse("GetObject a") };
        let decision = policy.decide(&request);
        assert_eq!(decision.reason(), &Reason::UnknownAction(unknown.to_owned()));
        assert_eq!(decision.to_string(), format!("denied: `{unknown}` is not a COS action"));
    }
}
