//! The text format of Prometheus, version 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>
//!
//! Numbers are whole, or decimal fractions of whole microseconds: nothing here is a float.

use std::fmt::{Display, Formatter, Result as FmtResult};

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A text that is being written.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Begins a family. Its samples follow.
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.0.push_str(&format!("# HELP {name} "));
        self.push_escaped(help, false);
        self.0.push_str(&format!("\n# TYPE {name} {kind}\n"));
    }

    /// One sample of the family that was begun last.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: &dyn Display) {
        self.0.push_str(name);
        let mut before = '{';
        for (label, text) in labels {
            self.0.push(before);
            self.0.push_str(label);
            self.0.push_str("=\"");
            self.push_escaped(text, true);
            self.0.push('"');
            before = ',';
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        self.0.push_str(&format!(" {value}\n"));
    }

    /// A family of one sample: a number that goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str, value: &dyn Display) {
        self.family(name, Kind::Gauge, help);
        self.sample(name, &[], value);
    }

    /// A family of one sample: a number that only grows.
    pub(super) fn counter(&mut self, name: &str, help: &str, value: &dyn Display) {
        self.family(name, Kind::Counter, help);
        self.sample(name, &[], value);
    }

    pub(super) fn finished(self) -> String {
        self.0
    }

    fn push_escaped(&mut self, text: &str, is_quoted: bool) {
        for sign in text.chars() {
            match sign {
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                '"' if is_quoted => self.0.push_str("\\\""),
                _ => self.0.push(sign),
            }
        }
    }
}

/// Microseconds, written in seconds.
pub(super) struct Microseconds(pub(super) u64);

impl Display for Microseconds {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> FmtResult {
        let Self(all) = *self;
        let (seconds, fraction) = (all / 1_000_000, all % 1_000_000);
        if fraction == 0 {
            return write!(formatter, "{seconds}");
        }
        let digits = format!("{fraction:06}");
        write!(formatter, "{seconds}.{}", digits.trim_end_matches('0'))
    }
}

/// Milliseconds, written in seconds.
pub(super) struct Milliseconds(pub(super) i64);

impl Display for Milliseconds {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> FmtResult {
        let sign = if self.0 < 0 { "-" } else { "" };
        let all = Microseconds(self.0.unsigned_abs().saturating_mul(1000));
        write!(formatter, "{sign}{all}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Exposition, Kind, Microseconds, Milliseconds};

    #[test]
    fn help_and_values_of_labels_are_escaped() {
        let mut text = Exposition::default();
        text.family("n", Kind::Gauge, "a \"b\"\\\nc");
        text.sample("n", &[("a", "\"x\"\\\n{},="), ("b", "é")], &1);
        text.sample("n", &[], &-2);
        let expected = "# HELP n a \"b\"\\\\\\nc\n# TYPE n gauge\n\
                        n{a=\"\\\"x\\\"\\\\\\n{},=\",b=\"é\"} 1\nn -2\n";
        assert_eq!(text.finished(), expected);
    }

    #[test]
    fn times_are_decimal_seconds() {
        for (microseconds, expected) in
            [(0, "0"), (1, "0.000001"), (250, "0.00025"), (1_000_000, "1"), (90_500_000, "90.5")]
        {
            assert_eq!(Microseconds(microseconds).to_string(), expected);
        }
        for (milliseconds, expected) in
            [(0, "0"), (-1, "-0.001"), (-86_400_000, "-86400"), (30_500, "30.5")]
        {
            assert_eq!(Milliseconds(milliseconds).to_string(), expected);
        }
    }
}
