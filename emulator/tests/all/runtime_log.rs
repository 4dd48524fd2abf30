//! The lines around an invocation, in the order and spelling of each platform, with true numbers
//! and without secrets.

use cos_emulator::{Cloud, Platform};

use crate::lifecycle::{LAMBDA, SCF, behaving, outcome};
use crate::support::plain_client;

async fn log(platform: Platform, behave: &str) -> (Cloud, Vec<String>) {
    let cloud = behaving(platform, "echo").start().await.unwrap();
    if platform == Platform::ScfWeb {
        let url = format!("{}/?behave={behave}", cloud.gateway_url().unwrap());
        plain_client().get(url).send().await.unwrap();
    } else {
        outcome(&cloud, behave).await;
    }
    let lines = cloud.function_output().lines().map(str::to_owned).collect();
    (cloud, lines)
}

/// The beginnings of the lines that the platform wrote.
fn kinds(lines: &[String]) -> Vec<&str> {
    let known = [
        "START",
        "INIT_REPORT",
        "Init Report",
        "ERROR",
        "Response",
        "cos-emulator",
        "END",
        "REPORT",
        "Report",
        "RequestId",
    ];
    let kind = |line: &String| known.into_iter().find(|kind| line.starts_with(kind));
    lines.iter().filter_map(kind).collect()
}

fn number(text: &str, after: &str, before: &str) -> f64 {
    let rest = text.split(after).nth(1).unwrap_or_else(|| panic!("no {after} in {text}"));
    rest.split(before).next().unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn scf_event_functions() {
    let (_cloud, lines) = log(SCF, "echo").await;
    assert_eq!(kinds(&lines), ["START", "Response", "END", "Report"]);
    let started = lines.iter().position(|line| line.contains("function started")).unwrap();
    let opened = lines.iter().position(|line| line.starts_with("START")).unwrap();
    assert!(opened < started, "what the start prints belongs to the first request");
    let report = lines.last().unwrap();
    assert!(number(report, "Duration:", "ms") < 10_000.0);
    assert_eq!(number(report, " Memory:", "MB"), 128.0);
    let used = number(report, "MemUsage:", "MB");
    assert!((4.0..128.0).contains(&used), "{report}");

    let (_cloud, lines) = log(SCF, "error").await;
    assert_eq!(kinds(&lines), ["START", "ERROR", "Response", "END", "Report"]);
    assert!(lines.iter().any(|line| line.ends_with("Result:parse event error")));
}

#[tokio::test]
async fn scf_web_functions_do_not_log_what_they_answer() {
    let (_cloud, lines) = log(Platform::ScfWeb, "sign").await;
    assert_eq!(kinds(&lines), ["START", "Init Report", "END", "Report"]);
    let init = lines.iter().find(|line| line.starts_with("Init Report")).unwrap();
    let (whole, process) =
        (number(init, "InitDuration: ", "ms"), number(init, " Duration: ", "ms"));
    assert!(whole >= process && process > 0.0, "{init}");
    assert!(!lines.concat().contains("AKIDEMU"), "no answer in the log");
}

#[tokio::test]
async fn lambda() {
    let (cloud, lines) = log(LAMBDA, "echo").await;
    assert_eq!(kinds(&lines), ["START", "END", "REPORT"]);
    let started = lines.iter().position(|line| line.contains("function started")).unwrap();
    let opened = lines.iter().position(|line| line.starts_with("START")).unwrap();
    assert!(started < opened, "the start lies before the first request");
    let cold = lines.last().unwrap();
    let (duration, init) =
        (number(cold, "\tDuration: ", " ms"), number(cold, "\tInit Duration: ", " ms"));
    let billed = number(cold, "\tBilled Duration: ", " ms");
    assert!((billed - (duration + init).ceil()).abs() <= 1.0, "{cold}");
    let used = number(cold, "\tMax Memory Used: ", " MB");
    assert!((4.0..=128.0).contains(&used), "{cold}");
    outcome(&cloud, "echo").await;
    let output = cloud.function_output();
    let warm = output.lines().last().unwrap();
    assert!(!warm.contains("Init Duration"), "{warm}");
}

#[tokio::test]
async fn lambda_reports_why_an_invocation_failed() {
    for (behave, expected) in [
        ("crash-busy", "Status: error\tError Type: Runtime.ExitError"),
        ("memory", "Status: error\tError Type: Runtime.OutOfMemory"),
        ("too-large", "Status: error\tError Type: Function.ResponseSizeTooLarge"),
    ] {
        let (_cloud, lines) = log(LAMBDA, behave).await;
        assert_eq!(kinds(&lines), ["START", "RequestId", "END", "REPORT"], "{behave}");
        assert!(lines.last().unwrap().ends_with(expected), "{lines:?}");
    }
    let (_cloud, lines) = log(LAMBDA, "memory").await;
    let used = number(lines.last().unwrap(), "\tMax Memory Used: ", " MB");
    assert!(used > 128.0, "the true number, over the limit as it is");
}

#[tokio::test]
async fn a_returned_secret_is_masked_with_a_word_about_it() {
    for behave in ["own-secret", "sign"] {
        let (cloud, lines) = log(SCF, behave).await;
        assert_eq!(
            kinds(&lines),
            ["START", "Response", "cos-emulator", "END", "Report"],
            "{behave}"
        );
        let output = lines.join("\n");
        assert!(output.contains("***"), "{behave}");
        assert!(output.contains("SCF masks nothing"), "{behave}");
        let secrets = cloud.secrets();
        assert!(!secrets.is_empty());
        assert!(secrets.iter().all(|secret| !output.contains(secret.as_str())));
    }
}

#[tokio::test]
async fn a_secret_or_a_line_in_a_reported_error_is_neither() {
    for (platform, expected) in [
        (LAMBDA, &["START", "END", "REPORT"][..]),
        (SCF, &["START", "ERROR", "Response", "END", "Report"]),
    ] {
        let (cloud, lines) = log(platform, "secret-error").await;
        assert_eq!(kinds(&lines), expected, "{lines:?}");
        let output = lines.join("\n");
        assert!(output.contains("***"), "{output}");
        let secrets = cloud.secrets();
        assert!(secrets.iter().all(|secret| !output.contains(secret.as_str())));
    }
}
