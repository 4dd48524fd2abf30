//! `compare`: what a change of a policy or of grants newly allows.

use std::process::Command;

use serde_json::Value;

use crate::support::{cos_issuer, ends_with, files};

fn grant(name: &str, matching: &str, prefix: &str, more: &str) -> String {
    format!(
        "[[grant]]\nname = \"{name}\"\nmatch = {matching}\nbucket = \"examplebucket-1250000000\"\n\
         region = \"ap-guangzhou\"\nprefix = \"{prefix}\"\n{more}\n\n"
    )
}

fn policy(condition: &str) -> String {
    format!(
        r#"{{"version":"2.0","statement":[{{"effect":"allow","action":"name/cos:PutObject",
            "resource":"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*","condition":{{{condition}}}}}]}}"#
    )
}

#[track_caller]
fn compare(old: &str, new: &str, code: i32) -> String {
    let name = |text: &str| if text.trim_start().starts_with('{') { "json" } else { "toml" };
    let (old_name, new_name) = (format!("old.{}", name(old)), format!("new.{}", name(new)));
    let directory = files(&[(&old_name, old), (&new_name, new)]);
    let mut command = cos_issuer(&["compare", &old_name, &new_name]);
    let (out, err) = ends_with(command.current_dir(directory.path()), code);
    out + &err
}

#[test]
fn a_policy_that_allows_more_has_a_witness() {
    let old = policy(r#""numeric_less_than_equal":{"cos:content-length":5242880}"#);
    let new = policy(r#""numeric_less_than_equal":{"cos:content-length":10485760}"#);
    let out = compare(&old, &new, 1);
    let expected = "\
no  NEW allows what OLD does not allow, for example:
  action      name/cos:PutObject
  resource    qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/
  condition   cos:content-length=5242881
  OLD         denied: statement 0 of the old policy would allow it, but `numeric_less_than_equal` on `cos:content-length` is not met: the request has `5242881`
  NEW         allowed by statement 0 of the new policy (`name/cos:PutObject` on `qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*`)
";
    assert_eq!(out, expected);
    assert_eq!(compare(&new, &old, 0), "ok  NEW allows nothing that OLD does not allow\n");
}

#[test]
fn grants_are_compared_for_their_callers() {
    let upload = "allow = [\"upload\"]";
    let own = grant("own", "\"everyone\"", "users/{sub}/", upload);
    let media = grant("media", "{ team = \"media\" }", "teams/media/", upload);
    let both = format!("{own}{media}");
    for (old, new, expected) in [
        (&own, &own, None),
        (&both, &own, None),
        // A team that may have another name in its folder, and its own words.
        (&both, &grant("team", "{ team = \"media\" }", "teams/{team}/", upload), None),
        (&own, &grant("own", "\"everyone\"", "users/{sub}/a/", upload), None),
        (&own, &grant("own", "{ sub = \"u-1\" }", "users/u-1/", upload), None),
        (
            &own,
            &grant(
                "own",
                "\"everyone\"",
                "users/{sub}/",
                "allow = [\"upload\"]\nmax_size_bytes = 9",
            ),
            None,
        ),
        (&own, &both, Some("{\"sub\":\"user-1\",\"team\":\"media\"}")),
        (
            &media,
            &grant("media", "{ team = [\"media\", \"press\"] }", "teams/media/", upload),
            Some("\"team\":\"press\""),
        ),
        (
            &own,
            &grant("own", "\"everyone\"", "users/", upload),
            Some("examplebucket-1250000000/users/\n"),
        ),
        (
            &own,
            &grant("own", "\"everyone\"", "users/{sub}/", "allow = [\"upload\", \"delete\"]"),
            Some("name/cos:DeleteObject"),
        ),
        (
            &grant("own", "{ proof = \"jwt\" }", "a/", upload),
            &grant("own", "\"everyone\"", "a/", upload),
            Some("by api-key"),
        ),
        (
            &grant("own", "\"everyone\"", "a/", "allow = [\"upload\"]\nextensions = [\"jpg\"]"),
            &grant(
                "own",
                "\"everyone\"",
                "a/",
                "allow = [\"upload\"]\nextensions = [\"jpg\", \"png\"]",
            ),
            Some("examplebucket-1250000000/a/.png\n"),
        ),
        (
            &grant("own", "\"everyone\"", "a/", upload),
            &grant("own", "\"everyone\"", "a/", "allow = [\"upload\"]\nextensions = [\"jpg\"]"),
            None,
        ),
    ] {
        let out = compare(old, new, i32::from(expected.is_some()));
        match expected {
            Some(expected) => assert!(out.contains(expected), "{expected} in {out}"),
            None => assert_eq!(out, "ok  NEW allows nothing that OLD does not allow\n"),
        }
    }
}

#[test]
fn programs_read_json_and_errors_have_their_own_code() {
    let (old, new) = (policy(r#""null_equal":{"cos:x-cos-acl":"true"}"#), policy(""));
    let directory =
        files(&[("old.json", &old), ("new.json", &new.replace(",\"condition\":{}", ""))]);
    let mut command = cos_issuer(&["compare", "old.json", "new.json", "--json"]);
    let (out, _) = ends_with(command.current_dir(directory.path()), 1);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["newlyAllowed"][0]["action"], "name/cos:PutObject");
    assert_eq!(answer["newlyAllowed"][0]["conditions"]["cos:x-cos-acl"][0], "x");

    let inexact =
        r#""string_like":{"cos:content-length":"1*"},"numeric_less_than":{"cos:content-length":5}"#;
    for (old, new, expected) in [
        (
            policy(inexact),
            policy(inexact),
            "the conditions on `cos:content-length` cannot be compared exactly",
        ),
        (
            grant("a", "\"everyone\"", "a/", "allow = [\"list\"]"),
            policy(inexact),
            "must be of the same kind",
        ),
        (policy(inexact), "{".to_owned(), "new.json: not a CAM policy"),
        ("nothing".to_owned(), policy(inexact), "GRANTS_FILE: old.toml, line 1"),
    ] {
        let out = compare(&old, &new, 2);
        assert!(out.contains(expected), "{expected} in {out}");
    }
    // Nothing is newly allowed by a file that is not there.
    for words in [["compare", "missing", "new.json"], ["compare", "old.json", "missing"]] {
        ends_with(cos_issuer(&words).current_dir(directory.path()), 2);
    }
}

/// As a shell gives the output of `git show`: a pipe, which can be read once.
#[test]
fn a_file_can_be_one_that_is_read_once() {
    let grants = grant("own", "\"everyone\"", "users/{sub}/", "allow = [\"upload\"]");
    for (name, text) in [
        ("grants.toml", grants),
        ("policy.json", policy(r#""null_equal":{"cos:x-cos-acl":"true"}"#)),
    ] {
        let directory = files(&[(name, &text)]);
        for command in ["compare", "lint", "explain --as sub=user-1"] {
            if (command, name) == ("explain --as sub=user-1", "policy.json") {
                continue;
            }
            let second = if command == "compare" { name } else { "" };
            let program = env!("CARGO_BIN_EXE_cos-issuer");
            let line = format!("cat {name} | {program} {command} /dev/stdin {second}");
            let mut shell = Command::new("sh");
            ends_with(shell.args(["-c", &line]).current_dir(directory.path()), 0);
        }
    }
}

#[test]
fn grants_for_tokens_of_one_issuer_are_not_those_of_another() {
    let issuer = |name: &str| {
        format!(
            "[[issuer]]\nname = \"{name}\"\nissuer = \"https://{name}.example.com/\"\n\
             audiences = [\"uploads\"]\njwks_url = \"https://{name}.example.com/keys\"\n"
        )
    };
    let with = |name: &str| {
        let own = grant("own", &format!("{{ issuer = \"{name}\" }}"), "a/", "allow = [\"upload\"]");
        [issuer("login"), issuer("partner"), own].concat()
    };
    let same = "ok  NEW allows nothing that OLD does not allow\n";
    assert_eq!(compare(&with("login"), &with("login"), 0), same);
    let out = compare(&with("login"), &with("partner"), 1);
    assert!(out.contains("  caller      by jwt of partner, "), "{out}");
    // Who signs for callers of a grant that is the same may be another one.
    for (from, to) in [
        ("https://login.example.com/keys", "https://login.example.net/keys"),
        ("[\"uploads\"]", "[\"uploads\", \"another\"]"),
    ] {
        let out = compare(&with("login"), &with("login").replacen(from, to, 1), 1);
        let expected = "no  the issuer login is new, or not as in OLD: others may get its tokens\n\
             ok  to the callers of OLD, NEW allows nothing that OLD does not allow\n";
        assert_eq!(out, expected);
    }
    let (login, both) = (issuer("login"), with("login"));
    let renamed = both.replacen(&login, &login.replace("name = \"login\"", "name = \"other\""), 1);
    let out = compare(&both, &renamed.replace("issuer = \"login\"", "issuer = \"other\""), 1);
    assert!(out.contains("no  the issuer other is new"), "{out}");
    assert_eq!(compare(&both, &both.replace("[[issuer]]", "# Staff\n[[issuer]]"), 0), same);
}
