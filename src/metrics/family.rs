//! All counters or histograms of one name: a cell for each combination of values.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::exposition::{Exposition, Kind};
use super::labels::Values;

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a family consists of.
pub(super) trait Cell {
    const KIND: Kind;

    fn is_zero(&self) -> bool;

    fn write(&self, name: &str, labels: &[(&str, &str)], text: &mut Exposition);
}

impl Cell for Counter {
    const KIND: Kind = Kind::Counter;

    fn is_zero(&self) -> bool {
        self.value() == 0
    }

    fn write(&self, name: &str, labels: &[(&str, &str)], text: &mut Exposition) {
        text.sample(name, labels, &self.value());
    }
}

/// Cells by the values of `N` labels.
#[derive(Debug)]
pub(super) struct Family<C, const N: usize> {
    name: &'static str,
    help: &'static str,
    labels: [(&'static str, Values); N],
    /// In the order of the values, those of the last label next to each other.
    cells: Box<[C]>,
    /// Combinations that have never occurred are left out.
    is_sparse: bool,
}

impl<C: Cell, const N: usize> Family<C, N> {
    /// A family that writes every combination of values from the start.
    pub(super) fn dense(
        name: &'static str,
        help: &'static str,
        labels: [(&'static str, Values); N],
        cell: impl FnMut() -> C,
    ) -> Self {
        let count = labels.iter().map(|(_, values)| values.len()).product();
        let cells = std::iter::repeat_with(cell).take(count).collect();
        Self { name, help, labels, cells, is_sparse: false }
    }

    /// A family of so many combinations that only those are written which have occurred.
    pub(super) fn sparse(
        name: &'static str,
        help: &'static str,
        labels: [(&'static str, Values); N],
        cell: impl FnMut() -> C,
    ) -> Self {
        Self { is_sparse: true, ..Self::dense(name, help, labels, cell) }
    }

    /// The cell of these values; `None` when an index is out of range.
    pub(super) fn cell(&self, indices: [usize; N]) -> Option<&C> {
        let mut offset = 0_usize;
        for ((_, values), index) in self.labels.iter().zip(indices) {
            if index >= values.len() {
                return None;
            }
            offset = offset.checked_mul(values.len())?.checked_add(index)?;
        }
        self.cells.get(offset)
    }

    pub(super) fn write(&self, text: &mut Exposition) {
        text.family(self.name, C::KIND, self.help);
        for (cell, indices) in self.cells.iter().zip(self.indices()) {
            if self.is_sparse && cell.is_zero() {
                continue;
            }
            let pairs = self.labels.iter().zip(indices);
            let labels: Vec<(&str, &str)> = pairs
                .map(|((label, values), index)| (*label, values.get(index).map_or("", Cow::as_ref)))
                .collect();
            cell.write(self.name, &labels, text);
        }
    }

    /// The indices of each cell, in their order.
    fn indices(&self) -> impl Iterator<Item = [usize; N]> {
        let lengths = self.labels.each_ref().map(|(_, values)| values.len());
        let mut next = [0_usize; N];
        std::iter::repeat_with(move || {
            let present = next;
            for (index, length) in next.iter_mut().zip(lengths).rev() {
                *index = index.saturating_add(1);
                if *index < length {
                    break;
                }
                *index = 0;
            }
            present
        })
    }
}

impl<const N: usize> Family<Counter, N> {
    /// Adds one.
    pub(super) fn count(&self, indices: [usize; N]) {
        if let Some(Counter(count)) = self.cell(indices) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sum of all cells whose label number `label` has this value.
    pub(super) fn sum(&self, label: usize, index: usize) -> u64 {
        let cells = self.cells.iter().zip(self.indices());
        let chosen = cells.filter(|(_, indices)| indices.get(label) == Some(&index));
        chosen.map(|(cell, _)| cell.value()).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::super::exposition::Exposition;
    use super::super::labels::values;
    use super::{Counter, Family};

    fn written<const N: usize>(family: &Family<Counter, N>) -> Vec<String> {
        let mut text = Exposition::default();
        family.write(&mut text);
        text.finished().lines().skip(2).map(str::to_owned).collect()
    }

    #[test]
    fn each_combination_has_a_cell_of_its_own() {
        let labels = [("a", values(&["x", "y"])), ("b", values(&["1", "2", "3"]))];
        let sparse = Family::sparse("n", "help", labels.clone(), Counter::default);
        assert!(written(&sparse).is_empty());
        for (a, times) in [(0, 1), (1, 2)] {
            for b in 0..3 {
                (0..times + b).for_each(|_| sparse.count([a, b]));
            }
        }
        let expected = [
            r#"n{a="x",b="1"} 1"#,
            r#"n{a="x",b="2"} 2"#,
            r#"n{a="x",b="3"} 3"#,
            r#"n{a="y",b="1"} 2"#,
            r#"n{a="y",b="2"} 3"#,
            r#"n{a="y",b="3"} 4"#,
        ];
        assert_eq!(written(&sparse), expected);
        assert_eq!((sparse.sum(0, 1), sparse.sum(1, 2), sparse.sum(1, 3)), (9, 7, 0));
        for outside in [[2, 0], [0, 3], [usize::MAX, usize::MAX]] {
            sparse.count(outside);
        }
        assert_eq!(written(&sparse), expected);
    }

    #[test]
    fn a_dense_family_has_zeros_and_one_without_labels_has_one_cell() {
        let one = Family::dense("n", "help", [("a", values(&["x", "y"]))], Counter::default);
        assert_eq!(written(&one), [r#"n{a="x"} 0"#, r#"n{a="y"} 0"#]);
        let none = Family::dense("n", "help", [], Counter::default);
        none.count([]);
        assert_eq!(written(&none), ["n 1"]);
    }
}
