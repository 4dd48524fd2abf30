//! Why a picture is not processed, and the error that the client gets.
//! <https://www.tencentcloud.com/document/product/1045/33700>
//!
//! Documented: the numbers, and the header `X-ErrNo` in which a failed download has one. Inferred:
//! a failed upload has its number there too; status and code of each, which are those of the other
//! errors of data processing.

use http::StatusCode;

use super::geometry::Size;
use crate::cos::error::{self, CosError};

/// When a picture is processed. The documents have different numbers for the same cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// For the response to a download.
    Download,
    /// For an object to be stored.
    Storing,
}

/// Why a picture is not processed; each reason names the accepted form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A parameter is not well-formed.
    Argument(String),
    /// The local COS does not do it, though the service may.
    Unsupported(String),
    /// The object has no bytes.
    Empty,
    /// The object is not a picture, or a broken one.
    Broken(String),
    /// The object has more bytes than are processed.
    LargeFile,
    /// The picture has more pixels than are processed.
    LargePicture(Size),
    /// The result would have more pixels than are made.
    LargeResult(Size),
    /// There are more results than are made.
    TooManyRules,
    /// A parameter does not fit this picture.
    OutOfBounds(String),
}

impl Failure {
    /// Whether `ignore-error` returns the original (documented: for files that are too large, and
    /// parameters beyond a limit).
    pub(crate) fn can_be_ignored(&self) -> bool {
        match self {
            Self::LargeFile
            | Self::LargePicture(_)
            | Self::LargeResult(_)
            | Self::OutOfBounds(_) => true,
            Self::Argument(_)
            | Self::Unsupported(_)
            | Self::Empty
            | Self::Broken(_)
            | Self::TooManyRules => false,
        }
    }

    pub(crate) fn to_error(&self, stage: Stage) -> CosError {
        let (number_of_download, number_of_storing) = match self {
            Self::Unsupported(reason) => {
                return error::not_implemented("A header or parameter").because(reason);
            }
            Self::Argument(_) => ("-106", "-60998"),
            Self::TooManyRules => ("-106", "-60997"),
            Self::Empty => ("-40168", "-60950"),
            Self::Broken(_) => ("-441", "-62999"),
            Self::LargeFile => ("-167", "-60996"),
            Self::LargePicture(_) => ("-447", "-60996"),
            Self::LargeResult(_) | Self::OutOfBounds(_) => ("-442", "-60998"),
        };
        let number = match stage {
            Stage::Download => number_of_download,
            Stage::Storing => number_of_storing,
        };
        let error = match self {
            Self::Argument(_)
            | Self::OutOfBounds(_)
            | Self::LargeResult(_)
            | Self::TooManyRules => {
                error::invalid_argument("An image processing parameter is invalid.")
            }
            _ => not_supported(),
        };
        error.with_header(ERROR_NUMBER, number).because(self.reason())
    }

    fn reason(&self) -> String {
        match self {
            Self::Argument(reason)
            | Self::Unsupported(reason)
            | Self::Broken(reason)
            | Self::OutOfBounds(reason) => reason.clone(),
            Self::TooManyRules => "rules: must be at most 5".to_owned(),
            Self::Empty => "the object has no bytes".to_owned(),
            Self::LargeFile => "the picture must have at most 32 MB".to_owned(),
            Self::LargePicture(size) => format!(
                "the picture has {size} pixels: must be at most {MAX_LENGTH} wide and high, and \
                 at most {MAX_PIXELS} pixels here (the service: 250 million)"
            ),
            Self::LargeResult(size) => format!(
                "the result would have {size} pixels: must be at most {MAX_RESULT_LENGTH} wide \
                 and high, and at most {MAX_PIXELS} pixels here"
            ),
        }
    }
}

/// Documented for data processing, with the description "the file is faulty or unsupported".
fn not_supported() -> CosError {
    CosError::new(
        StatusCode::BAD_REQUEST,
        "ResourceNotSupported",
        "The image is damaged, too large or not supported.",
    )
}

/// Documented.
pub(super) const MAX_LENGTH: u32 = 30_000;

/// Documented.
pub(super) const MAX_RESULT_LENGTH: u32 = 9_999;

/// The service accepts 250 million. This many take 160 MB of memory, and a picture that is decoded
/// in several passes twice as much again.
pub(super) const MAX_PIXELS: u64 = 40_000_000;

/// Documented.
pub(crate) const ERROR_NUMBER: &str = "x-errno";
