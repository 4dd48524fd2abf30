//! The deployed binary: environment in, a running function out.
//!
//! Promises: the one place that reads the environment and files. A configuration with problems ends the process with status 1,
//! and the log says all of them, by variable name.

use std::process::ExitCode;
use std::sync::Arc;

use cos_issuer::config::{Config, Environment, LogLevel};
use cos_issuer::{error, log, runtime};
use tencent::time::SystemClock;
use tracing::{error, warn};

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read here, once"
)]
fn main() -> ExitCode {
    let environment: Environment = std::env::vars_os().collect();
    log::start(LogLevel::read(&environment));
    let config = match Config::read(&environment, &read_file, Arc::new(SystemClock)) {
        Ok(config) => config,
        Err(problems) => {
            for problem in &problems {
                error!(variable = problem.variable(), "{problem}");
            }
            error!(
                problems = problems.len(),
                "the function refuses to start until its variables are mended"
            );
            return ExitCode::FAILURE;
        }
    };
    // The calling key lives on in its own wiped type, not in a map of plain texts.
    drop(environment);
    for warning in &config.warnings {
        warn!("{warning}");
    }
    serve(config)
}

/// A file of the deployment: where the path says, or beside the binary, since platforms differ in where they start it.
fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
    let outcome = std::fs::read(path);
    match (&outcome, std::env::current_exe()) {
        (Err(error), Ok(binary)) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::read(binary.with_file_name(path))
        }
        _ => outcome,
    }
}

fn serve(config: Config) -> ExitCode {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match tokio {
        Ok(tokio) => tokio.block_on(runtime::run(config.platform, config.handler)),
        Err(error) => {
            error!(cause = error::chain(&error), "the process cannot start");
            return ExitCode::FAILURE;
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(cause = error::chain(&error), "the function ends");
            ExitCode::FAILURE
        }
    }
}
