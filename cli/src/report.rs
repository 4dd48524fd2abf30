//! What the commands print about a running cloud.

use cos_emulator::{Cloud, GatewayCall, PlatformError, StsCall};
use serde_json::Value;

use crate::console::Console;
use crate::failure::Failure;

/// The admin API, and the seed that repeats this run.
pub(crate) fn print_controls(cloud: &Cloud, console: Console) {
    if let Some(admin) = cloud.admin() {
        console.pair("admin", admin.url());
        console.pair("admin token", admin.token());
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
        Some(kind) => Err(Failure::Failed(format!("the trace file lacks lines: {kind}"))),
        None => Ok(()),
    }
}

/// Prints one call to the STS.
pub(crate) fn print_sts_call(call: &StsCall, verbose: bool, console: Console) {
    let seconds =
        call.duration_seconds.map(|seconds| format!(" for {seconds} s")).unwrap_or_default();
    let line = format!(
        "STS: {}{seconds}, signed with {}: {}",
        call.action, call.signature_method, call.outcome,
    );
    console.step(call.outcome == "Success", line);
    if verbose {
        let policy = call.policy.as_deref().unwrap_or("-");
        console.line(format_args!("    {policy}"));
    }
}

/// Prints one request to the gateway.
pub(crate) fn print_gateway_call(call: &GatewayCall, console: Console) {
    let status = call.status.map(|status| status.as_u16().to_string());
    let status = status.as_deref().unwrap_or("no response");
    let reason = match (call.fault, &call.error) {
        (Some(fault), _) => format!(", injected fault `{fault}`"),
        (None, Some(PlatformError::Throttled)) => format!(
            ", {}; an instance serves one request at a time: raise --max-instances",
            PlatformError::Throttled
        ),
        (None, Some(error)) => format!(", {error}"),
        (None, None) => String::new(),
    };
    let is_good = call.status.is_some_and(|status| status.as_u16() < 400);
    let line = format!("{} {}: {status}{reason}", call.method, call.path);
    console.step(is_good, line);
}
