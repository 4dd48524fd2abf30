//! The command line's settings: flags over the file over the defaults, faults and trace from files, and the JSON line.

use std::path::PathBuf;
use std::process::{Command, Output};

use cos_emulator::parity;
use serde_json::Value;

use crate::running::Running;
use crate::support::{function, plain_client};

fn emulator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cos-emulator"));
    command.env_remove("COS_EMULATOR_SECRET_LEDGER");
    command
}

/// A directory with these files.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command, in this directory.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = emulator();
        command.args(arguments).current_dir(self.0.path());
        command.output().unwrap()
    }
}

#[track_caller]
fn text(output: &Output, code: i32) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout: {out}\nstderr: {err}"
    );
    (out, err)
}

fn settings(more: &str) -> String {
    format!(
        "function = {:?}\nport = 0\nonce = true\n{more}\n[env]\nBEHAVIOUR = \"sign\"\nPREFIX = \"from-the-file/\"\n",
        function().display().to_string()
    )
}

#[test]
fn one_file_says_what_flags_would_and_flags_win() {
    let files = Files::new(&[(
        "emulator.toml",
        &settings("platform = \"scf-web\"\nverbose = true\nseed = 7"),
    )]);
    let (out, _) = text(&files.run(&["run", "--config", "emulator.toml"]), 0);
    for expected in ["web function", "name/cos:PutObject", " 7\n"] {
        assert!(out.contains(expected), "{expected} in {out}");
    }
    let (out, _) = text(
        &files.run(&[
            "run",
            "--config",
            "emulator.toml",
            "--platform",
            "lambda",
            "--event",
            "rest",
            "--seed",
            "8",
        ]),
        0,
    );
    assert!(
        out.contains("AWS Lambda, REST API") && out.contains(" 8\n"),
        "{out}"
    );
    let (_, err) = text(
        &files.run(&[
            "run",
            "--config",
            "emulator.toml",
            "--env",
            "BEHAVIOUR=error",
        ]),
        1,
    );
    assert!(err.contains("instead of a credential"), "{err}");
}

#[test]
fn files_that_make_no_sense_are_refused_with_name_and_line() {
    let fault = "[[fault]]\nservice = \"sts\"\nkind = \"outage\"\n\n[[fault]]\nservice = \"sts\"\nkind = \"latency\"\n";
    let files = Files::new(&[
        ("unknown.toml", &settings("platfrom = \"scf\"")),
        ("type.toml", &settings("seed = \"seven\"")),
        (
            "event.toml",
            &settings("platform = \"lambda\"\nevent = \"clb\""),
        ),
        ("syntax.toml", "function = \n"),
        ("empty.toml", ""),
        ("fault.toml", fault),
    ]);
    for (arguments, expected) in [
        (
            &["--config", "unknown.toml"][..],
            &["unknown.toml", "line 4", "platfrom"][..],
        ),
        (&["--config", "type.toml"], &["type.toml", "line 4", "seed"]),
        (&["--config", "event.toml"], &["http-api, rest and alb"]),
        (&["--config", "syntax.toml"], &["syntax.toml", "line 1"]),
        (&["--config", "empty.toml"], &["--function"]),
        (
            &["--config", "missing.toml"],
            &["missing.toml", "cannot be read"],
        ),
        (
            &["--function", "x", "--faults", "fault.toml"],
            &["fault.toml", "line 5", "needs `delay_ms`"],
        ),
        (
            &["--function", "x", "--faults", "missing.toml"],
            &["missing.toml", "cannot be read"],
        ),
        (
            &["--function", "x", "--freeze-jump", "soon"],
            &["--freeze-jump", "`soon`"],
        ),
        (&["--function", "x", "--seed", "many"], &["--seed"]),
    ] {
        let (out, err) = text(&files.run(&[&["run"], arguments].concat()), 2);
        assert!(out.is_empty(), "{out}");
        for part in expected {
            assert!(err.contains(part), "{arguments:?}: {part} in {err}");
        }
    }
}

#[tokio::test]
async fn pages_of_the_origins_that_are_named_may_use_the_bucket() {
    let files = Files::new(&[("cors.toml", "cors = [\"http://localhost:1\"]\n")]);
    let function = function().display().to_string();
    let run = [
        "run",
        "--json",
        "--port",
        "0",
        "--env",
        "BEHAVIOUR=sign",
        "--function",
        &function,
    ];
    for (more, allowed) in [
        (&[][..], None),
        (&["--config", "cors.toml"], Some("http://localhost:1")),
        (
            &["--config", "cors.toml", "--cors", "http://localhost:2"],
            Some("http://localhost:2"),
        ),
    ] {
        let running = Running::start(emulator().args(run).args(more).current_dir(files.0.path()));
        for origin in ["http://localhost:1", "http://localhost:2"] {
            let preflight = plain_client()
                .request(
                    reqwest::Method::OPTIONS,
                    format!("{}/a", running.text("cosUrl")),
                )
                .header("origin", origin)
                .header("access-control-request-method", "PUT");
            let answer = preflight.send().await.unwrap();
            let told = answer.headers().get("access-control-allow-origin");
            let told = told.map(|value| value.to_str().unwrap());
            assert_eq!(
                told,
                allowed.filter(|allowed| *allowed == origin),
                "{more:?} {origin}"
            );
        }
    }
}

#[tokio::test]
async fn the_json_line_is_enough_to_order_a_fault_and_see_it_in_the_trace() {
    let files = Files::new(&[("sts.toml", "seed = 7\ntrace = \"trace.jsonl\"\n")]);
    let running = Running::start(
        emulator()
            .args(["sts", "--json", "--config", "sts.toml"])
            .current_dir(files.0.path()),
    );
    assert_eq!(running.line["seed"], 7);
    let order = plain_client()
        .post(format!("{}/faults", running.text("adminUrl")))
        .bearer_auth(running.text("adminToken"))
        .header("content-type", "application/json")
        .body(r#"{"service":"sts","kind":"http","status":418,"nth":1}"#);
    assert_eq!(order.send().await.unwrap().status(), 201);
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let answer = plain_client()
            .post(running.text("stsHttpUrl"))
            .send()
            .await
            .unwrap();
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses, [418, 200]);
    let trace = std::fs::read_to_string(files.path("trace.jsonl")).unwrap();
    let lines: Vec<Value> = trace
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["fault"], &lines[0]["status"]),
        (&"http".into(), &418.into())
    );
    assert_eq!((&lines[1]["fault"], lines.len()), (&Value::Null, 2));
    assert!(!trace.contains(running.text("secretKey")));
}

#[tokio::test]
async fn faults_from_a_file_strike_from_the_first_call_on() {
    let fault = "[[fault]]\nservice = \"gateway\"\naction = \"/sign\"\nkind = \"outage\"\n";
    let files = Files::new(&[
        ("faults.toml", fault),
        ("emulator.toml", &settings("faults = \"faults.toml\"")),
    ]);
    let (_, err) = text(&files.run(&["run", "--config", "emulator.toml"]), 1);
    assert!(err.contains("HTTP 503"), "{err}");
}

#[test]
fn the_truth_table_is_printed_for_people_programs_and_the_documentation() {
    let print = |arguments: &[&str]| {
        let mut command = emulator();
        text(&command.arg("parity").args(arguments).output().unwrap(), 0).0
    };
    let people = print(&[]);
    for entry in parity::entries() {
        assert!(
            people.contains(entry.entry.behaviour),
            "{}",
            entry.entry.behaviour
        );
    }
    assert!(people.ends_with(&format!("{}\n", parity::summary())));
    let lines = print(&["--json"]);
    assert_eq!(lines.lines().count(), parity::entries().count());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(
            line["behaviour"].is_string() && line["source"].is_string(),
            "{line}"
        );
    }
    assert_eq!(print(&["--markdown"]), parity::markdown());
    let both = emulator()
        .args(["parity", "--json", "--markdown"])
        .output()
        .unwrap();
    text(&both, 2);
}

#[test]
fn help_has_examples_of_everything() {
    let help = |arguments: &[&str]| {
        let output = emulator().args(arguments).arg("--help").output().unwrap();
        text(&output, 0).0
    };
    for (arguments, expected) in [
        (
            &[][..],
            &[
                "First steps",
                "cos-emulator run",
                "cos-emulator sts",
                "cos-emulator parity",
            ][..],
        ),
        (
            &["run"],
            &[
                "[[fault]]",
                "--config emulator.toml",
                "--seed 7",
                "/clock",
                "Exit codes",
            ],
        ),
        (&["sts"], &["--faults faults.toml", "Exit codes"]),
        (&["parity"], &["--json"]),
    ] {
        let told = help(arguments);
        for part in expected {
            assert!(told.contains(part), "{arguments:?}: {part} in {told}");
        }
    }
}

/// The blocks of this language in the documentation.
fn documented(language: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/emulator.md");
    let page = std::fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    page.split(&fence)
        .skip(1)
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_files_in_the_documentation_work() {
    let blocks = documented("toml");
    let faults = blocks
        .iter()
        .find(|block| block.contains("[[fault]]"))
        .unwrap();
    let settings = blocks
        .iter()
        .find(|block| block.contains("function ="))
        .unwrap();
    let files = Files::new(&[("faults.toml", faults), ("emulator.toml", settings)]);
    let function = function().display().to_string();
    let flags = [
        "run",
        "--config",
        "emulator.toml",
        "--port",
        "0",
        "--once",
        "--env",
        "BEHAVIOUR=sign",
        "--function",
    ];
    let (out, _) = text(&files.run(&[&flags[..], &[function.as_str()]].concat()), 0);
    assert!(out.contains("web function"), "{out}");
    assert!(files.path("trace.jsonl").exists());
}

#[test]
fn the_documentation_names_every_kind_of_fault() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/emulator.md");
    let page = std::fs::read_to_string(path).unwrap();
    let wrong = "[[fault]]\nservice = \"sts\"\nkind = \"?\"";
    let error = cos_emulator::FaultRule::from_toml(wrong)
        .unwrap_err()
        .to_string();
    let (_, kinds) = error.split_once("expected one of ").unwrap();
    let kinds: Vec<&str> = kinds.split(", ").map(|kind| kind.trim()).collect();
    assert_eq!(kinds.len(), 18, "{error}");
    for kind in kinds {
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let first = |line: &str| line.split(" | ").next().unwrap_or_default().contains(kind);
        assert!(rows.into_iter().any(first), "no row for {kind}");
    }
}
