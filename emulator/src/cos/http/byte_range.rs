//! The byte range of an object that a request reads.
//!
//! Documented: one range, 206 with `Content-Range`, 416 when it begins after the end.
//! Inferred: `bytes=-n` and `bytes=n-` work as in RFC 9110; a header of another form, or with
//! several ranges, is ignored.

use bytes::Bytes;

use crate::cos::error::{self, CosError};

/// Bytes `start` to `end`, not including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl ByteRange {
    /// All of `length` bytes.
    pub(crate) fn whole(length: u64) -> Self {
        Self { start: 0, end: length }
    }

    /// Parses `Range: <header>` for `length` bytes; `None` for all of them.
    pub(crate) fn of_header(header: &str, length: u64) -> Result<Option<Self>, CosError> {
        let Some((first, last)) = bounds(header) else {
            return Ok(None);
        };
        let range = match (first, last) {
            (Some(first), Some(last)) if last < first => return Ok(None),
            (Some(start), last) => {
                Self { start, end: last.map_or(length, |last| last.saturating_add(1).min(length)) }
            }
            (None, Some(count)) => Self { start: length.saturating_sub(count), end: length },
            (None, None) => return Ok(None),
        };
        if range.start >= range.end {
            return Err(unsatisfiable(length));
        }
        Ok(Some(range))
    }

    /// Parses `x-cos-copy-source-range: bytes=first-last`; both must be inside.
    pub(crate) fn of_copy(header: &str, length: u64) -> Result<Self, CosError> {
        match bounds(header) {
            Some((Some(start), Some(last))) if start <= last && last < length => {
                Ok(Self { start, end: last.saturating_add(1) })
            }
            Some((Some(_), Some(_))) => Err(unsatisfiable(length)),
            _ => Err(error::invalid_argument(
                "The x-cos-copy-source-range value must be of the form bytes=first-last.",
            )),
        }
    }

    pub(crate) fn length(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Its part of `bytes`.
    pub(crate) fn of(self, bytes: &Bytes) -> Bytes {
        let position = |at| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let (start, end) = (position(self.start), position(self.end));
        bytes.slice(start.min(end)..end)
    }

    /// The value of `Content-Range`.
    pub(crate) fn header(self, length: u64) -> String {
        let last = self.end.saturating_sub(1);
        format!("bytes {}-{last}/{length}", self.start)
    }
}

fn bounds(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    Some((number(first)?, number(last)?))
}

/// A number or empty; anything else is not a range.
fn number(text: &str) -> Option<Option<u64>> {
    match text.trim() {
        "" => Some(None),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(text.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    }
}

fn unsatisfiable(length: u64) -> CosError {
    error::invalid_range()
        .with_header("content-range", format!("bytes */{length}"))
        .because(format!("the object has {length} bytes"))
}

#[cfg(test)]
mod tests {
    use super::ByteRange;

    #[test]
    fn ranges_of_ten_bytes() {
        for (header, expected) in [
            ("bytes=0-0", Some((0, 1))),
            ("bytes=2-4", Some((2, 5))),
            ("bytes=2-", Some((2, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=-30", Some((0, 10))),
            ("bytes=9-99", Some((9, 10))),
            ("bytes=0-18446744073709551615", Some((0, 10))),
            ("bytes=4-2", None),
            ("bytes=-", None),
            ("bytes=0-1,3-4", None),
            ("bytes=a-b", None),
            ("items=0-1", None),
            ("", None),
        ] {
            let found = ByteRange::of_header(header, 10).unwrap();
            assert_eq!(found.map(|slice| (slice.start, slice.end)), expected, "{header}");
        }
        for header in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(
                ByteRange::of_header(header, 10).unwrap_err().code,
                "InvalidRange",
                "{header}"
            );
        }
        assert!(ByteRange::of_header("bytes=0-", 0).is_err());
    }

    #[test]
    fn ranges_of_copies_lie_inside() {
        assert_eq!(ByteRange::of_copy("bytes=0-9", 10).unwrap().length(), 10);
        for (header, code) in [
            ("bytes=0-10", "InvalidRange"),
            ("bytes=5-4", "InvalidRange"),
            ("bytes=5-", "InvalidArgument"),
            ("bytes=-5", "InvalidArgument"),
            ("5-6", "InvalidArgument"),
        ] {
            assert_eq!(ByteRange::of_copy(header, 10).unwrap_err().code, code, "{header}");
        }
    }
}
