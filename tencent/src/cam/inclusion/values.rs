//! Values of a condition key: at least one for each way in which comparisons can turn out.
//!
//! Numbers, dates and addresses: the values that the policies name, and one on either side of each.
//! Texts: the words of finite automata. A key that COS reads from a query parameter is compared
//! URL-encoded; its patterns are decoded first, as far as they match whole characters.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use jiff::{SignedDuration, civil::DateTime};
use percent_encoding::percent_decode_str;

use super::automaton::{AnyText, Budget, Pattern, Reading, words};
use super::error::InclusionError;
use super::side::Comparison;
use crate::cam::access_request::PARAMETER_KEYS;
use crate::cam::operator::Kind;
use crate::cam::value::{Literal, Operand};
use crate::percent::percent_encode;

/// Values of `key`, not encoded. Those that are likely in a request come first.
pub(super) fn candidates(
    key: &str,
    comparisons: &[Comparison<'_>],
    budget: &mut Budget,
) -> Result<Vec<String>, InclusionError> {
    let is_encoded = PARAMETER_KEYS.contains(&key);
    let is_typed = |kind| matches!(kind, Kind::Bool | Kind::Date | Kind::Ip | Kind::Number);
    let is_pattern = |kind| matches!(kind, Kind::Like | Kind::TextIgnoringCase);
    let mut kinds = comparisons.iter().map(|(operator, _)| operator.kind);
    if !kinds.clone().any(is_typed) {
        return texts(key, is_encoded, comparisons, budget);
    }
    if kinds.any(is_pattern) {
        let reason = "they compare it both as a text, with a wildcard or in any case, and as a number, \
                      date, address or flag";
        return Err(InclusionError::Inexact(key.to_owned(), reason));
    }
    let literals: Vec<String> = comparisons
        .iter()
        .filter(|(operator, _)| operator.kind == Kind::Text)
        .flat_map(|(_, values)| values.literals())
        .filter_map(|literal| decoded(&text_of(literal), is_encoded))
        .collect();
    let mut found = Vec::new();
    for (operator, values) in comparisons.iter().filter(|(operator, _)| is_typed(operator.kind)) {
        for (literal, operand) in values.literals().zip(values.operands()) {
            budget.spend(1)?;
            match operand {
                Operand::Bool(_) => found.extend(["true", "false"].map(str::to_owned)),
                Operand::Date(date) => found.extend(dates_near(*date, literals.len())),
                Operand::Ip(network) => {
                    found.extend(addresses_near(network.bounds(), literals.len()))
                }
                Operand::Number(_) => {
                    let digits = longest_fraction(comparisons);
                    found.extend(numbers_near(&text_of(literal), digits, literals.len()));
                }
                Operand::Like(_)
                | Operand::Null(_)
                | Operand::Text(_)
                | Operand::TextIgnoringCase(_) => {}
            }
        }
        if operator.kind == Kind::Ip {
            found.extend(ANY_ADDRESSES.map(str::to_owned));
        }
    }
    let mut other = "x".to_owned();
    while literals.contains(&other) {
        other.push('x');
    }
    found.extend(literals);
    found.extend([other, String::new()]);
    Ok(found)
}

fn text_of(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) => number.to_string(),
    }
}

/// Texts on both sides of each pattern.
fn texts(
    key: &str,
    is_encoded: bool,
    comparisons: &[Comparison<'_>],
    budget: &mut Budget,
) -> Result<Vec<String>, InclusionError> {
    let inexact = |reason| InclusionError::Inexact(key.to_owned(), reason);
    let mut patterns = vec![Pattern::exactly("", Reading::Plain)];
    for (_, values) in comparisons {
        for operand in values.operands() {
            match operand {
                Operand::Text(text) => {
                    let text = decoded(text, is_encoded);
                    patterns.extend(text.map(|text| Pattern::exactly(&text, Reading::Plain)));
                }
                Operand::TextIgnoringCase(text) if text.to_lowercase().contains(['σ', 'ς']) => {
                    return Err(inexact("the case of `σ` depends on the letters around it"));
                }
                Operand::TextIgnoringCase(text) if is_encoded => {
                    let text = decoded_ignoring_case(text);
                    patterns.extend(
                        text.map(|text| Pattern::exactly(&text, Reading::IgnoringAsciiCase)),
                    );
                }
                Operand::TextIgnoringCase(text) => {
                    patterns.push(Pattern::exactly(&text.to_lowercase(), Reading::IgnoringCase));
                }
                Operand::Like(text) if is_encoded => match decoded_pattern(text) {
                    Decoded::Pattern(text) => {
                        patterns.push(Pattern::wildcard(&text, Reading::Plain))
                    }
                    Decoded::MatchesNothing => {}
                    Decoded::Unclear => {
                        return Err(inexact("a pattern can match a part of an encoded character"));
                    }
                },
                Operand::Like(text) => patterns.push(Pattern::wildcard(text, Reading::Plain)),
                Operand::Bool(_)
                | Operand::Date(_)
                | Operand::Ip(_)
                | Operand::Null(_)
                | Operand::Number(_) => {}
            }
        }
    }
    let alphabet = alphabet(&patterns);
    words(patterns, &AnyText, &alphabet, budget)
}

/// The characters of the patterns in every case, and one that is in none.
fn alphabet(patterns: &[Pattern]) -> Vec<char> {
    let mut found: BTreeSet<char> = patterns.iter().flat_map(Pattern::characters).collect();
    let folded: BTreeSet<char> = patterns
        .iter()
        .filter(|pattern| *pattern.reading() != Reading::Plain)
        .flat_map(Pattern::characters)
        .collect();
    if !folded.is_empty() {
        let is_folded = |c: &char| c.to_lowercase().all(|c| folded.contains(&c));
        found.extend(WITH_LOWER_CASE.iter().copied().filter(is_folded));
    }
    let is_fresh = |c: &char| !found.contains(c) && c.to_lowercase().all(|c| !folded.contains(&c));
    let fresh = ('x'..='z').chain('!'..='~').chain('\u{3400}'..='\u{9fff}').find(is_fresh);
    found.extend(fresh);
    found.into_iter().collect()
}

/// The characters that are others in lower case, looked for once in a process.
static WITH_LOWER_CASE: LazyLock<Vec<char>> = LazyLock::new(|| {
    let is_other = |c: &char| !c.to_lowercase().eq([*c]);
    ('\0'..=char::MAX).filter(is_other).collect()
});

/// The value of a request that is compared as `text`, if there is one.
fn decoded(text: &str, is_encoded: bool) -> Option<String> {
    if !is_encoded {
        return Some(text.to_owned());
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (percent_encode(&decoded).to_string() == text).then(|| decoded.into_owned())
}

/// The same in any case; the case of ASCII letters in the result is lower.
fn decoded_ignoring_case(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let decoded = percent_decode_str(&text).decode_utf8().ok()?.into_owned();
    let encoded = percent_encode(&decoded).to_string();
    // Letters that are encoded have one case only.
    (encoded.to_lowercase() == text).then_some(decoded)
}

enum Decoded {
    Pattern(String),
    MatchesNothing,
    Unclear,
}

/// A pattern over encoded texts as one over the texts themselves.
fn decoded_pattern(pattern: &str) -> Decoded {
    let mut parts = Vec::new();
    for (index, part) in pattern.split('*').enumerate() {
        let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~%".contains(c);
        if !part.chars().all(is_unreserved) {
            return Decoded::MatchesNothing;
        }
        let is_tail = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
        if index > 0 && part.starts_with(is_tail) {
            return Decoded::Unclear;
        }
        match decoded(part, true) {
            Some(decoded) if !decoded.contains('*') => parts.push(decoded),
            Some(_) | None => return Decoded::Unclear,
        }
    }
    Decoded::Pattern(parts.join("*"))
}

/// The number, whole numbers around it, and numbers just beyond it, away from zero. Between it and
/// zero, the number before it or zero itself has such numbers.
fn numbers_near(text: &str, digits: usize, literals: usize) -> Vec<String> {
    let mut found = Vec::new();
    let whole = text.split('.').next().unwrap_or(text);
    if let Ok(whole) = whole.parse::<i128>() {
        let around = [whole, whole.saturating_add(1), whole.saturating_sub(1)];
        found.extend(around.map(|number| number.to_string()));
    }
    let beyond = |text: &str| match text.split_once('.') {
        Some((whole, fraction)) => format!("{whole}.{fraction:0<digits$}1"),
        None => format!("{text}.{:0<digits$}1", ""),
    };
    found.extend(["0".to_owned(), text.to_owned(), beyond(text), beyond("0"), beyond("-0")]);
    // The same numbers as texts that differ from what is compared as a text.
    let padded = |text: &String, zeros: usize| {
        let zeros = "0".repeat(zeros);
        match text.strip_prefix('-') {
            Some(digits) => format!("-{zeros}{digits}"),
            None => format!("{zeros}{text}"),
        }
    };
    let plain = found.clone();
    for zeros in 1..=literals {
        found.extend(plain.iter().map(|text| padded(text, zeros)));
    }
    found
}

fn longest_fraction(comparisons: &[Comparison<'_>]) -> usize {
    let literals = comparisons.iter().flat_map(|(_, values)| values.literals());
    let length = |text: String| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    literals.map(|literal| length(text_of(literal))).max().unwrap_or_default()
}

/// The date and the seconds around it: one more on either side for each literal that is taken.
fn dates_near(date: DateTime, literals: usize) -> Vec<String> {
    let most = i64::try_from(literals).unwrap_or(i64::MAX).saturating_add(1);
    let seconds = (0..=most).chain((1..=most).map(|seconds| seconds.saturating_neg()));
    let moved =
        seconds.filter_map(|seconds| date.checked_add(SignedDuration::from_secs(seconds)).ok());
    let written = |date: DateTime| {
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            date.year(),
            date.month(),
            date.day(),
            date.hour(),
            date.minute(),
            date.second()
        )
    };
    moved.filter(|date| (0..=9999).contains(&date.year())).map(written).collect()
}

/// The addresses at the start of a network and behind its end.
fn addresses_near((first, last): (IpAddr, IpAddr), literals: usize) -> Vec<String> {
    let count = u32::try_from(literals).unwrap_or(u32::MAX).saturating_add(1);
    let texts: Vec<String> = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let starts = [Some(first.to_bits()), last.to_bits().checked_add(1), Some(0)];
            let each =
                starts.into_iter().flatten().flat_map(|start| start..=start.saturating_add(count));
            each.map(|bits| Ipv4Addr::from_bits(bits).to_string()).collect()
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            let starts =
                [Some(first.to_bits()), last.to_bits().checked_add(1), Some(0), Some(BEHIND_IPV4)];
            let each = starts.into_iter().flatten();
            let each = each.flat_map(|start| start..=start.saturating_add(count.into()));
            each.map(|bits| Ipv6Addr::from_bits(bits).to_string()).collect()
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Vec::new(),
    };
    texts
}

/// Addresses of both kinds that few policies name.
const ANY_ADDRESSES: [&str; 3] = ["203.0.113.1", "0.0.0.0", "::"];

/// The first IPv6 address behind those that contain an IPv4 address.
const BEHIND_IPV4: u128 = 0x0001_0000_0000_0000;
