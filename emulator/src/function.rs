//! The function: its instances, started on demand, and one invocation through them.
//!
//! # Guarantees
//! One invocation at a time in each instance, or as many as the concurrency of a web function;
//! never more live instances than the limit, beyond it the platform's throttling answer at once; a
//! dead instance is replaced by a fresh one; an invocation runs to its end even when the caller has
//! left, as on the platforms.

mod acquire;
mod child;
mod config;
mod freezer;
mod instances;
mod invoke;
mod lease;
mod log;
mod outcome;
mod program;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::AbortHandle;

pub(crate) use self::child::Instance;
pub(crate) use self::config::Config;
pub(crate) use self::lease::Lease;
pub(crate) use self::log::InvocationLog;
pub use self::outcome::{Invocation, Outcome};
use self::program::{Fingerprint, Program, Programs};
use crate::platform::PlatformError;
use crate::sync::lock;

/// The pool.
pub(crate) struct Function {
    pub(crate) config: Arc<Config>,
    instances: Mutex<Vec<Arc<Instance>>>,
    programs: Programs,
    watching: Mutex<Option<AbortHandle>>,
}

impl Function {
    pub(crate) fn new(config: Config) -> std::io::Result<Arc<Self>> {
        let running = Fingerprint::of(&config.program);
        let function = Arc::new(Self {
            programs: Programs::open(&config.program, config.watch)?,
            config: Arc::new(config),
            instances: Mutex::default(),
            watching: Mutex::default(),
        });
        if function.config.watch {
            function.start_watching(running);
        }
        Ok(function)
    }

    /// Runs one event to its end.
    pub(crate) async fn invoke(self: &Arc<Self>, request_id: String, event: Bytes) -> Invocation {
        let (function, id) = (Arc::clone(self), request_id.clone());
        // A task of its own: the invocation continues when the caller leaves.
        let running = tokio::spawn(async move { function.run(&id, event).await });
        let outcome = running.await.unwrap_or_else(|_| {
            Outcome::PlatformError(PlatformError::ExitedBusy {
                status: "the cloud is stopping".to_owned(),
            })
        });
        Invocation { request_id, outcome }
    }

    /// The process ids of the live instances.
    pub(crate) fn process_ids(&self) -> Vec<i32> {
        lock(&self.instances)
            .iter()
            .filter(|instance| !instance.state.is_dead())
            .map(|instance| instance.process.id())
            .collect()
    }

    /// Asks every instance to exit, waits, and kills those that did not.
    pub(crate) async fn shut_down(&self, timeout: Duration) {
        self.stop_watching();
        let instances = std::mem::take(&mut *lock(&self.instances));
        for instance in &instances {
            instance.terminate();
        }
        let all_dead = async {
            while instances.iter().any(|one| !one.process.has_ended()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // The rest is killed when `instances` is dropped.
        let _ = tokio::time::timeout(timeout, all_dead).await;
    }

    /// Ends every instance at once.
    pub(crate) fn kill_all(&self) {
        self.stop_watching();
        for instance in lock(&self.instances).drain(..) {
            instance.process.kill();
        }
    }

    fn stop_watching(&self) {
        if let Some(watching) = lock(&self.watching).take() {
            watching.abort();
        }
    }
}
