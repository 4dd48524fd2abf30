//! The function: its instances, started on demand, and the way of one invocation through them.
//!
//! Promises: one invocation at a time in each instance; never more live instances than the limit, beyond it the platform's
//! throttling answer at once; a dead instance is replaced by a fresh one; an invocation runs to its end even when the
//! caller has left, as on the platforms.

mod child;
mod config;
mod program;
mod record;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cos_issuer::time::{Clock as _, SystemClock};
use tokio::task::AbortHandle;

pub(crate) use self::child::{Instance, Lease};
pub(crate) use self::config::{Config, Hook};
use self::program::{Fingerprint, Program, Programs};
pub(crate) use self::record::Record;
use crate::instance::{Death, Lost, Work};
use crate::ledger::lock;
use crate::platform::log::{Ending, InitPhase};
use crate::platform::{Platform, PlatformError};
use crate::web;

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

/// The pool.
#[derive(Debug)]
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
            *lock(&function.watching) = Some(watch::start(&function, running));
        }
        Ok(function)
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
        if event.len() > self.config.platform.event_limit_bytes() {
            return Outcome::PlatformError(PlatformError::RequestTooLarge);
        }
        let mut record = Record::of(&self.config, request_id);
        let mut attempts_left = self.config.max_instances.saturating_add(1);
        loop {
            let mut lease = match self.lease(&mut record).await {
                Ok(lease) => lease,
                Err(error) => {
                    record.finished(Ending::PlatformError(&error), None);
                    return Outcome::PlatformError(error);
                }
            };
            let limit = record.remaining();
            let ended = lease
                .instance
                .state
                .invoke(work(request_id, &event, limit), limit)
                .await;
            record.stop();
            let outcome = match ended {
                Ok(outcome) => outcome,
                Err(Lost::Untouched(_)) if attempts_left > 1 => {
                    attempts_left = attempts_left.saturating_sub(1);
                    continue;
                }
                // What the function is told of is the whole limit, also where a part of it went into a start.
                Err(Lost::Failed(PlatformError::CallTimeout { .. })) => {
                    let limit = self.config.call_timeout;
                    Outcome::PlatformError(PlatformError::CallTimeout { limit })
                }
                Err(Lost::Untouched(error) | Lost::Failed(error)) => Outcome::PlatformError(error),
            };
            let (memory, peak_memory_bytes) = self.memory_of(&lease);
            let outcome = memory.map_or(outcome, Outcome::PlatformError);
            let ending = match &outcome {
                Outcome::Response(bytes) => Ending::Returned(bytes),
                Outcome::FunctionError(text) => Ending::FunctionError(text),
                Outcome::PlatformError(error) => Ending::PlatformError(error),
            };
            lease.served();
            self.close(lease).await;
            record.finished(ending, peak_memory_bytes);
            return outcome;
        }
    }

    /// Whether the instance took too much memory, and how much it took.
    pub(crate) fn memory_of(&self, lease: &Lease) -> (Option<PlatformError>, Option<u64>) {
        let peak = lease.instance.process.peak_memory_bytes();
        let limit_mb = self.config.memory_mb;
        let over = peak.is_some_and(|bytes| bytes > self.config.memory_limit_bytes());
        if over {
            lease.instance.state.die(Death::OutOfMemory { limit_mb });
        }
        (
            over.then_some(PlatformError::OutOfMemory { limit_mb }),
            peak,
        )
    }

    /// Gives the instance back, and waits until what it printed is in the log.
    pub(crate) async fn close(&self, lease: Lease) {
        let instance = Arc::clone(&lease.instance);
        drop(lease);
        instance.process.settle().await;
    }

    /// An idle instance, or a fresh one that became ready.
    ///
    /// Lambda tries a start that failed once more, as a part of the invocation and within its time (documented:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>).
    pub(crate) async fn lease(&self, record: &mut Record<'_>) -> Result<Lease, PlatformError> {
        let limit = self.config.platform.init_limit(self.config.init_timeout);
        let error = match self.admit(record, limit).await? {
            Ok(lease) => {
                record.ready(&lease).await;
                return Ok(lease);
            }
            Err(error) => error,
        };
        if !matches!(self.config.platform, Platform::Lambda(_)) {
            return Err(error);
        }
        record.init_failed(InitPhase::Init, &error);
        record.begin_within_invocation();
        let limit = self.config.call_timeout;
        match self.admit(record, limit).await? {
            Ok(lease) => {
                record.ready(&lease).await;
                Ok(lease)
            }
            Err(error) => {
                record.init_failed(InitPhase::Invoke, &error);
                Err(match error {
                    PlatformError::InitTimeout { limit } => PlatformError::CallTimeout { limit },
                    other => other,
                })
            }
        }
    }

    /// The outer error: there is no instance. The inner one: there was, and it did not become ready.
    async fn admit(
        &self,
        record: &mut Record<'_>,
        limit: Duration,
    ) -> Result<Result<Lease, PlatformError>, PlatformError> {
        let lease = self.idle_or_fresh()?;
        record.admitted();
        let ready = self.until_ready(&lease, limit).await;
        if ready.is_err() {
            self.close(lease).await;
            return Ok(Err(ready.err().unwrap_or(PlatformError::BadAnswer)));
        }
        Ok(Ok(lease))
    }

    async fn until_ready(&self, lease: &Lease, limit: Duration) -> Result<(), PlatformError> {
        let state = &lease.instance.state;
        if self.config.platform == Platform::ScfWeb && !state.is_idle() {
            web::until_listening(&lease.instance, limit).await
        } else {
            state.until_ready(limit).await
        }
    }

    fn idle_or_fresh(&self) -> Result<Lease, PlatformError> {
        let mut instances = lock(&self.instances);
        instances.retain(|instance| !instance.state.is_dead());
        if let Some(lease) = instances.iter().find_map(Instance::lease_if_idle) {
            return Ok(lease);
        }
        if instances.len() >= self.config.max_instances {
            return Err(PlatformError::Throttled);
        }
        let program: Arc<Program> = self.programs.current();
        let fresh = Instance::start(&self.config, &program).map_err(|error| {
            PlatformError::ExitedInInit {
                status: format!("cannot start the function: {error}"),
            }
        })?;
        instances.push(Arc::clone(&fresh));
        Ok(Lease::of(&fresh, true))
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
        // Whoever is left is killed when `instances` is dropped.
        let _ = tokio::time::timeout(patience, all_dead).await;
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

fn work(request_id: &str, event: &Bytes, limit: Duration) -> Work {
    let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    Work {
        request_id: request_id.to_owned(),
        event: event.clone(),
        deadline_ms: SystemClock.unix_milliseconds().saturating_add(limit_ms),
    }
}
