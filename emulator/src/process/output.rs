//! The log of the function: what all children print, and the lines of the platform.
//!
//! # Guarantees
//! At most 4 MB are kept, the oldest lines go first; a line without an end is cut, not collected
//! for ever.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

use crate::listener::Listener;
use crate::sync::lock;

const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// What an empty line costs all the same.
const LINE_BYTES: usize = size_of::<String>();

/// Standard output and standard error of all children together, and the platform's own lines.
#[derive(Default)]
pub(crate) struct Output {
    kept: Mutex<Kept>,
    listener: Listener<str>,
    /// The log that this one is a part of, and what its lines begin with there.
    whole: Option<(Arc<Self>, String)>,
}

#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Output {
    pub(crate) fn new(listener: Listener<str>) -> Self {
        Self { kept: Mutex::default(), listener, whole: None }
    }

    /// The part of one of several functions: its lines begin with its name.
    pub(crate) fn named(self: &Arc<Self>, name: &str) -> Self {
        Self { whole: Some((Arc::clone(self), format!("{name} | "))), ..Self::default() }
    }

    pub(crate) fn text(&self) -> String {
        let kept = lock(&self.kept);
        kept.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn push(&self, line: String) {
        if let Some((whole, prefix)) = &self.whole {
            return whole.push(format!("{prefix}{line}"));
        }
        self.listener.call(&line);
        let mut kept = lock(&self.kept);
        kept.bytes = kept.bytes.saturating_add(cost(&line));
        kept.lines.push_back(line);
        while kept.bytes > MAX_BYTES {
            let Some(oldest) = kept.lines.pop_front() else {
                return;
            };
            kept.bytes = kept.bytes.saturating_sub(cost(&oldest));
        }
    }
}

fn cost(line: &str) -> usize {
    line.len().saturating_add(LINE_BYTES)
}

/// Copies until the writer is gone.
pub(super) async fn copy_lines(stream: impl AsyncRead + Unpin, output: Arc<Output>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(MAX_LINE_BYTES);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => output.push(String::from_utf8_lossy(&line).trim_end().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, Output};

    #[test]
    fn the_oldest_lines_go_first_and_empty_ones_count_too() {
        let output = Output::default();
        output.push("the first".to_owned());
        for number in 0..5000 {
            output.push(format!("{number} {}", "x".repeat(1000)));
        }
        let text = output.text();
        assert!(text.len() <= MAX_BYTES);
        assert!(text.len() > MAX_BYTES / 2);
        assert!(!text.contains("the first"));
        assert!(text.contains("\n4999 x"));

        for _ in 0..1_000_000 {
            output.push(String::new());
        }
        assert!(output.text().len() < 1_000_000);
    }
}
