//! The figures of one cell: all the arithmetic.

use std::time::Duration;

/// What one service did under load.
#[derive(Debug)]
pub(crate) struct Figures {
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_us: f64,
    pub(crate) memory_mb: f64,
    /// Since the service was started, like `requests`.
    pub(crate) sts_calls: usize,
    pub(crate) requests: usize,
}

impl Figures {
    /// `None` when nothing was answered in the measured time.
    pub(crate) fn new(
        mut seconds: Vec<f64>,
        elapsed: Duration,
        cpu_seconds: f64,
        memory_kilobytes: u32,
        sts_calls: usize,
        requests: usize,
    ) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let answered = float(seconds.len());
        Some(Self {
            requests_per_second: answered / elapsed.as_secs_f64(),
            p50_ms: percentile(&seconds, 50)? * 1000.0,
            p99_ms: percentile(&seconds, 99)? * 1000.0,
            cpu_us: cpu_seconds / answered * 1e6,
            memory_mb: f64::from(memory_kilobytes) / 1024.0,
            sts_calls,
            requests,
        })
    }

    pub(crate) fn sts_calls_per_request(&self) -> f64 {
        float(self.sts_calls) / float(self.requests)
    }
}

/// The smallest value that `percent` of all do not exceed.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

fn float(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}

#[cfg(test)]
mod tests {
    use super::Figures;
    use std::time::Duration;

    #[test]
    fn figures_are_of_the_measured_time_and_calls_of_the_whole() {
        let seconds = (1..=100).rev().map(f64::from).collect();
        let figures = Figures::new(seconds, Duration::from_secs(4), 0.5, 2048, 3, 150).unwrap();
        assert_eq!((figures.p50_ms, figures.p99_ms), (50_000.0, 99_000.0));
        assert_eq!((figures.requests_per_second, figures.cpu_us), (25.0, 5000.0));
        assert_eq!((figures.memory_mb, figures.sts_calls_per_request()), (2.0, 0.02));
    }

    #[test]
    fn nothing_answered_is_nothing_measured() {
        assert!(Figures::new(vec![], Duration::from_secs(1), 0.0, 0, 0, 1).is_none());
        assert!(Figures::new(vec![1.0], Duration::from_secs(1), 0.0, 0, 0, 1).is_some());
    }
}
