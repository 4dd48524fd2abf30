//! `lint`: each rule with an input that it finds, and inputs without findings.

use serde_json::{Value, json};

use crate::support::{cos_issuer, ends_with, files, root};

/// `rule:line` of each finding in a file of this name.
#[track_caller]
fn rules(files_of: &[(&str, &str)], file: &str, code: i32) -> Vec<String> {
    let directory = files(files_of);
    let mut command = cos_issuer(&["lint", "--format", "json", file]);
    let (out, _) = ends_with(command.current_dir(directory.path()), code);
    let found: Value = serde_json::from_str(&out).unwrap();
    let text = |each: &Value| format!("{}:{}", each["rule"].as_str().unwrap(), each["line"]);
    found.as_array().unwrap().iter().map(text).collect()
}

fn grant(name: &str, matching: &str, prefix: &str, more: &str) -> String {
    format!(
        "[[grant]]\nname = \"{name}\"\nmatch = {matching}\nbucket = \"examplebucket-1250000000\"\n\
         region = \"ap-guangzhou\"\nprefix = \"{prefix}\"\n{more}\n"
    )
}

const UPLOAD: &str = "allow = [\"upload\"]";

#[test]
fn grants_are_checked_by_line() {
    let schema = "#:schema grants.schema.json\n";
    for (grants, code, expected) in [
        (grant("a", "\"everyone\"", "a/", UPLOAD), 0, &[][..]),
        (grant("a", "\"everyone\"", "a", UPLOAD), 1, &["invalid:7"]),
        (
            grant("a", "\"everyone\"", "a/", "allow = [\"upload\"]\nmax_size_bytes = 9"),
            0,
            &["no-multipart:9"],
        ),
        (grant("a", "\"everyone\"", "examplebucket/a/", UPLOAD), 0, &["unused-prefix:7"]),
        (grant("a", "\"everyone\"", "https:/a/", UPLOAD), 0, &["unused-prefix:7"]),
        (
            grant("a", "\"everyone\"", "a/", UPLOAD).replace("ap-guangzhou", "ap-guangzou"),
            0,
            &["unknown-region:6"],
        ),
        (
            grant("a", "\"everyone\"", "a/", UPLOAD)
                + &grant("b", "{ team = \"x\" }", "a/b/", UPLOAD),
            0,
            &["redundant-grant:10"],
        ),
        (
            grant(
                "a",
                "{ team = \"x\" }",
                "a/{team}/",
                "slots = { team = [\"y\"] }\nallow = [\"list\"]",
            ),
            0,
            &["unreachable-grant:4"],
        ),
        (
            grant("a", "\"everyone\"", "a/", UPLOAD) + &grant("b", "\"everyone\"", "b/", UPLOAD),
            0,
            &[],
        ),
    ] {
        let text = format!("{schema}{grants}");
        assert_eq!(rules(&[("grants.toml", &text)], "grants.toml", code), expected, "{text}");
    }
    let plain = grant("a", "\"everyone\"", "a/", UPLOAD);
    assert_eq!(rules(&[("grants.toml", &plain)], "grants.toml", 0), ["no-schema:1"]);
    let many: String = (0..30)
        .map(|at| grant(&format!("g{at}"), "\"everyone\"", &format!("folder-{at}/"), UPLOAD))
        .collect();
    let found = rules(&[("grants.toml", &format!("{schema}{many}"))], "grants.toml", 0);
    assert_eq!(found.len(), 30, "{found:?}");
    assert!(found.iter().all(|each| each.starts_with("policy-too-long:")), "{found:?}");
}

#[test]
fn policies_are_checked_by_line() {
    let place = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000";
    let statement = |action: &str, resource: &str, more: &str| {
        format!(
            "{{\"effect\": \"allow\", \"action\": {action}, \"resource\": \"{resource}\"{more}}}"
        )
    };
    let on = |action: &str, key: &str| statement(action, &format!("{place}/{key}"), "");
    let size = r#", "condition": {"numeric_less_than": {"cos:content-length": 9}}"#;
    let versions = r#", "condition": {"string_equal": {"cos:VersionId": "a"}}"#;
    let prefix = r#", "condition": {"string_equal": {"cos:prefix": "a/"}}"#;
    for (statements, code, expected) in [
        (vec![on("\"name/cos:GetObject\"", "a/*")], 0, &[][..]),
        (
            vec![on("\"name/cos:GetObject\"", "a/*"), on("\"name/cos:getObject\"", "b/*")],
            0,
            &["unknown-action:4", "redundant-statement:4"],
        ),
        (vec![on("\"name/cos:GetObject\"", "a*")], 0, &["open-prefix:3"]),
        (vec![on("\"name/cos:GetObject\"", "a/*/b")], 0, &["inner-wildcard:3"]),
        (vec![on("\"name/cos:GetBucket\"", "*")], 0, &["listing:3"]),
        (
            vec![statement(
                "[\"name/cos:PutObject\", \"name/cos:UploadPart\"]",
                &format!("{place}/a/*"),
                size,
            )],
            0,
            &["multipart-limit:3"],
        ),
        (
            vec![statement("\"name/cos:GetObject\"", &format!("{place}/a/*"), size)],
            0,
            &["never-met-condition:3"],
        ),
        (
            vec![statement("\"name/cos:GetObject\"", &format!("{place}/a/*"), versions)],
            0,
            &["unknown-condition-key:3"],
        ),
        (
            vec![statement("\"name/cos:GetBucket\"", &format!("{place}/a/*"), prefix)],
            0,
            &["unencoded-value:3"],
        ),
        (
            vec![on("\"name/cos:GetObject\"", "a/*"), on("\"name/cos:GetObject\"", "a/b/*")],
            0,
            &["redundant-statement:4"],
        ),
        (vec![statement("\"name/cos:*\"", "*", "")], 1, &["full-access:3", "listing:3"]),
        (vec![statement("\"name/cos:Get*\"", "qcs::cos:::*", "")], 0, &["wide-access:3"]),
        (vec![statement("\"name/sts:AssumeRole\"", "*", "")], 1, &["foreign-service:3"]),
        (vec![statement("\"name/cos:GetObject\"", "nothing", "")], 1, &["invalid:3"]),
    ] {
        let text =
            format!("{{\"version\": \"2.0\",\n\"statement\": [\n{}\n]}}", statements.join(",\n"));
        let found = rules(&[("policy.json", &text)], "policy.json", code);
        let expected: Vec<&str> = expected
            .iter()
            .copied()
            .filter(|each| {
                found.iter().any(|one| one == each)
                    || *each != "listing:3"
                    || !text.contains("cos:*")
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn a_deployment_is_checked_with_what_it_names() {
    let team = grant("a", "{ team = \"media\" }", "a/", UPLOAD);
    let numbered = grant("b", "{ level = 3 }", "b/", UPLOAD);
    let proof = grant("c", "{ proof = \"jwt\" }", "c/", UPLOAD);
    let grants = format!("#:schema grants.schema.json\n{team}{numbered}{proof}");
    let hash = "0".repeat(60) + "9f1c";
    let keys =
        format!("AUTH=api-key\nAPI_KEYS=app={hash} sub=app level=3\nGRANTS_FILE=grants.toml\n");
    let found = rules(&[("a.env", &keys), ("grants.toml", &grants)], "a.env", 0);
    assert_eq!(found, ["missing-claim:4", "unreachable-grant:11", "unreachable-grant:18"]);

    let wrong = keys.replace("AUTH=api-key", "AUTH=api-keys");
    let found = rules(&[("a.env", &wrong), ("grants.toml", &grants)], "a.env", 1);
    assert!(found.contains(&"invalid:1".to_owned()), "{found:?}");
    let found = rules(&[("a.env", &keys), ("grants.toml", "[[grant]]\nname = 1\n")], "a.env", 1);
    assert!(found.contains(&"invalid:2".to_owned()), "{found:?}");

    let long = format!(
        "AUTH=none\nBUCKET=examplebucket-1250000000\nREGION=ap-guangzhou\nPREFIX=a/\nALLOW=download\nALLOWED_ORIGINS={}\n",
        vec!["https://app.example.com"; 180].join(",")
    );
    let found = rules(&[("a.env", &long)], "a.env", 0);
    assert!(found.contains(&"environment-too-large:1".to_owned()), "{found:?}");
}

#[test]
fn a_web_identity_is_checked_with_its_variables() {
    let of = |more: &str, removed: &[&str]| {
        let lines = "AUTH=api-key\nAPI_KEYS=app=HASH\nBUCKET=examplebucket-1250000000\nREGION=ap-guangzhou\nPREFIX=a/\nALLOW=download\n\
            ROLE_ARN=qcs::cam::uin/1:roleName/upload\nTKE_REGION=ap-guangzhou\nTKE_PROVIDER_ID=cls-1\n\
            TKE_ROLE_ARN=qcs::cam::uin/1:roleName/pod\nTKE_WEB_IDENTITY_TOKEN_FILE=token\n";
        let is_kept =
            |line: &&str| !removed.iter().any(|name| line.starts_with(&format!("{name}=")));
        let lines = lines.replace("HASH", &("0".repeat(60) + "9f1c"));
        let kept: Vec<&str> = lines.lines().filter(is_kept).collect();
        format!("{}\n{more}", kept.join("\n"))
    };
    let (file, role) = ("TKE_WEB_IDENTITY_TOKEN_FILE", "TKE_ROLE_ARN");
    for (text, code, expected) in [
        (of("", &[]), 0, &[][..]),
        (of("", &["TKE_REGION"]), 1, &["invalid:1"]),
        (of("", &["TKE_PROVIDER_ID"]), 1, &["invalid:1"]),
        (of("", &[role]), 1, &["invalid:1"]),
        (of("", &[file]), 1, &["invalid:1"]),
        (of("", &["ROLE_ARN"]), 1, &["invalid:1"]),
        (of("", &[role, file]), 0, &["incomplete-web-identity:8"]),
        (of("", &[role, file, "TKE_PROVIDER_ID"]), 0, &[]),
        (of("SECRET_ID=AKIDexample\nSECRET_KEY=k\n", &[]), 0, &["unused-web-identity:8"]),
        (of("SECRET_ID=AKIDexample\nSECRET_KEY=k\n", &[role]), 0, &["unused-web-identity:8"]),
        (of("TKE_REGION=ap-guangzou\n", &["TKE_REGION"]), 0, &["unknown-region:11"]),
        (of("TKE_REGION=Guangzhou\n", &["TKE_REGION"]), 1, &["invalid:11"]),
        (of("TKE_ROLE_ARN=pod\n", &[role]), 1, &["invalid:11"]),
        (of("TKE_ROLE_ARN=qcs::cam::uin/1:roleName/upload\n", &[role]), 0, &["workload-role:11"]),
        (of("TKE_WEB_IDENTITY_TOKEN_FILE=elsewhere\n", &[file]), 0, &["unread-token:11"]),
        (of("TKE_WEB_IDENTITY_TOKEN_FILE=empty\n", &[file]), 1, &["invalid:11"]),
        (of("TKE_WEB_IDENTITY_TOKEN_FILE=two\n", &[file]), 1, &["invalid:11"]),
        // A folder cannot be read as a file.
        (of("TKE_WEB_IDENTITY_TOKEN_FILE=.\n", &[file]), 1, &["invalid:11"]),
    ] {
        let files =
            [("a.env", text.as_str()), ("token", "a.b.c\n"), ("empty", "\n"), ("two", "a b")];
        assert_eq!(rules(&files, "a.env", code), expected, "{text}");
    }
}

#[test]
fn findings_are_printed_for_people_and_for_code_hosts() {
    let grants = grant("a", "\"everyone\"", "a", UPLOAD);
    let directory = files(&[("grants.toml", &grants), ("policy.json", "{")]);
    let mut command = cos_issuer(&["lint", "grants.toml", "policy.json"]);
    let (out, _) = ends_with(command.current_dir(directory.path()), 1);
    let expected = "grants.toml:6: error[invalid]: GRANTS_FILE: grants.toml, line 6, `prefix`: a prefix ends in `/`";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.contains("\n    fix: Write what the message asks for.\n"), "{out}");
    assert!(out.ends_with("errors: 2, warnings: 0, notes: 0\n"), "{out}");

    let mut command = cos_issuer(&["lint", "--format", "sarif", "grants.toml"]);
    let (out, _) = ends_with(command.current_dir(directory.path()), 1);
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let (driver, result) = (&log["runs"][0]["tool"]["driver"], &log["runs"][0]["results"][0]);
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(driver["rules"][index]["id"], result["ruleId"]);
    let location =
        json!({ "artifactLocation": { "uri": "grants.toml" }, "region": { "startLine": 6 } });
    assert_eq!(result["locations"][0]["physicalLocation"], location);
}

#[test]
fn warnings_fail_only_when_they_shall_and_files_must_exist() {
    let text =
        format!("#:schema grants.schema.json\n{}", grant("a", "\"everyone\"", "https:/a/", UPLOAD));
    let directory = files(&[("grants.toml", &text)]);
    for (words, code) in [
        (&["lint", "grants.toml"][..], 0),
        (&["lint", "grants.toml", "--strict"], 1),
        (&["lint", "missing.toml"], 2),
        (&["lint"], 2),
        (&["lint", "grants.toml", "--format", "xml"], 2),
    ] {
        ends_with(cos_issuer(words).current_dir(directory.path()), code);
    }
}

#[test]
fn the_example_of_the_page_passes_and_every_rule_has_its_row() {
    let page = std::fs::read_to_string(root("docs/grants.md")).unwrap();
    let example = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let found = rules(&[("grants.toml", example)], "grants.toml", 0);
    assert!(found.iter().all(|each| each.starts_with("no-multipart:")), "{found:?}");
    let page = std::fs::read_to_string(root("docs/policies.md")).unwrap();
    let log = ends_with(&mut cos_issuer(&["lint", "--format", "sarif", "/dev/null"]), 1).0;
    let log: Value = serde_json::from_str(&log).unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        let row = format!(
            "| `{}` | {} |",
            rule["id"].as_str().unwrap(),
            rule["defaultConfiguration"]["level"].as_str().unwrap()
        );
        assert!(page.contains(&row), "no row {row}");
    }
}

#[test]
fn issuers_have_lines_of_their_own() {
    let issuer = "[[issuer]]\nname = \"a\"\nissuer = \"https://login.example.com/\"\n\
        audiences = [\"uploads\"]\nsecret_env = \"LOGIN_TOKEN_SECRET\"\n";
    let one = grant("a", "{ issuer = \"a\" }", "a/", UPLOAD);
    let same = grant("b", "{ issuer = \"a\" }", "a/", UPLOAD);
    let grants = format!("#:schema grants.schema.json\n{issuer}{one}{same}");
    let found = rules(&[("grants.toml", &grants)], "grants.toml", 0);
    assert_eq!(found, ["redundant-grant:8", "redundant-grant:15"]);
    let wrong = grants.replace("issuer = \"a\" }", "issuer = \"b\" }");
    let found = rules(&[("grants.toml", &wrong)], "grants.toml", 1);
    assert_eq!(found, ["invalid:9", "invalid:16"]);
}
