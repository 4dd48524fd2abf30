//! The command line.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cos_emulator::{LambdaEvent, MARKER, Platform, ScfEvent};

/// Carries the marker by which a check finds out that this is not what gets deployed.
static LONG_VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} ({MARKER})", env!("CARGO_PKG_VERSION")));

/// A local cloud for cos-issuer: gateway, runtime API and STS on 127.0.0.1, no account and no network needed.
#[derive(Debug, Parser)]
#[command(
    name = "cos-emulator",
    version,
    long_version = LONG_VERSION.as_str(),
    after_help = "Start with `cos-emulator run --function PATH`; `cos-emulator run --help` has examples.\n\
                  Its keys begin with AKIDEMU and are worthless anywhere else; keys that look real are refused."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a function as a platform would, send it one request, and keep it running.
    Run(Run),
    /// Run the STS alone, for clients that sign by themselves.
    Sts(Sts),
    /// Print the event that an HTTP request becomes on a platform.
    Event(super::event::Event),
    /// Run one event, or one request, through a function; its answer on standard output, its log on standard error.
    Invoke(super::invoke::Invoke),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What `make run` does: SCF with a function URL, and one GET /sign through the whole path
  cos-emulator run --function target/debug/bootstrap

  # The same binary as a web function, and on Lambda behind an HTTP API
  cos-emulator run --function target/debug/bootstrap --platform scf-web
  cos-emulator run --function target/debug/bootstrap --platform lambda --event http-api

  # Change the function's own settings
  cos-emulator run --function target/debug/bootstrap --env ALLOW=download --env DURATION_SECONDS=900

  # In scripts: one request, its outcome as the exit code
  cos-emulator run --function target/debug/bootstrap --port 0 --once

Exit codes: 0 it worked, 1 it failed, 2 the command line makes no sense.")]
pub(crate) struct Run {
    /// The binary that would be deployed; a new one at the same path replaces it while this runs
    #[arg(long, value_name = "PATH")]
    pub(crate) function: PathBuf,

    /// Where the function shall believe it is
    #[arg(long, value_enum, default_value_t = PlatformName::Scf)]
    pub(crate) platform: PlatformName,

    /// The trigger: function-url, api-gateway or clb on scf; function-url, http-api, rest or alb on lambda
    #[arg(long, value_name = "SHAPE", value_enum)]
    pub(crate) event: Option<EventName>,

    /// The gateway's port; 0 takes a free one
    #[arg(long, default_value_t = 5000)]
    pub(crate) port: u16,

    /// The account: users, keys, roles, policies and buckets, in place of the default one
    #[arg(long, value_name = "FILE")]
    pub(crate) account: Option<PathBuf>,

    /// The port of COS; a free one unless given
    #[arg(long, default_value_t = 0)]
    pub(crate) cos_port: u16,

    /// Keep the objects of COS in this directory, so that they outlive the cloud; in memory unless given
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// A variable of the function, in place of the default one; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    pub(crate) env: Vec<(String, String)>,

    /// Also show each policy that the STS was sent, and set LOG=debug for the function
    #[arg(long)]
    pub(crate) verbose: bool,

    /// End after the first credential
    #[arg(long)]
    pub(crate) once: bool,

    /// Print one line of JSON with every address, for other programs, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Paste the printed lines into another shell, then point any official SDK at the address
  cos-emulator sts
  cos-emulator sts --port 4430

Exit codes: 0 it worked, 1 it failed, 2 the command line makes no sense.")]
pub(crate) struct Sts {
    /// The port for HTTPS; a free one unless given
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,

    /// The account: users, keys, roles, policies and buckets, in place of the default one
    #[arg(long, value_name = "FILE")]
    pub(crate) account: Option<PathBuf>,

    /// Print one line of JSON with addresses and keys, for other programs, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PlatformName {
    /// Tencent SCF, event function on the custom runtime
    Scf,
    /// Tencent SCF, web function: plain HTTP
    ScfWeb,
    /// AWS Lambda
    Lambda,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EventName {
    /// scf, lambda: function URL (the default of both)
    FunctionUrl,
    /// scf: API gateway
    ApiGateway,
    /// scf: load balancer
    Clb,
    /// lambda: HTTP API, payload 2.0
    HttpApi,
    /// lambda: REST API, payload 1.0
    Rest,
    /// lambda: application load balancer
    Alb,
}

impl Run {
    /// Platform and trigger as one; the error says which triggers there are.
    pub(crate) fn platform(&self) -> Result<Platform, String> {
        self.platform.with(self.event)
    }
}

impl PlatformName {
    /// Platform and trigger as one; the error says which triggers there are.
    pub(crate) fn with(self, trigger: Option<EventName>) -> Result<Platform, String> {
        use EventName as Event;
        match (self, trigger) {
            (Self::Scf, None | Some(Event::FunctionUrl)) => {
                Ok(Platform::Scf(ScfEvent::FunctionUrl))
            }
            (Self::Scf, Some(Event::ApiGateway)) => Ok(Platform::Scf(ScfEvent::ApiGateway)),
            (Self::Scf, Some(Event::Clb)) => Ok(Platform::Scf(ScfEvent::Clb)),
            (Self::Scf, Some(_)) => {
                Err("--platform scf has the events function-url, api-gateway and clb".to_owned())
            }
            (Self::ScfWeb, None) => Ok(Platform::ScfWeb),
            (Self::ScfWeb, Some(_)) => {
                Err("--platform scf-web is plain HTTP: it has no events".to_owned())
            }
            (Self::Lambda, None | Some(Event::FunctionUrl)) => {
                Ok(Platform::Lambda(LambdaEvent::FunctionUrl))
            }
            (Self::Lambda, Some(Event::HttpApi)) => Ok(Platform::Lambda(LambdaEvent::HttpApi)),
            (Self::Lambda, Some(Event::Rest)) => Ok(Platform::Lambda(LambdaEvent::Rest)),
            (Self::Lambda, Some(Event::Alb)) => Ok(Platform::Lambda(LambdaEvent::Alb)),
            (Self::Lambda, Some(_)) => Err(
                "--platform lambda has the events function-url, http-api, rest and alb".to_owned(),
            ),
        }
    }
}

pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it has to be KEY=VALUE".to_owned()),
    }
}
