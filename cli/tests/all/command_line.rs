//! Commands: what they print, how they end, and that no process is left running.

use std::io::BufRead as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use cos_emulator::{MARKER, parity};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Console, Running, client, cos_issuer, ends_with, files, function, run};

#[test]
fn the_whole_path_once_on_every_platform() {
    for more in [
        "",
        "--platform scf",
        "--trigger api-gateway",
        "--trigger clb",
        "--platform lambda",
        "--platform lambda --trigger http-api",
        "--platform lambda --trigger rest",
        "--platform lambda --trigger alb",
    ] {
        let mut command = run(&["--once"]);
        let (out, _) = ends_with(command.args(more.split_whitespace()), 0);
        for expected in [
            "http://127.0.0.1:",
            "STS: GetFederationToken for 1800 s, signed with TC3-HMAC-SHA256: Success",
            "\"TmpSecretId\": \"AKIDEMU",
            "{\n  \"code\": 0,\n  \"message\": \"\",\n",
            "function | function started as sign",
        ] {
            assert!(out.contains(expected), "{more}: {expected} in {out}");
        }
        assert!(!out.contains('\u{1b}'), "no colour in a pipe");
        let is_web = out.contains("SCF web function, plain HTTP");
        assert_eq!(is_web, more.is_empty(), "a web function by default: {out}");
    }
}

#[tokio::test]
async fn uploads_with_generated_keys_are_on_by_default_where_the_grant_is_an_upload() {
    for (variable, expected) in [
        ("ALLOW=upload, list", Some("jpg,png")),
        ("EXTENSIONS=mp4", Some("mp4")),
        ("ALLOW=download", None),
        ("GRANTS_FILE=grants.toml", None),
        ("POLICY={}", None),
    ] {
        let mut command = run(&["--json", "--env", "BEHAVIOUR=environment"]);
        let running = Running::start(command.args(["--env", variable]));
        let response = client().get(running.text("gatewayUrl")).send().await.unwrap();
        let environment: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let extensions = environment.get("EXTENSIONS").and_then(Value::as_str);
        assert_eq!(extensions, expected, "{variable}");
        assert_eq!(running.end(Signal::INT), Some(0));
    }
}

#[test]
fn verbose_shows_the_policy() {
    let (out, _) = ends_with(&mut run(&["--once", "--verbose"]), 0);
    assert!(out.contains("name/cos:PutObject"), "{out}");
    assert!(out.contains("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/*"));
}

#[test]
fn failures_are_reported_with_what_the_function_printed() {
    for (variable, expected) in [
        ("BEHAVIOUR=crash-init", "did not become ready: process exited before"),
        ("BEHAVIOUR=nothing", "HTTP 201"),
        ("SECRET_KEY=wrong", "AuthFailure.SignatureFailure"),
        (
            "SECRET_ID=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
            "`SECRET_ID` looks like a real SecretId",
        ),
    ] {
        let (_, err) = ends_with(&mut run(&["--once", "--env", variable]), 1);
        assert!(err.contains(expected), "{variable}: {err}");
    }
    let missing = &mut cos_issuer(&["run", "--function", "no/such/bootstrap"]);
    let (_, err) = ends_with(missing, 1);
    assert!(
        err.contains("`no/such/bootstrap` is not an executable file; build it with `make build`"),
        "{err}"
    );
}

#[test]
fn a_refused_first_request_is_a_result_and_the_cloud_keeps_running() {
    let fault = "[[fault]]\nservice = \"gateway\"\nkind = \"close\"\nnth = 1\n";
    let files = files(&[("faults.toml", fault)]);
    let faults = files.path().join("faults.toml").display().to_string();
    for (more, expected) in [
        (["--env", "BEHAVIOUR=error"], "HTTP 430"),
        (["--env", "SECRET_KEY=wrong"], "AuthFailure.SignatureFailure"),
        (["--faults", &faults], "  ---  GET /sign         -         injected fault `close`"),
    ] {
        let mut started = Console::start(run(&["--platform", "scf"]).args(more));
        let text = started.until("Ctrl-C");
        for part in [expected, "The local cloud keeps running.", "Try it"] {
            assert!(text.contains(part), "{more:?}: {part} in {text}");
        }
        assert_eq!(started.running.end(Signal::INT), Some(0));
    }
}

#[tokio::test]
async fn each_request_is_printed_after_the_sts_calls_that_it_caused() {
    let mut started = Console::start(&mut run(&[]));
    let text = started.until("Ctrl-C");
    let line = text.lines().find(|line| line.contains("  200  GET /sign  ")).unwrap();
    assert!(line.ends_with("upload users/*  30 min  (STS 1)"), "{text}");
    assert!(!text.contains("function |"), "{text}");
    assert_eq!(text.matches("AKIDEMU").count(), 1, "only the id of the key: {text}");

    let gateway = address(&text, "gateway");
    client().get(format!("{gateway}/more?a=1")).send().await.unwrap();
    let text = started.until("/more");
    assert!(text.contains("  200  GET /more  ") && text.contains("(STS 1)"), "{text}");
    assert_eq!(started.running.end(Signal::INT), Some(0));
}

#[tokio::test]
async fn a_request_to_cos_is_printed_with_the_reason_of_its_refusal() {
    let mut started = Console::start(&mut run(&[]));
    let cos = address(&started.until("Ctrl-C"), "COS");
    client().put(format!("{cos}/secret/a.txt")).body("x").send().await.unwrap();
    let line = started.until("COS ");
    assert!(line.contains("  403  COS PutObject secret/a.txt"), "{line}");
    assert!(line.contains("the request is not signed"), "{line}");
    assert_eq!(started.running.end(Signal::INT), Some(0));
}

#[tokio::test]
async fn a_throttled_request_prints_why_on_the_console() {
    let mut started = Console::start(&mut run(&["--max-instances", "1", "--timeout", "5"]));
    let gateway = address(&started.until("Ctrl-C"), "gateway");
    let hang = || client().get(format!("{gateway}/more?behave=hang-busy")).send();
    let (one, other) = tokio::join!(hang(), hang());
    let mut statuses = [one.unwrap().status(), other.unwrap().status()];
    statuses.sort();
    assert_eq!(statuses, [432, 433]);
    let text = started.until("432  GET /more");
    assert!(text.contains("limit of instances; an instance"), "{text}");
    assert!(text.ends_with("raise --max-instances\n"), "{text}");
    assert!(started.until("433  GET /more").contains("invoking task timed out"));
    assert_eq!(started.running.end(Signal::INT), Some(0));
}

/// An address in the console's introduction.
fn address(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn a_busy_port_is_named_with_the_way_out() {
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let function = function();
    for (arguments, flag) in [
        (&["run", "--cos-port", "0", "--function", &function][..], "--port"),
        (&["sts"], "--port"),
        (&["sts"], "--admin-port"),
        (&["run", "--once", "--port", "0", "--function", &function], "--cos-port"),
    ] {
        let (_, err) = ends_with(cos_issuer(arguments).args([flag, &port]), 1);
        assert!(err.contains(&format!("port {port}")), "{err}");
        assert!(err.contains(flag), "{err}");
    }
}

#[test]
fn a_trace_that_cannot_be_written_is_named() {
    let directory = files(&[]);
    let place = directory.path().to_str().unwrap();
    for trace in [place.to_owned(), format!("{place}/missing/trace.jsonl")] {
        let (_, err) = ends_with(&mut cos_issuer(&["sts", "--trace", &trace]), 1);
        assert!(err.contains(&format!("`{trace}`")), "{err}");
    }
}

#[test]
fn invalid_command_lines_are_refused() {
    for arguments in [
        "",
        "run",
        "run --function x --platform azure",
        "run --function x --platform lambda --trigger clb",
        "run --function x --platform scf-web --trigger function-url",
        "run --function x --env NOVALUE",
        "sts --port many",
        "sts --function x",
        "parity --json --markdown",
    ] {
        let mut command = cos_issuer(&[]);
        let (out, err) = ends_with(command.args(arguments.split_whitespace()), 2);
        assert!(out.is_empty() && !err.is_empty(), "{arguments}");
    }
}

#[test]
fn help_has_examples_of_everything_and_the_program_carries_the_marker() {
    for (command, expected) in [
        ("", &["First steps", "cos-issuer run", "cos-issuer sts", "cos-issuer parity"][..]),
        (
            "run",
            &[
                "Examples:",
                "[[fault]]",
                "--config emulator.toml",
                "--platform lambda --trigger http-api",
                "--seed 7",
                "/clock",
                "Exit codes",
            ],
        ),
        ("sts", &["--faults faults.toml", "Exit codes"]),
        ("event", &["Examples:", "Exit codes:", "--header", "@scope.json"]),
        ("invoke", &["Examples:", "Exit codes:", "--header", "@scope.json"]),
        ("parity", &["--json"]),
    ] {
        let mut command_line = cos_issuer(&[]);
        command_line.args(command.split_whitespace()).arg("--help");
        let (out, _) = ends_with(&mut command_line, 0);
        for part in expected {
            assert!(out.contains(part), "{command}: {part} in {out}");
        }
        assert!(!out.contains("target/debug"), "{command}: {out}");
    }
    let expected = format!("cos-issuer {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["-V", "--version"] {
        assert_eq!(ends_with(&mut cos_issuer(&[flag]), 0).0, expected);
    }
    let program = std::fs::read(env!("CARGO_BIN_EXE_cos-issuer")).unwrap();
    let mut windows = program.windows(MARKER.len());
    assert!(windows.any(|window| window == MARKER.as_bytes()));
}

#[test]
fn the_truth_table_is_printed_for_people_programs_and_the_documentation() {
    let print = |flags: &[&str]| ends_with(cos_issuer(&["parity"]).args(flags), 0).0;
    let people = print(&[]);
    for entry in parity::entries() {
        assert!(people.contains(entry.behaviour), "{}", entry.behaviour);
    }
    assert!(people.ends_with(&format!("{}\n", parity::summary())));
    let lines = print(&["--json"]);
    assert_eq!(lines.lines().count(), parity::entries().count());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["behaviour"].is_string() && line["source"].is_string(), "{line}");
    }
    assert_eq!(print(&["--markdown"]), parity::PAGE);
}

#[tokio::test]
async fn json_is_one_line_and_signals_end_everything() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let running = Running::start(&mut run(&["--json"]));
        let url = format!("{}/sign", running.text("gatewayUrl"));
        let answer = client().get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let process = running.line["processes"][0].as_i64().unwrap();
        let proc = std::path::PathBuf::from(format!("/proc/{process}"));
        assert!(proc.exists());
        assert_eq!(running.end(signal), Some(0));
        assert!(!proc.exists(), "the child is gone before the program is");
    }
}

#[test]
fn no_process_is_left_when_the_program_itself_is_killed() {
    for platform in ["scf", "scf-web", "lambda"] {
        // A killed program cannot remove its own directory either.
        let directory = files(&[]);
        let mut command = run(&["--json", "--platform", platform]);
        let running = Running::start(command.env("TMPDIR", directory.path()));
        let process = running.line["processes"][0].as_i64().unwrap();
        let stat = format!("/proc/{process}/stat");
        assert!(std::fs::exists(&stat).unwrap());
        assert_eq!(running.end(Signal::KILL), None);
        // The first process of this machine reaps orphans; a zombie is as good as gone.
        let gone = (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z"))
        });
        assert!(gone, "{platform}");
    }
}

#[test]
fn a_signal_during_a_long_start_is_heard() {
    let mut command = run(&["--verbose", "--env", "BEHAVIOUR=hang-init"]);
    let (running, output) = Running::start_text(&mut command);
    let started =
        output.lines().any(|line| line.unwrap().contains("function started as hang-init"));
    assert!(started);
    assert_eq!(running.end(Signal::TERM), Some(0));
}

#[test]
fn the_end_of_standard_input_ends_everything_if_it_shall() {
    for mut command in
        [run(&["--json", "--stop-with-stdin"]), cos_issuer(&["sts", "--json", "--stop-with-stdin"])]
    {
        let mut running = Running::start(command.stdin(Stdio::piped()));
        let process = running.line["processes"][0].as_i64();
        running.child.stdin.take();
        assert_eq!(running.exit_code(), Some(0));
        let is_gone = |process| !std::path::PathBuf::from(format!("/proc/{process}")).exists();
        assert!(process.is_none_or(is_gone), "the child is gone before the program is");
    }
}

#[test]
fn a_line_says_that_the_cloud_is_ready() {
    let line = "The local cloud is ready.\n";
    for mut command in [run(&[]), cos_issuer(&["sts"])] {
        let mut console = Console::start(command.stdin(Stdio::null()));
        assert!(console.until(line).ends_with(line));
        assert_eq!(console.running.end(Signal::TERM), Some(0));
    }
}

#[test]
fn the_sts_takes_its_own_key_and_every_secret_is_registered() {
    let directory = files(&[]);
    let file = directory.path().join("secrets");
    let mut command = cos_issuer(&["sts", "--json"]);
    let running = Running::start(command.env("COS_EMULATOR_SECRET_LEDGER", &file));
    assert!(running.text("secretId").starts_with("AKIDEMU"));
    // A function of another cloud calls this STS, with the key of the JSON line.
    let mut invoke = cos_issuer(&["invoke", "--function", &function()]);
    for (variable, member) in [
        ("SECRET_ID", "secretId"),
        ("SECRET_KEY", "secretKey"),
        ("STS_ENDPOINTS", "stsUrl"),
        ("STS_CA_FILE", "caFile"),
    ] {
        let value = running.text(member);
        invoke.args(["--env", &format!("{variable}={value}")]);
    }
    let (out, _) = ends_with(invoke.args(["--env", "BEHAVIOUR=sign"]), 0);
    let reply: Value = serde_json::from_str(&out).unwrap();
    let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
    let issued = &body["data"]["credentials"];
    let secrets = std::fs::read_to_string(&file).unwrap();
    for secret in [&running.line["secretKey"], &issued["TmpSecretKey"], &issued["Token"]] {
        let secret = secret.as_str().unwrap();
        assert!(secrets.lines().any(|line| line == secret));
    }
    assert_eq!(running.end(Signal::INT), Some(0));
}

#[test]
fn an_account_file_is_used_and_its_mistakes_are_reported() {
    let text = "[[user]]\nname = \"a\"\nuin = 7\n[[user.key]]\nsecret_id = \"AKIDEMUgiven\"\n";
    let wrong = format!("{text}more = 1\n");
    let directory = files(&[("account.toml", text), ("wrong.toml", &wrong)]);
    let sts = |file: &str| {
        let mut command = cos_issuer(&["sts", "--json", "--account", file]);
        command.current_dir(directory.path());
        command
    };
    let running = Running::start(&mut sts("account.toml"));
    assert_eq!(running.line["secretId"], "AKIDEMUgiven");
    assert_eq!(running.end(Signal::INT), Some(0));
    let (_, err) = ends_with(&mut sts("wrong.toml"), 2);
    assert!(err.contains("wrong.toml:6: unknown field `more`"), "{err}");
    let (_, err) = ends_with(&mut sts("missing.toml"), 2);
    assert!(err.contains("missing.toml: cannot be read"), "{err}");
}

#[test]
fn the_exports_can_be_pasted() {
    let (running, output) = Running::start_text(&mut cos_issuer(&["sts"]));
    let lines = output.lines().map(Result::unwrap);
    let exports: Vec<String> = lines
        .take_while(|line| !line.starts_with("Ctrl-C"))
        .filter(|line| line.starts_with("export "))
        .collect();
    let script = format!(
        "{}\ntest -s \"$STS_CA_FILE\" && test -s \"$REQUESTS_CA_BUNDLE\" && \
         test -s \"$NODE_EXTRA_CA_CERTS\" && echo \"$SECRET_ID $STS_ENDPOINTS\"",
        exports.join("\n")
    );
    let (out, _) = ends_with(Command::new("sh").args(["-c", &script]), 0);
    assert!(out.starts_with("AKIDEMU"), "{out}");
    assert!(out.contains("https://127.0.0.1:"), "{out}");
    assert_eq!(running.end(Signal::TERM), Some(0));
}
