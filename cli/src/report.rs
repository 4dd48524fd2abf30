//! What the commands print about a running cloud.

use cos_emulator::{Cloud, StsCall};
use serde_json::Value;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Printed once everything answers, in all versions the same: programs wait for it.
pub(crate) const READY: &str = "The local cloud is ready.";

/// The admin API, and the seed that repeats this run.
pub(crate) fn print_controls(cloud: &Cloud, terminal: Terminal) {
    if let Some(admin) = cloud.admin() {
        terminal.pair("admin", admin.url());
        terminal.pair("admin token", admin.token());
    }
    terminal.pair("seed", cloud.seed());
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
        Some(kind) => Err(Failure::Failed(format!("the trace file lacks lines: {kind}"))),
        None => Ok(()),
    }
}

/// Prints one call to the STS.
pub(crate) fn print_sts_call(call: &StsCall, verbose: bool, terminal: Terminal) {
    let seconds =
        call.duration_seconds.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
    let line = format!(
        "STS: {}{seconds}, signed with {}: {}",
        call.action, call.signature_method, call.outcome,
    );
    terminal.step(call.outcome == "Success", line);
    if verbose {
        let policy = call.policy.as_deref().unwrap_or("-");
        terminal.line(format_args!("    {policy}"));
    }
}
