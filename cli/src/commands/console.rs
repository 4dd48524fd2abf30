//! What people see: plain words, colour on a terminal only (and never with `NO_COLOR`).
//!
//! Promises: a closed pipe is no error; standard output and standard error are not mixed up within a line.

use std::fmt::Display;
use std::io::Write;

use anstyle::{AnsiColor, Style};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Both streams of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console(());

impl Console {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// A line as it is.
    pub(crate) fn line(self, text: impl Display) {
        out(&format!("{text}\n"));
    }

    /// A line that stands out.
    pub(crate) fn title(self, text: impl Display) {
        out(&format!("{BOLD}{text}{BOLD:#}\n"));
    }

    /// A name and what it stands for.
    pub(crate) fn pair(self, name: &str, value: impl Display) {
        out(&format!("  {DIM}{name:<10}{DIM:#} {value}\n"));
    }

    /// A step that went well.
    pub(crate) fn good(self, text: impl Display) {
        out(&format!("{GOOD}ok{GOOD:#}  {text}\n"));
    }

    /// A step that did not.
    pub(crate) fn bad(self, text: impl Display) {
        out(&format!("{BAD}no{BAD:#}  {text}\n"));
    }

    /// What the function printed.
    pub(crate) fn function_said(self, line: &str, stream: Stream) {
        let text = format!("{DIM}function |{DIM:#} {line}\n");
        match stream {
            Stream::Out => out(&text),
            Stream::Error => err(&text),
        }
    }

    /// Something beside the output, for people.
    pub(crate) fn remark(self, text: impl Display) {
        err(&format!("{DIM}{text}{DIM:#}\n"));
    }

    /// Why the command ends.
    pub(crate) fn error(self, text: impl Display) {
        err(&format!("{BAD}error:{BAD:#} {text}\n"));
    }
}

/// Where a line goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Out,
    Error,
}

/// Nobody is left to tell when the reader has gone.
fn out(text: &str) {
    let mut stream = anstream::stdout().lock();
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.flush();
}

fn err(text: &str) {
    let mut stream = anstream::stderr().lock();
    let _ = stream.write_all(text.as_bytes());
}
