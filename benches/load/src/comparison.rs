//! Two services in turn: the ratios of what they need and do, and whether an aim is met.

use crate::clients::{self, Slice};
use crate::setup::Side;
use cos_issuer_bench_sts::fault::Fault;

/// How long, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Pairs of slices.
    pub(crate) rounds: usize,
    /// Of each slice.
    pub(crate) seconds: f64,
}

/// One service over another, from pairs of slices.
pub(crate) struct Comparison {
    pairs: Vec<(Slice, Slice)>,
}

impl Comparison {
    /// Loads both in alternating order, so that what else the machine does affects both.
    pub(crate) async fn measure(
        ours: &Side,
        theirs: &Side,
        connections: usize,
        effort: Effort,
    ) -> Result<Self, Fault> {
        let load = async |side: &Side| {
            clients::slice(&side.service, &side.exchange, connections, effort.seconds).await
        };
        let mut pairs = Vec::new();
        // The first pair makes the connections to STS.
        for number in 0..=effort.rounds {
            let pair = if number % 2 == 0 {
                let ours = load(ours).await?;
                (ours, load(theirs).await?)
            } else {
                let theirs = load(theirs).await?;
                (load(ours).await?, theirs)
            };
            pairs.push(pair);
        }
        pairs.remove(0);
        Ok(Self { pairs })
    }

    /// CPU time per request, ours over theirs.
    pub(crate) fn cpu(&self) -> Figure {
        self.ratio(|slice| slice.cpu_seconds_per_request)
    }

    /// Requests per second, ours over theirs.
    pub(crate) fn requests(&self) -> Figure {
        self.ratio(|slice| slice.requests_per_second)
    }

    /// CPU time per request, theirs over ours: which part of ours theirs is.
    pub(crate) fn share_of_ceiling(&self) -> Figure {
        Figure::of(
            self.pairs.iter().map(|(ours, theirs)| {
                theirs.cpu_seconds_per_request / ours.cpu_seconds_per_request
            }),
        )
    }

    /// CPU time per request, ours less theirs, in microseconds.
    pub(crate) fn more_microseconds(&self) -> Figure {
        Figure::of(self.pairs.iter().map(|(ours, theirs)| {
            (ours.cpu_seconds_per_request - theirs.cpu_seconds_per_request) * 1e6
        }))
    }

    /// The part of our CPU time that the second of our threads has.
    pub(crate) fn second_thread(&self) -> Figure {
        Figure::of(self.pairs.iter().map(|(ours, _)| ours.second_thread))
    }

    fn ratio(&self, value: fn(&Slice) -> f64) -> Figure {
        Figure::of(self.pairs.iter().map(|(ours, theirs)| value(ours) / value(theirs)))
    }
}

/// The middle of several measurements, and their quartiles.
pub(crate) struct Figure {
    first_quartile: f64,
    median: f64,
    third_quartile: f64,
}

impl Figure {
    /// Of at least one measurement.
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let index = values.len().saturating_sub(1).saturating_mul(quarters) / 4;
            values.get(index).copied().unwrap_or(f64::NAN)
        };
        Self { first_quartile: at(1), median: at(2), third_quartile: at(3) }
    }

    /// One amount of memory.
    #[expect(clippy::cast_precision_loss, reason = "sizes here are far below 2^52")]
    pub(crate) fn megabytes(bytes: u64) -> Self {
        Self::of(std::iter::once(bytes as f64 / 1e6))
    }

    /// One row of the table.
    pub(crate) fn row(&self, name: &str, aim: Aim) -> String {
        let Self { first_quartile, median, third_quartile } = self;
        let (aim, is_met) = match aim {
            Aim::AtMost(most) => (format!("at most {most}"), *median <= most),
            Aim::AtLeast(least) => (format!("at least {least}"), *median >= least),
        };
        let verdict = if is_met { "met" } else { "not met" };
        format!(
            "| {name} | {first_quartile:.2} | {median:.2} | {third_quartile:.2} | {aim} | {verdict} |\n"
        )
    }
}

/// What the median should be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

#[cfg(test)]
mod tests {
    use super::{Aim, Figure};

    #[test]
    fn the_aim_is_for_the_median_and_itself_met() {
        let figure = || Figure::of([1.2, 9.0, 1.0, 1.1, 1.3].into_iter());
        let row = figure().row("name", Aim::AtMost(1.2));
        assert_eq!(row, "| name | 1.10 | 1.20 | 1.30 | at most 1.2 | met |\n");
        assert!(figure().row("name", Aim::AtMost(1.1)).ends_with("| not met |\n"));
        assert!(figure().row("name", Aim::AtLeast(1.2)).ends_with("| met |\n"));
        assert!(figure().row("name", Aim::AtLeast(1.3)).ends_with("| not met |\n"));
    }
}
