//! The errors of a platform, in SCF's words.
//!
//! Documented: SCF's table of status codes
//! (<https://www.tencentcloud.com/document/product/583/35311>). Observed in public reports: the
//! members of the body and the texts for a time-out and for too much memory. Inferred: the other
//! texts, and which of the codes the client of a trigger sees. `lambda` has them in Lambda's words.

use std::time::Duration;

use serde_json::{Value, json};

/// Why the platform ended an invocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// The process ended before it was ready.
    #[error("process exited before it was ready ({status})")]
    ExitedInInit {
        /// How it ended.
        status: String,
    },
    /// The process reported that its start failed.
    #[error("initialization failed: {message}")]
    InitFailed {
        /// Its message.
        message: String,
    },
    /// The process was not ready in time.
    #[error("initialization timed out after {} ms", limit.as_millis())]
    InitTimeout {
        /// The limit.
        limit: Duration,
    },
    /// A web function listened on no port in time.
    #[error("no server listens on the port of the function")]
    PortNotBound,
    /// The process ended while it had a request.
    #[error("process exited when running ({status})")]
    ExitedBusy {
        /// How it ended.
        status: String,
    },
    /// The process was ready but did not fetch the event in time.
    #[error("waiting to fetch event timed out after {} ms", limit.as_millis())]
    FetchTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The request was not answered in time.
    #[error("invoking task timed out after {} ms", limit.as_millis())]
    CallTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The gateway gave up before the function did, which runs on.
    #[error("the gateway waited {} ms for the function", limit.as_millis())]
    GatewayTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The process took more memory than the function has.
    #[error("task memory exceeded {limit_mb} MB")]
    OutOfMemory {
        /// The limit.
        limit_mb: u32,
    },
    /// A web function broke off its answer, or sent none that can be read.
    #[error("the function sent an unreadable HTTP response")]
    BadAnswer,
    /// A raw event for a web function, or for a cloud without a function.
    #[error("this function does not accept events")]
    NoEvents,
    /// The event is over what the platform or the trigger takes, 6 MB or 1 MB.
    #[error("request over the limit")]
    RequestTooLarge,
    /// The response is over what the platform or the trigger takes, or its headers over 4 KB (web
    /// functions).
    #[error("response over the limit")]
    ResponseTooLarge,
    /// Every instance is busy and there may be no more.
    #[error("the function has reached its limit of instances")]
    Throttled,
}

impl PlatformError {
    /// SCF's status code and its name. Documented as a table; which code a *client* sees is
    /// inferred.
    pub fn scf_code(&self) -> (u16, &'static str) {
        match self {
            Self::ExitedInInit { .. } => (405, "ContainerStateExited"),
            Self::NoEvents => (400, "InvalidParameterValue"),
            Self::RequestTooLarge => (406, "RequestTooLarge"),
            Self::ResponseTooLarge => (407, "ResponseTooLarge"),
            Self::Throttled => (432, "ResourceLimitReached"),
            Self::FetchTimeout { .. } | Self::CallTimeout { .. } | Self::GatewayTimeout { .. } => {
                (433, "TimeLimitReached")
            }
            Self::OutOfMemory { .. } => (434, "MemoryLimitReached"),
            Self::ExitedBusy { .. } => (439, "UserProcessExit"),
            Self::BadAnswer => (443, "UserCodeError"),
            Self::InitFailed { .. } => (445, "ContainerInitError"),
            Self::PortNotBound => (446, "PortBindingFailed"),
            Self::InitTimeout { .. } => (450, "InitContainerTimeout"),
        }
    }

    /// SCF's error as JSON.
    pub(crate) fn scf_body(&self, request_id: &str) -> Value {
        json!({
            "errorCode": -1,
            "errorMessage": self.scf_text(),
            "requestId": request_id,
            "statusCode": self.scf_code().0,
        })
    }

    /// SCF's own text where it is known, else the name of the code and ours.
    pub(crate) fn scf_text(&self) -> String {
        match self {
            Self::CallTimeout { limit } => {
                format!("Invoking task timed out after {} seconds", limit.as_secs_f64())
            }
            Self::OutOfMemory { limit_mb } => format!("Task memory exceeded {limit_mb} MB"),
            other => format!("{}: {other}", other.scf_code().1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_that_are_known_are_word_for_word() {
        let limit = Duration::from_secs(3);
        let body = PlatformError::CallTimeout { limit }.scf_body("id");
        assert_eq!(
            body,
            json!({
                "errorCode": -1,
                "errorMessage": "Invoking task timed out after 3 seconds",
                "requestId": "id",
                "statusCode": 433,
            })
        );
        let body = PlatformError::OutOfMemory { limit_mb: 128 }.scf_body("id");
        assert_eq!(body["errorMessage"], "Task memory exceeded 128 MB");
        assert_eq!(body["statusCode"], 434);
        let body = PlatformError::Throttled.scf_body("id");
        assert_eq!(
            body["errorMessage"],
            "ResourceLimitReached: the function has reached its limit of instances"
        );
    }
}
