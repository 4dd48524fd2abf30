//! Medians and ratios: all the arithmetic of the benchmark.

/// How one side compares with the other, pair by pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratios {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
    /// The ratio of the two sides' own medians: a check on the pairing.
    pub(crate) of_medians: f64,
}

impl Ratios {
    /// Compares two sides measured in turn, first with first; `None` when there is nothing to
    /// compare.
    pub(crate) fn of_pairs(pairs: &[(f64, f64)]) -> Option<Self> {
        let each = sorted(pairs.iter().map(|(ours, theirs)| ours / theirs));
        Some(Self {
            min: *each.first()?,
            median: middle(&each)?,
            max: *each.last()?,
            of_medians: median(pairs.iter().map(|pair| pair.0))?
                / median(pairs.iter().map(|pair| pair.1))?,
        })
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    middle(&sorted(values))
}

/// The largest value.
pub(crate) fn largest(values: impl Iterator<Item = f64>) -> Option<f64> {
    sorted(values).last().copied()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().saturating_sub(1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::{Ratios, largest, median};

    #[test]
    fn a_ratio_is_taken_within_each_pair() {
        let ratios = Ratios::of_pairs(&[(2.0, 1.0), (3.0, 2.0), (12.0, 4.0)]).unwrap();
        assert_eq!(ratios, Ratios { min: 1.5, median: 2.0, max: 3.0, of_medians: 1.5 });
    }

    #[test]
    fn an_even_count_takes_the_mean_of_the_middle() {
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), Some(2.5));
        assert_eq!(largest([4.0, 1.0].into_iter()), Some(4.0));
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(median(std::iter::empty()), None);
        assert_eq!(Ratios::of_pairs(&[]), None);
    }
}
