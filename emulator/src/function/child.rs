//! One instance: a child with its runtime API, leased to one invocation at a time and frozen between two of them.
//!
//! When it freezes. Lambda, documented
//! (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>): once the runtime has asked for its next event.
//! SCF, inferred: as soon as the response is taken, so that work after it is seen to stand still. One that has served nothing yet
//! freezes while it waits for its first event; a web function does not before its first answer.

use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::{Config, Program};
use crate::environment::Credentials;
use crate::instance::{Death, State};
use crate::ledger::lock;
use crate::net::Server;
use crate::platform::Platform;
use crate::platform::log::InitTimes;
use crate::process::{Callbacks, Launch, Process};
use crate::{runtime, web};

/// How long a replaced instance gets to end by itself.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) state: Arc<State>,
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) credentials: Credentials,
    config: Arc<Config>,
    occupancy: Mutex<Occupancy>,
    created: Instant,
    spawned: Instant,
    generation: u64,
    newest_generation: Arc<AtomicU64>,
    /// Keeps the runtime API open for as long as the instance lives.
    _runtime: Option<Server>,
}

#[derive(Debug)]
struct Occupancy {
    leased: bool,
    frozen: bool,
}

impl Instance {
    /// Starts a child; it belongs to the caller until a [`Lease`] of it is dropped.
    pub(super) fn start(config: &Arc<Config>, program: &Program) -> std::io::Result<Arc<Self>> {
        let created = Instant::now();
        let state = State::new();
        let runtime = runtime::start(config, &state)?;
        let port = match &runtime {
            Some(server) => server.address.port(),
            None => web::free_port()?,
        };
        let source = &config.platform_environment;
        let credentials = source.credentials()?;
        let mut variables = source.variables(config.platform, port, &credentials, &config.program);
        variables.extend(config.variables.clone());
        let (exited, exceeded) = (Arc::clone(&state), Arc::clone(&state));
        let limit_mb = config.memory_mb;
        let callbacks = Callbacks {
            on_exit: move |status: ExitStatus| {
                exited.die(Death::Exited {
                    status: status.to_string(),
                });
            },
            on_memory_exceeded: move || exceeded.die(Death::OutOfMemory { limit_mb }),
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
            occupancy: Mutex::new(Occupancy {
                leased: true,
                frozen: false,
            }),
            created,
            spawned: Instant::now(),
            generation: program.generation(),
            newest_generation: program.newest_generation(),
            _runtime: runtime,
        }))
    }

    /// How long its start took, if it is ready by now.
    pub(super) fn init_times(&self) -> InitTimes {
        InitTimes {
            whole: self.created.elapsed(),
            process: self.spawned.elapsed(),
        }
    }

    /// Takes it if it is free, and lets it run.
    pub(super) fn lease_if_idle(self: &Arc<Self>) -> Option<Lease> {
        let mut occupancy = lock(&self.occupancy);
        if occupancy.leased || !self.state.is_idle() || self.is_outdated() {
            return None;
        }
        self.thaw(&mut occupancy);
        occupancy.leased = true;
        Some(Lease::of(self, false))
    }

    /// Asks it to end, for good: nobody leases or freezes it from here on.
    pub(super) fn terminate(&self) {
        let mut occupancy = lock(&self.occupancy);
        occupancy.leased = true;
        self.thaw(&mut occupancy);
        self.process.terminate();
    }

    /// Ends it if nobody uses it; whoever uses it does so at the end of the lease.
    pub(super) fn retire_if_free(self: &Arc<Self>) {
        if !lock(&self.occupancy).leased {
            self.retire();
        }
    }

    fn retire(self: &Arc<Self>) {
        self.terminate();
        self.state.die(Death::Killed);
        let retired = Arc::clone(self);
        tokio::spawn(async move {
            let ended = async {
                while !retired.process.has_ended() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            // Whatever is left is killed when `retired` is dropped.
            let _ = tokio::time::timeout(PATIENCE, ended).await;
        });
    }

    fn is_outdated(&self) -> bool {
        self.generation < self.newest_generation.load(Ordering::SeqCst)
    }

    fn thaw(&self, occupancy: &mut Occupancy) {
        if occupancy.frozen {
            self.process.thaw();
            occupancy.frozen = false;
        }
    }

    fn freeze_if_free(&self) {
        let mut occupancy = lock(&self.occupancy);
        if !occupancy.leased && !occupancy.frozen && self.state.is_idle() {
            self.process.freeze();
            occupancy.frozen = true;
            self.config.on_freeze.call(self.process.id());
        }
    }

    fn release(self: &Arc<Self>, served: bool) {
        if !self.state.is_idle() {
            // It timed out, failed or died: a fresh one serves the next request.
            self.state.die(Death::Killed);
            self.process.kill();
            return;
        }
        if self.is_outdated() {
            self.retire();
            return;
        }
        lock(&self.occupancy).leased = false;
        if !self.config.freeze {
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
        tokio::spawn(async move {
            if state.until_parked().await
                && let Some(instance) = instance.upgrade()
            {
                instance.freeze_if_free();
            }
        });
    }
}

/// An instance that nobody else may use until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) instance: Arc<Instance>,
    /// It was started for this lease.
    pub(crate) cold: bool,
    served: bool,
}

impl Lease {
    pub(super) fn of(instance: &Arc<Instance>, cold: bool) -> Self {
        Self {
            instance: Arc::clone(instance),
            cold,
            served: false,
        }
    }

    /// It answered a request.
    pub(crate) fn served(&mut self) {
        self.served = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.instance.release(self.served);
    }
}
