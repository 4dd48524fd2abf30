//! `cos-issuer`: the local cloud and the tools around it, on the command line.
//!
//! # Guarantees
//! Exit code 0 for success, 1 for a failure, 2 for an invalid command line or options file. On
//! Ctrl-C or SIGTERM every child process ends before this process does.

mod commands;
mod console;
mod failure;
mod options;
mod platform_options;
mod report;
mod request;
mod stop_signal;
mod upload_url;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use self::commands::Arguments;
use self::console::Console;
use self::failure::Failure;

fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    // Not `Arguments::parse`, which adds the usage of the program to an error in an options file.
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let console = Console::new();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(arguments, secrets_file(), console)),
        Err(error) => Err(Failure::Failed(format!("cannot start: {error}"))),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            console.error(&text);
            ExitCode::from(2)
        }
        Err(Failure::Failed(text)) => {
            console.error(&text);
            ExitCode::FAILURE
        }
    }
}

/// The file to which every secret is appended, for a leak check.
fn secrets_file() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "read once, in main, and passed in")]
    std::env::var_os("COS_EMULATOR_SECRET_LEDGER").map(PathBuf::from)
}
