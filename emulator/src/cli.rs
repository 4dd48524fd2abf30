//! The two commands and what they share: why they fail, and when they stop.

pub(crate) mod arguments;
pub(crate) mod console;
mod first_request;
mod run;
mod sts;

use std::path::PathBuf;

use cos_emulator::StartError;
use tokio::signal::unix::{SignalKind, signal};

use self::arguments::{Arguments, Command};
use self::console::Console;

/// Runs the chosen command to its end.
pub(crate) async fn run(
    arguments: &Arguments,
    ledger: Option<PathBuf>,
    console: Console,
) -> Result<(), Failure> {
    match &arguments.command {
        Command::Run(run) => run::run(run, ledger, console).await,
        Command::Sts(sts) => sts::run(sts, ledger, console).await,
    }
}

/// Why the command did not do what was asked.
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage(String),
    /// It did not work out.
    Failed(String),
}

impl Failure {
    /// A cloud that did not start, with the way out where there is one.
    pub(crate) fn start(error: &StartError) -> Self {
        Self::Failed(match error {
            StartError::PortTaken { .. } => {
                format!("{error}; choose another with --port, or --port 0 for any free one")
            }
            StartError::NoFunction { .. } => {
                format!("{error}; build it first: cargo build --bin bootstrap")
            }
            StartError::Io(_) | StartError::RealKey { .. } => error.to_string(),
        })
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Resolves at Ctrl-C, SIGTERM or when the terminal goes away.
async fn stop_signal() -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
