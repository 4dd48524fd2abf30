//! The names of buckets, regions and object prefixes.
//!
//! # Guarantees
//! A name contains no wildcard and no policy variable, because CAM has no escape for them. A prefix
//! ends in `/`, so `users/1/` never covers `users/10/`.
//!
//! # Not covered
//! How a policy writes them: see [`Resource`](crate::cam::Resource).

use std::fmt;

/// A bucket with its appid, for example `examplebucket-1250000000`.
/// <https://www.tencentcloud.com/document/product/436/13312>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    full_name: String,
    appid: String,
}

impl Bucket {
    /// Parses `<name>-<appid>`, split at the last hyphen.
    ///
    /// # Errors
    /// [`BucketError`].
    pub fn parse(text: &str) -> Result<Self, BucketError> {
        let (name, appid) = text.rsplit_once('-').ok_or(BucketError::NoAppid)?;
        if appid.len() < MIN_APPID_DIGITS || !appid.chars().all(|c| c.is_ascii_digit()) {
            return Err(BucketError::NoAppid);
        }
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let closed = name.starts_with('-') || name.ends_with('-') || name.is_empty();
        if closed || !name.chars().all(known) {
            return Err(BucketError::Name);
        }
        if text.len() > MAX_BUCKET_CHARACTERS {
            return Err(BucketError::Long);
        }
        Ok(Self { full_name: text.to_owned(), appid: appid.to_owned() })
    }

    /// The account number at the end of the name.
    pub fn appid(&self) -> &str {
        &self.appid
    }

    /// The name without the appid, as in the old form of a resource.
    pub fn short_name(&self) -> &str {
        let name = self.full_name.strip_suffix(&self.appid);
        name.and_then(|name| name.strip_suffix('-')).unwrap_or("")
    }

    /// The name with the appid.
    pub fn as_str(&self) -> &str {
        &self.full_name
    }
}

/// Why a text is not a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// The name has too many characters.
    #[error("a bucket name has at most 50 characters with the appid")]
    Long,
    /// COS does not allow the name.
    #[error("a bucket name has lower-case letters, digits and inner hyphens")]
    Name,
    /// There is no account number at the end.
    #[error("the appid is missing: write `examplebucket-1250000000`")]
    NoAppid,
}

/// A COS region, for example `ap-guangzhou`. Its form is checked and not a list, because regions
/// are added over the years. <https://www.tencentcloud.com/document/product/436/6224>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Parses a region id: two letters, a place, and at most one suffix (`ap-shanghai-fsi`,
    /// `ap-beijing-1`).
    ///
    /// # Errors
    /// [`RegionError`].
    pub fn parse(text: &str) -> Result<Self, RegionError> {
        let parts: Vec<&str> = text.split('-').collect();
        let letters = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
        let suffix = |part: &str| {
            letters(part) || (!part.is_empty() && part.chars().all(|c| c.is_ascii_digit()))
        };
        let known = match parts.as_slice() {
            [area, place] => area.len() == 2 && letters(area) && letters(place),
            [area, place, end] => area.len() == 2 && letters(area) && letters(place) && suffix(end),
            _ => false,
        };
        if known { Ok(Self(text.to_owned())) } else { Err(RegionError) }
    }

    /// The region id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text does not have the form of a region id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a region has the form `ap-guangzhou` (the short names `gz`, `sh`, `cn-east` belong to an older API)"
)]
pub struct RegionError;

/// A key prefix that ends in `/`; only `/` is the whole bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPrefix(String);

impl ObjectPrefix {
    /// Parses a prefix.
    ///
    /// # Errors
    /// [`ObjectPrefixError`].
    pub fn parse(text: &str) -> Result<Self, ObjectPrefixError> {
        if text == "/" {
            return Ok(Self(String::new()));
        }
        if !text.ends_with('/') {
            return Err(ObjectPrefixError::NotClosed);
        }
        if text.chars().any(|c| METACHARACTERS.contains(&c) || c.is_control()) {
            return Err(ObjectPrefixError::Character);
        }
        let mut segments = text.trim_end_matches('/').split('/');
        let odd = segments.any(|segment| matches!(segment, "" | "." | ".."));
        if odd || text.ends_with("//") {
            return Err(ObjectPrefixError::Segment);
        }
        if text.len() > MAX_PREFIX_BYTES {
            return Err(ObjectPrefixError::Long);
        }
        Ok(Self(text.to_owned()))
    }

    /// The beginning of the keys: empty for the whole bucket.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectPrefixError {
    /// A character that a policy could read as a wildcard or a variable.
    #[error("`*`, `?`, `$`, `{{`, `}}`, `\\` and control characters cannot be escaped in a policy")]
    Character,
    /// Too long for a key below it.
    #[error("a prefix has at most 700 bytes")]
    Long,
    /// It does not end in `/`.
    #[error(
        "a prefix ends in `/` (else `users/1` would cover `users/10`); for the whole bucket write `/`"
    )]
    NotClosed,
    /// An empty segment, `.` or `..`.
    #[error("a prefix has no leading `/`, no `//` and no segment `.` or `..`")]
    Segment,
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.full_name)
    }
}

/// The characters that CAM expands, or that our prefixes refuse to be safe: `*` and `${…}` are
/// documented, and CAM has no escape for any of them.
/// <https://www.tencentcloud.com/document/product/598/10606>,
/// <https://www.tencentcloud.com/document/product/598/10607>
pub const METACHARACTERS: [char; 6] = ['*', '?', '$', '{', '}', '\\'];

/// Today's appids have ten digits; those of old accounts have fewer.
const MIN_APPID_DIGITS: usize = 5;

/// Name and appid together. <https://www.tencentcloud.com/document/product/436/13312>
const MAX_BUCKET_CHARACTERS: usize = 50;

/// A key has at most 850 bytes; the rest is for the name below the prefix.
/// <https://www.tencentcloud.com/document/product/436/13324>
const MAX_PREFIX_BYTES: usize = 700;

#[cfg(test)]
mod tests {
    use super::{Bucket, BucketError, ObjectPrefix, ObjectPrefixError, Region};

    #[test]
    fn a_bucket_needs_its_appid() {
        assert!(Bucket::parse("examplebucket-1250000000").is_ok());
        assert!(Bucket::parse("my-own-bucket-1250000000").is_ok());
        for text in [
            "examplebucket",
            "examplebucket-",
            "examplebucket-abc",
            "-1250000000",
            "1250000000",
            "",
        ] {
            assert!(Bucket::parse(text).is_err(), "{text}");
        }
        assert_eq!(Bucket::parse("examplebucket"), Err(BucketError::NoAppid));
        assert_eq!(Bucket::parse("Example-1250000000"), Err(BucketError::Name));
        assert_eq!(Bucket::parse("exam*ple-1250000000"), Err(BucketError::Name));
    }

    #[test]
    fn a_region_is_known_by_its_form() {
        for text in ["ap-guangzhou", "na-siliconvalley", "ap-beijing-1", "ap-shanghai-fsi"] {
            assert!(Region::parse(text).is_ok(), "{text}");
        }
        let texts = "gz cn_east AP-guangzhou ap- ap-* ap-guangzhou-1-2 ap.guangzhou \
            apx-guangzhou";
        for text in texts.split(' ').chain([""]) {
            assert!(Region::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_closed_and_has_nothing_that_a_policy_would_expand() {
        assert_eq!(ObjectPrefix::parse("/").unwrap().as_str(), "");
        assert_eq!(ObjectPrefix::parse("users/1/").unwrap().as_str(), "users/1/");
        assert_eq!(ObjectPrefix::parse("文件/").unwrap().as_str(), "文件/");
        assert_eq!(ObjectPrefix::parse("users/1"), Err(ObjectPrefixError::NotClosed));
        for text in ["us*rs/", "u?/", "u$/", "${uin}/", "{a}/", "a\\b/", "a\n/"] {
            assert_eq!(ObjectPrefix::parse(text), Err(ObjectPrefixError::Character), "{text}");
        }
        for text in ["/users/", "users//", "a//b/", "./", "../", "a/../b/", "//"] {
            assert_eq!(ObjectPrefix::parse(text), Err(ObjectPrefixError::Segment), "{text}");
        }
    }
}
