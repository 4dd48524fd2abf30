//! One fetch from STS: the order of endpoints, retries, and how many calls run at once.
//!
//! # Guarantees
//! - The next endpoint is tried only when the fault may lie in the endpoint, never when STS
//!   understood and refused.
//! - When no endpoint could be connected to, so that nothing was sent, all are tried again.
//! - At the limit of parallel calls the answer is a refusal at once, never a queue.
//!
//! # Not covered
//! Keeping credentials for the next caller (`cache`, `flight`).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use http::header::RETRY_AFTER;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tracing::warn;

use crate::deadline::Deadline;
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode, chain};
use crate::grant::Authorized;
use crate::http_client::CallError;
use crate::sts::{AnswerError, Client, Credentials, Endpoint, StsError};
use tencent::time::Clock;

/// STS, and the way there.
pub(super) struct Upstream {
    pub(super) sts: Client,
    /// In the order to try; never empty.
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) permits: Semaphore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Upstream {
    /// Fetches the credentials that were authorized, before `deadline`.
    ///
    /// # Errors
    /// One of the `Upstream…` codes; [`ErrorCode::Busy`] at the limit of parallel calls.
    pub(super) async fn fetch(
        &self,
        authorized: &Authorized,
        deadline: Deadline,
    ) -> Result<Credentials, Error> {
        let _permit = self.permits.try_acquire().map_err(|_| self.busy())?;
        let clock = &*self.clock;
        let mut last: Option<Failure<'_>> = None;
        'rounds: for round in 0..MAX_ROUNDS {
            if round > 0 {
                // Nothing was sent, so STS cannot have issued anything yet.
                if !matches!(&last, Some(failure) if failure.is_unsent()) {
                    break;
                }
                sleep(RECONNECT_PAUSE.min(deadline.remaining(clock))).await;
            }
            for (endpoint, still_needed) in self.endpoints.iter().zip(self.still_needed()) {
                let left = deadline.remaining(clock);
                if left.is_zero() {
                    break 'rounds;
                }
                if let Some(failure) = &last {
                    failure.log();
                }
                // What is left is shared with the endpoints that could still be needed.
                let timeout = left.checked_div(still_needed).unwrap_or(left);
                let error = match self.sts.call(authorized, endpoint, clock, timeout).await {
                    Ok(credentials) => return Ok(credentials),
                    Err(error) => error,
                };
                let is_final = !is_retryable(&error);
                last = Some(Failure { endpoint, error });
                if is_final {
                    break 'rounds;
                }
            }
        }
        Err(last.map_or_else(|| Error::from(&StsError::Call(CallError::Timeout)), Error::from))
    }

    /// For each endpoint, how many are left to try with it.
    fn still_needed(&self) -> impl Iterator<Item = u32> {
        let count = u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX);
        (1..=count).rev()
    }

    fn busy(&self) -> Error {
        let message = "this function already makes as many calls as it may: try again";
        // Callers that were refused at once do not come back at once.
        let is_later = self.entropy.bytes().is_ok_and(|[first, ..]| first % 2 == 1);
        let seconds = HeaderValue::from_static(if is_later { "2" } else { "1" });
        Error::new(ErrorCode::Busy, message).with_header(RETRY_AFTER, seconds)
    }
}

/// One attempt that brought no credentials.
struct Failure<'e> {
    endpoint: &'e Endpoint,
    error: StsError,
}

impl Failure<'_> {
    fn is_unsent(&self) -> bool {
        matches!(self.error, StsError::Call(CallError::Connect(_)))
    }

    /// The last failure is logged with the request that it ends, all others here.
    fn log(&self) {
        warn!(
            endpoint = self.endpoint.host(),
            rule = Error::from(&self.error).code().info().name,
            cause = chain(&self.error),
            remedy = self.error.hint(),
            "STS call failed: trying again"
        );
    }
}

impl From<Failure<'_>> for Error {
    fn from(Failure { endpoint, error }: Failure<'_>) -> Self {
        let cause = format!("{}: {}", endpoint.host(), chain(&error));
        Self::from(&error).with_hint(error.hint()).caused_by(cause)
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
    /// The caller's view of a failure; the vendor's own text stays in the log.
    fn from(failure: &StsError) -> Self {
        let later = |code, message| {
            Self::new(code, message).with_header(RETRY_AFTER, HeaderValue::from_static("1"))
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
                "too many credentials are requested at once: try again later",
            ),
            StsError::Answer(AnswerError::Api { code, .. }) if is_transient(code) => later(
                ErrorCode::UpstreamUnavailable,
                "the credential service has a fault: try again",
            ),
            StsError::Answer(AnswerError::Api { .. }) => Self::new(
                ErrorCode::UpstreamRefused,
                "the credential service refused the key, role or policy of this function: the log has \
                 the cause under this request id",
            ),
            StsError::Call(CallError::Header(_)) => Self::new(
                ErrorCode::Internal,
                "SECRET_ID or SECRET_KEY cannot be sent in a header: the operator has to set it again",
            ),
            StsError::Call(CallError::AnswerTooLarge(_)) | StsError::Answer(_) => later(
                ErrorCode::UpstreamAnswer,
                "the credential service returned an unusable answer: try again",
            ),
        }
    }
}

/// A refused connection or a name that is not resolved is often over within moments.
const MAX_ROUNDS: u32 = 3;

const RECONNECT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::{is_throttled, is_transient};
    use crate::error::{Error, ErrorCode};
    use crate::sts::{AnswerError, StsError};

    #[test]
    fn each_documented_code_has_one_meaning() {
        let rule = |code: &str| {
            let (code, message, request_id) =
                (code.to_owned(), "CANARY account 100000000001".to_owned(), String::new());
            let error =
                Error::from(&StsError::Answer(AnswerError::Api { code, message, request_id }));
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
