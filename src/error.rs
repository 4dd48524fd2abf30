//! Refusals and failures as a caller meets them: one table of stable codes.
//!
//! Promises: every error that leaves the function is one [`ErrorCode`] of this table, with its HTTP status, its number from the legacy
//! CAM table (4000 bad parameter, 4100 authentication, 4300 refused, 4400 quota, 5100 internal or upstream) and a stable name.
//! The message is ours, in the caller's terms; an upstream's own text travels in `cause`, which goes to the log alone.
//! Leaves out: faults of the configuration (`config::ConfigError`), which are told to the operator before any caller exists.
//!
//! Numbers: <https://www.tencentcloud.com/document/product/598/13884>.

use http::{HeaderName, HeaderValue, StatusCode};

/// Why a request was not answered with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each one means")]
pub enum ErrorCode {
    ApiKey,
    BodyEncoding,
    BodyTooLarge,
    CallerNotAllowed,
    DurationSeconds,
    Event,
    Extension,
    Format,
    GatewayIdentity,
    HeadersTooLarge,
    Host,
    Internal,
    MethodNotAllowed,
    ProofAmbiguous,
    ProofMissing,
    QueryParameter,
    ReplayMemoryFull,
    RequestTimeout,
    RouteNotFound,
    Scope,
    ScopeNotGranted,
    Signature,
    SignatureExpired,
    SignatureReplayed,
    Token,
    TokenKeysUnavailable,
    UnexpectedBody,
    UpstreamAnswer,
    UpstreamRefused,
    UpstreamThrottled,
    UpstreamTimeout,
    UpstreamUnavailable,
}

/// What a caller is told of a code.
#[derive(Clone, Copy, Debug)]
pub struct ErrorInfo {
    /// The HTTP status.
    pub status: StatusCode,
    /// The number in the body's `code`.
    pub number: u16,
    /// The name in the body's `codeDesc`.
    pub name: &'static str,
}

impl ErrorCode {
    /// Every code, for tests and for the documentation.
    pub const ALL: [Self; 32] = [
        Self::ApiKey,
        Self::BodyEncoding,
        Self::BodyTooLarge,
        Self::CallerNotAllowed,
        Self::DurationSeconds,
        Self::Event,
        Self::Extension,
        Self::Format,
        Self::GatewayIdentity,
        Self::HeadersTooLarge,
        Self::Host,
        Self::Internal,
        Self::MethodNotAllowed,
        Self::ProofAmbiguous,
        Self::ProofMissing,
        Self::QueryParameter,
        Self::ReplayMemoryFull,
        Self::RequestTimeout,
        Self::RouteNotFound,
        Self::Scope,
        Self::ScopeNotGranted,
        Self::Signature,
        Self::SignatureExpired,
        Self::SignatureReplayed,
        Self::Token,
        Self::TokenKeysUnavailable,
        Self::UnexpectedBody,
        Self::UpstreamAnswer,
        Self::UpstreamRefused,
        Self::UpstreamThrottled,
        Self::UpstreamTimeout,
        Self::UpstreamUnavailable,
    ];

    /// The row of this code.
    pub const fn info(self) -> ErrorInfo {
        const PARAMETER: u16 = 4000;
        const AUTHENTICATION: u16 = 4100;
        const REFUSED: u16 = 4300;
        const QUOTA: u16 = 4400;
        const BACKEND: u16 = 5100;
        let (status, number, name) = match self {
            Self::ApiKey => (401, AUTHENTICATION, "AuthFailure.ApiKey"),
            Self::BodyEncoding => (400, PARAMETER, "InvalidParameter.BodyEncoding"),
            Self::BodyTooLarge => (413, PARAMETER, "InvalidParameter.BodyTooLarge"),
            Self::CallerNotAllowed => (403, REFUSED, "UnauthorizedOperation.CallerNotAllowed"),
            Self::DurationSeconds => (400, PARAMETER, "InvalidParameter.DurationSeconds"),
            Self::Event => (400, PARAMETER, "InvalidParameter.Event"),
            Self::Extension => (403, REFUSED, "UnauthorizedOperation.Extension"),
            Self::Format => (400, PARAMETER, "InvalidParameter.Format"),
            Self::GatewayIdentity => (401, AUTHENTICATION, "AuthFailure.GatewayIdentity"),
            Self::HeadersTooLarge => (431, PARAMETER, "InvalidParameter.HeadersTooLarge"),
            Self::Host => (421, PARAMETER, "InvalidParameter.Host"),
            Self::Internal => (500, BACKEND, "InternalError"),
            Self::MethodNotAllowed => (405, PARAMETER, "InvalidParameter.MethodNotAllowed"),
            Self::ProofAmbiguous => (401, AUTHENTICATION, "AuthFailure.ProofAmbiguous"),
            Self::ProofMissing => (401, AUTHENTICATION, "AuthFailure.ProofMissing"),
            Self::QueryParameter => (400, PARAMETER, "InvalidParameter.QueryParameter"),
            Self::ReplayMemoryFull => (503, QUOTA, "RequestLimitExceeded.ReplayMemory"),
            Self::RequestTimeout => (408, PARAMETER, "InvalidParameter.RequestTimeout"),
            Self::RouteNotFound => (404, PARAMETER, "InvalidParameter.RouteNotFound"),
            Self::Scope => (400, PARAMETER, "InvalidParameter.Scope"),
            Self::ScopeNotGranted => (403, REFUSED, "UnauthorizedOperation.Scope"),
            Self::Signature => (401, AUTHENTICATION, "AuthFailure.Signature"),
            Self::SignatureExpired => (401, AUTHENTICATION, "AuthFailure.SignatureExpired"),
            Self::SignatureReplayed => (401, AUTHENTICATION, "AuthFailure.SignatureReplayed"),
            Self::Token => (401, AUTHENTICATION, "AuthFailure.Token"),
            Self::TokenKeysUnavailable => (503, BACKEND, "InternalError.TokenKeysUnavailable"),
            Self::UnexpectedBody => (400, PARAMETER, "InvalidParameter.UnexpectedBody"),
            Self::UpstreamAnswer => (502, BACKEND, "InternalError.UpstreamAnswer"),
            Self::UpstreamRefused => (502, BACKEND, "InternalError.UpstreamRefused"),
            Self::UpstreamThrottled => (503, QUOTA, "RequestLimitExceeded.Upstream"),
            Self::UpstreamTimeout => (504, BACKEND, "InternalError.UpstreamTimeout"),
            Self::UpstreamUnavailable => (502, BACKEND, "InternalError.UpstreamUnavailable"),
        };
        let status = match StatusCode::from_u16(status) {
            Ok(status) => status,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ErrorInfo {
            status,
            number,
            name,
        }
    }
}

/// One refusal or failure on its way to the caller and to the log.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: ErrorCode,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A refusal with what the caller can do about it.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            header: None,
            cause: None,
        }
    }

    /// The same with a header that belongs to the status, as `Allow` or `Retry-After`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The same with a cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// Which code refused.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The header that belongs to the status.
    pub fn header(&self) -> Option<&(HeaderName, HeaderValue)> {
        self.header.as_ref()
    }

    /// What the log is told besides.
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
    fn each_rule_has_a_name_of_its_own_and_never_a_success_status() {
        let names: HashSet<&str> = ErrorCode::ALL.iter().map(|code| code.info().name).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert!(code.info().status.as_u16() >= 400, "{code:?}");
            assert!(code.info().number > 0, "{code:?}");
        }
    }
}
