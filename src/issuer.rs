//! From an authorized request to credentials: one STS call, or one more per further endpoint.
//!
//! Promises: everything happens within one time budget, the platform's or our own, whichever ends
//! first; the next endpoint is tried only when the fault may lie in the endpoint, never when STS
//! understood and refused. Leaves out: keeping credentials for the next caller.

use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use tracing::warn;

use crate::deadline::Deadline;
use crate::error::{Error, ErrorCode, chain};
use crate::grant::Authorized;
use crate::http_client::CallError;
use crate::sts::{AnswerError, Client, Credentials, Endpoint, StsError};
use tencent::time::Clock;

/// Issues credentials.
#[expect(missing_debug_implementations, reason = "it holds the calling key")]
pub struct Issuer {
    /// The caller of STS.
    pub sts: Client,
    /// Where STS is, in the order to try; never empty.
    pub endpoints: Vec<Endpoint>,
    /// The budget of one request over all its attempts.
    pub budget: Duration,
}

impl Issuer {
    /// Fetches the credentials that were authorized, within `deadline` and the budget.
    ///
    /// # Errors
    /// One of the `Upstream…` codes.
    pub async fn issue(
        &self,
        authorized: &Authorized,
        clock: &dyn Clock,
        deadline: Deadline,
    ) -> Result<Credentials, Error> {
        let left = deadline.remaining(clock).saturating_sub(ANSWER_MARGIN);
        let budget = Deadline::after(self.budget.min(left), clock);
        let mut failure = StsError::Call(CallError::Timeout);
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let left = budget.remaining(clock);
            if left.is_zero() {
                break;
            }
            // What is left is shared with the endpoints that could still be needed.
            let attempts =
                u32::try_from(self.endpoints.len().saturating_sub(index)).unwrap_or(u32::MAX);
            let timeout = left.checked_div(attempts).unwrap_or(left);
            match self.sts.call(authorized, endpoint, clock, timeout).await {
                Ok(credentials) => return Ok(credentials),
                Err(error) => failure = error,
            }
            let error = Error::from(&failure);
            warn!(
                endpoint = endpoint.host(),
                rule = error.code().info().name,
                cause = chain(&failure),
                remedy = failure.hint(),
                "STS call failed"
            );
            if !is_retryable(&failure) {
                break;
            }
        }
        Err(Error::from(&failure).caused_by(failure))
    }
}

/// Whether another endpoint may do better.
fn is_retryable(failure: &StsError) -> bool {
    match failure {
        StsError::Call(CallError::Header(_)) => false,
        StsError::Call(_) => true,
        StsError::Answer(AnswerError::Status(_) | AnswerError::Shape { .. }) => true,
        StsError::Answer(AnswerError::Api { code, .. }) => is_transient(code),
        StsError::Answer(
            AnswerError::Expired(_) | AnswerError::Missing(_) | AnswerError::Overlong(_),
        ) => false,
    }
}

/// The codes that mean a fault inside STS. `GetRoleError` and `IllegalRole` are about the role, in
/// spite of their family. <https://www.tencentcloud.com/document/product/1150/49458>
fn is_transient(code: &str) -> bool {
    match code {
        "InternalError.GetRoleError" | "InternalError.IllegalRole" => false,
        "InternalError" | "ResourceUnavailable" | "ServiceUnavailable" => true,
        _ => code.starts_with("InternalError."),
    }
}

fn is_throttled(code: &str) -> bool {
    matches!(code, "InvalidParameter.OverLimit" | "LimitExceeded")
        || code.starts_with("RequestLimitExceeded")
}

impl From<&StsError> for Error {
    /// What a caller is told; the vendor's own text stays in the log.
    fn from(failure: &StsError) -> Self {
        let later = |rule, message| {
            Self::new(rule, message).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
        };
        match failure {
            StsError::Call(CallError::Timeout) => later(
                ErrorCode::UpstreamTimeout,
                "the credential service did not answer in time: try again",
            ),
            StsError::Call(CallError::Connect(_) | CallError::Transport(_))
            | StsError::Answer(AnswerError::Status(_)) => later(
                ErrorCode::UpstreamUnavailable,
                "the credential service cannot be reached: try again",
            ),
            StsError::Answer(AnswerError::Api { code, .. }) if is_throttled(code) => later(
                ErrorCode::UpstreamThrottled,
                "too many credentials are being asked for: try again later",
            ),
            StsError::Answer(AnswerError::Api { code, .. }) if is_transient(code) => later(
                ErrorCode::UpstreamUnavailable,
                "the credential service has a fault: try again",
            ),
            StsError::Answer(AnswerError::Api { .. }) => Self::new(
                ErrorCode::UpstreamRefused,
                "the credential service refused the key, role or policy this function is set up with: its operator finds \
                 the cause in the log, by the request id",
            ),
            StsError::Call(CallError::Header(_)) => Self::new(
                ErrorCode::Internal,
                "the function is set up with a key that cannot be sent",
            ),
            StsError::Call(CallError::AnswerTooLarge(_)) | StsError::Answer(_) => later(
                ErrorCode::UpstreamAnswer,
                "the credential service gave an answer that cannot be used: try again",
            ),
        }
    }
}

/// What the answer needs to get back through the platform.
const ANSWER_MARGIN: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::{is_throttled, is_transient};
    use crate::error::{Error, ErrorCode};
    use crate::sts::{AnswerError, StsError};

    #[test]
    fn each_documented_code_has_one_meaning() {
        let rule = |code: &str| {
            let (code, message, request_id) = (
                code.to_owned(),
                "CANARY account 100000000001".to_owned(),
                String::new(),
            );
            let error = Error::from(&StsError::Answer(AnswerError::Api {
                code,
                message,
                request_id,
            }));
            assert!(!error.message().contains("CANARY"));
            error.code()
        };
        for code in [
            "RequestLimitExceeded",
            "RequestLimitExceeded.UinLimitExceeded",
            "InvalidParameter.OverLimit",
        ] {
            assert!(is_throttled(code));
            assert_eq!(rule(code), ErrorCode::UpstreamThrottled, "{code}");
        }
        for code in [
            "InternalError",
            "InternalError.DbError",
            "InternalError.SystemError",
            "ServiceUnavailable",
        ] {
            assert!(is_transient(code));
            assert_eq!(rule(code), ErrorCode::UpstreamUnavailable, "{code}");
        }
        for code in [
            "AuthFailure.SecretIdNotFound",
            "AuthFailure.SignatureFailure",
            "AuthFailure.SignatureExpire",
            "AuthFailure.TokenFailure",
            "FailedOperation.TempKeyNotAllowed",
            "InternalError.GetRoleError",
            "InternalError.IllegalRole",
            "InvalidParameter.GrantOtherResource",
            "InvalidParameter.ResouceError",
            "InvalidParameter.PolicyTooLong",
            "ResourceNotFound.RoleNotFound",
            "UnauthorizedOperation",
            "SomethingNew",
        ] {
            assert!(!is_transient(code) && !is_throttled(code));
            assert_eq!(rule(code), ErrorCode::UpstreamRefused, "{code}");
        }
    }
}
