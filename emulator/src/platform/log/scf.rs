//! SCF's lines: `START`, `Init Report`, `ERROR`, `Response`, `END`, `Report`.
//!
//! Documented, spelled as there: <https://www.tencentcloud.com/document/product/583/43948> (log
//! structure). Start-up reports are documented only for web functions. Two pages disagree whether
//! the answer of a *web* function is logged; here it is not, as on the page about testing.
//! Documented too: the 8 KB at which a line is cut. Inferred: the text after `Result:`, and the
//! error's JSON as the return value of an invocation that failed.

use serde_json::{Value, json};

use super::mask::masked;
use super::report::{boundary, milliseconds};
use super::{Ending, Report};
use crate::secrets::SecretRegistry;

const MAX_LINE_BYTES: usize = 8 * 1024;

pub(super) fn start(request_id: &str) -> String {
    format!("START RequestId:{request_id}")
}

pub(super) fn init_report(report: &Report<'_>) -> Option<String> {
    let init = report.init?;
    Some(format!(
        "Init Report RequestId:{} InitDuration: {:.0}ms Duration: {:.0}ms Memory: {}MB MemUsage: {}",
        report.request_id,
        milliseconds(init.whole),
        milliseconds(init.process),
        report.memory_mb,
        megabytes(report.peak_memory_bytes),
    ))
}

pub(super) fn end(report: &Report<'_>, secrets: &SecretRegistry) -> Vec<String> {
    let id = report.request_id;
    let failed = |text: &str, body: &Value| {
        let text = masked(text.as_bytes(), secrets).text;
        let body = masked(body.to_string().as_bytes(), secrets).text;
        vec![
            one_line(&format!("ERROR RequestId:{id} Result:{text}")),
            one_line(&format!("Response RequestId:{id} RetMsg:{body}")),
        ]
    };
    let mut lines = match report.ending {
        Ending::Answered => Vec::new(),
        Ending::Returned(bytes) => returned(id, bytes, secrets),
        Ending::FunctionError(text) => {
            failed(text, &json!({ "errorCode": 1, "errorMessage": text }))
        }
        Ending::PlatformError(error) => failed(&error.scf_text(), &error.scf_body(id)),
    };
    lines.push(format!("END RequestId:{id}"));
    lines.push(format!(
        "Report RequestId:{id} Duration:{:.0}ms Memory:{}MB MemUsage:{}",
        milliseconds(report.duration),
        report.memory_mb,
        megabytes(report.peak_memory_bytes),
    ));
    lines
}

fn returned(id: &str, bytes: &[u8], secrets: &SecretRegistry) -> Vec<String> {
    let shown = masked(bytes, secrets);
    let mut lines = vec![one_line(&format!("Response RequestId:{id} RetMsg:{}", shown.text))];
    if shown.secrets > 0 {
        lines.push(format!(
            "cos-emulator: masked {} secrets in the line above. SCF masks nothing: its log \
             contains what an event function returns, but not what a web function answers.",
            shown.secrets
        ));
    }
    lines
}

/// As the documented sample has it: `29.734375MB`.
fn megabytes(bytes: Option<u64>) -> String {
    let Some(kilobytes) = bytes.and_then(|bytes| u32::try_from(bytes / 1024).ok()) else {
        return "n/a".to_owned();
    };
    let text = format!("{:.6}", f64::from(kilobytes) / 1024.0);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}MB")
}

/// Cut where the platform cuts, and without the line breaks that a function may have returned.
fn one_line(text: &str) -> String {
    let end = boundary(text, MAX_LINE_BYTES);
    let shown = text.get(..end).unwrap_or_default();
    shown.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::InitTimes;
    use super::*;
    use crate::platform::PlatformError;

    const ID: &str = "09c346d3-8417-49c5-8569-c55033b17f51";

    fn report(ending: Ending<'_>) -> Report<'_> {
        Report {
            request_id: ID,
            ending,
            duration: Duration::from_micros(1200),
            memory_mb: 128,
            peak_memory_bytes: Some(31_178_752),
            init: Some(InitTimes {
                whole: Duration::from_millis(2235),
                process: Duration::from_millis(1235),
            }),
        }
    }

    #[test]
    fn the_lines_are_those_of_the_documented_sample() {
        let secrets = SecretRegistry::open(None).unwrap();
        assert_eq!(start(ID), format!("START RequestId:{ID}"));
        let returned = report(Ending::Returned(b"\"Hello World\""));
        assert_eq!(
            end(&returned, &secrets),
            [
                format!("Response RequestId:{ID} RetMsg:\"Hello World\""),
                format!("END RequestId:{ID}"),
                format!("Report RequestId:{ID} Duration:1ms Memory:128MB MemUsage:29.734375MB"),
            ]
        );
        assert_eq!(
            init_report(&returned).unwrap(),
            format!(
                "Init Report RequestId:{ID} InitDuration: 2235ms Duration: 1235ms Memory: 128MB MemUsage: 29.734375MB"
            )
        );
    }

    #[test]
    fn errors_have_a_line_of_their_own_and_an_unread_number_is_missing() {
        let secrets = SecretRegistry::open(None).unwrap();
        let error = PlatformError::OutOfMemory { limit_mb: 128 };
        let mut failed = report(Ending::PlatformError(&error));
        failed.peak_memory_bytes = None;
        let lines = end(&failed, &secrets);
        assert_eq!(lines[0], format!("ERROR RequestId:{ID} Result:Task memory exceeded 128 MB"));
        assert!(lines[1].contains("\"statusCode\":434"), "{}", lines[1]);
        assert!(lines[3].ends_with("MemUsage:n/a"), "{}", lines[3]);
    }

    #[test]
    fn a_returned_secret_is_masked_and_the_log_notes_that_the_platform_does_not() {
        let secrets = SecretRegistry::open(None).unwrap();
        secrets.register("a-secret-of-this-cloud").unwrap();
        let value = b"{\"body\":\"a-secret-of-this-cloud\"}";
        let lines = end(&report(Ending::Returned(value)), &secrets);
        assert!(lines[0].ends_with("RetMsg:{\"body\":\"***\"}"), "{}", lines[0]);
        assert!(lines[1].contains("SCF masks nothing"), "{}", lines[1]);
    }

    #[test]
    fn a_line_ends_at_eight_kilobytes_and_stays_one_line() {
        let secrets = SecretRegistry::open(None).unwrap();
        let long = format!("\"\n{}\"", "ä".repeat(9000));
        let lines = end(&report(Ending::Returned(long.as_bytes())), &secrets);
        assert!(lines[0].len() <= MAX_LINE_BYTES);
        assert!(lines[0].len() > MAX_LINE_BYTES - 4);
        assert!(!lines[0].contains('\n'));
    }
}
