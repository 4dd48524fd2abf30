//! Where a grant applies, as configuration names it: bucket, region, object prefix.
//!
//! Promises: no part can hold a wildcard or a policy variable, since CAM has no escape for them, and a prefix is closed by `/`, so
//! that `users/1/` never covers `users/10/`. Leaves out: how a policy writes them, see [`Resource`](super::Resource).

use std::fmt;

/// A bucket with its appid, as `examplebucket-1250000000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    full_name: String,
    appid: String,
}

impl Bucket {
    /// Reads `<name>-<appid>`, split at the last hyphen.
    pub fn parse(text: &str) -> Result<Self, BucketError> {
        let (name, appid) = text.rsplit_once('-').ok_or(BucketError::NoAppid)?;
        if appid.len() < APPID_DIGITS_MIN || !appid.chars().all(|c| c.is_ascii_digit()) {
            return Err(BucketError::NoAppid);
        }
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let closed = name.starts_with('-') || name.ends_with('-') || name.is_empty();
        if closed || !name.chars().all(known) {
            return Err(BucketError::Name);
        }
        if text.len() > BUCKET_CHARACTERS_MAX {
            return Err(BucketError::Long);
        }
        Ok(Self {
            full_name: text.to_owned(),
            appid: appid.to_owned(),
        })
    }

    /// The account number at the end of the name.
    pub fn appid(&self) -> &str {
        &self.appid
    }

    /// The name without the appid, as the old form of a resource has it.
    pub fn short_name(&self) -> &str {
        let name = self.full_name.strip_suffix(&self.appid);
        name.and_then(|name| name.strip_suffix('-')).unwrap_or("")
    }

    /// The name with the appid.
    pub fn as_str(&self) -> &str {
        &self.full_name
    }
}

/// Why a text is no bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// The name has too many characters.
    #[error("the name has more than 50 characters with the appid")]
    Long,
    /// The name is outside what COS allows.
    #[error(
        "the name takes lower-case letters, digits and inner hyphens, 50 characters with the appid"
    )]
    Name,
    /// There is no account number at the end.
    #[error("the appid is missing: write `examplebucket-1250000000`")]
    NoAppid,
}

/// A COS region, as `ap-guangzhou`. Known by its form, not from a list: regions are added over the years.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Reads a region id: two letters, a place, and at most one suffix (`ap-shanghai-fsi`, `ap-beijing-1`).
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
        if known {
            Ok(Self(text.to_owned()))
        } else {
            Err(RegionError)
        }
    }

    /// The region id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text has not the form of a region id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a region has the form `ap-guangzhou` (the short names `gz`, `sh`, `cn-east` are of an older API)"
)]
pub struct RegionError;

/// A key prefix that ends in `/`; the whole bucket is written `/` alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPrefix(String);

impl ObjectPrefix {
    /// Reads a prefix.
    pub fn parse(text: &str) -> Result<Self, ObjectPrefixError> {
        if text == "/" {
            return Ok(Self(String::new()));
        }
        if !text.ends_with('/') {
            return Err(ObjectPrefixError::NotClosed);
        }
        if text
            .chars()
            .any(|c| matches!(c, '*' | '?' | '$' | '{' | '}' | '\\') || c.is_control())
        {
            return Err(ObjectPrefixError::Character);
        }
        let mut segments = text.trim_end_matches('/').split('/');
        let odd = segments.any(|segment| matches!(segment, "" | "." | ".."));
        if odd || text.ends_with("//") {
            return Err(ObjectPrefixError::Segment);
        }
        if text.len() > PREFIX_BYTES_MAX {
            return Err(ObjectPrefixError::Long);
        }
        Ok(Self(text.to_owned()))
    }

    /// The prefix as keys have it: empty for the whole bucket.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectPrefixError {
    /// A character that a policy would read as a wildcard or a variable.
    #[error("`*`, `?`, `$`, `{{`, `}}`, `\\` and control characters cannot be escaped in a policy")]
    Character,
    /// Longer than a key may be.
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

/// The shortest appid in use has ten digits; older accounts have fewer.
const APPID_DIGITS_MIN: usize = 5;

/// Name and appid together. <https://www.tencentcloud.com/document/product/436/13312>
const BUCKET_CHARACTERS_MAX: usize = 50;

/// A key has at most 850 bytes; the rest is left for the name below the prefix.
const PREFIX_BYTES_MAX: usize = 700;

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
        for text in [
            "ap-guangzhou",
            "na-siliconvalley",
            "ap-beijing-1",
            "ap-shanghai-fsi",
        ] {
            assert!(Region::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "gz",
            "cn_east",
            "AP-guangzhou",
            "ap-",
            "ap-*",
            "ap-guangzhou-1-2",
            "ap.guangzhou",
            "apx-guangzhou",
        ] {
            assert!(Region::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_prefix_is_closed_and_has_nothing_that_a_policy_would_expand() {
        assert_eq!(ObjectPrefix::parse("/").unwrap().as_str(), "");
        assert_eq!(
            ObjectPrefix::parse("users/1/").unwrap().as_str(),
            "users/1/"
        );
        assert_eq!(ObjectPrefix::parse("文件/").unwrap().as_str(), "文件/");
        assert_eq!(
            ObjectPrefix::parse("users/1"),
            Err(ObjectPrefixError::NotClosed)
        );
        for text in ["us*rs/", "u?/", "u$/", "${uin}/", "{a}/", "a\\b/", "a\n/"] {
            assert_eq!(
                ObjectPrefix::parse(text),
                Err(ObjectPrefixError::Character),
                "{text}"
            );
        }
        for text in ["/users/", "users//", "a//b/", "./", "../", "a/../b/", "//"] {
            assert_eq!(
                ObjectPrefix::parse(text),
                Err(ObjectPrefixError::Segment),
                "{text}"
            );
        }
    }
}
