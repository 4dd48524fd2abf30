//! `If-…` headers, for reading, for writing and for the source of a copy.
//! <https://www.tencentcloud.com/document/product/436/7753>
//!
//! Documented: 304 and 412 as in RFC 9110, 412 for each condition on a copy's source, `x-cos-forbid-overwrite`.
//! Inferred: conditions on writing, with the S3 API's meaning; COS documents none, and to ignore one would lose somebody's data.

use http::{HeaderMap, StatusCode};
use tencent::time::Timestamp;

use super::date;
use super::error::CosError;

/// What conditions look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version<'a> {
    /// Without its quotes.
    pub(crate) etag: &'a str,
    pub(crate) modified: Timestamp,
}

/// Why an object is not shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unmet {
    NotModified,
    Failed,
}

/// May this version be read?
pub(crate) fn for_reading(headers: &HeaderMap, version: Version<'_>) -> Result<(), Unmet> {
    Conditions::of(headers, "").check(version)
}

/// May the source of a copy be read? Each condition that does not hold is 412.
pub(crate) fn for_copying(headers: &HeaderMap, version: Version<'_>) -> Result<(), CosError> {
    Conditions::of(headers, "x-cos-copy-source-")
        .check(version)
        .map_err(|_| failed())
}

/// May what is there, if anything is, be replaced?
pub(crate) fn for_writing(
    headers: &HeaderMap,
    current: Option<Version<'_>>,
) -> Result<(), CosError> {
    let forbidden = text(headers, "x-cos-forbid-overwrite")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if forbidden && current.is_some() {
        return Err(CosError::new(
            StatusCode::CONFLICT,
            "FileAlreadyExists",
            "The object you specified already exists and can not be overwritten.",
        ));
    }
    let conditions = Conditions::of(headers, "");
    let matched = conditions
        .matches
        .is_none_or(|list| current.is_some_and(|version| names(list, version.etag)));
    let unmatched = conditions
        .none_match
        .is_none_or(|list| !current.is_some_and(|version| names(list, version.etag)));
    if matched && unmatched {
        Ok(())
    } else {
        Err(failed())
    }
}

/// Whether `If-Range` lets a range be a range.
pub(crate) fn range_stands(headers: &HeaderMap, version: Version<'_>) -> bool {
    text(headers, "if-range").is_none_or(|value| {
        value.trim_matches('"') == version.etag || date::parse(value) == Some(version.modified)
    })
}

/// The error of an unmet condition.
pub(crate) fn failed() -> CosError {
    CosError::new(
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        "Precondition not match.",
    )
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
        // A date that is none is not looked at, as RFC 9110 wants it.
        let moment = |name: &str| named(name).and_then(date::parse);
        Self {
            matches: named("if-match"),
            none_match: named("if-none-match"),
            modified_since: moment("if-modified-since"),
            unmodified_since: moment("if-unmodified-since"),
        }
    }

    /// The order of RFC 9110, 13.2.2: ETags before dates.
    fn check(&self, version: Version<'_>) -> Result<(), Unmet> {
        let held = match (self.matches, self.unmodified_since) {
            (Some(list), _) => names(list, version.etag),
            (None, Some(moment)) => version.modified <= moment,
            (None, None) => true,
        };
        if !held {
            return Err(Unmet::Failed);
        }
        let changed = match (self.none_match, self.modified_since) {
            (Some(list), _) => !names(list, version.etag),
            (None, Some(moment)) => version.modified > moment,
            (None, None) => true,
        };
        if changed {
            Ok(())
        } else {
            Err(Unmet::NotModified)
        }
    }
}

/// Whether a list of ETags, quoted or not, names this one.
fn names(list: &str, etag: &str) -> bool {
    list.split(',').map(str::trim).any(|item| {
        let item = item.strip_prefix("W/").unwrap_or(item);
        item == "*" || item.trim_matches('"') == etag
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};
    use tencent::time::Timestamp;

    use super::{Unmet, Version, for_copying, for_reading, for_writing, range_stands};

    const BEFORE: &str = "Fri, 10 Apr 2020 18:21:54 GMT";
    const THEN: &str = "Fri, 10 Apr 2020 18:21:55 GMT";

    fn version() -> Version<'static> {
        Version {
            etag: "abc",
            modified: Timestamp::from_unix_seconds(1_586_542_915).unwrap(),
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn reading() {
        let modified = Err(Unmet::NotModified);
        let failed = Err(Unmet::Failed);
        type Case = (&'static [(&'static str, &'static str)], Result<(), Unmet>);
        let cases: [Case; 14] = [
            (&[], Ok(())),
            (&[("if-match", "\"abc\"")], Ok(())),
            (&[("if-match", "abc")], Ok(())),
            (&[("if-match", "*")], Ok(())),
            (&[("if-match", "\"x\", \"abc\"")], Ok(())),
            (&[("if-match", "\"x\"")], Err(Unmet::Failed)),
            (&[("if-none-match", "\"x\"")], Ok(())),
            (&[("if-none-match", "W/\"abc\"")], Err(Unmet::NotModified)),
            (&[("if-modified-since", BEFORE)], Ok(())),
            (&[("if-modified-since", THEN)], modified),
            (&[("if-modified-since", "no date")], Ok(())),
            (&[("if-unmodified-since", THEN)], Ok(())),
            (&[("if-unmodified-since", BEFORE)], failed),
            (
                &[("if-match", "\"abc\""), ("if-unmodified-since", BEFORE)],
                Ok(()),
            ),
        ];
        for (pairs, expected) in cases {
            assert_eq!(
                for_reading(&headers(pairs), version()),
                expected,
                "{pairs:?}"
            );
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
            let error = for_copying(&headers(&[(name, value)]), version()).unwrap_err();
            assert_eq!(error.status, 412, "{name}");
        }
        assert_eq!(
            for_copying(&headers(&[("if-match", "x")]), version()),
            Ok(())
        );
    }

    #[test]
    fn writing() {
        let there = Some(version());
        for (pairs, current, code) in [
            (
                ("x-cos-forbid-overwrite", "true"),
                there,
                "FileAlreadyExists",
            ),
            (("if-none-match", "*"), there, "PreconditionFailed"),
            (("if-none-match", "\"abc\""), there, "PreconditionFailed"),
            (("if-match", "\"x\""), there, "PreconditionFailed"),
            (("if-match", "*"), None, "PreconditionFailed"),
        ] {
            let error = for_writing(&headers(&[pairs]), current).unwrap_err();
            assert_eq!(error.code, code, "{pairs:?}");
        }
        for (pairs, current) in [
            (("x-cos-forbid-overwrite", "true"), None),
            (("x-cos-forbid-overwrite", "false"), there),
            (("if-none-match", "*"), None),
            (("if-match", "\"abc\""), there),
        ] {
            assert_eq!(
                for_writing(&headers(&[pairs]), current),
                Ok(()),
                "{pairs:?}"
            );
        }
    }

    #[test]
    fn a_range_stands_only_for_the_version_it_was_meant_for() {
        for (value, stands) in [
            ("\"abc\"", true),
            (THEN, true),
            ("\"x\"", false),
            (BEFORE, false),
        ] {
            assert_eq!(
                range_stands(&headers(&[("if-range", value)]), version()),
                stands
            );
        }
        assert!(range_stands(&headers(&[]), version()));
    }
}
