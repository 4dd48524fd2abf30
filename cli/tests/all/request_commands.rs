//! `event` and `invoke`: what they print where, and how they end.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{cos_issuer, ends_with, files, function, texts};

fn invoke(flags: &str) -> Command {
    let mut command = cos_issuer(&["invoke", "--function", &function()]);
    command.args(flags.split_whitespace());
    command
}

#[track_caller]
fn event(arguments: &[&str]) -> Value {
    let (out, err) = ends_with(cos_issuer(&["event"]).args(arguments), 0);
    assert_eq!(err, "");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn each_shape_of_event_is_printed() {
    #[rustfmt::skip]
    let cases = [
        ("", "/httpMethod", "/path"),
        ("--trigger api-gateway", "/httpMethod", "/path"),
        ("--trigger clb", "/headers/X-Method", "/headers/X-Uri"),
        ("--platform lambda", "/requestContext/http/method", "/rawPath"),
        ("--platform lambda --trigger http-api", "/requestContext/http/method", "/rawPath"),
        ("--platform lambda --trigger rest", "/httpMethod", "/path"),
        ("--platform lambda --trigger alb", "/httpMethod", "/path"),
    ];
    for (flags, method, path) in cases {
        let mut arguments: Vec<&str> = flags.split_whitespace().collect();
        arguments.extend(["--method", "DELETE", "--path", "/a%20b"]);
        let event = event(&arguments);
        assert_eq!(event.pointer(method), Some(&json!("DELETE")), "{flags}");
        assert_eq!(event.pointer(path), Some(&json!("/a%20b")), "{flags}");
    }
}

#[test]
fn every_part_of_a_request_can_be_given() {
    let directory = files(&[("body.json", "{\"x\":1}")]);
    let body = format!("@{}/body.json", directory.path().display());
    let event = event(&[
        "--platform",
        "lambda",
        "--trigger",
        "http-api",
        "--path",
        "/sts",
        "--query",
        "a=1&b=x%2Fy",
        "--header",
        "Content-Type: application/json",
        "--header",
        "x-custom:one",
        "--body",
        &body,
    ]);
    assert_eq!(event["requestContext"]["http"]["method"], "POST", "a body is posted");
    assert_eq!(event["rawQueryString"], "a=1&b=x%2Fy");
    assert_eq!(event["headers"]["x-custom"], "one");
    assert_eq!(event["body"], "{\"x\":1}");
    assert_eq!(event["isBase64Encoded"], false);
    let plain = self::event(&["--body", "a text"]);
    assert_eq!(plain["body"], "a text");
    assert_eq!(plain["path"], "/sign", "the usual one");
}

#[test]
fn invalid_requests_are_refused() {
    let cases: [&[&str]; 10] = [
        &["scf-clb"],
        &["--trigger", "http-api"],
        &["--platform", "scf-web"],
        &["--method", "GE T"],
        &["--path", "sign"],
        &["--path", "/sign?a=1"],
        &["--path", "/si gn"],
        &["--header", "no colon"],
        &["--header", "bad name: x"],
        &["--header", "x: a\nb"],
    ];
    for arguments in cases {
        let (out, err) = ends_with(cos_issuer(&["event"]).args(arguments), 2);
        assert!(out.is_empty() && !err.is_empty(), "{arguments:?}");
    }
    let missing = ["event", "--body", "@no/such/file"];
    let (_, err) = ends_with(&mut cos_issuer(&missing), 1);
    assert!(err.contains("no/such/file"), "{err}");
}

#[test]
fn the_answer_is_on_standard_output_and_the_log_on_standard_error() {
    for (flags, kind, report) in [
        ("--platform scf", "httpMethod", "Report RequestId:"),
        ("--platform scf --trigger clb", "payload", "Report RequestId:"),
        ("--platform lambda", "rawPath", "REPORT RequestId:"),
        ("--platform lambda --trigger alb", "httpMethod", "REPORT RequestId:"),
    ] {
        let (out, err) = ends_with(&mut invoke(flags), 0);
        let reply: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(reply["statusCode"], 201, "{flags}");
        let body: Value = serde_json::from_str(reply["body"].as_str().unwrap()).unwrap();
        assert!(body["event"].get(kind).is_some(), "{flags}: {body}");
        for part in ["function | function started as echo", report, "gets HTTP 201"] {
            assert!(err.contains(part), "{flags}: {part} in {err}");
        }
    }
}

#[test]
fn a_web_function_gets_the_request_itself() {
    let flags = "--platform scf-web --path /a --query b=1 --body x";
    let (out, err) = ends_with(&mut invoke(flags), 0);
    let body: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(body["method"], "POST");
    assert_eq!(body["target"], "/a?b=1");
    assert!(err.contains("gets HTTP 201"), "{err}");
    let crash = "--platform scf-web --path / --query behave=crash-busy";
    let (_, err) = ends_with(&mut invoke(crash), 1);
    assert!(err.contains("439"), "{err}");
}

#[test]
fn an_event_from_a_file_or_a_pipe_is_sent_as_it_is() {
    let directory = files(&[("event.json", "{\"my\": \"event\"}")]);
    let file = format!("--event {}/event.json", directory.path().display());
    let (out, _) = ends_with(&mut invoke(&file), 0);
    assert!(out.contains(r#"{\"event\": {\"my\": \"event\"}"#), "{out}");

    let mut child = invoke("--event -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"[7]").unwrap();
    let (out, _) = texts(child.wait_with_output().unwrap(), 0);
    assert!(out.contains(r#"{\"event\": [7]"#), "{out}");
}

#[test]
fn an_invocation_that_ends_badly_is_a_failure() {
    for (flags, reply, reason) in [
        ("--query behave=error", "parse event error", "the function reported"),
        ("--query behave=crash-busy", "\"statusCode\":439", "process exited when running"),
        ("--query behave=memory", "Task memory exceeded 128 MB", "memory exceeded"),
        (
            "--query behave=hang-busy --timeout 1",
            "Invoking task timed out after 1 seconds",
            "timed out",
        ),
        (
            "--query behave=hang-busy --timeout 1 --platform lambda",
            "Error: Task timed out after 1.00 seconds",
            "HTTP 502",
        ),
        ("--env BEHAVIOUR=crash-init", "\"statusCode\":405", "exited before it was ready"),
        (
            "--env BEHAVIOUR=crash-init --platform lambda",
            "Runtime.ExitError",
            "exited before it was ready",
        ),
    ] {
        let (out, err) = ends_with(&mut invoke(flags), 1);
        assert!(out.contains(reply), "{flags}: {out}");
        assert!(err.contains(reason), "{flags}: {err}");
    }
}

#[test]
fn invalid_invocations_are_refused() {
    for flags in [
        "--trigger rest",
        "--platform scf-web --trigger clb",
        "--platform scf-web --event x.json",
        "--event x.json --body x",
        "--timeout 0",
        "--memory 1",
    ] {
        let (out, err) = ends_with(&mut invoke(flags), 2);
        assert!(out.is_empty() && !err.is_empty(), "{flags}");
    }
    let (_, err) = ends_with(&mut invoke("--event no/such/file"), 1);
    assert!(err.contains("no/such/file"), "{err}");
}
