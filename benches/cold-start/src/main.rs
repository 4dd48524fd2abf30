//! Measures the function against a hello-world Lambda function, side by side in one run.
//!
//! # Guarantees
//!
//! - Every figure is a ratio, a size or a count, so you can compare machines.
//! - Both functions get the same runtime API, event and driver, in alternating order.
//! - A wrong answer ends the run and is never counted.
//! - The exit code is 0 when it could measure, whether or not an aim was met.
//!
//! # Not covered
//!
//! The platform's own share of a cold start, and whether signatures are right.

mod aims;
mod cli;
mod instance;
mod program;
mod report;
mod run;
mod runtime_api;
mod stats;

use std::io::Write as _;
use std::process::ExitCode;

use cos_issuer_bench_sts::fault::Fault;

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
