//! What the commands print about a running cloud.

use std::time::Duration;

use cos_emulator::{Cloud, StsCall};
use serde_json::Value;

use crate::console::Console;
use crate::failure::Failure;

/// The admin API, and the seed that repeats this run.
pub(crate) fn print_controls(cloud: &Cloud, console: Console) {
    if let Some(admin) = cloud.admin() {
        console.pair("admin", admin.url());
        console.pair("its token", admin.token());
    }
    console.pair("seed", cloud.seed());
}

/// The same as members of the JSON line.
pub(crate) fn add_controls(cloud: &Cloud, mut addresses: Value) -> Value {
    if let Some(members) = addresses.as_object_mut() {
        if let Some(admin) = cloud.admin() {
            members.insert("adminUrl".to_owned(), admin.url().into());
            members.insert("adminToken".to_owned(), admin.token().into());
        }
        members.insert("seed".to_owned(), cloud.seed().into());
    }
    addresses
}

/// Fails when the trace file is incomplete: a trace that lacks lines is worse than none.
pub(crate) fn check_trace(cloud: &Cloud) -> Result<(), Failure> {
    match cloud.trace_failure() {
        Some(kind) => Err(Failure::Failed(format!(
            "the trace file lacks lines: {kind}"
        ))),
        None => Ok(()),
    }
}

/// Prints each STS call after the first `reported`, for as long as the cloud runs.
pub(crate) async fn follow_calls(
    cloud: &Cloud,
    mut reported: usize,
    verbose: bool,
    console: Console,
) {
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        reported = print_calls(cloud, reported, verbose, console);
    }
}

/// Prints the STS calls after the first `reported`. Returns how many there are.
pub(crate) fn print_calls(
    cloud: &Cloud,
    reported: usize,
    verbose: bool,
    console: Console,
) -> usize {
    let calls = cloud.sts().calls_after(reported);
    for call in &calls {
        if call.outcome == "Success" {
            console.good(call_line(call));
        } else {
            console.bad(call_line(call));
        }
        if verbose {
            let policy = call.policy.as_deref().unwrap_or("-");
            console.line(format_args!("    {policy}"));
        }
    }
    reported.saturating_add(calls.len())
}

fn call_line(call: &StsCall) -> String {
    let seconds = call
        .duration_seconds
        .map(|seconds| format!(" for {seconds} s"))
        .unwrap_or_default();
    format!(
        "STS: {}{seconds}, signed with {}: {}",
        call.action, call.signature_method, call.outcome,
    )
}
