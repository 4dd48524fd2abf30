//! The figures as Markdown: ratios, sizes and counts, each next to its aim.
//!
//! # Not covered
//!
//! Times: a time describes one machine on one day.

use crate::aims::{self, Aim};
use crate::cli::Options;
use crate::instance::Sample;
use crate::run::{Measured, Pair};
use crate::stats::{self, Ratios};

/// Two tables and how to read them.
pub(crate) fn markdown(options: &Options, measured: &Measured) -> String {
    let mut text = format!(
        "Function over hello-world, {} pairs of instances, {} warm invocations on each.\n\n\
         | Ratio | min | median | max | of medians | aim (median) | |\n|---|---:|---:|---:|---:|---|---|\n",
        options.runs, options.warm
    );
    let pairs = &measured.pairs;
    text +=
        &ratio_row("start to first `next`", pairs, |sample| sample.to_next_seconds, aims::TO_NEXT);
    text += &ratio_row(
        "start to first answer (ours: a credential)",
        pairs,
        |sample| sample.to_answer_seconds,
        aims::TO_CREDENTIAL,
    );
    text += &minimal_row(pairs);
    text += &ratio_row(
        "warm invocation, less the STS's own time",
        pairs,
        |sample| sample.warm_seconds,
        Aim::Unset,
    );
    text += &late_row(pairs);
    text += "\n| Figure | function | hello-world | aim | |\n|---|---:|---:|---|---|\n";
    text += &megabytes_row(
        "binary, stripped",
        measured.function_bytes,
        measured.hello_bytes,
        aims::SIZE,
    );
    text += &memory_row(pairs);
    text += &count_row(
        "STS connections of an instance: most",
        pairs,
        |sample| sample.sts_connections,
        aims::STS_CONNECTIONS,
    );
    text += &late_round_trips_row(pairs);
    text +=
        &count_row("STS calls of an instance: most", pairs, |sample| sample.sts_calls, Aim::Unset);
    text
}

fn ratio_row(name: &str, pairs: &[Pair], seconds: fn(&Sample) -> f64, aim: Aim) -> String {
    let both: Vec<_> =
        pairs.iter().map(|pair| (seconds(&pair.function), seconds(&pair.hello))).collect();
    row(name, &both, aim)
}

fn row(name: &str, both: &[(f64, f64)], aim: Aim) -> String {
    let Some(Ratios { min, median, max, of_medians }) = Ratios::of_pairs(both) else {
        return String::new();
    };
    format!(
        "| {name} | {min:.2} | {median:.2} | {max:.2} | {of_medians:.2} | {} |\n",
        aim.compare(median)
    )
}

fn minimal_row(pairs: &[Pair]) -> String {
    let seconds = |pair: &Pair| (pair.function.to_answer_seconds, pair.minimal.to_answer_seconds);
    let both: Vec<_> = pairs.iter().map(seconds).collect();
    row("start to first credential, over the smallest issuer", &both, aims::TO_MINIMAL_CREDENTIAL)
}

/// What the connection that is made ahead gains.
fn late_row(pairs: &[Pair]) -> String {
    let seconds =
        |pair: &Pair| (pair.waiting.first_answer_seconds, pair.function.first_answer_seconds);
    let both: Vec<_> = pairs.iter().map(seconds).collect();
    let name = "event to first answer: 5 ms after `next` over at once, both ours";
    row(name, &both, aims::LATE_ANSWER)
}

fn late_round_trips_row(pairs: &[Pair]) -> String {
    let trips = |of: fn(&Pair) -> usize| {
        stats::median(pairs.iter().map(|pair| float(of(pair)))).unwrap_or_default()
    };
    let (late, at_once) = (
        trips(|pair| pair.waiting.first_round_trips),
        trips(|pair| pair.function.first_round_trips),
    );
    format!(
        "| round trips to the STS, event 5 ms after `next` (at once: {at_once}): median | {late} | 0 | {} |\n",
        aims::LATE_ROUND_TRIPS.compare(late)
    )
}

fn megabytes_row(name: &str, function_bytes: u64, hello_bytes: u64, aim: Aim) -> String {
    let (ours, theirs) = (megabytes(function_bytes), megabytes(hello_bytes));
    format!(
        "| {name} | {ours:.2} MB ({function_bytes} B) | {theirs:.2} MB ({hello_bytes} B) | {} |\n",
        aim.compare(ours)
    )
}

/// The largest of all instances: an aim for a peak is missed when any instance misses it.
fn memory_row(pairs: &[Pair]) -> String {
    let peak = |side: fn(&Pair) -> &Sample| {
        let each = || pairs.iter().map(|pair| megabytes(side(pair).peak_memory_bytes));
        (stats::median(each()).unwrap_or_default(), stats::largest(each()).unwrap_or_default())
    };
    let (ours, most) = peak(|pair| &pair.function);
    let (theirs, their_most) = peak(|pair| &pair.hello);
    format!(
        "| peak memory after the first answer: median (largest) | {ours:.2} MB ({most:.2} MB) | {theirs:.2} MB ({their_most:.2} MB) | {} |\n",
        aims::PEAK_MEMORY.compare(most)
    )
}

fn count_row(name: &str, pairs: &[Pair], count: fn(&Sample) -> usize, aim: Aim) -> String {
    let most = |side: fn(&Pair) -> &Sample| {
        pairs.iter().map(|pair| count(side(pair))).max().unwrap_or_default()
    };
    let (ours, theirs) = (most(|pair| &pair.function), most(|pair| &pair.hello));
    format!("| {name} | {ours} | {theirs} | {} |\n", aim.compare(float(ours)))
}

fn megabytes(bytes: u64) -> f64 {
    float(usize::try_from(bytes).unwrap_or(usize::MAX)) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts here are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::markdown;
    use crate::cli::Options;
    use crate::instance::Sample;
    use crate::run::{Measured, Pair};

    fn sample(scale: f64, memory_bytes: u64, connections: usize) -> Sample {
        Sample {
            to_next_seconds: scale,
            to_answer_seconds: scale * 2.0,
            first_answer_seconds: scale,
            first_round_trips: connections,
            warm_seconds: scale * 3.0,
            peak_memory_bytes: memory_bytes,
            sts_connections: connections,
            sts_calls: connections,
        }
    }

    fn pair(function: Sample) -> Pair {
        Pair {
            function,
            waiting: sample(0.5, 5_000_000, 1),
            hello: sample(1.0, 2_000_000, 0),
            minimal: sample(1.25, 4_000_000, 1),
        }
    }

    #[test]
    fn each_figure_is_next_to_its_aim() {
        let pairs = vec![pair(sample(1.0, 5_000_000, 1)), pair(sample(1.5, 6_500_000, 2))];
        let paths = ["a", "b", "c"].map(Into::into);
        let [function, hello, minimal] = paths;
        let options = Options { runs: 2, warm: 1, function, hello, minimal };
        let text = markdown(
            &options,
            &Measured { pairs, function_bytes: 3_900_000, hello_bytes: 2_000_000 },
        );
        for row in [
            "| start to first `next` | 1.00 | 1.25 | 1.50 | 1.25 | at most 1.1x | not met |",
            "| start to first answer (ours: a credential) | 1.00 | 1.25 | 1.50 | 1.25 | at most 1.8x | met |",
            "| binary, stripped | 3.90 MB (3900000 B) | 2.00 MB (2000000 B) | at most 5 MB | met |",
            "| start to first credential, over the smallest issuer | 0.80 | 1.00 | 1.20 | 1.00 | at most 1x | met |",
            "| 5.75 MB (6.50 MB) | 2.00 MB (2.00 MB) | at most 4.5 MB | not met |",
            "| 0.33 | 0.42 | 0.50 | 0.40 | at most 0.6x | met |",
            "(at once: 1.5): median | 1 | 0 | 1 | met |",
            "| STS connections of an instance: most | 2 | 0 | 1 | not met |",
        ] {
            assert!(text.contains(row), "{row}\n{text}");
        }
    }
}
