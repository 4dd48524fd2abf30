//! The signals that stop a command: Ctrl-C, SIGTERM, the end of the terminal, and the end of
//! standard input where that is asked for.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use crate::failure::Failure;

/// Listen before you report that the cloud runs: without a listener, a signal ends this process
/// and leaves its children.
pub(crate) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    input: Option<oneshot::Receiver<()>>,
}

impl StopSignal {
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            input: None,
        })
    }

    /// Also stops when standard input ends.
    pub(crate) fn or_end_of_stdin(self, is_wanted: bool) -> Self {
        Self { input: is_wanted.then(end_of_stdin), ..self }
    }

    /// Resolves at the first of these signals.
    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            Some(_) = ended(&mut self.input) => {}
        }
    }
}

/// Resolves when standard input ends.
fn end_of_stdin() -> oneshot::Receiver<()> {
    let (sender, ended) = oneshot::channel();
    // Not a task: it ends with the process, and no runtime waits for it.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = sender.send(());
    });
    ended
}

async fn ended(input: &mut Option<oneshot::Receiver<()>>) -> Option<()> {
    input.as_mut()?.await.ok()
}
