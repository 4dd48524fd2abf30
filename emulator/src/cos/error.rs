//! The errors of COS: status, code and message of the documents.
//! <https://www.tencentcloud.com/document/product/436/7730>
//!
//! Leaves out: how they are written; that is XML with `Resource`, `RequestId` and `TraceId`.

use http::StatusCode;

/// One error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct CosError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// More members of the XML, such as `StringToSign`, in their order.
    pub(crate) members: Vec<(&'static str, String)>,
    /// Headers that go with it.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Why, in a developer's words: only this cloud tells, in a header of its own.
    pub(crate) reason: Option<String>,
}

impl CosError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            members: Vec::new(),
            headers: Vec::new(),
            reason: None,
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, member: &'static str, value: impl Into<String>) -> Self {
        self.members.push((member, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// A body that is no XML, or not the XML that was due. The text is inferred.
pub(crate) fn malformed_xml(reason: impl Into<String>) -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
    .because(reason)
}

pub(crate) fn no_such_bucket() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchBucket",
        "The specified bucket does not exist.",
    )
}

/// The text is inferred.
pub(crate) fn no_such_upload() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchUpload",
        "The specified multipart upload does not exist.",
    )
}

/// What went wrong on this machine, told to its developer.
pub(crate) fn internal(reason: &dyn std::fmt::Display) -> CosError {
    CosError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalError",
        "We encountered an internal error. Please try again.",
    )
    .because(reason.to_string())
}

pub(crate) fn no_such_key() -> CosError {
    CosError::new(
        StatusCode::NOT_FOUND,
        "NoSuchKey",
        "The specified key does not exist.",
    )
}
