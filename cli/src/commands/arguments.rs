//! The command line: commands, flags and their help.
//!
//! Leaves out: defaults and the file of settings, which `settings.rs` brings together with the flags.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cos_emulator::{LambdaEvent, MARKER, Platform, ScfEvent};
use serde::Deserialize;

/// Carries the marker by which a check finds out that this is not what gets deployed.
static LONG_VERSION: LazyLock<String> =
    LazyLock::new(|| format!("{} ({MARKER})", env!("CARGO_PKG_VERSION")));

/// A local cloud for cos-issuer: gateway, function platform, STS, CAM and COS on 127.0.0.1, no account and no network needed.
///
/// It checks every signature, key, token and time as the vendor does, so that what works here works there, and what must not work
/// does not.
#[derive(Debug, Parser)]
#[command(
    name = "cos-issuer",
    version,
    long_version = LONG_VERSION.as_str(),
    after_help = "First steps:
  cos-issuer run --function PATH              a function, its gateway and its STS; one request to show that it works
  cos-issuer sts                              the STS alone, for clients that sign by themselves
  cos-issuer parity                           what is documented, observed or inferred of what it does

In scripts, any language:
  cos-issuer sts --json > cloud.json &        one line of JSON: every address, the keys, the admin token; SIGTERM ends it

Each command has more examples: `cos-issuer run --help`.
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
    /// Print each behaviour and how it is known: documented, observed, from the vendor's SDKs, or inferred.
    Parity(Parity),
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What `make run` does: SCF with a function URL, and one GET /sign through the whole path
  cos-issuer run --function target/debug/bootstrap

  # The same binary as a web function, and on Lambda behind an HTTP API
  cos-issuer run --function target/debug/bootstrap --platform scf-web
  cos-issuer run --function target/debug/bootstrap --platform lambda --event http-api

  # Change the function's own settings
  cos-issuer run --function target/debug/bootstrap --env ALLOW=download --env DURATION_SECONDS=900

  # In scripts: one request, its outcome as the exit code
  cos-issuer run --function target/debug/bootstrap --port 0 --once

  # A bad day, the same each time: faults from a file, chance from a seed, every call in a file
  cos-issuer run --function target/debug/bootstrap --faults faults.toml --seed 7 --trace trace.jsonl

  # Everything above in one file, with the names of the flags as keys; flags win
  cos-issuer run --config emulator.toml

faults.toml:
  [[fault]]
  service = \"sts\"              # gateway, sts or cos
  action = \"GetFederationToken\"  # left out: any; a trailing * stands for the rest
  every = 3                    # or nth, from, burst, times, probability
  kind = \"latency\"             # or outage, throttle, error, cut-after, wrong-clock, revoke-key, ...
  delay_ms = 800

While it runs, the admin API takes the same as JSON (address and token are printed at start):
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\
    -d '{\"service\":\"sts\",\"kind\":\"outage\",\"nth\":1}' $ADMIN/faults
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{\"advance\":\"31m\"}' $ADMIN/clock

Exit codes: 0 it worked, 1 it failed, 2 the command line or a file of settings makes no sense.")]
pub(crate) struct Run {
    /// The binary that would be deployed; a new one at the same path replaces it while this runs
    #[arg(long, value_name = "PATH")]
    pub(crate) function: Option<PathBuf>,

    /// Where the function shall believe it is [default: scf]
    #[arg(long, value_enum)]
    pub(crate) platform: Option<PlatformName>,

    /// The trigger: function-url, api-gateway or clb on scf; function-url, http-api, rest or alb on lambda
    #[arg(long, value_name = "SHAPE", value_enum)]
    pub(crate) event: Option<EventName>,

    /// The gateway's port; 0 takes a free one [default: 5000]
    #[arg(long)]
    pub(crate) port: Option<u16>,

    /// The port of COS; a free one unless given
    #[arg(long)]
    pub(crate) cos_port: Option<u16>,

    /// Keep the objects of COS in this directory, so that they outlive the cloud; in memory unless given
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// An origin whose pages may use the account's bucket, http://localhost:8080; may be repeated; none unless given
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors: Vec<String>,

    /// A variable of the function, in place of the default one; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    pub(crate) env: Vec<(String, String)>,

    /// The cloud's clock jumps by so much each time an instance is frozen, 40m
    #[arg(long, value_name = "SPAN")]
    pub(crate) freeze_jump: Option<String>,

    /// How much memory an instance may take, in MB; one that takes more is killed [default: 128]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) memory_mb: Option<u32>,

    /// How many instances may live at once; more requests are throttled [default: 4]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) max_instances: Option<u16>,

    /// How long one call may take, in milliseconds [default: 10000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) call_timeout_ms: Option<u64>,

    /// Let idle instances run on, where the platform would freeze them
    #[arg(long)]
    pub(crate) no_freeze: bool,

    /// Keep to the binary as it is now, whatever is built meanwhile
    #[arg(long)]
    pub(crate) no_watch: bool,

    /// Also show each policy that the STS was sent, and set LOG=debug for the function
    #[arg(long)]
    pub(crate) verbose: bool,

    /// End after the first credential
    #[arg(long)]
    pub(crate) once: bool,

    #[command(flatten)]
    pub(crate) shared: Shared,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Paste the printed lines into another shell, then point any official SDK at the address
  cos-issuer sts
  cos-issuer sts --port 4430

  # Each third call is throttled, the same ones in each run
  cos-issuer sts --faults faults.toml --seed 7

Exit codes: 0 it worked, 1 it failed, 2 the command line or a file of settings makes no sense.")]
pub(crate) struct Sts {
    /// The port for HTTPS; a free one unless given
    #[arg(long)]
    pub(crate) port: Option<u16>,

    #[command(flatten)]
    pub(crate) shared: Shared,
}

/// What every command that starts a cloud takes.
#[derive(Args, Debug)]
pub(crate) struct Shared {
    /// A TOML file with the names of these flags as keys; flags win
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// The account: users, keys, roles, policies and buckets, in place of the default one
    #[arg(long, value_name = "FILE")]
    pub(crate) account: Option<PathBuf>,

    /// A TOML file of faults: [[fault]] tables
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,

    /// Repeats what a run left to chance; printed at start
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Append each call to each service to this file, a line of JSON without secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// The port of the admin API; a free one unless given
    #[arg(long, value_name = "PORT")]
    pub(crate) admin_port: Option<u16>,

    /// Print one line of JSON with every address, for other programs, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  cos-issuer parity
  cos-issuer parity --json | grep '\"inferred\"'

Exit codes: 0.")]
pub(crate) struct Parity {
    /// A line of JSON for each behaviour
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,

    /// The page docs/emulator-parity.md
    #[arg(long)]
    pub(crate) markdown: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PlatformName {
    /// Tencent SCF, event function on the custom runtime
    Scf,
    /// Tencent SCF, web function: plain HTTP
    ScfWeb,
    /// AWS Lambda
    Lambda,
}

#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
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
