//! The command line: what it prints, how it ends, and that nothing is left running.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use cos_emulator::MARKER;
use rustix::process::Signal;
use serde_json::Value;

use crate::running::Running;
use crate::support::function;

fn emulator() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cos-emulator"));
    command.env_remove("COS_EMULATOR_SECRET_LEDGER");
    command
}

/// `run` with the function that does the real job.
fn run(more: &[&str]) -> Command {
    run_on("0", more)
}

fn run_on(port: &str, more: &[&str]) -> Command {
    let mut command = emulator();
    command
        .args([
            "run",
            "--port",
            port,
            "--env",
            "BEHAVIOUR=sign",
            "--function",
        ])
        .arg(function())
        .args(more);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn ends_with_code(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout: {out}\nstderr: {err}"
    );
    (out, err)
}

#[test]
fn the_whole_path_once_on_every_platform() {
    for more in [
        &["--once"][..],
        &["--once", "--event", "api-gateway"],
        &["--once", "--event", "clb"],
        &["--once", "--platform", "scf-web"],
        &["--once", "--platform", "lambda"],
        &["--once", "--platform", "lambda", "--event", "http-api"],
        &["--once", "--platform", "lambda", "--event", "rest"],
        &["--once", "--platform", "lambda", "--event", "alb"],
    ] {
        let (out, _) = ends_with_code(&run(more).output().unwrap(), 0);
        assert!(out.contains("http://127.0.0.1:"), "{out}");
        assert!(
            out.contains(
                "STS: GetFederationToken for 1800 s, signed with TC3-HMAC-SHA256: Success"
            ),
            "{out}"
        );
        assert!(out.contains("\"TmpSecretId\": \"AKIDEMU"), "{out}");
        assert!(
            out.contains("{\n  \"code\": 0,\n  \"message\": \"\",\n"),
            "{out}"
        );
        assert!(out.contains("function | function started as sign"), "{out}");
        assert!(!out.contains('\u{1b}'), "no colour in a pipe");
    }
}

#[test]
fn verbose_shows_the_policy() {
    let (out, _) = ends_with_code(&run(&["--once", "--verbose"]).output().unwrap(), 0);
    assert!(out.contains("name/cos:PutObject"), "{out}");
    assert!(out.contains("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"));
}

#[test]
fn failures_are_told_with_what_the_function_said() {
    let cases = [
        (
            vec!["--env", "BEHAVIOUR=crash-init"],
            "did not become ready: process exited before",
        ),
        (vec!["--env", "BEHAVIOUR=error"], "HTTP 430"),
        (
            vec!["--env", "SECRET_KEY=wrong"],
            "AuthFailure.SignatureFailure",
        ),
        (
            vec!["--env", "SECRET_ID=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"],
            "`SECRET_ID` looks like a real SecretId",
        ),
    ];
    for (more, expected) in cases {
        let mut command = run(&more);
        let (_, err) = ends_with_code(&command.arg("--once").output().unwrap(), 1);
        assert!(err.contains(expected), "{more:?}: {err}");
    }
    let missing = emulator()
        .args(["run", "--function", "no/such/bootstrap"])
        .output()
        .unwrap();
    let (_, err) = ends_with_code(&missing, 1);
    assert!(
        err.contains("`no/such/bootstrap` is not an executable file"),
        "{err}"
    );
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    for command in [
        &mut run_on(&port, &["--once"]),
        emulator().args(["sts", "--port", &port]),
    ] {
        let (_, err) = ends_with_code(&command.output().unwrap(), 1);
        assert!(err.contains(&format!("port {port}")), "{err}");
        assert!(err.contains("--port"), "{err}");
    }
    for flag in ["--cos-port", "--admin-port"] {
        let (_, err) = ends_with_code(&run(&["--once", flag, &port]).output().unwrap(), 1);
        assert!(err.contains(&format!("port {port}")), "{err}");
        assert!(err.contains(flag), "{err}");
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    for trace in [place.to_owned(), format!("{place}/missing/trace.jsonl")] {
        let mut command = emulator();
        let output = command.args(["sts", "--trace", &trace]).output().unwrap();
        let (_, err) = ends_with_code(&output, 1);
        assert!(err.contains(&format!("the trace `{trace}`")), "{err}");
    }
}

#[test]
fn command_lines_that_make_no_sense() {
    let cases: [&[&str]; 7] = [
        &[],
        &["run"],
        &["run", "--function", "x", "--platform", "azure"],
        &[
            "run",
            "--function",
            "x",
            "--platform",
            "lambda",
            "--event",
            "clb",
        ],
        &[
            "run",
            "--function",
            "x",
            "--platform",
            "scf-web",
            "--event",
            "function-url",
        ],
        &["run", "--function", "x", "--env", "NOVALUE"],
        &["sts", "--port", "many"],
    ];
    for arguments in cases {
        let (out, err) = ends_with_code(&emulator().args(arguments).output().unwrap(), 2);
        assert!(out.is_empty() && !err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_teaches_and_the_version_carries_the_marker() {
    let (out, _) = ends_with_code(&emulator().args(["run", "--help"]).output().unwrap(), 0);
    for expected in [
        "Examples:",
        "--platform lambda --event http-api",
        "Exit codes",
    ] {
        assert!(out.contains(expected), "{expected} in {out}");
    }
    let (out, _) = ends_with_code(&emulator().arg("--version").output().unwrap(), 0);
    assert!(out.contains(MARKER), "{out}");
}

#[tokio::test]
async fn json_is_one_line_and_signals_end_everything() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let running = Running::start(&mut run(&["--json"]));
        let gateway = running.line["gatewayUrl"].as_str().unwrap();
        let url = format!("{gateway}/sign");
        let answer = crate::support::plain_client()
            .get(url)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        let process = running.line["processes"][0].as_i64().unwrap();
        let proc = std::path::PathBuf::from(format!("/proc/{process}"));
        assert!(proc.exists());
        assert_eq!(running.end(signal), Some(0));
        assert!(!proc.exists(), "the child is gone before the emulator is");
    }
}

#[test]
fn nothing_is_left_when_the_emulator_itself_is_killed() {
    for platform in ["scf", "scf-web", "lambda"] {
        let more = ["--json", "--platform", platform];
        // It has no time to remove its own directory either.
        let directory = tempfile::tempdir().unwrap();
        let running = Running::start(run(&more).env("TMPDIR", directory.path()));
        let process = running.line["processes"][0].as_i64().unwrap();
        let stat = format!("/proc/{process}/stat");
        assert!(std::fs::exists(&stat).unwrap());
        assert_eq!(running.end(Signal::KILL), None);
        // Orphans are waited for by whatever is the first process here; a zombie is as good as gone.
        let gone = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"))
        });
        assert!(gone, "{platform}");
    }
}

#[tokio::test]
async fn a_signal_during_a_long_start_is_heard() {
    let mut command = run(&[]);
    command.args(["--env", "BEHAVIOUR=hang-init"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let started = lines.any(|line| line.unwrap().contains("function started as hang-init"));
    assert!(started);
    let running = Running {
        child,
        line: Value::Null,
    };
    assert_eq!(running.end(Signal::TERM), Some(0));
}

#[tokio::test]
async fn the_sts_alone_takes_its_own_key_and_fills_the_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = directory.path().join("ledger");
    let mut command = emulator();
    command
        .args(["sts", "--json"])
        .env("COS_EMULATOR_SECRET_LEDGER", &ledger);
    let running = Running::start(&mut command);
    let member = |name: &str| running.line[name].as_str().unwrap().to_owned();
    assert!(member("secretId").starts_with("AKIDEMU"));
    let key = cos_emulator::KeyPair {
        secret_id: member("secretId"),
        secret_key: member("secretKey"),
    };
    let call = crate::support::Tc3::new(&key, "GetFederationToken", &crate::support::federation());
    let host = crate::support::host_of(&member("stsHttpUrl"));
    let mut request = crate::support::plain_client()
        .post(member("stsHttpUrl"))
        .body(call.body.clone());
    for (name, value) in call.headers(&host) {
        request = request.header(name, value);
    }
    let answer = crate::support::read(request.send().await.unwrap()).await;
    let (issued, token) = crate::support::issued(&answer);
    let noted = std::fs::read_to_string(&ledger).unwrap();
    for secret in [&key.secret_key, &issued.secret_key, &token] {
        assert!(noted.lines().any(|line| line == secret));
    }
    assert_eq!(running.end(Signal::INT), Some(0));
}

#[test]
fn an_account_file_is_taken_and_its_mistakes_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("account.toml");
    let text = "[[user]]\nname = \"a\"\nuin = 7\n[[user.key]]\nsecret_id = \"AKIDEMUgiven\"\n";
    std::fs::write(&file, text).unwrap();
    let mut command = emulator();
    let running = Running::start(command.args(["sts", "--json", "--account"]).arg(&file));
    assert_eq!(running.line["secretId"], "AKIDEMUgiven");
    assert_eq!(running.end(Signal::INT), Some(0));

    std::fs::write(&file, format!("{text}more = 1\n")).unwrap();
    let (_, err) = ends_with_code(
        &run(&["--account", file.to_str().unwrap()])
            .output()
            .unwrap(),
        2,
    );
    assert!(
        err.contains("account.toml:6: unknown field `more`"),
        "{err}"
    );
    let missing = directory.path().join("missing.toml");
    let mut command = emulator();
    let command = command.args(["sts", "--account"]).arg(&missing);
    let (_, err) = ends_with_code(&command.output().unwrap(), 2);
    assert!(err.contains("missing.toml: cannot be read"), "{err}");
}

#[test]
fn the_exports_can_be_pasted() {
    let mut child = emulator()
        .arg("sts")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut exports = String::new();
    for line in lines {
        let line = line.unwrap();
        if line.starts_with("export ") {
            exports.push_str(&line);
            exports.push('\n');
        }
        if line.starts_with("Ctrl-C") {
            break;
        }
    }
    let script = format!(
        "{exports}\ntest -s \"$STS_CA_FILE\" && test -s \"$REQUESTS_CA_BUNDLE\" && test -s \"$NODE_EXTRA_CA_CERTS\" && echo \"$SECRET_ID $STS_ENDPOINTS\""
    );
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    let running = Running {
        child,
        line: Value::Null,
    };
    let (out, _) = ends_with_code(&output, 0);
    assert!(out.starts_with("AKIDEMU"), "{out}");
    assert!(out.contains("https://127.0.0.1:"), "{out}");
    assert_eq!(running.end(Signal::TERM), Some(0));
}
