//! Numbers of conditions: `12`, `-1.5`, of any length, compared exactly.
//!
//! # Not covered
//! Exponents (`1e3`), a sign `+` and `inf` are rejected, as are JSON numbers that print with an
//! exponent.

use std::cmp::Ordering;

/// A decimal number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// Never of zero.
    is_negative: bool,
    /// Without leading zeros.
    whole: String,
    /// Without trailing zeros.
    fraction: String,
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let is_zero = whole.is_empty() && fraction.is_empty();
        Some(Self { is_negative: text.starts_with('-') && !is_zero, whole, fraction })
    }

    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        let longer = self.whole.len().cmp(&other.whole.len());
        longer
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.cmp_magnitude(other),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (true, true) => other.cmp_magnitude(self),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn numbers_have_their_order() {
        let sorted = [
            "-100",
            "-9.5",
            "-9",
            "-0.01",
            "0",
            "0.009",
            "0.1",
            "0.11",
            "9",
            "10",
            "10.25",
            "10.3",
            "9007199254740992",
            "9007199254740993",
            "99999999999999999999999999999999999999999",
        ];
        let numbers = sorted.map(|text| Number::parse(text).unwrap());
        for pair in numbers.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
            assert!(pair[1] > pair[0], "{pair:?}");
        }
        for (one, other) in [("0", "-0"), ("0", "0.0"), ("010", "10.00"), ("1.2", "1.20")] {
            assert_eq!(Number::parse(one), Number::parse(other), "{one} {other}");
        }
    }

    #[test]
    fn what_is_not_in_digits_is_not_a_number() {
        for text in
            ["", "-", ".", "1.", ".5", "1.2.3", "+1", "1e3", "inf", "NaN", " 1", "--1", "１"]
        {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }
}
