//! An instance is leased to one invocation at a time, frozen between two of them, and stopped when
//! it is no longer needed. One of a web function may be leased to several requests at once, as many
//! as its concurrency.
//!
//! When it freezes. Lambda, documented
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>): once the
//! runtime has asked for its next event. SCF, inferred: as soon as the response is taken, so that
//! later work visibly does not run. One that has served nothing yet freezes while it waits for its
//! first event; a web function does not before its first answer.

use std::sync::Arc;
use std::time::Duration;

use super::Instance;
use super::freezer::Freezer;
use crate::instance::ExitReason;
use crate::platform::Platform;
use crate::sync::lock;

/// How long a replaced instance may take to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Use of an instance, until this is dropped.
pub(crate) struct Lease {
    pub(crate) instance: Arc<Instance>,
    /// It was started for this lease.
    pub(crate) cold: bool,
    served: bool,
}

impl Lease {
    pub(super) fn of(instance: &Arc<Instance>, cold: bool) -> Self {
        Self { instance: Arc::clone(instance), cold, served: false }
    }

    /// The same, once it answered a request.
    pub(crate) fn served(mut self) -> Self {
        self.served = true;
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.instance.release(self.served);
    }
}

impl Instance {
    /// Takes a place in it if there is one, and lets it run.
    pub(super) fn lease_if_free(self: &Arc<Self>) -> Option<Lease> {
        let mut freezer = lock(&self.freezer);
        let is_full = freezer.leases >= self.config.concurrency;
        // Another request may wait for its start.
        let takes_requests = self.state.is_idle() || freezer.leases > 0 && self.state.is_starting();
        if is_full || freezer.closed || !takes_requests || self.is_outdated() {
            return None;
        }
        self.thaw(&mut freezer);
        freezer.leases = freezer.leases.saturating_add(1);
        Some(Lease::of(self, false))
    }

    /// Asks it to exit. From here on it is neither leased nor frozen.
    pub(super) fn terminate(&self) {
        let mut freezer = lock(&self.freezer);
        freezer.closed = true;
        freezer.frozen = false;
        self.process.terminate();
    }

    /// Stops it if it is free; a leased one stops at the end of the lease.
    pub(super) fn retire_if_free(self: &Arc<Self>) {
        let is_free = {
            let freezer = lock(&self.freezer);
            freezer.leases == 0 && !freezer.closed
        };
        if is_free {
            self.retire();
        }
    }

    fn retire(self: &Arc<Self>) {
        self.terminate();
        self.state.die(ExitReason::Killed);
        let retired = Arc::clone(self);
        in_background(async move {
            let ended = async {
                while !retired.process.has_ended() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            // Whatever is left is killed when `retired` is dropped.
            let _ = tokio::time::timeout(EXIT_TIMEOUT, ended).await;
        });
    }

    fn thaw(&self, freezer: &mut Freezer) {
        if freezer.frozen {
            self.process.thaw();
            freezer.frozen = false;
        }
    }

    fn freeze_if_free(&self) {
        {
            let mut freezer = lock(&self.freezer);
            let is_used = freezer.leases > 0 || freezer.closed;
            if is_used || freezer.frozen || !self.state.is_idle() {
                return;
            }
            self.process.freeze();
            freezer.frozen = true;
        }
        // Outside the lock: the hook may call anything.
        self.config.on_freeze.call(&self.process.id());
    }

    fn release(self: &Arc<Self>, served: bool) {
        if !self.state.is_idle() {
            // It timed out, failed or died: a fresh one serves the next request.
            self.state.die(ExitReason::Killed);
            self.process.kill();
            return;
        }
        let is_free = {
            let mut freezer = lock(&self.freezer);
            freezer.leases = freezer.leases.saturating_sub(1);
            freezer.leases == 0
        };
        if self.is_outdated() {
            self.retire_if_free();
            return;
        }
        if !self.config.freeze || !is_free {
            return;
        }
        match self.config.platform {
            Platform::Scf(_) | Platform::ScfWeb if served => self.freeze_if_free(),
            Platform::ScfWeb => {}
            Platform::Scf(_) | Platform::Lambda(_) => self.freeze_once_parked(),
        }
    }

    fn freeze_once_parked(self: &Arc<Self>) {
        let (state, instance) = (Arc::clone(&self.state), Arc::downgrade(self));
        in_background(async move {
            if state.until_parked().await
                && let Some(instance) = instance.upgrade()
            {
                instance.freeze_if_free();
            }
        });
    }
}

/// A lease may be dropped while everything ends; nothing is left to do then.
fn in_background(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(task);
    }
}
