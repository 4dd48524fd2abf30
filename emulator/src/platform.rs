//! The platforms that the cloud can play, and the errors that each answers by itself.

use std::time::Duration;

use serde_json::{Value, json};

/// Where the function believes it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Tencent SCF, event function on the custom runtime.
    Scf(ScfEvent),
    /// Tencent SCF, web function: plain HTTP to the child's own port.
    ScfWeb,
    /// AWS Lambda, OS-only runtime.
    Lambda(LambdaEvent),
}

/// The trigger of an SCF event function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScfEvent {
    /// Function URL.
    #[default]
    FunctionUrl,
    /// API gateway, integrated request and response.
    ApiGateway,
    /// Load balancer.
    Clb,
}

/// The trigger of a Lambda function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LambdaEvent {
    /// Function URL (payload 2.0).
    #[default]
    FunctionUrl,
    /// API gateway, HTTP API (payload 2.0).
    HttpApi,
    /// API gateway, REST API (payload 1.0).
    Rest,
    /// Application load balancer.
    Alb,
}

/// An invocation that the platform ended by itself.
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
        /// Its own words.
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
    /// A web function broke off its answer, or sent none that can be read.
    #[error("the function sent no readable HTTP answer")]
    BadAnswer,
    /// A raw event for something that takes none: a web function, or no function at all.
    #[error("this function takes no events")]
    NoEvents,
    /// The event is over 6 MB.
    #[error("request over the limit of 6 MB")]
    RequestTooLarge,
    /// The response is over 6 MB, or its headers over 4 KB (web functions).
    #[error("response over the limit")]
    ResponseTooLarge,
    /// Every instance is busy and there may be no more.
    #[error("the function has reached its limit of instances")]
    Throttled,
}

impl PlatformError {
    /// SCF's status code and its name. Documented as a table; which code a *client* sees is inferred.
    pub fn scf_code(&self) -> (u16, &'static str) {
        match self {
            Self::ExitedInInit { .. } => (405, "ContainerStateExited"),
            Self::NoEvents => (400, "InvalidParameterValue"),
            Self::RequestTooLarge => (406, "RequestTooLarge"),
            Self::ResponseTooLarge => (407, "ResponseTooLarge"),
            Self::Throttled => (432, "ResourceLimitReached"),
            Self::FetchTimeout { .. } | Self::CallTimeout { .. } => (433, "TimeLimitReached"),
            Self::ExitedBusy { .. } => (439, "UserProcessExit"),
            Self::BadAnswer => (443, "UserCodeError"),
            Self::InitFailed { .. } => (445, "ContainerInitError"),
            Self::PortNotBound => (446, "PortBindingFailed"),
            Self::InitTimeout { .. } => (450, "InitContainerTimeout"),
        }
    }

    /// SCF's error as JSON. The members are observed, their values for each case inferred.
    pub(crate) fn scf_body(&self, request_id: &str) -> Value {
        let (code, name) = self.scf_code();
        json!({
            "errorCode": -1,
            "errorMessage": format!("{name}: {self}"),
            "requestId": request_id,
            "statusCode": code,
        })
    }
}

/// The most that an event or a response may have, on both platforms.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
