//! The log: lines on standard output, from this crate only, as JSON or as text.
//!
//! ```text
//! {"timestamp":"2026-01-31T23:59:59.123Z","level":"INFO","message":"decision","status":200}
//! 2026-01-31T23:59:59.123Z INFO  decision status=200
//! ```
//!
//! # Guarantees
//! - One event is one line.
//! - Writing never blocks. While standard output is not read or is closed, lines are kept up to a
//!   limit; lines that are lost are counted, and the count is logged when writing works again.
//! - The level does not apply to audit lines.
//! - What dependencies log is dropped: at their trace level some print whole events and bodies.
//!
//! # Not covered
//! Spans, which this crate does not use, and log files: each platform collects standard output.

mod line;
mod lines;
mod output;
mod standard_output;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, IsTerminal};
use std::mem::{replace, take};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use tencent::time::SystemClock;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::set_global_default;

pub(crate) use line::Line;
pub use line::{Format, Members};
use lines::Lines;
use output::{Output, Sink};
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

static IS_GROUPED: AtomicBool = AtomicBool::new(false);

static OUTPUT: OnceLock<Arc<Output<StandardOutput, StandardError>>> = OnceLock::new();

/// The formats, by the words that `LOG_FORMAT` accepts.
pub const FORMATS: [(&str, Format); 2] = [("json", Format::Json), ("text", Format::Text)];

/// Starts logging; without a format, as text to a terminal and as JSON otherwise. A second call has
/// no effect.
pub fn start(level: LevelFilter, format: Option<Format>) {
    let is_terminal = || io::stdout().is_terminal();
    let own_format = || if is_terminal() { Format::Text } else { Format::Json };
    let output = OUTPUT.get_or_init(|| {
        let format = format.unwrap_or_else(own_format);
        Arc::new(Output::new(format, StandardOutput::new(), StandardError))
    });
    drop(set_global_default(Lines { level, clock: SystemClock, output: Arc::clone(output) }));
}

/// From now on audit lines wait for [`written`], so that decisions that end together are written
/// with one call of the system: each call wakes the reader, which takes longer than the line.
pub(crate) fn group() {
    IS_GROUPED.store(true, Ordering::Relaxed);
}

/// Returns when the lines that wait are written. The first request of a thread lets others that are
/// ready go first, and then writes for all of them. If others joined it, it waits once more, since
/// under load the next requests have arrived meanwhile.
pub(crate) async fn written() {
    if !has_kept_lines() {
        return;
    }
    let is_first = FOLLOWERS.with_borrow_mut(|followers| {
        let is_first = followers.is_none();
        followers.get_or_insert_default();
        is_first
    });
    let _written = Written { is_first };
    if is_first {
        tokio::task::yield_now().await;
        if FOLLOWERS.with_borrow(|followers| followers.as_ref().is_some_and(|all| !all.is_empty()))
        {
            tokio::task::yield_now().await;
        }
    } else {
        let mut has_waited = false;
        let wait = poll_fn(|context| {
            FOLLOWERS.with_borrow_mut(|followers| match followers {
                Some(followers) if !replace(&mut has_waited, true) => {
                    followers.push(context.waker().clone());
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            })
        });
        wait.await;
    }
}

fn has_kept_lines() -> bool {
    OUTPUT.get().is_some_and(|output| output.has_kept_lines())
}

thread_local! {
    /// Wakes the requests that wait until the first of this thread has written; `None` if none is
    /// first.
    static FOLLOWERS: RefCell<Option<Vec<Waker>>> = const { RefCell::new(None) };
}

/// Writes the lines that wait when it is dropped, also when nobody waits for them any more.
struct Written {
    is_first: bool,
}

impl Drop for Written {
    fn drop(&mut self) {
        if has_kept_lines() {
            drop(flush());
        }
        if self.is_first {
            FOLLOWERS.with_borrow_mut(take).into_iter().flatten().for_each(Waker::wake);
        }
    }
}

/// Writes an audit line, whatever the level of the log is.
pub(crate) fn audit(write: impl FnOnce(&mut Line)) {
    if let Some(output) = OUTPUT.get() {
        let line = decision(output, write);
        if IS_GROUPED.load(Ordering::Relaxed) {
            output.write_later(line);
        } else {
            output.write(line, &SystemClock);
        }
    }
}

/// Writes a line of level INFO together with the next one, or with [`flush`].
pub(crate) fn info_later(message: &'static str, write: impl FnOnce(&mut Line)) {
    if let Some(output) = OUTPUT.get().filter(|_| LevelFilter::current() >= LevelFilter::INFO) {
        let mut line = output.line(&SystemClock, "INFO");
        line.word("message", message);
        write(&mut line);
        output.write_later(line);
    }
}

/// Writes an audit line now, or drops it. Returns whether it is written.
pub(crate) fn audit_now(write: impl FnOnce(&mut Line)) -> bool {
    OUTPUT.get().is_none_or(|output| output.write_now(decision(output, write), &SystemClock))
}

fn decision<O: Sink, E: Sink>(output: &Output<O, E>, write: impl FnOnce(&mut Line)) -> Line {
    let mut line = output.line(&SystemClock, "INFO");
    line.word("message", "decision");
    write(&mut line);
    line
}

/// An audit line, written to a text.
#[cfg(test)]
pub(crate) fn audit_line(write: impl FnOnce(&mut Line)) -> String {
    let mut line = Line::new(Format::Json, &SystemClock, "INFO");
    line.text("message", "decision");
    write(&mut line);
    String::from_utf8(line.finished()).unwrap_or_default()
}

/// Whether a line could be written now.
pub(crate) fn is_writable() -> bool {
    OUTPUT.get().is_none_or(|output| output.check(&SystemClock).is_ok())
}

/// How many lines were lost since the process started.
pub fn lost_lines() -> u64 {
    OUTPUT.get().map_or(0, |output| output.lost_lines())
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

fn is_waiting() -> bool {
    flush().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

const PAUSE: Duration = Duration::from_millis(10);
