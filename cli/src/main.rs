//! `cos-issuer`: the local cloud and the tools around it, on the command line.
//!
//! # Guarantees
//! Exit code 0 for success, 1 for a failure, 2 for an invalid command line or options file. On
//! Ctrl-C or SIGTERM every child process ends before this process does.

mod activity;
mod asker;
mod browser;
mod callers;
mod commands;
mod comparison;
mod console;
mod credential;
mod deployment;
mod deployment_url;
mod doctor;
mod environment;
mod explanation;
mod failure;
mod http_client;
mod https_client;
mod keyboard;
mod lint;
mod loopback;
mod options;
mod platform_options;
mod proof;
mod report;
mod request;
mod running;
mod running_client;
mod simulation;
mod stop_signal;
mod terminal;
mod token_issuer;
mod wechat_service;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::commands::Arguments;
use self::environment::Environment;
use self::failure::Failure;
use self::running::RuntimeDirectory;
use self::terminal::Terminal;

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    // Not `Arguments::parse`, which adds the usage of the program to an error in an options file.
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let terminal = Terminal::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(arguments, &environment(), terminal)),
        Err(error) => Err(Failure::Failed(format!("cannot start: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            terminal.error(&text);
            ExitCode::from(2)
        }
        Err(Failure::Failed(text)) => {
            terminal.error(&text);
            ExitCode::FAILURE
        }
        Err(Failure::Refused) => ExitCode::FAILURE,
    }
}

fn environment() -> Environment {
    #[expect(clippy::disallowed_methods, reason = "read once, in main, and passed in")]
    let path = |name| std::env::var_os(name).map(PathBuf::from);
    #[expect(clippy::disallowed_methods, reason = "which variable is known from the options")]
    let variable = |name: &str| std::env::var(name).ok();
    let program = std::env::current_exe().and_then(std::fs::canonicalize).ok();
    Environment {
        program,
        secrets_file: path("COS_EMULATOR_SECRET_LEDGER"),
        runtime_directory: RuntimeDirectory::new(path("XDG_RUNTIME_DIR")),
        variable,
    }
}
