//! Options: flags over the file over the defaults, faults and trace from files, and the JSON line.

use cos_emulator::FaultRule;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Running, client, cos_issuer, ends_with, files, function, root};

fn options(more: &str) -> String {
    format!(
        "function = {:?}\nport = 0\nonce = true\n{more}\n\
         [env]\nBEHAVIOUR = \"sign\"\nPREFIX = \"from-the-file/\"\n",
        function()
    )
}

/// `run` with these flags, in this directory.
#[track_caller]
fn run(directory: &TempDir, flags: &str, code: i32) -> (String, String) {
    let mut command = cos_issuer(&["run"]);
    command.args(flags.split_whitespace());
    ends_with(command.current_dir(directory.path()), code)
}

#[test]
fn a_file_sets_what_flags_do_and_flags_win() {
    let file = options("platform = \"scf-web\"\nverbose = true\nseed = 7");
    let files = files(&[("emulator.toml", &file)]);
    let (out, _) = run(&files, "--config emulator.toml", 0);
    for expected in ["web function", "name/cos:PutObject", " 7\n"] {
        assert!(out.contains(expected), "{expected} in {out}");
    }
    let flags =
        "--config emulator.toml --platform lambda --trigger rest --seed 8 --env PREFIX=flag/";
    let (out, _) = run(&files, flags, 0);
    for expected in ["AWS Lambda, REST API", " 8\n", "function started as sign"] {
        assert!(out.contains(expected), "{expected} in {out}");
    }
    let flags = "--config emulator.toml --env BEHAVIOUR=error";
    let (_, err) = run(&files, flags, 1);
    assert!(err.contains("instead of a credential"), "{err}");
}

#[test]
fn invalid_files_are_refused_with_name_and_line() {
    let fault = "[[fault]]\nservice = \"sts\"\nkind = \"outage\"\n\n\
                 [[fault]]\nservice = \"sts\"\nkind = \"latency\"\n";
    let files = files(&[
        ("unknown.toml", &options("platfrom = \"scf\"")),
        ("type.toml", &options("seed = \"seven\"")),
        ("event.toml", &options("platform = \"lambda\"\ntrigger = \"clb\"")),
        ("syntax.toml", "function = \n"),
        ("empty.toml", ""),
        ("jump.toml", &options("freeze-jump = \"soon\"")),
        ("fault.toml", fault),
    ]);
    for (flags, expected) in [
        ("--config unknown.toml", &["unknown.toml", "line 4", "platfrom"][..]),
        ("--config type.toml", &["type.toml", "line 4", "seed"]),
        ("--config event.toml", &["http-api, rest or alb"]),
        ("--config syntax.toml", &["syntax.toml", "line 1"]),
        ("--config empty.toml", &["--function"]),
        ("--config missing.toml", &["missing.toml", "cannot be read"]),
        ("--config jump.toml", &["jump.toml", "line 4", "`soon`"]),
        ("--function x --faults fault.toml", &["fault.toml", "line 5", "needs `delay_ms`"]),
        ("--function x --faults missing.toml", &["missing.toml", "cannot be read"]),
        ("--function x --freeze-jump soon", &["--freeze-jump", "`soon`"]),
        ("--function x --seed many", &["--seed"]),
    ] {
        let (out, err) = run(&files, flags, 2);
        assert!(out.is_empty(), "{out}");
        for part in expected {
            assert!(err.contains(part), "{flags}: {part} in {err}");
        }
    }
}

#[tokio::test]
async fn cos_follows_the_flags_and_the_file() {
    let files = files(&[
        ("cors.toml", "cors = [\"http://localhost:1\"]\n"),
        ("strict.toml", "strict-hosts = true\n"),
    ]);
    let (path_style, strict) = ("AccessDenied", "PathStyleDomainForbidden");
    for (more, allowed, code) in [
        ("", None, path_style),
        ("--config cors.toml", Some("http://localhost:1"), path_style),
        ("--config cors.toml --cors http://localhost:2", Some("http://localhost:2"), path_style),
        ("--strict-hosts", None, strict),
        ("--config strict.toml", None, strict),
    ] {
        let mut command = crate::support::run(&["--json"]);
        let command = command.args(more.split_whitespace()).current_dir(files.path());
        let running = Running::start(command);
        let url = format!("{}/{}/a", running.text("cosUrl"), running.text("bucket"));
        for origin in ["http://localhost:1", "http://localhost:2"] {
            let preflight = client()
                .request(reqwest::Method::OPTIONS, &url)
                .header("origin", origin)
                .header("access-control-request-method", "PUT");
            let answer = preflight.send().await.unwrap();
            let header = answer.headers().get("access-control-allow-origin");
            let expected = allowed.filter(|allowed| *allowed == origin);
            assert_eq!(header.map(|value| value.to_str().unwrap()), expected, "{more}");
        }
        let answer = client().get(&url).send().await.unwrap();
        let answer = answer.text().await.unwrap();
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{more}: {answer}");
    }
}

#[tokio::test]
async fn the_json_line_is_enough_to_inject_a_fault_and_see_it_in_the_trace() {
    let file = "seed = 7\ntrace = \"trace.jsonl\"\nport = 1\n";
    let files = files(&[("sts.toml", file)]);
    let mut command = cos_issuer(&["sts", "--json", "--config", "sts.toml"]);
    let running = Running::start(command.current_dir(files.path()));
    assert_eq!(running.line["seed"], 7);
    let order = client()
        .post(format!("{}/faults", running.text("adminUrl")))
        .bearer_auth(running.text("adminToken"))
        .header("content-type", "application/json")
        .body(r#"{"service":"sts","kind":"http","status":418,"nth":1}"#);
    assert_eq!(order.send().await.unwrap().status(), 201);
    for status in [418, 200] {
        let call = client().post(running.text("stsHttpUrl"));
        assert_eq!(call.send().await.unwrap().status(), status);
    }
    let trace = std::fs::read_to_string(files.path().join("trace.jsonl")).unwrap();
    let lines = trace.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (line["fault"].clone(), line["status"].clone())
    });
    let expected = [("http".into(), 418.into()), (Value::Null, 200.into())];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    assert!(!trace.contains(running.text("secretKey")));
}

#[test]
fn faults_from_a_file_are_injected_from_the_first_call_on() {
    let fault = "[[fault]]\nservice = \"gateway\"\naction = \"/sign\"\nkind = \"outage\"\n";
    let file = options("faults = \"faults.toml\"");
    let files = files(&[("faults.toml", fault), ("emulator.toml", &file)]);
    let (_, err) = run(&files, "--config emulator.toml", 1);
    assert!(err.contains("HTTP 503"), "{err}");
}

fn manual() -> String {
    std::fs::read_to_string(root("docs/emulator.md")).unwrap()
}

#[test]
fn the_files_in_the_documentation_work() {
    let manual = manual();
    let block = |part: &str| {
        let mut blocks = manual.split("```toml\n").skip(1);
        let block = blocks.find_map(|block| {
            let block = block.split("```").next()?;
            block.contains(part).then_some(block)
        });
        block.unwrap()
    };
    let files =
        files(&[("faults.toml", block("[[fault]]")), ("emulator.toml", block("function ="))]);
    let flags = "--config emulator.toml --port 0 --once --env BEHAVIOUR=sign --function";
    let (out, _) = run(&files, &format!("{flags} {}", function()), 0);
    assert!(out.contains("web function"), "{out}");
    assert!(files.path().join("trace.jsonl").exists());
}

#[test]
fn the_documentation_names_every_kind_of_fault() {
    let manual = manual();
    let wrong = "[[fault]]\nservice = \"sts\"\nkind = \"?\"";
    let error = FaultRule::from_toml(wrong).unwrap_err().to_string();
    let (_, kinds) = error.split_once("expected one of ").unwrap();
    let kinds: Vec<&str> = kinds.split(", ").map(str::trim).collect();
    assert_eq!(kinds.len(), 18, "{error}");
    for kind in kinds {
        let mut rows = manual.lines().filter(|line| line.starts_with("| `"));
        let first = |line: &str| line.split(" | ").next().unwrap_or_default().contains(kind);
        assert!(rows.any(first), "no row for {kind}");
    }
}
