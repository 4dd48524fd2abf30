//! The deployed binary: environment and files in, a running function out.
//!
//! # Guarantees
//! Only this file reads the environment and the operator's files, but for the socket that systemd
//! passes. A configuration with errors ends the process with status 1, and the log contains all of
//! them, by variable name.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs, io};

use cos_issuer::app::{self, App};
use cos_issuer::command_line::{Command, HELP};
use cos_issuer::config::{self, AuthSettings, ConfigError, Environment, Settings};
use cos_issuer::error::chain;
use cos_issuer::sts::Endpoint;
use cos_issuer::summary::summary;
use cos_issuer::{health_check, log, runtime, version};
use tencent::time::SystemClock;
use tracing::{error, info, warn};

/// The server's allocator. Functions keep that of the C library, with which they start sooner and
/// take less memory.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Serve) => start(environment()),
        Ok(Command::Check) => check(&environment()),
        Ok(Command::HealthCheck) => check_health(&environment()),
        Ok(Command::Help) => print(HELP, ExitCode::SUCCESS),
        Ok(Command::Version) => print(&format!("{}\n", version::line()), ExitCode::SUCCESS),
        Err(error) => print(&format!("{error}\n\n{HELP}"), ExitCode::from(2)),
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here, once")]
fn environment() -> Environment {
    env::vars_os().collect()
}

fn start(environment: Environment) -> ExitCode {
    log::start(config::log_level(&environment), config::log_format(&environment));
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
    started(&settings);
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

/// What runs, in one line.
fn started(settings: &Settings) {
    let auth_methods: Vec<&str> = settings.auth.iter().map(AuthSettings::name).collect();
    let grants = settings.grants.names();
    let shown_grants = grants.iter().take(MAX_SHOWN_GRANTS).copied().collect::<Vec<_>>();
    let endpoints: Vec<&str> = settings.sts.endpoints.iter().map(Endpoint::host).collect();
    info!(
        version = version::VERSION,
        revision = version::REVISION,
        platform = settings.platform.name(),
        auth_methods = if auth_methods.is_empty() { "none".into() } else { auth_methods.join(",") },
        grant_count = grants.len(),
        grants = shown_grants.join(","),
        endpoints = endpoints.join(","),
        key_id = settings.sts.calling_keys.masked_id(),
        "starting"
    );
}

/// What a start would do with these settings, for the person who wrote them.
fn check(environment: &Environment) -> ExitCode {
    let settings = match Settings::read(environment, &read_file) {
        Ok(settings) => settings,
        Err(errors) => return print(&problems(&errors), ExitCode::FAILURE),
    };
    let text = format!("{}\n{}", version::line(), summary(&settings));
    match App::new(settings, Arc::new(SystemClock), read_file) {
        Ok(_) => print(&format!("{text}The settings are valid.\n"), ExitCode::SUCCESS),
        Err(error) => print(&format!("{}\n", chain(&error)), ExitCode::FAILURE),
    }
}

fn check_health(environment: &Environment) -> ExitCode {
    let address = match config::local_address(environment) {
        Ok(address) => address,
        Err(errors) => return print(&problems(&errors), ExitCode::FAILURE),
    };
    match health_check::ask(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => print(&format!("not alive at {address}: {error}\n"), ExitCode::FAILURE),
    }
}

fn problems(errors: &[ConfigError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

/// A reader who leaves early changes nothing.
fn print(text: &str, code: ExitCode) -> ExitCode {
    drop(io::stdout().write_all(text.as_bytes()));
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
    let App { platform, handler } = App::new(settings, Arc::new(SystemClock), read_file)?;
    let tokio = runtime::single_threaded()?;
    let served = tokio.block_on(runtime::run(platform, handler, reloader));
    // Without waiting for the system's resolver.
    tokio.shutdown_background();
    Ok(served?)
}

/// A line stays readable with a thousand grants.
const MAX_SHOWN_GRANTS: usize = 20;
