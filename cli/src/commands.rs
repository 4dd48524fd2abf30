//! The commands and what they share: why they fail, and when they stop.

pub(crate) mod arguments;
pub(crate) mod console;
mod event;
mod first_request;
mod invoke;
mod parity;
mod request;
mod run;
mod settings;
mod sts;

use std::path::PathBuf;

use cos_emulator::{Cloud, StartError};
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
        Command::Parity(parity) => {
            parity::run(parity, console);
            Ok(())
        }
        Command::Event(event) => event::run(event, console),
        Command::Invoke(invoke) => invoke::run(invoke, ledger, console).await,
    }
}

/// Why the command did not do what was asked.
pub(crate) enum Failure {
    /// The command line or a file of settings makes no sense.
    Usage(String),
    /// It did not work out.
    Failed(String),
}

impl Failure {
    /// A cloud that did not start, with the way out where there is one.
    pub(crate) fn start(error: &StartError) -> Self {
        match error {
            StartError::PortTaken { .. } => Self::Failed(format!(
                "{error}; name another (--port, --cos-port, --admin-port), or 0 for any free one"
            )),
            StartError::NoFunction { .. } => Self::Failed(format!(
                "{error}; build it first: cargo build --bin bootstrap"
            )),
            StartError::Account(_) => Self::Usage(error.to_string()),
            StartError::Data { .. }
            | StartError::Fault(_)
            | StartError::Io(_)
            | StartError::RealKey { .. }
            | StartError::Trace { .. } => Self::Failed(error.to_string()),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Where the admin API is, and what repeats this run.
fn introduce_controls(cloud: &Cloud, console: Console) {
    if let Some(admin) = cloud.admin() {
        console.pair("admin", admin.url());
        console.pair("its token", admin.token());
    }
    console.pair("seed", cloud.seed());
}

/// The same as members of the JSON line.
fn add_controls(cloud: &Cloud, mut addresses: Value) -> Value {
    if let Some(members) = addresses.as_object_mut() {
        if let Some(admin) = cloud.admin() {
            members.insert("adminUrl".to_owned(), admin.url().into());
            members.insert("adminToken".to_owned(), admin.token().into());
        }
        members.insert("seed".to_owned(), cloud.seed().into());
    }
    addresses
}

/// A trace that lacks lines is worse than none.
fn check_trace(cloud: &Cloud) -> Result<(), Failure> {
    match cloud.trace_failure() {
        Some(kind) => Err(Failure::Failed(format!(
            "the file of the trace lacks lines: {kind}"
        ))),
        None => Ok(()),
    }
}

/// Ctrl-C, SIGTERM, and the end of the terminal. Whoever tells a person or a program that the cloud runs listens first: a signal
/// that comes before would end the process without its children.
struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl StopSignal {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Resolves at the first of them.
    async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
