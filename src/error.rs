//! Refusals and failures as a caller meets them: one table of stable codes.
//!
//! Promises: every error that leaves the function is one [`Rule`] of this table, with its HTTP status, its number from the legacy
//! CAM table (4000 bad parameter, 4100 authentication, 4300 refused, 4400 quota, 5100 internal or upstream) and a stable name.
//! The message is ours, in the caller's terms; an upstream's own text travels in `cause`, which goes to the log alone.
//! Leaves out: faults of the configuration (`config::Problem`), which are told to the operator before any caller exists.
//!
//! Numbers: <https://www.tencentcloud.com/document/product/598/13884>.

use http::{HeaderName, HeaderValue, StatusCode};

/// Why a request was not answered with a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the table below says what each one means")]
pub enum Rule {
    BodyEncoding,
    BodyTooLarge,
    DurationSeconds,
    Event,
    Format,
    HeadersTooLarge,
    Internal,
    MethodNotAllowed,
    QueryParameter,
    RequestTimeout,
    RouteNotFound,
    UnexpectedBody,
    UpstreamAnswer,
    UpstreamRefused,
    UpstreamThrottled,
    UpstreamTimeout,
    UpstreamUnavailable,
}

/// What a caller is told of a rule.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The HTTP status.
    pub status: StatusCode,
    /// The number in the body's `code`.
    pub number: u16,
    /// The name in the body's `codeDesc`.
    pub name: &'static str,
}

impl Rule {
    /// Every rule, for tests and for the documentation.
    pub const ALL: [Self; 17] = [
        Self::BodyEncoding,
        Self::BodyTooLarge,
        Self::DurationSeconds,
        Self::Event,
        Self::Format,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::MethodNotAllowed,
        Self::QueryParameter,
        Self::RequestTimeout,
        Self::RouteNotFound,
        Self::UnexpectedBody,
        Self::UpstreamAnswer,
        Self::UpstreamRefused,
        Self::UpstreamThrottled,
        Self::UpstreamTimeout,
        Self::UpstreamUnavailable,
    ];

    /// The row of this rule.
    pub const fn code(self) -> Code {
        let (status, number, name) = match self {
            Self::BodyEncoding => (
                StatusCode::BAD_REQUEST,
                4000,
                "InvalidParameter.BodyEncoding",
            ),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                4000,
                "InvalidParameter.BodyTooLarge",
            ),
            Self::DurationSeconds => (
                StatusCode::BAD_REQUEST,
                4000,
                "InvalidParameter.DurationSeconds",
            ),
            Self::Event => (StatusCode::BAD_REQUEST, 4000, "InvalidParameter.Event"),
            Self::Format => (StatusCode::BAD_REQUEST, 4000, "InvalidParameter.Format"),
            Self::HeadersTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                4000,
                "InvalidParameter.HeadersTooLarge",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, 5100, "InternalError"),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                4000,
                "InvalidParameter.MethodNotAllowed",
            ),
            Self::QueryParameter => (
                StatusCode::BAD_REQUEST,
                4000,
                "InvalidParameter.QueryParameter",
            ),
            Self::RequestTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                4000,
                "InvalidParameter.RequestTimeout",
            ),
            Self::RouteNotFound => (
                StatusCode::NOT_FOUND,
                4000,
                "InvalidParameter.RouteNotFound",
            ),
            Self::UnexpectedBody => (
                StatusCode::BAD_REQUEST,
                4000,
                "InvalidParameter.UnexpectedBody",
            ),
            Self::UpstreamAnswer => (
                StatusCode::BAD_GATEWAY,
                5100,
                "InternalError.UpstreamAnswer",
            ),
            Self::UpstreamRefused => (
                StatusCode::BAD_GATEWAY,
                5100,
                "InternalError.UpstreamRefused",
            ),
            Self::UpstreamThrottled => (
                StatusCode::SERVICE_UNAVAILABLE,
                4400,
                "RequestLimitExceeded.Upstream",
            ),
            Self::UpstreamTimeout => (
                StatusCode::GATEWAY_TIMEOUT,
                5100,
                "InternalError.UpstreamTimeout",
            ),
            Self::UpstreamUnavailable => (
                StatusCode::BAD_GATEWAY,
                5100,
                "InternalError.UpstreamUnavailable",
            ),
        };
        Code {
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
    rule: Rule,
    message: String,
    header: Option<(HeaderName, HeaderValue)>,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A refusal with what the caller can do about it.
    pub fn new(rule: Rule, message: impl Into<String>) -> Self {
        Self {
            rule,
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

    /// Which rule refused.
    pub fn rule(&self) -> Rule {
        self.rule
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

    use super::Rule;

    #[test]
    fn each_rule_has_a_name_of_its_own_and_never_a_success_status() {
        let names: HashSet<&str> = Rule::ALL.iter().map(|rule| rule.code().name).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert!(rule.code().status.as_u16() >= 400, "{rule:?}");
            assert!(rule.code().number > 0, "{rule:?}");
        }
    }
}
