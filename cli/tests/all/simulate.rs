//! `simulate`: decisions with what decides, in one and two layers, and tables of them.

use serde_json::Value;

use crate::support::{cos_issuer, ends_with, files};

/// <https://www.tencentcloud.com/document/product/598/10608>, sample 1.
const NETWORKS: &str = r#"{"version":"2.0","statement":[{"effect":"allow","action":"cos:PutObject","resource":"*",
    "condition":{"ip_equal":{"qcs:ip":["10.217.182.3/24","111.21.33.72/24"]}}}]}"#;

/// <https://www.tencentcloud.com/document/product/436/46206>, cos:versionid, example 3.
const LATEST: &str = r#"{"version":"2.0","statement":[
    {"effect":"allow","action":["name/cos:DeleteObject"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"]},
    {"effect":"deny","action":["name/cos:DeleteObject"],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/*"],
     "condition":{"string_equal":{"cos:versionid":"null"}}}]}"#;

/// <https://www.tencentcloud.com/document/product/598/10606>: a resource of an owner.
const OWNER: &str = r#"{"version":"2.0","statement":{"effect":"allow","action":"cos:GetObject",
    "resource":"qcs::cos:ap-guangzhou:uin/100000000001:examplebucket-1250000000/*"}}"#;

const TABLE: &str = "action,resource,qcs:ip,expected
PutObject,examplebucket-1250000000/a,10.217.182.99,allow
name/cos:PutObject,examplebucket-1250000000/a,10.217.183.99,deny
PutObject,examplebucket-1250000000/a,,deny
GetObject,examplebucket-1250000000/a,10.217.182.99,allow
GetService,*,10.217.182.99,
";

#[track_caller]
fn simulate(words: &[&str], code: i32) -> (String, String) {
    let directory = files(&[
        ("networks.json", NETWORKS),
        ("latest.json", LATEST),
        ("owner.json", OWNER),
        ("table.csv", TABLE),
        ("empty.csv", "action,resource\n"),
        ("columns.csv", "action,target\nPutObject,a\n"),
        ("misspelled.csv", "action,resource,expectd\nPutObject,a,deny\n"),
        ("twice.csv", "action,resource,expected,expected\nPutObject,a,deny,allow\n"),
        (
            "deny-only.json",
            r#"{"version":"2.0","statement":[{"effect":"deny","action":"cos:*","resource":"*"}]}"#,
        ),
        ("typing.json", "{\"version\":\"2.0\",\n\"statement\":[{\"effect\":\"Allow\"}]}"),
    ]);
    let mut command = cos_issuer(&["simulate"]);
    ends_with(command.args(words).current_dir(directory.path()), code)
}

const PLACE: [&str; 3] = ["examplebucket-1250000000/a", "--region", "ap-guangzhou"];

#[test]
fn a_decision_names_the_statement_and_the_key() {
    let with = |policy, action, more: &[&'static str]| {
        let mut words = vec![policy, action];
        words.extend(PLACE);
        words.extend(more);
        words
    };
    let (out, _) =
        simulate(&with("networks.json", "PutObject", &["--condition", "qcs:ip=10.217.182.99"]), 0);
    let expected = "\
ok  allowed by statement 0 of the given policy (`cos:PutObject` on `*`)
    statement 0 of the given policy: allow `cos:PutObject` on `*`
      `ip_equal` on `qcs:ip` is met: the request has `10.217.182.99`
";
    assert_eq!(out, expected);

    let (out, _) = simulate(&with("networks.json", "PutObject", &[]), 1);
    let expected = "no  denied: statement 0 of the given policy would allow it, but `ip_equal` on `qcs:ip` is not met: the request lacks this key\n";
    assert!(out.starts_with(expected), "{out}");

    let denied =
        with("latest.json", "DeleteObject", &["--condition", "cos:versionid=null", "--json"]);
    let answer: Value = serde_json::from_str(&simulate(&denied, 1).0).unwrap();
    assert_eq!(answer["allowed"], false);
    assert_eq!(answer["decides"]["statements"][0]["statement"], 1);
    let (out, _) = simulate(&with("networks.json", "PutObject", &["--json"]), 1);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["decides"]["key"], "qcs:ip");
    assert_eq!(answer["missing"], serde_json::json!(["qcs:ip"]));
}

#[test]
fn both_layers_have_to_allow() {
    let words = |session| {
        let mut words = vec!["latest.json", "--session-policy", session, "DeleteObject"];
        words.extend(PLACE);
        words
    };
    let (out, _) = simulate(&words("latest.json"), 0);
    assert!(
        out.starts_with(
            "ok  allowed by statement 0 of the identity policy (`name/cos:DeleteObject`"
        ),
        "{out}"
    );
    let (out, _) = simulate(&words("networks.json"), 1);
    let expected =
        "no  denied: no statement of the session policy allows `name/cos:DeleteObject`\n";
    assert!(out.starts_with(expected), "{out}");
}

#[test]
fn a_table_of_decisions_is_a_test() {
    let (out, _) =
        simulate(&["networks.json", "--table", "table.csv", "--region", "ap-guangzhou"], 1);
    let marks: Vec<&str> = out.lines().filter_map(|line| line.get(..2)).collect();
    assert_eq!(marks, ["ok", "ok", "ok", "no", "ok", "5 "], "{out}");
    assert!(out.contains("no  line 5: GetObject examplebucket-1250000000/a: denied: no statement of the given policy allows `name/cos:GetObject`  (not as expected)\n"), "{out}");
    assert!(out.ends_with("5 accesses, 1 not as expected\n"), "{out}");
}

#[test]
fn what_cannot_be_decided_is_refused() {
    for (words, expected) in [
        ("networks.json PutObject examplebucket-1250000000/a", "set --region"),
        (
            "networks.json PutObject examplebucket/a --region ap-guangzhou",
            "RESOURCE: the appid is missing",
        ),
        (
            "networks.json PutObject qcs::cos:gz::examplebucket-1250000000/a",
            "RESOURCE: a region has the form",
        ),
        (
            "networks.json PutObject qcs::cos:ap-guangzhou:uid/1250000001:examplebucket-1250000000/a",
            "differs from the appid",
        ),
        (
            "networks.json PutObject examplebucket-1250000000 --region ap-guangzhou",
            "RESOURCE: must be `*`",
        ),
        ("owner.json GetObject examplebucket-1250000000/a --region ap-guangzhou", "set --owner"),
        ("deny-only.json GetObject *", "deny-only.json: the policy allows nothing"),
        ("typing.json GetObject *", "at line 2"),
        ("networks.json", "required arguments"),
        ("networks.json --table empty.csv", "must have a row"),
        ("networks.json --table columns.csv", "must have a column `resource`"),
        ("networks.json --table misspelled.csv", "the column `expectd` must be action, resource"),
        ("networks.json --table twice.csv", "must have one column `expected`"),
        ("networks.json --table missing.csv", "cannot read `missing.csv`"),
        ("missing.json GetObject *", "cannot read `missing.json`"),
        (". GetObject *", "cannot read `.`"),
        ("networks.json  *", "ACTION: must be one"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let (_, err) = simulate(&words, 2);
        assert!(err.contains(expected), "{words:?}: {err}");
    }
    let known = "owner.json GetObject examplebucket-1250000000/a --region ap-guangzhou --owner 100000000001";
    simulate(&known.split(' ').collect::<Vec<_>>(), 0);
}
