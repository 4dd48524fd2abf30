//! The same errors in Lambda's words: `errorType` and `errorMessage`, as `Invoke` and the log show
//! them.
//!
//! From the source of the runtime interface emulator: `Sandbox.Timedout`, `Runtime.ExitError`, the
//! names of signals. Observed in public logs: `Runtime.OutOfMemory` in the report of a process that
//! was killed for it. Inferred: the texts of what is refused before a function is asked.

use serde_json::{Value, json};

use super::PlatformError;
use super::limits::{LAMBDA_REQUEST_BYTES, LAMBDA_RESPONSE_BYTES};

impl PlatformError {
    /// What `Invoke` answers.
    pub(crate) fn lambda_body(&self, request_id: &str) -> Value {
        let message = self.lambda_text();
        match self {
            Self::Throttled => json!({
                "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                "Type": "User",
                "message": message,
            }),
            Self::RequestTooLarge | Self::NoEvents => json!({ "Type": "User", "message": message }),
            _ => json!({
                "errorType": self.lambda_type(),
                "errorMessage": format!("RequestId: {request_id} Error: {message}"),
            }),
        }
    }

    /// `Error Type` of a report line.
    pub(crate) fn lambda_report_type(&self) -> String {
        match self {
            Self::OutOfMemory { .. } => "Runtime.OutOfMemory".to_owned(),
            _ => self.lambda_type(),
        }
    }

    pub(crate) fn is_timeout(&self) -> bool {
        matches!(
            self,
            Self::InitTimeout { .. }
                | Self::FetchTimeout { .. }
                | Self::CallTimeout { .. }
                | Self::GatewayTimeout { .. }
        )
    }

    pub(crate) fn lambda_type(&self) -> String {
        match self {
            Self::InitTimeout { .. }
            | Self::FetchTimeout { .. }
            | Self::CallTimeout { .. }
            | Self::GatewayTimeout { .. } => "Sandbox.Timedout".to_owned(),
            Self::ExitedInInit { .. } | Self::ExitedBusy { .. } | Self::OutOfMemory { .. } => {
                "Runtime.ExitError".to_owned()
            }
            Self::InitFailed { message } => error_type(message),
            Self::ResponseTooLarge => "Function.ResponseSizeTooLarge".to_owned(),
            Self::Throttled => "TooManyRequestsException".to_owned(),
            Self::RequestTooLarge => "RequestTooLargeException".to_owned(),
            Self::PortNotBound | Self::BadAnswer | Self::NoEvents => "Runtime.Unknown".to_owned(),
        }
    }

    pub(crate) fn lambda_text(&self) -> String {
        match self {
            Self::InitTimeout { limit }
            | Self::FetchTimeout { limit }
            | Self::CallTimeout { limit }
            | Self::GatewayTimeout { limit } => {
                format!("Task timed out after {:.2} seconds", limit.as_secs_f64())
            }
            Self::ExitedInInit { status } | Self::ExitedBusy { status } => exited(status),
            Self::OutOfMemory { .. } => "Runtime exited with error: signal: killed".to_owned(),
            Self::ResponseTooLarge => format!(
                "Response payload size exceeded maximum allowed payload size ({LAMBDA_RESPONSE_BYTES} bytes)."
            ),
            Self::Throttled => "Rate Exceeded.".to_owned(),
            Self::RequestTooLarge => format!(
                "Request must be smaller than {LAMBDA_REQUEST_BYTES} bytes for the InvokeFunction operation"
            ),
            Self::InitFailed { .. } | Self::PortNotBound | Self::BadAnswer | Self::NoEvents => {
                self.to_string()
            }
        }
    }
}

/// `errorType` of what a runtime posted as its error.
pub(crate) fn error_type(posted: &str) -> String {
    serde_json::from_str::<Value>(posted)
        .ok()
        .and_then(|posted| posted.get("errorType")?.as_str().map(str::to_owned))
        // A log line cannot contain more, and no line breaks.
        .map(|kind| kind.chars().filter(|letter| !letter.is_control()).take(200).collect())
        .unwrap_or_else(|| "Runtime.Unknown".to_owned())
}

/// `exit status: 7` and `signal: 9 (SIGKILL)` as Lambda spells them.
fn exited(status: &str) -> String {
    let shown = match status {
        "exit status: 0" => return "Runtime exited without providing a reason".to_owned(),
        status if status.contains("SIGKILL") => "signal: killed".to_owned(),
        status if status.contains("SIGSEGV") => "signal: segmentation fault".to_owned(),
        status if status.contains("SIGABRT") => "signal: aborted".to_owned(),
        other => other.replace("exit status: ", "exit status "),
    };
    format!("Runtime exited with error: {shown}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn lambdas_words() {
        let limit = Duration::from_millis(1500);
        let body = PlatformError::CallTimeout { limit }.lambda_body("8476a536");
        assert_eq!(body["errorType"], "Sandbox.Timedout");
        assert_eq!(
            body["errorMessage"],
            "RequestId: 8476a536 Error: Task timed out after 1.50 seconds"
        );
        for (status, shown) in [
            ("exit status: 7", "Runtime exited with error: exit status 7"),
            ("exit status: 0", "Runtime exited without providing a reason"),
            ("signal: 9 (SIGKILL)", "Runtime exited with error: signal: killed"),
            ("signal: 6 (SIGABRT) (core dumped)", "Runtime exited with error: signal: aborted"),
        ] {
            let status = status.to_owned();
            assert_eq!(PlatformError::ExitedBusy { status }.lambda_text(), shown);
        }
    }

    #[test]
    fn the_type_of_a_posted_error() {
        assert_eq!(error_type(r#"{"errorType":"Runtime.Configuration"}"#), "Runtime.Configuration");
        for unreadable in ["", "parse event error", "{}", r#"{"errorType":7}"#] {
            assert_eq!(error_type(unreadable), "Runtime.Unknown");
        }
        assert_eq!(error_type("{\"errorType\":\"a\\nSTART b\"}"), "aSTART b");
    }
}
