//! Output for people: plain words, with colour only on a terminal and never with `NO_COLOR`.
//!
//! # Guarantees
//! A closed pipe is not an error. A line of one stream never interrupts a line of the other.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Both streams of this process.
#[derive(Clone, Copy)]
pub(crate) struct Terminal(());

impl Terminal {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// A line as it is.
    pub(crate) fn line(self, text: impl Display) {
        out(&format!("{text}\n"));
    }

    /// A heading.
    pub(crate) fn title(self, text: impl Display) {
        out(&format!("{BOLD}{text}{BOLD:#}\n"));
    }

    /// A name and its value.
    pub(crate) fn pair(self, name: &str, value: impl Display) {
        out(&format!("  {DIM}{name:<11}{DIM:#} {value}\n"));
    }

    /// A step, and whether it succeeded.
    pub(crate) fn step(self, is_good: bool, text: impl Display) {
        let (style, word) = if is_good { (GOOD, "ok") } else { (BAD, "no") };
        out(&format!("{style}{word}{style:#}  {text}\n"));
    }

    /// A step that was not taken, and why.
    pub(crate) fn skipped(self, text: impl Display) {
        out(&format!("{DIM}--  {text}{DIM:#}\n"));
    }

    /// A request: its line, coloured by whether it was allowed.
    pub(crate) fn request(self, is_allowed: bool, line: impl Display) {
        let style = if is_allowed { GOOD } else { BAD };
        let text = line.to_string();
        // Time, two blanks, status; the rest keeps its colour.
        match (text.get(..TIME), text.get(TIME..STATUS), text.get(STATUS..)) {
            (Some(time), Some(status), Some(rest)) => {
                out(&format!("{DIM}{time}{DIM:#}{style}{status}{style:#}{rest}\n"));
            }
            _ => out(&format!("{text}\n")),
        }
    }

    /// A line that the function printed.
    pub(crate) fn function_output(self, line: &str, stream: Stream) {
        let text = format!("{DIM}function |{DIM:#} {line}\n");
        match stream {
            Stream::Out => out(&text),
            Stream::Error => err(&text),
        }
    }

    /// A remark, on standard error.
    pub(crate) fn remark(self, text: impl Display) {
        err(&format!("{DIM}{text}{DIM:#}\n"));
    }

    /// Why the command failed.
    pub(crate) fn error(self, text: impl Display) {
        err(&format!("{BAD}error:{BAD:#} {text}\n"));
    }
}

/// Where the time and the status of a line end.
const TIME: usize = 10;
const STATUS: usize = 13;

/// The stream of a line.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Error,
}

/// Ignores errors: the reader may have closed the pipe.
fn out(text: &str) {
    let mut stream = anstream::stdout().lock();
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.flush();
}

fn err(text: &str) {
    let mut stream = anstream::stderr().lock();
    let _ = stream.write_all(text.as_bytes());
}
