//! The whole run: the programs in turn, as often as was asked for.

use crate::cli::Options;
use crate::instance::{self, Sample};
use crate::program::Program;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::Sts;
use std::time::Duration;

/// Everything that was measured.
pub(crate) struct Measured {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) function_bytes: u64,
    pub(crate) hello_bytes: u64,
}

/// Instances started one after the other.
pub(crate) struct Pair {
    pub(crate) function: Sample,
    /// Of the function, when its first event comes late.
    pub(crate) waiting: Sample,
    pub(crate) hello: Sample,
    pub(crate) minimal: Sample,
}

/// Measures pairs in alternating order, after some that only fill the page cache.
pub(crate) async fn all(options: &Options) -> Result<Measured, Fault> {
    let sts = Sts::start(Duration::ZERO).await?;
    let function = Program::function(options, &sts)?;
    let hello = Program::hello(options)?;
    let minimal = Program::minimal(options, &sts)?;
    let measure = |program, after| instance::measure(program, options.warm, after, &sts);
    for _ in 0..DISCARDED_PAIRS {
        measure(&hello, Duration::ZERO).await?;
        measure(&function, Duration::ZERO).await?;
        measure(&minimal, Duration::ZERO).await?;
    }
    let mut pairs = Vec::new();
    for number in 0..options.runs {
        // In turn before and after the others.
        let before = match number % 2 {
            0 => Some(measure(&function, Duration::ZERO).await?),
            _ => None,
        };
        let hello = measure(&hello, Duration::ZERO).await?;
        let minimal = measure(&minimal, Duration::ZERO).await?;
        let function_sample = match before {
            Some(sample) => sample,
            None => measure(&function, Duration::ZERO).await?,
        };
        let waiting = measure(&function, LATE).await?;
        pairs.push(Pair { function: function_sample, waiting, hello, minimal });
    }
    Ok(Measured { pairs, function_bytes: function.size_bytes()?, hello_bytes: hello.size_bytes()? })
}

const DISCARDED_PAIRS: usize = 3;

/// As an instance that the platform keeps ready.
const LATE: Duration = Duration::from_millis(5);
