//! Image processing: what `imageMogr2` and `imageInfo` make of JPEG and PNG pictures.
//! <https://www.tencentcloud.com/document/product/436/36366>,
//! <https://www.tencentcloud.com/document/product/436/36375>
//!
//! ```text
//! text  -> Rule      rule      steps (geometry) and output, or a refusal
//! bytes -> Header    header    format, size, quality, orientation; nothing is decoded
//!       -> Pixels    codec     decoded, once the header is within the limits
//!       -> Pixels    steps     resized (resize), turned, cut
//!       -> Processed codec     encoded
//! ```
//!
//! # Guarantees
//!
//! The size of a picture is checked before memory is taken for it, that of a result before it is
//! made. What cannot be done exactly is refused, never approximated.
//!
//! # Not covered
//!
//! Other formats, animations, watermarks, filters, and the service's own choice of pixels: a
//! result has the documented size, not the same bytes.

mod codec;
mod exif;
mod failure;
mod geometry;
mod header;
mod pic_operations;
mod pixels;
mod quality;
mod resize;
mod rule;
mod steps;
#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "numbers of the tests' own making"
)]
pub(in crate::cos) mod tests;

pub(crate) use self::codec::{Processed, mean_colour, process};
pub(crate) use self::failure::{ERROR_NUMBER, Failure, Stage};
#[cfg(test)]
use self::header::Format;
pub(crate) use self::header::Header;
pub(crate) use self::pic_operations::{PIC_OPERATIONS, PicOperations};
pub(crate) use self::rule::Rule;
use self::rule::{INFO, MOGRIFY};

/// What a request wants of a picture.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ImageRequest {
    /// A description of it.
    Info,
    /// A result.
    Result(Rule),
}

impl ImageRequest {
    /// What the parameters of a request want; `None` for the object as it is.
    pub(crate) fn of(
        parameters: impl Iterator<Item = (String, String)>,
    ) -> Result<Option<Self>, Failure> {
        let mut found = parameters.filter(|(name, _)| is_parameter(name));
        let Some((name, value)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            let reason = "parameters: must be one of image processing; join operations with `|`";
            return Err(Failure::Argument(reason.to_owned()));
        }
        // A `=` of base64 divides the text.
        let text = if value.is_empty() { name } else { format!("{name}={value}") };
        Ok(Some(match text.as_str() {
            INFO => Self::Info,
            text => Self::Result(Rule::parse(text)?),
        }))
    }
}

/// Whether a parameter of this name processes a picture in a way that is supported at all.
pub(crate) fn is_parameter(name: &str) -> bool {
    [MOGRIFY, INFO].contains(&first_word(name))
}

/// The first word of a parameter's name, as in `imageMogr2/thumbnail/300x`.
pub(crate) fn first_word(name: &str) -> &str {
    name.split(['/', '|']).next().unwrap_or_default()
}

/// Documented.
pub(crate) const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
