//! `explain`: which grants apply, why the others do not, and what would be issued.

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{cos_issuer, ends_with, files};

const GRANTS: &str = r#"
[[grant]]
name = "own-folder"
match = "everyone"
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload", "download"]
max_size_bytes = 5242880

[[grant]]
name = "team"
match = { team = ["media", "press"], level = 3 }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "teams/{team}/"
allow = ["list"]
duration_seconds = 900

[[grant]]
name = "signed"
match = { proof = "hmac", org = { prefix = "acme/" } }
bucket = "otherbucket-1250000000"
region = "ap-guangzhou"
prefix = "signed/"
allow = ["delete"]
"#;

const MINI_PROGRAM: &str = r#"
[[grant]]
name = "own-folder"
match = { proof = "wechat", appid = "wx1111222233334444" }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload"]

[[grant]]
name = "other-app"
match = { appid = "wx0123456789abcdef" }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "other/"
allow = ["upload"]
"#;

/// Standard output and standard error of `explain` with these words, in a directory with the
/// grants file and the files of two deployments.
#[track_caller]
fn explain(words: &[&str], code: i32) -> (String, String) {
    let directory = deployment();
    let mut command = cos_issuer(&["explain"]);
    ends_with(command.args(words).current_dir(directory.path()), code)
}

fn deployment() -> TempDir {
    files(&[
        ("grants.toml", GRANTS),
        ("broken.toml", "[[grant]]\nname = \"a\"\nprefix = \"users/1\"\n"),
        (
            "production.env",
            "# Deployed with these.\nAUTH=hmac,gateway\nHMAC_KEYS=app=0f2c7d64a1b35e98c0d7f6a4e19b283d\n\
             GRANTS_FILE=grants.toml\nROLE_ARN=qcs::cam::uin/100000000001:roleName/uploader\n\
             DENY=grant:own-folder\n",
        ),
        (
            "anonymous.env",
            "AUTH=none\nBUCKET=examplebucket-1250000000\nREGION=ap-guangzhou\nPREFIX=a/\nALLOW=download\n",
        ),
        (
            "mini-program.env",
            "AUTH=wechat\nWECHAT_APPID=wx1111222233334444\nWECHAT_SECRET=9b1f4c7ae2d06853b7c41fe09d2a6c85\n\
             GRANTS_FILE=mini-program.toml\n",
        ),
        ("mini-program.toml", MINI_PROGRAM),
        (
            "pod.env",
            "AUTH=none\nBUCKET=examplebucket-1250000000\nREGION=ap-guangzhou\nPREFIX=a/\nALLOW=download\n\
             TKE_REGION=ap-guangzhou\nTKE_PROVIDER_ID=cls-1\nTKE_ROLE_ARN=qcs::cam::uin/1:roleName/pod\n\
             TKE_WEB_IDENTITY_TOKEN_FILE=/var/run/secrets/nowhere/token\nROLE_ARN=qcs::cam::uin/1:roleName/upload\n",
        ),
        (
            "raw.env",
            "AUTH=none\nPOLICY={\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":\"name/cos:GetObject\",\"resource\":\"qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/a/*\"}]}\n",
        ),
    ])
}

#[test]
fn a_caller_is_explained_grant_by_grant() {
    let (out, _) = explain(&["grants.toml", "--as", "sub=user-1,team=sales"], 0);
    let expected = "\
Grants: 1 of 3 apply
ok  own-folder
no  team
      the caller has no claim `level`; it must be 3
      `team` is \"sales\"; it must be \"media\" or \"press\"
no  signed
      the caller has no claim `org`; it must begin with \"acme/\"
      the caller authenticates by jwt; `proof` must be \"hmac\"
The credential, from own-folder
  allows      upload users/user-1/* under conditions
              in examplebucket-1250000000
              cos:content-length numeric_greater_than_equal 1
              cos:content-length numeric_less_than_equal 5242880
  allows      download users/user-1/*
              in examplebucket-1250000000
  lifetime    1800 s
  STS action  GetFederationToken, or AssumeRole where ROLE_ARN is set
  session     cosissuer";
    assert!(out.starts_with(expected), "{out}");
    let policy = "  policy      {\"version\":\"2.0\",\"statement\":[{\"effect\":\"allow\",\"action\":[\"name/cos:PutObject\",\"name/cos:PostObject\"],";
    assert!(out.contains(policy), "{out}");
}

#[test]
fn types_and_methods_count_as_in_the_function() {
    let team = |words: &[&str]| {
        let mut all = vec!["grants.toml", "--json"];
        all.extend(words);
        let answer: Value = serde_json::from_str(&explain(&all, 0).0).unwrap();
        answer["grants"][1]["applies"].as_bool().unwrap()
    };
    assert!(team(&["--as", "sub=u,team=media,level=3"]));
    assert!(!team(&["--as", "sub=u,team=media", "--claim", "level=\"3\""]));
    // A key's claims are texts, and a gateway may send a number as one.
    assert!(!team(&["--as", "sub=u,team=media,level=3", "--method", "api-key"]));
    let gateway = ["--as", "sub=u,team=media", "--claim", "level=\"3\"", "--method", "gateway-jwt"];
    assert!(team(&gateway));
}

#[test]
fn the_issued_policy_is_the_requested_scope() {
    let scope = r#"[{"action":"name/cos:GetObject","bucket":"examplebucket-1250000000","region":"ap-guangzhou","prefix":"users/7/a.jpg"}]"#;
    let (out, _) = explain(&["grants.toml", "--as", "sub=7", "--scope", scope, "--json"], 0);
    let answer: Value = serde_json::from_str(&out).unwrap();
    let resource = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/7/a.jpg";
    assert_eq!(answer["issued"]["policy"]["statement"][0]["resource"][0], resource);
    assert_eq!(answer["issued"]["grants"], serde_json::json!(["own-folder"]));
    assert_eq!(answer["issued"]["durationSeconds"], 1800);

    let (out, _) = explain(&["grants.toml", "--as", "sub=8", "--scope", scope], 1);
    for expected in [
        "no  own-folder\n      its prefix is not below the granted prefix\n",
        "Nothing is issued\n  status      403\n  code        UnauthorizedOperation.Scope\n",
    ] {
        assert!(out.contains(expected), "{out}");
    }
}

#[test]
fn a_whole_deployment_adds_its_methods_role_and_kill_switch() {
    let words = ["--env", "production.env", "--as", "sub=app,org=acme/x"];
    let (out, _) = explain(&words, 0);
    for expected in [
        "no  own-folder\n      is switched off by DENY\n",
        "ok  signed\n",
        "  allows      delete signed/*\n",
        "  STS action  AssumeRole\n",
    ] {
        assert!(out.contains(expected), "{expected} in {out}");
    }
    assert!(!out.contains("0f2c7d64"), "a key is printed: {out}");
    let (out, _) = explain(&["--env", "anonymous.env"], 0);
    assert!(out.contains("  allows      download a/*\n"), "{out}");
    let (out, _) = explain(&["--env", "pod.env"], 0);
    assert!(out.contains("  STS action  AssumeRole\n"), "{out}");
    let mini_program = &["--env", "mini-program.env", "--as", "sub=o-1"];
    let (out, _) = explain(mini_program, 0);
    assert!(out.contains("ok  own-folder\nno  other-app\n"), "{out}");
    assert!(!out.contains("9b1f4c7a"), "the AppSecret is printed: {out}");
    let (_, err) = explain(&[&mini_program[..3], &["sub=o-1,team=media"]].concat(), 2);
    assert!(err.contains("a user of a mini-program has only sub and appid"), "{err}");
    let (out, _) = explain(&["--env", "raw.env"], 0);
    assert!(out.starts_with("Grants: 1 of 1 apply\nok  POLICY\n"), "{out}");
}

#[test]
fn a_refused_request_or_a_wrong_input_ends_with_its_own_code() {
    for (words, code, expected) in [
        (
            &["grants.toml", "--as", "sub=a b"][..],
            1,
            "code        UnauthorizedOperation.CallerNotAllowed",
        ),
        (
            &["grants.toml", "--as", "sub=u", "--duration", "99999"],
            1,
            "InvalidParameter.DurationSeconds",
        ),
        (&["grants.toml", "--as", "sub=u", "--ext", "exe"], 1, "no extension is configured"),
        (
            &["grants.toml", "--as", "sub=u", "--scope", "[{}]"],
            2,
            "the request: body: must be a JSON array of scopes",
        ),
        (&["grants.toml", "--as", "sub=u", "--scope", "@none.json"], 2, "cannot read `none.json`"),
        (&["grants.toml", "--as", "sub=u,sub=w"], 2, "sub: must be given once"),
        (&["grants.toml", "--as", "sub=u", "--claim", "sub=w"], 2, "sub: must be given once"),
        (&["grants.toml", "--as", "sub=u", "--claim", "teams=[\"a\""], 2, "teams: must be JSON"),
        (&["grants.toml", "--as", "user-1"], 2, "must be KEY=VALUE"),
        (&["grants.toml", "--as", "team=media"], 2, "no such caller with --method jwt"),
        (&["grants.toml", "--as", "sub=u", "--method", "none"], 2, "such callers have no claims"),
        (
            &["broken.toml", "--as", "sub=u"],
            2,
            "GRANTS_FILE: broken.toml, line 3, `prefix`: a prefix ends in `/`",
        ),
        (&["missing.toml"], 2, "cannot read `missing.toml`"),
        (&["--env", "missing.env"], 2, "cannot read `missing.env`"),
        (&[], 2, "GRANTS_FILE"),
    ] {
        let (out, err) = explain(words, code);
        assert!(format!("{out}{err}").contains(expected), "{words:?}: {out}{err}");
    }
}

const ISSUERS: &str = r#"
[[issuer]]
name = "login"
issuer = "https://login.example.com/"
audiences = ["uploads"]
secret_env = "LOGIN_TOKEN_SECRET"

[[issuer]]
name = "ci"
preset = "github-actions"
audiences = ["https://issuer.example.com"]
jwks_file = "jwks.json"

[[grant]]
name = "own-folder"
match = { issuer = "login" }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "users/{sub}/"
allow = ["upload"]

[[grant]]
name = "ci"
match = { issuer = "ci", repository_id = "74" }
bucket = "examplebucket-1250000000"
region = "ap-guangzhou"
prefix = "releases/"
allow = ["upload"]
"#;

#[test]
fn a_token_is_of_one_issuer() {
    let keys = r#"{"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "e": "AQAB", "n": "N"}]}"#;
    let keys = keys.replace('N', &"w".repeat(342));
    let directory = files(&[("issuers.toml", ISSUERS), ("jwks.json", &keys)]);
    let explain = |words: &[&str], code| {
        let mut command = cos_issuer(&["explain", "issuers.toml", "--as"]);
        ends_with(command.args(words).current_dir(directory.path()), code)
    };
    let reasons = |words: &[&str], code| {
        let out: Value = serde_json::from_str(&explain(words, code).0).unwrap();
        let reason = |grant: &Value| grant["reasons"][0].as_str().unwrap_or("applies").to_owned();
        out["grants"].as_array().unwrap().iter().map(reason).collect::<Vec<_>>().join("; ")
    };
    let other = |name: &str| {
        format!("the caller has a token of another [[issuer]]; `issuer` must be {name}")
    };
    for (claims, issuer) in
        [("sub=u-1", Some("login")), ("iss=https://login.example.com/,sub=u-1", None)]
    {
        let named = issuer.map(|name| ["--issuer", name]);
        let words = [&[claims, "--json"][..], named.as_ref().map_or(&[], |words| words)].concat();
        assert_eq!(reasons(&words, 0), format!("applies; {}", other("ci")));
    }
    let words = ["sub=x,repository_id=75", "--json", "--issuer", "ci"];
    let reason = "`repository_id` is 75; it must be \"74\"";
    assert_eq!(reasons(&words, 1), format!("{}; {reason}", other("login")));
    let words = ["sub=x,level=1", "--json", "--method", "gateway-jwt"];
    let reason = "the caller has no token of an [[issuer]]; `issuer` must be";
    assert_eq!(reasons(&words, 1), format!("{reason} login; {reason} ci"));
    for words in [&["sub=u-1"][..], &["sub=u-1", "--issuer", "CI"], &["iss=other,sub=u-1"]] {
        let (_, err) = explain(words, 2);
        assert!(
            err.contains("--issuer: must be an [[issuer]] of the settings: login, ci"),
            "{err}"
        );
    }
}
