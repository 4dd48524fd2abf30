//! The log: JSON lines on standard output, this crate's own and nobody else's.
//!
//! Promises: what dependencies would log is left out, since at their trace level some print events and bodies whole.
//! Leaves out: where the lines go; each platform collects standard output.

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::LogLevel;

/// Starts logging. A second call changes nothing.
pub fn start(level: LogLevel) {
    let level = match level {
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => Level::ERROR.into(),
        LogLevel::Warn => Level::WARN.into(),
        LogLevel::Info => Level::INFO.into(),
        LogLevel::Debug => Level::DEBUG.into(),
        LogLevel::Trace => Level::TRACE.into(),
    };
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false);
    let started = tracing_subscriber::registry()
        .with(
            Targets::new()
                .with_target("cos_issuer", level)
                .with_target("bootstrap", level),
        )
        .with(lines)
        .try_init();
    drop(started);
}
