//! Histograms of durations, in buckets that are fixed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::exposition::{Exposition, Kind, Microseconds};
use super::family::Cell;

/// The upper end of a bucket, in microseconds.
type Bound = u64;

/// For the time of requests and calls: the boundaries of OpenTelemetry, and smaller ones, since an
/// answer from the cache takes microseconds.
/// <https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>
pub(super) const TIMES: [Bound; 19] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 250_000, 500_000,
    750_000, 1_000_000, 2_500_000, 5_000_000, 7_500_000, 10_000_000,
];

/// For the lifetime of credentials: from a minute to a day and a half.
pub(super) const LIFETIMES: [Bound; 12] = [
    60_000_000,
    120_000_000,
    300_000_000,
    600_000_000,
    900_000_000,
    1_200_000_000,
    1_800_000_000,
    3_600_000_000,
    7_200_000_000,
    14_400_000_000,
    43_200_000_000,
    129_600_000_000,
];

/// Durations, counted by size.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [Bound],
    /// One for each bound, and one for what is above them all.
    counts: Box<[AtomicU64]>,
    sum_us: AtomicU64,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [Bound]) -> Self {
        let counts = bounds.iter().map(|_| AtomicU64::default());
        let counts = counts.chain([AtomicU64::default()]).collect();
        Self { bounds, counts, sum_us: AtomicU64::default() }
    }

    pub(super) fn record(&self, duration: Duration) {
        let duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = self.bounds.partition_point(|bound| *bound < duration_us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(duration_us, Ordering::Relaxed);
    }
}

impl Cell for Histogram {
    const KIND: Kind = Kind::Histogram;

    fn is_zero(&self) -> bool {
        self.counts.iter().all(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// The count is that of the last bucket, so that both agree while others record.
    fn write(&self, name: &str, labels: &[(&str, &str)], text: &mut Exposition) {
        let bounds = self.bounds.iter().map(|bound| Microseconds(*bound).to_string());
        let bounds = bounds.chain(["+Inf".to_owned()]);
        let mut total = 0_u64;
        for (bound, count) in bounds.zip(&self.counts) {
            total = total.saturating_add(count.load(Ordering::Relaxed));
            let labels = [labels, &[("le", bound.as_str())]].concat();
            text.sample(&format!("{name}_bucket"), &labels, &total);
        }
        let sum = Microseconds(self.sum_us.load(Ordering::Relaxed));
        text.sample(&format!("{name}_sum"), labels, &sum);
        text.sample(&format!("{name}_count"), labels, &total);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::exposition::Exposition;
    use super::super::family::Cell;
    use super::{Histogram, LIFETIMES, TIMES};

    #[test]
    fn a_duration_counts_in_each_bucket_that_is_not_below_it() {
        let histogram = Histogram::new(&[100, 2_500_000]);
        assert!(histogram.is_zero());
        for microseconds in [0, 100, 101, 2_500_000, 2_500_001, 10_000_000] {
            histogram.record(Duration::from_micros(microseconds));
        }
        let mut text = Exposition::default();
        histogram.write("n", &[("a", "b")], &mut text);
        let expected = [
            r#"n_bucket{a="b",le="0.0001"} 2"#,
            r#"n_bucket{a="b",le="2.5"} 4"#,
            r#"n_bucket{a="b",le="+Inf"} 6"#,
            r#"n_sum{a="b"} 15.000202"#,
            r#"n_count{a="b"} 6"#,
        ];
        assert_eq!(text.finished().lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn bounds_grow() {
        assert!(TIMES.is_sorted_by(|a, b| a < b) && LIFETIMES.is_sorted_by(|a, b| a < b));
    }
}
