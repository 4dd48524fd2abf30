//! `cos-issuer`: the local cloud on the command line.
//!
//! Promises: exit code 0 when it did what was asked, 1 when it failed, 2 for a command line that makes no sense; on Ctrl-C or
//! SIGTERM every child ends before this process does.
//! Leaves out: everything that is not about people or other programs talking to it; that is the library.

mod commands;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;

use self::commands::Failure;
use self::commands::arguments::Arguments;
use self::commands::console::Console;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::new();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(&arguments, secret_ledger(), console)),
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

/// Where a leak check wants to find every secret.
fn secret_ledger() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "read once, in main, and passed in"
    )]
    std::env::var_os("COS_EMULATOR_SECRET_LEDGER").map(PathBuf::from)
}
