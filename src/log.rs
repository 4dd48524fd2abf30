//! The log: JSON lines on standard output, from this crate only.
//!
//! ```text
//! {"timestamp":"2026-01-31T23:59:59.123Z","level":"INFO","message":"decision","status":200}
//! ```
//!
//! # Guarantees
//! - One event is one line.
//! - Writing never blocks. While standard output is not read or is closed, lines are kept up to a
//!   limit; lines that are lost are counted, and the count is logged when writing works again.
//! - What dependencies log is dropped: at their trace level some print whole events and bodies.
//!
//! # Not covered
//! Spans, which this crate does not use, and log files: each platform collects standard output.

mod line;
mod lines;
mod output;
mod standard_output;

use std::io;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use tencent::time::SystemClock;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;

use lines::Lines;
use output::Output;
use standard_output::{StandardError, StandardOutput};

/// The levels, by the words that `LOG` accepts.
pub const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

static OUTPUT: OnceLock<Arc<Output<StandardOutput, StandardError>>> = OnceLock::new();

/// Starts logging. A second call has no effect.
pub fn start(level: LevelFilter) {
    let output = OUTPUT.get_or_init(|| Arc::new(Output::new(StandardOutput::new(), StandardError)));
    drop(set_global_default(Lines { level, clock: SystemClock, output: Arc::clone(output) }));
}

/// Before the process ends: gives the reader of the log a second for the lines that are kept, and
/// then reports on standard error how many are lost.
pub fn finish() {
    for _ in 0..100 {
        if !is_waiting() {
            break;
        }
        thread::sleep(PAUSE);
    }
    if let Some(output) = OUTPUT.get() {
        output.give_up(&SystemClock);
    }
}

/// Before a platform freezes the process: gives the reader of the log a moment.
pub async fn settle() {
    for _ in 0..10 {
        if !is_waiting() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Writes the lines that are kept.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] while nobody reads standard output, or why it cannot be written.
pub fn flush() -> io::Result<()> {
    OUTPUT.get().map_or(Ok(()), |output| output.flush(&SystemClock))
}

/// How many lines were lost since the start because nobody read them.
pub fn lost_lines() -> u64 {
    OUTPUT.get().map_or(0, |output| output.lost_lines())
}

fn is_waiting() -> bool {
    flush().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

const PAUSE: Duration = Duration::from_millis(10);
