//! Measures the function and the server under load against plain programs of the same stack.
//!
//! # Guarantees
//!
//! - Every figure is a ratio within one run, but for memory and for microseconds between two runs
//!   of one program.
//! - Services have one core, clients and STS the other; both sides get the same requests in turn.
//! - A wrong answer ends the run and is never counted.
//! - The exit code is 0 when it could measure, whether or not an aim was met.
//!
//! # Not covered
//!
//! Cold starts (`benches/cold-start`), and the network.

mod cli;
mod clients;
mod comparison;
mod cores;
mod http;
mod run;
mod service;
mod setup;
mod sts;

use std::io::Write as _;
use std::process::ExitCode;

use cos_issuer_bench_sts::fault::Fault;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

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
            cores::bind(cores::DRIVER)?;
            // For a thousand connections, here and in the services.
            let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
            let current = Some(maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES));
            setrlimit(Resource::Nofile, Rlimit { current, maximum })?;
            run::all(&options).await
        }
    }
}

const OPEN_FILES: u64 = 16_384;
