//! The aims, and whether a figure meets one.

/// A limit that a figure should not pass.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    /// Times that of the other program.
    AtMostTimes(f64),
    /// Of 1,000,000 bytes each.
    AtMostMegabytes(f64),
    Exactly(usize),
    /// The figure is shown and has no aim.
    Unset,
}

/// Process start to the first call of `next`.
pub(crate) const TO_NEXT: Aim = Aim::AtMostTimes(1.1);
/// Process start to the first credential.
pub(crate) const TO_CREDENTIAL: Aim = Aim::AtMostTimes(1.8);
/// The same, times that of the smallest issuer.
pub(crate) const TO_MINIMAL_CREDENTIAL: Aim = Aim::AtMostTimes(1.0);
/// The stripped binary. A test bounds it relative to a program in C that the same machine links.
pub(crate) const SIZE: Aim = Aim::AtMostMegabytes(5.0);
/// Peak memory after the first credential.
pub(crate) const PEAK_MEMORY: Aim = Aim::AtMostMegabytes(4.5);
/// Event to first answer, when the event comes 5 ms after `next`, over that when it comes at once.
pub(crate) const LATE_ANSWER: Aim = Aim::AtMostTimes(0.6);
/// Waits for the STS in that answer: the call and nothing else.
pub(crate) const LATE_ROUND_TRIPS: Aim = Aim::Exactly(1);
/// Connections to the STS in an instance's life.
pub(crate) const STS_CONNECTIONS: Aim = Aim::Exactly(1);

impl Aim {
    /// The aim and the verdict, as two cells of the table.
    pub(crate) fn compare(self, figure: f64) -> String {
        let (aim, met) = match self {
            Self::Unset => return "none |".to_owned(),
            Self::AtMostTimes(limit) => (format!("at most {limit}x"), figure <= limit),
            Self::AtMostMegabytes(limit) => (format!("at most {limit} MB"), figure <= limit),
            Self::Exactly(count) => (count.to_string(), figure.to_string() == count.to_string()),
        };
        format!("{aim} | {}", if met { "met" } else { "not met" })
    }
}

#[cfg(test)]
mod tests {
    use super::Aim;

    #[test]
    fn the_limit_itself_is_met() {
        assert_eq!(Aim::AtMostTimes(1.1).compare(1.1), "at most 1.1x | met");
        assert_eq!(Aim::AtMostMegabytes(4.0).compare(4.000_001), "at most 4 MB | not met");
        assert_eq!(Aim::Exactly(1).compare(1.0), "1 | met");
        assert_eq!(Aim::Exactly(1).compare(2.0), "1 | not met");
    }
}
