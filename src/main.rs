//! The deployed binary: environment and files in, a running function out.
//!
//! # Guarantees
//! Only this file reads the environment and files. A configuration with errors ends the process
//! with status 1, and the log contains all of them, by variable name.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs, io};

use cos_issuer::app::{self, App};
use cos_issuer::config::{self, Environment, Settings};
use cos_issuer::error::chain;
use cos_issuer::{log, runtime};
use tencent::time::SystemClock;
use tracing::{error, warn};

#[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
fn main() -> ExitCode {
    let environment: Environment = env::vars_os().collect();
    log::start(config::log_level(&environment));
    let settings = match Settings::read(&environment, &read_file) {
        Ok(settings) => settings,
        Err(errors) => {
            for error in &errors {
                error!(variable = error.variable(), "{error}");
            }
            let count = errors.len();
            let noun = if count == 1 { "error" } else { "errors" };
            error!(problems = count, "Not starting: {count} configuration {noun} (listed above).");
            log::finish();
            return ExitCode::FAILURE;
        }
    };
    // From here on, the calling key exists only in its own type, which is wiped.
    drop(environment);
    for warning in &settings.warnings {
        warn!("{warning}");
    }
    let code = match serve(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(cause = chain(&*error), "the function ends");
            ExitCode::FAILURE
        }
    };
    log::finish();
    code
}

/// A file of the deployment, in the working directory or else next to the binary: platforms
/// differ in where they start it.
fn read_file(path: &str) -> io::Result<Vec<u8>> {
    let is_missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let first = match fs::read(path) {
        Err(error) if is_missing(&error) && Path::new(path).is_relative() => error,
        other => return other,
    };
    let (Ok(here), Ok(binary)) = (env::current_dir(), env::current_exe()) else {
        return Err(first);
    };
    fs::read(binary.with_file_name(path)).map_err(|error| match binary.parent() {
        Some(next) if is_missing(&error) => {
            let text = format!("no such file in {} or {}", here.display(), next.display());
            io::Error::new(io::ErrorKind::NotFound, text)
        }
        _ => error,
    })
}

fn serve(settings: Settings) -> Result<(), Box<dyn std::error::Error>> {
    let reloader = app::reloader(&settings, read_file);
    let App { platform, handler } = App::new(settings, Arc::new(SystemClock))?;
    let mut tokio = tokio::runtime::Builder::new_current_thread();
    let tokio = tokio.enable_all().build()?;
    let served = tokio.block_on(runtime::run(platform, handler, reloader));
    // Without waiting for the system's resolver.
    tokio.shutdown_background();
    Ok(served?)
}
