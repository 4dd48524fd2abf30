//! Keys on a terminal, one at a time.
//!
//! # Guarantees
//! The terminal is as before when the [`Keyboard`] is dropped. Ctrl-C and the output stay as they
//! are: only line editing and echo are off.
//!
//! # Not covered
//! A process that is killed; `stty sane` helps then.

use std::io::Read as _;

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr,
};
use tokio::sync::mpsc;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Help,
    Open,
    Quit,
    Restart,
}

impl Key {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b'?' | b'h' => Some(Self::Help),
            b'o' => Some(Self::Open),
            b'q' => Some(Self::Quit),
            b'r' => Some(Self::Restart),
            _ => None,
        }
    }
}

/// The terminal's keys. Without a terminal there are none.
pub(crate) struct Keyboard {
    keys: mpsc::UnboundedReceiver<Key>,
    before: Option<Termios>,
}

impl Keyboard {
    /// Reads keys if both standard input and standard output are a terminal.
    pub(crate) fn start() -> Self {
        let (sender, keys) = mpsc::unbounded_channel();
        let before = without_line_editing();
        if before.is_some() {
            // Not a task: it ends with the process, and no runtime waits for it.
            std::thread::spawn(move || {
                let mut bytes = std::io::stdin().lock().bytes();
                while let Some(Ok(byte)) = bytes.next() {
                    if let Some(key) = Key::of(byte)
                        && sender.send(key).is_err()
                    {
                        return;
                    }
                }
            });
        }
        Self { keys, before }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.before.is_some()
    }

    /// The next key; never without a terminal.
    pub(crate) async fn next(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn without_line_editing() -> Option<Termios> {
    if !isatty(std::io::stdin()) || !isatty(std::io::stdout()) {
        return None;
    }
    // A job in the background would be stopped for changing the terminal.
    if tcgetpgrp(std::io::stdin()).ok()? != getpgrp() {
        return None;
    }
    let before = tcgetattr(std::io::stdin()).ok()?;
    let mut changed = before.clone();
    changed.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
    tcsetattr(std::io::stdin(), OptionalActions::Now, &changed).ok()?;
    Some(before)
}
