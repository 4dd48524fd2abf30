//! Preconditions (`If-…` headers) for reading, for writing and for the source of a copy.
//! <https://www.tencentcloud.com/document/product/436/7753>
//!
//! Documented: 304 and 412 as in RFC 9110, 412 for each condition on a copy's source,
//! `x-cos-forbid-overwrite`.
//! Inferred: preconditions on writing, with the S3 API's meaning. COS documents none, and to ignore
//! one would lose data.

use http::HeaderMap;
use tencent::time::Timestamp;

use super::request::text;
use crate::cos::error::{self, CosError};
use crate::http_date;

/// What preconditions compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// Without its quotes.
    pub(crate) etag: &'a str,
    pub(crate) modified: Timestamp,
}

/// Why an object is not returned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PreconditionFailed {
    NotModified,
    Failed,
}

/// Checks the preconditions on a read.
pub(crate) fn check_read(
    headers: &HeaderMap,
    validators: Validators<'_>,
) -> Result<(), PreconditionFailed> {
    Conditions::of(headers, "").check(validators)
}

/// Checks the preconditions on the source of a copy. Each unmet one is 412.
pub(crate) fn check_copy_source(
    headers: &HeaderMap,
    validators: Validators<'_>,
) -> Result<(), CosError> {
    Conditions::of(headers, "x-cos-copy-source-")
        .check(validators)
        .map_err(|_| error::precondition_failed())
}

/// Checks the preconditions on a write over `current`.
pub(crate) fn check_write(
    headers: &HeaderMap,
    current: Option<Validators<'_>>,
) -> Result<(), CosError> {
    let forbidden = text(headers, "x-cos-forbid-overwrite")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if forbidden && current.is_some() {
        return Err(error::file_already_exists());
    }
    let conditions = Conditions::of(headers, "");
    let matched = conditions
        .matches
        .is_none_or(|list| current.is_some_and(|validators| names(list, validators.etag)));
    let unmatched = conditions
        .none_match
        .is_none_or(|list| !current.is_some_and(|validators| names(list, validators.etag)));
    if matched && unmatched { Ok(()) } else { Err(error::precondition_failed()) }
}

/// Whether `If-Range` allows a range.
pub(crate) fn if_range_matches(headers: &HeaderMap, validators: Validators<'_>) -> bool {
    text(headers, "if-range").is_none_or(|value| {
        value.trim_matches('"') == validators.etag
            || http_date::parse(value) == Some(validators.modified)
    })
}

struct Conditions<'a> {
    matches: Option<&'a str>,
    none_match: Option<&'a str>,
    modified_since: Option<Timestamp>,
    unmodified_since: Option<Timestamp>,
}

impl<'a> Conditions<'a> {
    fn of(headers: &'a HeaderMap, prefix: &str) -> Self {
        let named = |name: &str| text(headers, &format!("{prefix}{name}"));
        // A malformed date is ignored, as RFC 9110 requires.
        let date = |name: &str| named(name).and_then(http_date::parse);
        Self {
            matches: named("if-match"),
            none_match: named("if-none-match"),
            modified_since: date("if-modified-since"),
            unmodified_since: date("if-unmodified-since"),
        }
    }

    /// The order of RFC 9110, 13.2.2: ETags before dates.
    fn check(&self, validators: Validators<'_>) -> Result<(), PreconditionFailed> {
        let is_met = match (self.matches, self.unmodified_since) {
            (Some(list), _) => names(list, validators.etag),
            (None, Some(moment)) => validators.modified <= moment,
            (None, None) => true,
        };
        if !is_met {
            return Err(PreconditionFailed::Failed);
        }
        let changed = match (self.none_match, self.modified_since) {
            (Some(list), _) => !names(list, validators.etag),
            (None, Some(moment)) => validators.modified > moment,
            (None, None) => true,
        };
        if changed { Ok(()) } else { Err(PreconditionFailed::NotModified) }
    }
}

/// Whether a list of ETags, quoted or not, contains this one.
fn names(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|item| {
        let item = item.strip_prefix("W/").unwrap_or(item);
        item == "*" || item.trim_matches('"') == etag
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use tencent::time::Timestamp;

    use super::{
        PreconditionFailed, Validators, check_copy_source, check_read, check_write,
        if_range_matches,
    };

    const BEFORE: &str = "Fri, 10 Apr 2020 18:21:54 GMT";
    const THEN: &str = "Fri, 10 Apr 2020 18:21:55 GMT";

    fn validators() -> Validators<'static> {
        Validators { etag: "abc", modified: Timestamp::from_unix_seconds(1_586_542_915).unwrap() }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn reading() {
        let modified = Err(PreconditionFailed::NotModified);
        let failed = Err(PreconditionFailed::Failed);
        type Case = (&'static [(&'static str, &'static str)], Result<(), PreconditionFailed>);
        let cases: [Case; 14] = [
            (&[], Ok(())),
            (&[("if-match", "\"abc\"")], Ok(())),
            (&[("if-match", "abc")], Ok(())),
            (&[("if-match", "*")], Ok(())),
            (&[("if-match", "\"x\", \"abc\"")], Ok(())),
            (&[("if-match", "\"x\"")], Err(PreconditionFailed::Failed)),
            (&[("if-none-match", "\"x\"")], Ok(())),
            (&[("if-none-match", "W/\"abc\"")], Err(PreconditionFailed::NotModified)),
            (&[("if-modified-since", BEFORE)], Ok(())),
            (&[("if-modified-since", THEN)], modified),
            (&[("if-modified-since", "no date")], Ok(())),
            (&[("if-unmodified-since", THEN)], Ok(())),
            (&[("if-unmodified-since", BEFORE)], failed),
            (&[("if-match", "\"abc\""), ("if-unmodified-since", BEFORE)], Ok(())),
        ];
        for (pairs, expected) in cases {
            assert_eq!(check_read(&headers(pairs), validators()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn every_unmet_condition_on_a_source_is_412() {
        for (name, value) in [
            ("x-cos-copy-source-if-match", "x"),
            ("x-cos-copy-source-if-none-match", "abc"),
            ("x-cos-copy-source-if-modified-since", THEN),
            ("x-cos-copy-source-if-unmodified-since", BEFORE),
        ] {
            let error = check_copy_source(&headers(&[(name, value)]), validators()).unwrap_err();
            assert_eq!(error.status, 412, "{name}");
        }
        assert_eq!(check_copy_source(&headers(&[("if-match", "x")]), validators()), Ok(()));
    }

    #[test]
    fn writing() {
        let there = Some(validators());
        for (pairs, current, code) in [
            (("x-cos-forbid-overwrite", "true"), there, "FileAlreadyExists"),
            (("if-none-match", "*"), there, "PreconditionFailed"),
            (("if-none-match", "\"abc\""), there, "PreconditionFailed"),
            (("if-match", "\"x\""), there, "PreconditionFailed"),
            (("if-match", "*"), None, "PreconditionFailed"),
        ] {
            let error = check_write(&headers(&[pairs]), current).unwrap_err();
            assert_eq!(error.code, code, "{pairs:?}");
        }
        for (pairs, current) in [
            (("x-cos-forbid-overwrite", "true"), None),
            (("x-cos-forbid-overwrite", "false"), there),
            (("if-none-match", "*"), None),
            (("if-match", "\"abc\""), there),
        ] {
            assert_eq!(check_write(&headers(&[pairs]), current), Ok(()), "{pairs:?}");
        }
    }

    #[test]
    fn a_range_counts_only_for_the_version_it_was_meant_for() {
        for (value, stands) in [("\"abc\"", true), (THEN, true), ("\"x\"", false), (BEFORE, false)]
        {
            assert_eq!(if_range_matches(&headers(&[("if-range", value)]), validators()), stands);
        }
        assert!(if_range_matches(&headers(&[]), validators()));
    }
}
