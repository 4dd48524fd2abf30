//! How large an event and a response may be, and how long a start and a request may take.
//!
//! Documented: 6 MB both ways on SCF (<https://www.tencentcloud.com/document/product/583/11637>)
//! and on Lambda (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>), 1 MB
//! both ways behind an application load balancer
//! (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html>),
//! 10 s for a start on Lambda
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>), 29 s for a
//! request to a REST API
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html>)
//! and 30 s to an HTTP API
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>). From the
//! source of the runtime interface emulator: the exact number of bytes of a response there.

use std::time::Duration;

use super::{LambdaEvent, Platform};

const SCF_BYTES: usize = 6 * 1024 * 1024;
const LOAD_BALANCER_BYTES: usize = 1024 * 1024;
pub(crate) const LAMBDA_REQUEST_BYTES: usize = 6 * 1024 * 1024;
pub(crate) const LAMBDA_RESPONSE_BYTES: usize = 6 * 1024 * 1024 + 100;
const LAMBDA_INIT: Duration = Duration::from_secs(10);

impl Platform {
    /// The most that the body of a client's request may have.
    pub(crate) fn body_limit_bytes(self) -> usize {
        match self {
            Self::Lambda(LambdaEvent::Alb) => LOAD_BALANCER_BYTES,
            other => other.event_limit_bytes(),
        }
    }

    /// The most that an event may have.
    pub(crate) fn event_limit_bytes(self) -> usize {
        match self {
            Self::Scf(_) | Self::ScfWeb => SCF_BYTES,
            Self::Lambda(_) => LAMBDA_REQUEST_BYTES,
        }
    }

    /// The most that the runtime API takes as a response.
    pub(crate) fn response_limit_bytes(self) -> usize {
        match self {
            Self::Scf(_) | Self::ScfWeb => SCF_BYTES,
            Self::Lambda(_) => LAMBDA_RESPONSE_BYTES,
        }
    }

    /// The most that the trigger passes on of it.
    pub(crate) fn reply_limit_bytes(self) -> usize {
        match self {
            Self::Lambda(LambdaEvent::Alb) => LOAD_BALANCER_BYTES,
            other => other.response_limit_bytes(),
        }
    }

    /// How long the gateway of the trigger waits for the function, whatever the function's limit.
    pub(crate) fn gateway_timeout(self) -> Option<Duration> {
        match self {
            Self::Lambda(LambdaEvent::Rest) => Some(Duration::from_secs(29)),
            Self::Lambda(LambdaEvent::HttpApi) => Some(Duration::from_secs(30)),
            Self::Scf(_) | Self::ScfWeb | Self::Lambda(_) => None,
        }
    }

    /// How long a start may take where `chosen` is what the function is set to. Lambda has no such
    /// setting.
    pub(crate) fn init_limit(self, chosen: Duration) -> Duration {
        match self {
            Self::Scf(_) | Self::ScfWeb => chosen,
            Self::Lambda(_) => chosen.min(LAMBDA_INIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_on_lambda_has_ten_seconds_and_no_more() {
        let lambda = Platform::Lambda(LambdaEvent::FunctionUrl);
        let minute = Duration::from_secs(60);
        assert_eq!(lambda.init_limit(minute), LAMBDA_INIT);
        assert_eq!(lambda.init_limit(Duration::from_secs(1)), Duration::from_secs(1));
        assert_eq!(Platform::ScfWeb.init_limit(minute), minute);
    }
}
