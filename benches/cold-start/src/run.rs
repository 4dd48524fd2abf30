//! The whole run: both programs in turn, as often as was asked for.

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

/// Two instances started one after the other.
pub(crate) struct Pair {
    pub(crate) function: Sample,
    pub(crate) hello: Sample,
}

/// Measures pairs in alternating order, after some that only fill the page cache.
pub(crate) async fn all(options: &Options) -> Result<Measured, Fault> {
    let sts = Sts::start(Duration::ZERO).await?;
    let function = Program::function(options, &sts)?;
    let hello = Program::hello(options)?;
    for _ in 0..DISCARDED_PAIRS {
        instance::measure(&hello, options.warm, &sts).await?;
        instance::measure(&function, options.warm, &sts).await?;
    }
    let mut pairs = Vec::new();
    for number in 0..options.runs {
        let pair = if number % 2 == 0 {
            let function = instance::measure(&function, options.warm, &sts).await?;
            Pair { function, hello: instance::measure(&hello, options.warm, &sts).await? }
        } else {
            let hello = instance::measure(&hello, options.warm, &sts).await?;
            Pair { function: instance::measure(&function, options.warm, &sts).await?, hello }
        };
        pairs.push(pair);
    }
    Ok(Measured { pairs, function_bytes: function.size_bytes()?, hello_bytes: hello.size_bytes()? })
}

const DISCARDED_PAIRS: usize = 3;
