//! When COS merges `..`, `.` and `//` in a key, which no document states.
//!
//! # Guarantees
//!
//! Unless a test chooses an order, a key that changes by merging must be allowed in both forms.

use std::borrow::Cow;

/// When COS merges `..`, `.` and `//` in a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeOrder {
    /// Not known, so the policies must allow the key as sent and as merged. It is stored as sent.
    #[default]
    NotKnown,
    /// The policies decide about the merged key, which is stored.
    BeforeAuthorization,
    /// The policies decide about the key as sent, and the merged one is stored: the order in which
    /// a prefix without a deny of `..` keys covers other prefixes.
    AfterAuthorization,
}

impl MergeOrder {
    /// The key under which an object is stored.
    pub(crate) fn stored(self, key: &str) -> Cow<'_, str> {
        match self {
            Self::NotKnown => Cow::Borrowed(key),
            Self::BeforeAuthorization | Self::AfterAuthorization => Cow::Owned(merged(key)),
        }
    }
}

/// The key without empty segments, `.` and `..`, as in RFC 3986; a `/` at the end remains.
pub(crate) fn merged(key: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in key.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut merged = segments.join("/");
    let last = key.rsplit('/').next().unwrap_or_default();
    if !merged.is_empty() && ["", ".", ".."].contains(&last) {
        merged.push('/');
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn keys_are_merged_as_paths_are() {
        for (key, expected) in [
            ("a/b", "a/b"),
            ("a/b/", "a/b/"),
            ("a..b/...", "a..b/..."),
            ("/a", "a"),
            ("a//b", "a/b"),
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("users/1/../2/a", "users/2/a"),
            ("../../a", "a"),
            ("a/b/..", "a/"),
            ("a/b//", "a/b/"),
            ("a/..", ""),
            ("..", ""),
            (".", ""),
            ("//", ""),
        ] {
            assert_eq!(merged(key), expected, "{key}");
        }
    }
}
