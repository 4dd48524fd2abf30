//! Measures the function against a hello-world Lambda function, side by side in one run.
//!
//! Promises: every figure is a ratio, a size or a count, so it can be compared across machines; both sides meet the same
//! runtime API, event and driver, in alternating order; an answer that is wrong stops the run instead of being counted.
//! The exit code says whether it could measure, never whether an aim was met.
//! Leaves out: the platform's own share of a cold start, and whether signatures are right (the tests' business).

mod aims;
mod cli;
mod clock;
mod fault;
mod http;
mod instance;
mod program;
mod report;
mod run;
mod runtime_api;
mod stats;
mod sts;

use std::io::Write as _;
use std::process::ExitCode;

use fault::Fault;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match benchmark().await {
        Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(fault) => {
            // Nothing is left to try when even standard error is closed.
            let _ = writeln!(std::io::stderr(), "could not measure: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn benchmark() -> Result<String, Fault> {
    match cli::parse(lexopt::Parser::from_env())? {
        cli::Command::Help => Ok(cli::HELP.to_owned()),
        cli::Command::Run(options) => {
            let measured = run::all(&options).await?;
            Ok(report::markdown(&options, &measured))
        }
    }
}
