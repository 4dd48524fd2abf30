//! One instance: a child with its runtime API.

#![expect(
    clippy::disallowed_methods,
    reason = "child processes live by the machine's own clock, never by the moved one"
)]

use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::freezer::Freezer;
use super::{Config, Program};
use crate::account::Issued;
use crate::instance::{ExitReason, State};
use crate::net::{self, Server};
use crate::platform::log::InitTimes;
use crate::process::{Callbacks, Launch, Process};
use crate::runtime;

pub(crate) struct Instance {
    pub(crate) state: Arc<State>,
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) credentials: Issued,
    pub(super) config: Arc<Config>,
    pub(super) freezer: Mutex<Freezer>,
    created: Instant,
    spawned: Instant,
    /// The user asked for a fresh one in its place.
    recycled: AtomicBool,
    generation: u64,
    newest_generation: Arc<AtomicU64>,
    /// Keeps the runtime API open for as long as the instance lives.
    _runtime: Option<Server>,
}

impl Instance {
    /// Starts a child; it belongs to the caller until a [`Lease`] of it is dropped.
    pub(super) fn start(config: &Arc<Config>, program: &Program) -> std::io::Result<Arc<Self>> {
        let created = Instant::now();
        let state = State::new();
        let runtime = runtime::start(config, &state)?;
        let port = match &runtime {
            Some(server) => server.address.port(),
            None => net::free_port()?,
        };
        let source = &config.platform_environment;
        let credentials = source.credentials()?;
        let mut variables = source.variables(config.platform, port, &credentials, &config.program);
        variables.extend(config.variables.clone());
        let (exited, exceeded) = (Arc::clone(&state), Arc::clone(&state));
        let limit_mb = config.memory_mb;
        let callbacks = Callbacks {
            on_exit: move |status: ExitStatus| {
                exited.die(ExitReason::Exited { status: status.to_string() });
            },
            on_memory_exceeded: move || exceeded.die(ExitReason::OutOfMemory { limit_mb }),
        };
        let launch = Launch {
            program: program.path(),
            directory: config.program.parent(),
            environment: &variables,
            memory_limit_bytes: config.memory_limit_bytes(),
        };
        let process = Process::spawn(&launch, &config.output, callbacks)?;
        Ok(Arc::new(Self {
            state,
            process,
            port,
            credentials,
            config: Arc::clone(config),
            freezer: Freezer::leased(),
            created,
            spawned: Instant::now(),
            recycled: AtomicBool::new(false),
            generation: program.generation(),
            newest_generation: program.newest_generation(),
            _runtime: runtime,
        }))
    }

    /// How long its start took, if it is ready by now.
    pub(super) fn init_times(&self) -> InitTimes {
        InitTimes { whole: self.created.elapsed(), process: self.spawned.elapsed() }
    }

    /// It serves no more requests once the current one is done.
    pub(super) fn recycle(self: &Arc<Self>) {
        self.recycled.store(true, Ordering::SeqCst);
        self.retire_if_free();
    }

    /// A newer binary has taken over, or the user asked for a fresh instance.
    pub(super) fn is_outdated(&self) -> bool {
        let is_recycled = self.recycled.load(Ordering::SeqCst);
        is_recycled || self.generation < self.newest_generation.load(Ordering::SeqCst)
    }
}
