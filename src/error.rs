//! Refusals and failures as a caller meets them: one table of stable codes.
//!
//! Numbers: <https://www.tencentcloud.com/document/product/598/13884>.
//!
//! # Guarantees
//! Every error that leaves the function is one [`ErrorCode`] of the table, with its HTTP status,
//! its number from the legacy CAM table (4000 bad parameter, 4100 authentication, 4300 refused,
//! 4400 quota, 5100 internal or upstream) and a stable name. The message is ours, in the caller's
//! terms; an upstream's own text is a cause, and causes go only to the log.
//!
//! # Not covered
//! Errors of the configuration (`config::ConfigError`), which the operator sees before any caller
//! exists.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, StatusCode};

/// The row of a code.
#[derive(Clone, Copy, Debug)]
pub struct ErrorInfo {
    /// The HTTP status.
    pub status: StatusCode,
    /// The number in the body's `code`.
    pub number: u16,
    /// The name in the body's `codeDesc`.
    pub name: &'static str,
}

macro_rules! error_codes {
    ($($code:ident: $status:ident, $number:ident, $name:literal;)+) => {
        /// Why a request was not answered with a credential.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the table of codes describes each one")]
        pub enum ErrorCode {
            $($code,)+
        }

        impl ErrorCode {
            /// Every code, for tests and for the documentation.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The row of this code.
            pub const fn info(self) -> ErrorInfo {
                match self {
                    $(Self::$code => ErrorInfo {
                        status: StatusCode::$status,
                        number: $number,
                        name: $name,
                    },)+
                }
            }
        }
    };
}

error_codes! {
    ApiKey: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.ApiKey";
    AuditUnavailable: SERVICE_UNAVAILABLE, BACKEND, "InternalError.AuditUnavailable";
    BodyEncoding: BAD_REQUEST, PARAMETER, "InvalidParameter.BodyEncoding";
    BodyTooLarge: PAYLOAD_TOO_LARGE, PARAMETER, "InvalidParameter.BodyTooLarge";
    Busy: SERVICE_UNAVAILABLE, QUOTA, "RequestLimitExceeded.Concurrency";
    CallerNotAllowed: FORBIDDEN, REFUSED, "UnauthorizedOperation.CallerNotAllowed";
    CallingKeyExpired: SERVICE_UNAVAILABLE, BACKEND, "InternalError.CallingKeyExpired";
    DurationSeconds: BAD_REQUEST, PARAMETER, "InvalidParameter.DurationSeconds";
    Event: BAD_REQUEST, PARAMETER, "InvalidParameter.Event";
    Extension: FORBIDDEN, REFUSED, "UnauthorizedOperation.Extension";
    Format: BAD_REQUEST, PARAMETER, "InvalidParameter.Format";
    GatewayIdentity: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.GatewayIdentity";
    HeadersTooLarge: REQUEST_HEADER_FIELDS_TOO_LARGE, PARAMETER, "InvalidParameter.HeadersTooLarge";
    Host: MISDIRECTED_REQUEST, PARAMETER, "InvalidParameter.Host";
    Internal: INTERNAL_SERVER_ERROR, BACKEND, "InternalError";
    MethodNotAllowed: METHOD_NOT_ALLOWED, PARAMETER, "InvalidParameter.MethodNotAllowed";
    ProofAmbiguous: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.ProofAmbiguous";
    ProofMissing: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.ProofMissing";
    QueryParameter: BAD_REQUEST, PARAMETER, "InvalidParameter.QueryParameter";
    RateLimited: TOO_MANY_REQUESTS, QUOTA, "RequestLimitExceeded.RateLimit";
    RateLimitBlocked: TOO_MANY_REQUESTS, QUOTA, "RequestLimitExceeded.Blocked";
    ReplayMemoryFull: SERVICE_UNAVAILABLE, QUOTA, "RequestLimitExceeded.ReplayMemory";
    RequestTimeout: REQUEST_TIMEOUT, PARAMETER, "InvalidParameter.RequestTimeout";
    RouteNotFound: NOT_FOUND, PARAMETER, "InvalidParameter.RouteNotFound";
    Scope: BAD_REQUEST, PARAMETER, "InvalidParameter.Scope";
    ScopeNotGranted: FORBIDDEN, REFUSED, "UnauthorizedOperation.Scope";
    SharedStoreUnavailable: SERVICE_UNAVAILABLE, BACKEND, "InternalError.SharedStoreUnavailable";
    Signature: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.Signature";
    SignatureExpired: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.SignatureExpired";
    SignatureReplayed: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.SignatureReplayed";
    SwitchedOff: FORBIDDEN, REFUSED, "UnauthorizedOperation.SwitchedOff";
    Token: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.Token";
    TokenKeysUnavailable: SERVICE_UNAVAILABLE, BACKEND, "InternalError.TokenKeysUnavailable";
    UnexpectedBody: BAD_REQUEST, PARAMETER, "InvalidParameter.UnexpectedBody";
    UpstreamAnswer: BAD_GATEWAY, BACKEND, "InternalError.UpstreamAnswer";
    UpstreamRefused: BAD_GATEWAY, BACKEND, "InternalError.UpstreamRefused";
    UpstreamThrottled: SERVICE_UNAVAILABLE, QUOTA, "RequestLimitExceeded.Upstream";
    UpstreamTimeout: GATEWAY_TIMEOUT, BACKEND, "InternalError.UpstreamTimeout";
    UpstreamUnavailable: BAD_GATEWAY, BACKEND, "InternalError.UpstreamUnavailable";
    WechatCode: UNAUTHORIZED, AUTHENTICATION, "AuthFailure.WechatCode";
    WechatCodeForm: BAD_REQUEST, PARAMETER, "InvalidParameter.WechatCode";
    WechatConfiguration: SERVICE_UNAVAILABLE, BACKEND, "InternalError.WechatConfiguration";
    WechatRateLimited: TOO_MANY_REQUESTS, QUOTA, "RequestLimitExceeded.Wechat";
    WechatUnavailable: SERVICE_UNAVAILABLE, BACKEND, "InternalError.WechatUnavailable";
    WechatUserBlocked: FORBIDDEN, REFUSED, "UnauthorizedOperation.WechatUserBlocked";
}

const PARAMETER: u16 = 4000;
const AUTHENTICATION: u16 = 4100;
const REFUSED: u16 = 4300;
const QUOTA: u16 = 4400;
const BACKEND: u16 = 5100;

/// One refusal or failure on its way to the caller and to the log. Callers who waited for the same
/// STS call get clones.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: ErrorCode,
    message: String,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    hint: Option<&'static str>,
    #[source]
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A refusal, with a message that helps the caller to mend it.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), header: None, hint: None, cause: None }
    }

    /// The same with a header that belongs to the status, as `Allow` or `Retry-After`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// The same with a cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into().into());
        self
    }

    /// The same with what the operator can do about it, for the log.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<&'static str>) -> Self {
        self.hint = hint;
        self
    }

    /// What the operator can do about it, for the log.
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The header that belongs to the status.
    pub fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_deref()
    }

    /// The cause, for the log.
    pub fn cause_text(&self) -> Option<String> {
        self.cause.as_deref().map(|cause| chain(cause))
    }
}

/// An error and its causes, joined by `: `.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ErrorCode;

    #[test]
    fn each_code_has_a_name_of_its_own_and_never_a_success_status() {
        let names: HashSet<&str> = ErrorCode::ALL.iter().map(|code| code.info().name).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!(code.info().status.as_u16() >= 400, "{code:?}");
            assert!(code.info().number > 0, "{code:?}");
        }
    }
}
