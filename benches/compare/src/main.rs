//! Measures the function side by side with services that make the same credentials with the
//! vendor's packages, and writes a page about it.
//!
//! # Guarantees
//!
//! - Every service gets the same core, STS, policy, load and time, one after the other.
//! - A wrong answer ends the run and is never counted.
//! - No service is left running.
//!
//! # Not covered
//!
//! Other machines: the page names the figures that carry over.

mod cell;
mod figures;
mod load;
mod page;
mod process;
mod reply;
mod service;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::Sts;
use lexopt::prelude::{Long, Value, ValueExt as _};

use cell::Cell;
use service::Service;

const HELP: &str = "Usage: cos-issuer-compare FUNCTION [SERVER] [--seconds N]";

/// How long the STS takes to answer, in milliseconds.
const LATENCIES_MS: [u64; 3] = [0, 20, 200];

/// What to measure, and for how long.
struct Options {
    function: PathBuf,
    server: Option<PathBuf>,
    measured: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let page = tokio::select! {
        page = comparison() => page,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
    };
    let written = page.and_then(|page| Ok(std::io::stdout().write_all(page.as_bytes())?));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            progress(&format!("could not compare: {fault}"));
            ExitCode::FAILURE
        }
    }
}

async fn comparison() -> Result<String, Fault> {
    let options = parse(lexopt::Parser::from_env())?;
    let services = Service::all(&options.function, options.server.as_deref())?;
    let mut cells: Vec<Cell> = Vec::new();
    for latency_ms in LATENCIES_MS {
        let sts = Sts::start(Duration::from_millis(latency_ms)).await?;
        for has_cache in [false, true] {
            for service in &services {
                progress(&format!("STS {latency_ms} ms, cache {has_cache}: {}", service.name));
                let figures = cell::measure(service, &sts, has_cache, options.measured)
                    .await
                    .map_err(|fault| format!("{}: {fault}", service.name))?;
                let (name, is_ours) = (service.name, service.is_ours);
                cells.push(Cell { name, is_ours, latency_ms, has_cache, figures });
            }
        }
    }
    Ok(page::markdown(&services, &cells, options.measured))
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options, Fault> {
    let (mut paths, mut seconds) = (Vec::new(), 5);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(path) => paths.push(PathBuf::from(path)),
            Long("seconds") => seconds = arguments.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let mut paths = paths.into_iter();
    match (paths.next(), paths.next(), paths.next()) {
        (Some(function), server, None) if seconds > 0 => {
            Ok(Options { function, server, measured: Duration::from_secs(seconds) })
        }
        _ => Err(HELP.into()),
    }
}

fn progress(line: &str) {
    // Nothing is left to try when standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}
