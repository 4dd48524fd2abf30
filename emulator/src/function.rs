//! The function: its instances, started on demand, and the way of one invocation through them.
//!
//! Promises: one invocation at a time in each instance; never more live instances than the limit, beyond it the platform's
//! throttling answer at once; a dead instance is replaced by a fresh one; an invocation runs to its end even when the
//! caller has left, as on the platforms.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::chance::Chance;
use crate::environment::Credentials;
use crate::instance::{Death, Lost, State, Work};
use crate::ledger::lock;
use crate::net::Server;
use crate::platform::{MAX_PAYLOAD_BYTES, Platform, PlatformError};
use crate::process::{Output, Process};
use crate::{environment, runtime, web};

/// One invocation and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The id that the function saw.
    pub request_id: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes that the function answered.
    Response(Vec<u8>),
    /// The text that the function reported as its error.
    FunctionError(String),
    /// The platform ended it.
    PlatformError(PlatformError),
}

/// What every instance has in common.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) program: PathBuf,
    pub(crate) platform: Platform,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) init_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) max_instances: usize,
    pub(crate) memory_mb: u32,
    pub(crate) output: Arc<Output>,
    pub(crate) platform_environment: environment::Source,
    pub(crate) chance: Arc<Chance>,
}

/// The pool.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) config: Arc<Config>,
    instances: Mutex<Vec<Arc<Instance>>>,
}

/// One child with its runtime API.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) state: Arc<State>,
    pub(crate) process: Process,
    pub(crate) port: u16,
    pub(crate) credentials: Credentials,
    leased: AtomicBool,
    /// Keeps the runtime API open for as long as the instance lives.
    _runtime: Option<Server>,
}

impl Function {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        Arc::new(Self {
            config: Arc::new(config),
            instances: Mutex::default(),
        })
    }

    /// Runs one event to its end.
    pub(crate) async fn invoke(self: &Arc<Self>, request_id: String, event: Bytes) -> Invocation {
        let (function, id) = (Arc::clone(self), request_id.clone());
        // A task of its own: the caller may leave, the invocation may not.
        let running = tokio::spawn(async move { function.run(&id, event).await });
        let outcome = running.await.unwrap_or_else(|_| {
            Outcome::PlatformError(PlatformError::ExitedBusy {
                status: "the cloud is stopping".to_owned(),
            })
        });
        Invocation {
            request_id,
            outcome,
        }
    }

    async fn run(&self, request_id: &str, event: Bytes) -> Outcome {
        if event.len() > MAX_PAYLOAD_BYTES {
            return Outcome::PlatformError(PlatformError::RequestTooLarge);
        }
        let mut attempts_left = self.config.max_instances.saturating_add(1);
        loop {
            let lease = match self.lease().await {
                Ok(lease) => lease,
                Err(error) => return Outcome::PlatformError(error),
            };
            let work = Work {
                request_id: request_id.to_owned(),
                event: event.clone(),
            };
            let limit = self.config.call_timeout;
            match lease.instance.state.invoke(work, limit).await {
                Ok(outcome) => return outcome,
                Err(Lost::Failed(error)) => return Outcome::PlatformError(error),
                Err(Lost::Untouched(error)) => {
                    attempts_left = attempts_left.saturating_sub(1);
                    if attempts_left == 0 {
                        return Outcome::PlatformError(error);
                    }
                }
            }
        }
    }

    /// An idle instance, or a fresh one that became ready.
    pub(crate) async fn lease(&self) -> Result<Lease, PlatformError> {
        let lease = self.idle_or_fresh()?;
        let state = &lease.instance.state;
        if self.config.platform == Platform::ScfWeb && !state.is_idle() {
            web::until_listening(&lease.instance, self.config.init_timeout).await?;
        } else {
            state.until_ready(self.config.init_timeout).await?;
        }
        Ok(lease)
    }

    fn idle_or_fresh(&self) -> Result<Lease, PlatformError> {
        let mut instances = lock(&self.instances);
        instances.retain(|instance| !instance.state.is_dead());
        let idle = instances
            .iter()
            .find(|instance| instance.state.is_idle() && !instance.leased.load(Ordering::SeqCst));
        let instance = match idle {
            Some(idle) => Arc::clone(idle),
            None if instances.len() >= self.config.max_instances => {
                return Err(PlatformError::Throttled);
            }
            None => {
                let fresh = Arc::new(Instance::start(&self.config).map_err(|error| {
                    PlatformError::ExitedInInit {
                        status: format!("cannot start the function: {error}"),
                    }
                })?);
                instances.push(Arc::clone(&fresh));
                fresh
            }
        };
        instance.leased.store(true, Ordering::SeqCst);
        Ok(Lease { instance })
    }

    /// The process ids of the live instances.
    pub(crate) fn process_ids(&self) -> Vec<i32> {
        lock(&self.instances)
            .iter()
            .filter(|instance| !instance.state.is_dead())
            .map(|instance| instance.process.id())
            .collect()
    }

    /// Asks every instance to end, waits a little, and ends those that did not.
    pub(crate) async fn shut_down(&self, patience: Duration) {
        let instances = std::mem::take(&mut *lock(&self.instances));
        for instance in &instances {
            instance.process.terminate();
        }
        let all_dead = async {
            while instances.iter().any(|one| !one.process.has_ended()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        // Whoever is left is killed when `instances` is dropped.
        let _ = tokio::time::timeout(patience, all_dead).await;
    }

    /// Ends every instance at once.
    pub(crate) fn kill_all(&self) {
        for instance in lock(&self.instances).drain(..) {
            instance.process.kill();
        }
    }
}

/// An instance that nobody else may use until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) instance: Arc<Instance>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.instance.state.is_idle() {
            // It timed out, failed or died: a fresh one serves the next request.
            self.instance.state.die(Death::Killed);
            self.instance.process.kill();
        }
        self.instance.leased.store(false, Ordering::SeqCst);
    }
}

impl Instance {
    fn start(config: &Arc<Config>) -> std::io::Result<Self> {
        let state = State::new();
        let runtime = runtime::start(config, &state)?;
        let port = match &runtime {
            Some(server) => server.address.port(),
            None => web::free_port()?,
        };
        let credentials = config.platform_environment.credentials()?;
        let mut variables = config.platform_environment.variables(
            config.platform,
            port,
            &credentials,
            &config.program,
        );
        variables.extend(config.variables.clone());
        let on_exit = {
            let state = Arc::clone(&state);
            move |status: ExitStatus| {
                state.die(Death::Exited {
                    status: status.to_string(),
                });
            }
        };
        let process = Process::spawn(&config.program, &variables, &config.output, on_exit)?;
        Ok(Self {
            state,
            process,
            port,
            credentials,
            leased: AtomicBool::new(false),
            _runtime: runtime,
        })
    }
}
