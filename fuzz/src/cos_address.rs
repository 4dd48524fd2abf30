//! Hosts and paths of requests to COS, and the sources of copies.
//!
//! # Guarantees tested
//!
//! No input crashes a parser. A request reaches a bucket only if it names it, or names none on a
//! host of the account's own bucket. Keys are decoded once. The source of a copy is the object that
//! its text addresses as a request to COS, not to a website.
//!
//! An input is a host, a line end, and a path.

use cos_emulator::fuzzing::{Target, address, copy_source};
use http::{HeaderMap, HeaderName, HeaderValue};

use oracle::wire::decoded;

/// Tries one input. Returns whether it leads anywhere.
pub fn cos_address(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (host, path) = text.split_once('\n').unwrap_or((text, "/"));
    let found = address(host, path);
    if let Ok(target) = &found {
        assert_eq!(Some(target.clone()), expected(host, path), "{host} {path}");
    }
    if let Ok(value) = HeaderValue::from_str(&format!("{host}{path}")) {
        let headers: HeaderMap =
            [(HeaderName::from_static("x-cos-copy-source"), value)].into_iter().collect();
        if let Ok(source) = copy_source(&headers) {
            let source = source.expect("there is a header");
            let whole = format!("{host}{path}");
            let whole = whole
                .strip_prefix("https://")
                .or_else(|| whole.strip_prefix("http://"))
                .unwrap_or(&whole);
            let (host, path) = whole.split_at(whole.find('/').expect("a host and a key"));
            let path = path.split('?').next().unwrap_or_default();
            assert_eq!(Some(Some(source)), expected(host, path));
        }
    }
    found.is_ok()
}

/// By the table in the documentation; `Some(None)` is the service.
fn expected(host: &str, path: &str) -> Option<Option<Target>> {
    let host = host.to_ascii_lowercase();
    let name = match host.split_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) => return None,
        None => host.as_str(),
    };
    let key = decoded(path.strip_prefix('/')?)?;
    let labels: Vec<&str> = name.split('.').collect();
    let labels: Vec<&str> = match labels.as_slice() {
        [labels @ .., "myqcloud", "com"] | [labels @ .., "tencentcos", "cn"] => {
            [labels, &["cloud"]].concat()
        }
        labels => labels.to_vec(),
    };
    let own = ("examplebucket-1250000000", "ap-guangzhou");
    let (bucket, region) = match labels.as_slice() {
        ["127", "0", "0", "1"] => (Some(own.0), own.1),
        ["localhost"] => (None, own.1),
        // No path-style there.
        ["cos", "localhost"]
        | ["service", "cos", "cloud" | "localhost"]
        | ["service", "cos", _, "cloud" | "localhost"]
        | ["cos", _, "cloud" | "localhost"] => return key.is_empty().then_some(None),
        [bucket, "cos" | "cos-internal" | "cos-website", region, "cloud" | "localhost"] => {
            return Some(Some(((*bucket).to_owned(), (*region).to_owned(), key)));
        }
        [bucket, "cos", "localhost"] | [bucket, "localhost"] => {
            return Some(Some(((*bucket).to_owned(), own.1.to_owned(), key)));
        }
        _ => return None,
    };
    let (first, rest) = key.split_once('/').unwrap_or((&key, ""));
    let target = |bucket: &str, key: &str| {
        Some(Some((bucket.to_owned(), region.to_owned(), key.to_owned())))
    };
    match bucket {
        _ if is_bucket(first) => target(first, rest),
        Some(own) => target(own, &key),
        None if key.is_empty() => Some(None),
        None => None,
    }
}

/// `<name>-<appid>`: lower-case letters, digits and hyphens, 50 at the most.
fn is_bucket(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let Some((name, appid)) = text.rsplit_once('-') else {
        return false;
    };
    let hyphens = name.starts_with('-') || name.ends_with('-');
    let is_name = !name.is_empty() && !hyphens && name.bytes().all(known) && text.len() <= 50;
    is_name && appid.len() >= 5 && appid.bytes().all(|byte| byte.is_ascii_digit())
}
