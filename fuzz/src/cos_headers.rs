//! Ranges and preconditions: headers that select a part of an object, or whether it is returned;
//! and callbacks: headers that name a server to call after an upload.
//!
//! # Guarantees tested
//!
//! No input crashes a parser. A range is that of RFC 9110, inside the object and never empty. An
//! object that a naive reader of the preconditions would not return is not returned, and one that
//! it would not replace is not replaced. No server is called that is not on this machine.
//!
//! An input is the length of the object and headers, one a line. `callback` is the JSON of
//! `x-cos-callback`, as it is before base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cos_emulator::fuzzing::{Precondition, callback_servers, copy_range, preconditions, range};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Tries one input. Returns whether the object may be read, in part at least, and the callback is
/// taken.
pub fn cos_headers(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let mut lines = text.lines();
    let Some(length) = lines.next().and_then(|line| line.parse::<u64>().ok()) else {
        return false;
    };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let (name, value) = match name {
            "callback" => ("x-cos-callback", STANDARD.encode(value.trim())),
            name => (name, value.trim().to_owned()),
        };
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(&value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let asked = header("range").map(|header| (header, range(header, length)));
    if let Some((header, part)) = &asked {
        assert_eq!(part.ok(), expected(header, length), "{header} of {length}");
    }
    if let Some(header) = header("x-cos-copy-source-range")
        && let Ok((start, end)) = copy_range(header, length)
    {
        assert!(start < end && end <= length, "{header} of {length}");
        assert_eq!(expected(header, length), Some(Some((start, end))));
    }
    let told = preconditions(&headers, ETAG, MODIFIED).expect("a moment");
    let [reading, writing, copying] = told;
    if let Some(shown) = shown(&header, "") {
        assert_eq!(reading, shown, "reading");
    }
    if let Some(copied) = shown(&header, "x-cos-copy-source-") {
        assert_eq!(copying == Precondition::Met, copied == Precondition::Met, "copying");
    }
    let forbids =
        header("x-cos-forbid-overwrite").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let replaces = !forbids
        && header("if-match").is_none_or(names)
        && !header("if-none-match").is_some_and(names);
    assert_eq!(writing == Precondition::Met, replaces, "writing");
    let servers = callback_servers(&headers);
    if let Ok(servers) = &servers {
        assert!(servers.iter().all(|server| server.ip().is_loopback()), "{servers:?}");
    }
    reading == Precondition::Met && asked.is_none_or(|(_, part)| part.is_ok()) && servers.is_ok()
}

/// RFC 9110, 14.1.2: `None` is 416, `Some(None)` the whole.
fn expected(header: &str, length: u64) -> Option<Option<(u64, u64)>> {
    let length = u128::from(length);
    let number = |text: &str| -> Option<Option<u128>> {
        let text = text.trim();
        if text.is_empty() {
            return Some(None);
        }
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than any object needs.
        digits.then(|| Some(text.parse::<u128>().unwrap_or(u128::MAX).min(1 << 80)))
    };
    let bounds = header.trim().strip_prefix("bytes=").and_then(|rest| rest.split_once('-'));
    let bounds = bounds.and_then(|(first, last)| Some((number(first)?, number(last)?)));
    let (start, end) = match bounds {
        Some((Some(first), Some(last))) if first <= last => (first, (last + 1).min(length)),
        Some((Some(first), None)) => (first, length),
        Some((None, Some(count))) => (length - count.min(length), length),
        _ => return Some(None),
    };
    let inside = |at: u128| u64::try_from(at).ok();
    (start < end).then(|| Some((inside(start)?, inside(end)?)))
}

/// RFC 9110, 13.2.2, for the header names with `prefix`; `None` for a date that is not one of those
/// below.
fn shown<'h>(header: &dyn Fn(&str) -> Option<&'h str>, prefix: &str) -> Option<Precondition> {
    let header = |name: &str| header(&format!("{prefix}{name}"));
    let moment = |name: &str| {
        let known = |text: &str| [BEFORE, THEN, AFTER].iter().position(|known| *known == text);
        header(name).map(known)
    };
    let holds = match (header("if-match"), moment("if-unmodified-since")) {
        (Some(list), _) => names(list),
        (None, None) => true,
        (None, Some(moment)) => moment? >= 1,
    };
    let is_new = match (header("if-none-match"), moment("if-modified-since")) {
        (Some(list), _) => !names(list),
        (None, None) => true,
        (None, Some(moment)) => moment? < 1,
    };
    Some(match (holds, is_new) {
        (false, _) => Precondition::Failed,
        (true, false) => Precondition::NotModified,
        (true, true) => Precondition::Met,
    })
}

/// Whether a list of ETags has this one.
fn names(list: &str) -> bool {
    let mut items =
        list.split(',').map(|item| item.trim().trim_start_matches("W/").trim_matches('"'));
    items.any(|item| item == ETAG)
        || list.split(',').any(|item| ["*", "W/*"].contains(&item.trim()))
}

const ETAG: &str = "0123abc";
const MODIFIED: i64 = 1_586_542_915;
const BEFORE: &str = "Fri, 10 Apr 2020 18:21:54 GMT";
const THEN: &str = "Fri, 10 Apr 2020 18:21:55 GMT";
const AFTER: &str = "Fri, 10 Apr 2020 18:21:56 GMT";
