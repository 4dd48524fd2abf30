//! How an invocation ended.

use crate::platform::PlatformError;

/// One invocation and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The id that the function saw.
    pub request_id: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes that the function answered.
    Response(Vec<u8>),
    /// The text that the function reported as its error.
    FunctionError(String),
    /// The platform ended it.
    PlatformError(PlatformError),
}

impl Outcome {
    pub(crate) fn platform_error(&self) -> Option<&PlatformError> {
        match self {
            Self::PlatformError(error) => Some(error),
            Self::Response(_) | Self::FunctionError(_) => None,
        }
    }
}
