//! Takes over a new binary: when the file has changed and then stayed the same for a while, one
//! instance is started from it, and if that becomes ready it replaces all others.
//!
//! # Guarantees
//! Running invocations end on the old binary; a half-written file is not started, and one that does
//! not become ready changes nothing but the log. It polls one file and does not build it.

#![expect(
    clippy::disallowed_methods,
    reason = "child processes live by the machine's own clock, never by the moved one"
)]

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::program::{Fingerprint, Program};
use super::{Function, Instance, Lease};
use crate::sync::lock;

const POLL_INTERVAL: Duration = Duration::from_millis(100);
const QUIET: Duration = Duration::from_millis(500);

async fn watch(function: Weak<Function>, mut tried: Option<Fingerprint>) {
    let mut changed: Option<(Fingerprint, Instant)> = None;
    loop {
        tokio::time::sleep(POLL_INTERVAL).await;
        let Some(function) = function.upgrade() else {
            return;
        };
        let found = Fingerprint::of(&function.config.program).filter(|now| Some(*now) != tried);
        changed = match (found, changed) {
            (None, _) => None,
            (Some(now), Some((before, since))) if now == before => {
                if since.elapsed() < QUIET {
                    Some((now, since))
                } else {
                    if function.try_new(now).await {
                        tried = Some(now);
                    }
                    None
                }
            }
            (Some(now), _) => Some((now, Instant::now())),
        };
    }
}

impl Function {
    /// Watches for as long as the function lives. Its instances were started from `running`.
    pub(super) fn start_watching(self: &Arc<Self>, running: Option<Fingerprint>) {
        let watching = tokio::spawn(watch(Arc::downgrade(self), running));
        *lock(&self.watching) = Some(watching.abort_handle());
    }

    /// False when the file has changed once more.
    async fn try_new(self: &Arc<Self>, fingerprint: Fingerprint) -> bool {
        let function = Arc::clone(self);
        let copied = tokio::task::spawn_blocking(move || function.programs.candidate(fingerprint));
        match copied.await {
            Ok(Ok(Some(program))) => {
                let line = match self.take_over(&program).await {
                    Ok(process) => {
                        format!("the new binary serves from here on (process {process})")
                    }
                    Err(reason) => format!(
                        "the new binary did not become ready: {reason}. The one before it goes on; the file is tried again when it changes"
                    ),
                };
                self.config.output.push(format!("cos-emulator: {line}"));
                true
            }
            Ok(Ok(None)) => false,
            Ok(Err(error)) => {
                let line = format!("cos-emulator: the new binary cannot be read: {error}");
                self.config.output.push(line);
                true
            }
            Err(_) => false,
        }
    }

    /// The process id of the first instance of `program`. For a moment there is one instance more
    /// than the limit.
    async fn take_over(&self, program: &Arc<Program>) -> Result<i32, String> {
        let started = Instance::start(&self.config, program);
        let fresh = started.map_err(|error| error.to_string())?;
        let lease = Lease::of(&fresh, true);
        lock(&self.instances).push(Arc::clone(&fresh));
        let limit = self.config.platform.init_limit(self.config.init_timeout);
        self.until_ready(&lease, limit).await.map_err(|error| error.to_string())?;
        self.programs.accept(Arc::clone(program));
        drop(lease);
        let others = lock(&self.instances).clone();
        for other in others.iter().filter(|other| !Arc::ptr_eq(other, &fresh)) {
            other.retire_if_free();
        }
        Ok(fresh.process.id())
    }
}
