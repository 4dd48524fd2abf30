//! The commands, their help, and the choice between them.

mod compare;
mod console;
mod credential;
mod doctor;
mod event;
mod explain;
mod invoke;
mod lint;
mod migrate;
mod parity;
mod request;
mod run;
mod simulate;
mod sts;
mod token;

use clap::{Parser, Subcommand};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::options::WithFile;
use crate::terminal::Terminal;

/// A local cloud for cos-issuer: gateway, function platform, STS, CAM and COS on 127.0.0.1, without
/// an account or a network.
///
/// It checks every signature, key, token and time as the vendor does: what works here works there,
/// and what fails there fails here.
#[derive(Parser)]
#[command(
    name = "cos-issuer",
    version,
    after_help = "First steps:
  cos-issuer run --function PATH              a function with its gateway, STS and COS, and one request
  cos-issuer sts                              only the STS, for clients that sign requests
  cos-issuer request --as user-1 /sts         a request of a user to the cloud that runs
  cos-issuer doctor URL                       what is wrong with a deployment, local or real
  cos-issuer parity                           how each behaviour is known

In scripts, any language:
  cos-issuer sts --json > cloud.json &        one line of JSON: addresses, keys, admin token; SIGTERM stops it

Each command has more examples: `cos-issuer run --help`.
Its keys begin with AKIDEMU and work nowhere else. Keys that look real are refused."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a function as a platform does, send it one request, and keep it running.
    Run(WithFile<run::RunOptions>),
    /// Run only the STS, for clients that sign requests.
    Sts(WithFile<sts::StsOptions>),
    /// Print a token of the running cloud's issuer.
    Token(token::TokenOptions),
    /// Send a request of a user to the running cloud's function.
    Request(request::RequestOptions),
    /// Serve the page of the console for a deployment elsewhere.
    Console(console::ConsoleOptions),
    /// Print the event that an HTTP request becomes on a platform.
    Event(event::EventOptions),
    /// Send one event or one request to a function: its response on standard output, its log on
    /// standard error.
    Invoke(invoke::InvokeOptions),
    /// Explain what a caller would get from a grants file or a deployment, and why nothing else.
    Explain(explain::ExplainOptions),
    /// Find mistakes in grants files, policies and settings.
    Lint(lint::LintOptions),
    /// Compare two policies or grants files: is anything newly allowed?
    Compare(compare::CompareOptions),
    /// Get a credential of a deployment for another program: coscmd, coscli, a shell.
    Credential(credential::CredentialOptions),
    /// Ask a deployment what is wrong with it, and print what to do.
    Doctor(doctor::DoctorOptions),
    /// Decide with a CAM policy about an access, or about a table of them.
    Simulate(simulate::SimulateOptions),
    /// Print the settings that replace the `config.py` of `cos_signer_lite` or `cossign`.
    Migrate(migrate::MigrateOptions),
    /// Print each behaviour and how it is known: documented, observed, from the vendor's SDKs, or
    /// inferred.
    Parity(parity::ParityOptions),
}

/// Runs the chosen command to its end.
pub(crate) async fn run(
    arguments: Arguments,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    let (builder, directory) = (environment.builder(), &environment.runtime_directory);
    match arguments.command {
        Command::Run(WithFile(options)) => run::run(options, environment, terminal).await,
        Command::Sts(WithFile(options)) => sts::run(options, builder, terminal).await,
        Command::Token(options) => token::run(options, directory, terminal).await,
        Command::Request(options) => request::run(options, directory, terminal).await,
        Command::Console(options) => console::run(options, environment, terminal).await,
        Command::Event(options) => event::run(&options, terminal),
        Command::Explain(options) => explain::run(&options, terminal).await,
        Command::Lint(options) => lint::run(&options, terminal).await,
        Command::Credential(options) => credential::run(options, environment, terminal).await,
        Command::Doctor(options) => doctor::run(options, environment, terminal).await,
        Command::Compare(options) => compare::run(&options, terminal).await,
        Command::Simulate(options) => simulate::run(&options, terminal),
        Command::Invoke(options) => invoke::run(options, environment, terminal).await,
        Command::Migrate(options) => migrate::run(&options, terminal),
        Command::Parity(options) => parity::run(&options, terminal),
    }
}
