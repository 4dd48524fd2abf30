//! Lambda's lines in the text format: `START`, `END`, `REPORT`, `INIT_REPORT`, and the reason of a
//! failure.
//!
//! Documented: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html>
//! (report line) and <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
//! (`INIT_REPORT`). Observed in public logs: the tabs, `Status` and `Error Type` behind them, the
//! order of the lines. Inferred: that the start of a custom runtime is in the billed time.

use std::time::Duration;

use tencent::time::{Clock as _, SystemClock, Timestamp};

use super::report::milliseconds;
use super::{Ending, InitPhase, Report};
use crate::platform::PlatformError;
use crate::platform::lambda::error_type;

pub(super) fn start(request_id: &str) -> String {
    format!("START RequestId: {request_id} Version: $LATEST")
}

pub(super) fn init_report(phase: InitPhase, took: Duration, error: &PlatformError) -> String {
    let phase = match phase {
        InitPhase::Init => "init",
        InitPhase::Invoke => "invoke",
    };
    format!(
        "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}\t{}",
        milliseconds(took),
        status(error),
    )
}

pub(super) fn end(report: &Report<'_>) -> Vec<String> {
    let id = report.request_id;
    let mut lines = Vec::new();
    if let Ending::PlatformError(error) = report.ending {
        lines.extend(reason(id, error));
    }
    lines.push(format!("END RequestId: {id}"));
    lines.push(report_line(report));
    lines
}

fn reason(id: &str, error: &PlatformError) -> Vec<String> {
    let text = error.lambda_text();
    if error.is_timeout() {
        return vec![format!("{} {id} {text}", now())];
    }
    vec![format!("RequestId: {id} Error: {text}"), error.lambda_type()]
}

fn report_line(report: &Report<'_>) -> String {
    let init = report.init.map(|init| init.whole);
    let billed = report.duration.saturating_add(init.unwrap_or_default());
    let base = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {:.0} ms\tMemory Size: {} MB\tMax Memory Used: {}",
        report.request_id,
        milliseconds(report.duration),
        milliseconds(billed).ceil(),
        report.memory_mb,
        megabytes(report.peak_memory_bytes),
    );
    let init = init.map(|init| format!("\tInit Duration: {:.2} ms", milliseconds(init)));
    let failure = match report.ending {
        Ending::Returned(_) | Ending::Answered => String::new(),
        Ending::FunctionError(text) => {
            format!("\tStatus: error\tError Type: {}", error_type(text))
        }
        Ending::PlatformError(error) => format!("\t{}", status(error)),
    };
    format!("{base}{}{failure}", init.unwrap_or_default())
}

fn status(error: &PlatformError) -> String {
    if error.is_timeout() {
        "Status: timeout".to_owned()
    } else {
        format!("Status: error\tError Type: {}", error.lambda_report_type())
    }
}

fn megabytes(bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!("{} MB", bytes.div_ceil(1024 * 1024)),
        None => "n/a".to_owned(),
    }
}

/// `2026-11-22T08:00:00.000Z`.
fn now() -> String {
    let milliseconds = SystemClock.unix_milliseconds();
    let time = i64::try_from(milliseconds / 1000)
        .ok()
        .and_then(Timestamp::from_unix_seconds)
        .map(Timestamp::iso_8601)
        .unwrap_or_default();
    format!("{}.{:03}Z", time.trim_end_matches('Z'), milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::super::InitTimes;
    use super::*;

    fn report(ending: Ending<'_>, init: Option<InitTimes>) -> Report<'_> {
        Report {
            request_id: "8476a536",
            ending,
            duration: Duration::from_micros(3_130),
            memory_mb: 128,
            peak_memory_bytes: Some(15 * 1024 * 1024 + 1),
            init,
        }
    }

    #[test]
    fn the_lines_of_an_invocation() {
        let init = InitTimes {
            whole: Duration::from_micros(20_050),
            process: Duration::from_micros(19_000),
        };
        assert_eq!(start("8476a536"), "START RequestId: 8476a536 Version: $LATEST");
        assert_eq!(
            end(&report(Ending::Returned(b"{}"), Some(init))),
            [
                "END RequestId: 8476a536",
                "REPORT RequestId: 8476a536\tDuration: 3.13 ms\tBilled Duration: 24 ms\tMemory Size: 128 MB\tMax Memory Used: 16 MB\tInit Duration: 20.05 ms",
            ]
        );
        let mut warm = report(Ending::Returned(b"{}"), None);
        warm.peak_memory_bytes = None;
        let line = &end(&warm)[1];
        assert!(line.ends_with("\tMax Memory Used: n/a"), "{line}");
        assert!(line.contains("\tBilled Duration: 4 ms\t"), "{line}");
    }

    #[test]
    fn failures_have_their_reason() {
        let limit = Duration::from_secs(3);
        let timeout = PlatformError::CallTimeout { limit };
        let lines = end(&report(Ending::PlatformError(&timeout), None));
        let shown = "Z 8476a536 Task timed out after 3.00 seconds";
        assert!(lines[0].ends_with(shown), "{}", lines[0]);
        assert!(lines[2].ends_with("\tStatus: timeout"), "{}", lines[2]);
        let memory = PlatformError::OutOfMemory { limit_mb: 128 };
        let lines = end(&report(Ending::PlatformError(&memory), None));
        assert_eq!(
            lines[..2],
            [
                "RequestId: 8476a536 Error: Runtime exited with error: signal: killed",
                "Runtime.ExitError"
            ]
        );
        let shown = "\tStatus: error\tError Type: Runtime.OutOfMemory";
        assert!(lines[3].ends_with(shown), "{}", lines[3]);
        let posted = Ending::FunctionError("{\"errorType\":\"MyError\"}");
        let line = &end(&report(posted, None))[1];
        assert!(line.ends_with("\tError Type: MyError"), "{line}");
        let took = Duration::from_micros(9_999_790);
        assert_eq!(
            init_report(InitPhase::Init, took, &timeout),
            "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout"
        );
    }
}
