//! One instance of the function: a child process, its runtime API, and the state between them.
//!
//! ```text
//! Init ──ready──> Idle ──begin──> Busy ──finish──> Answered ──taken──> Idle
//!   └───────────────┴───────────────┴──── exit, time-out, shutdown ────> Dead
//! ```
//!
//! # Guarantees
//! One invocation at a time; the first response or error of an invocation that was fetched wins, a
//! later one is ignored; `Dead` is final. An idle instance is *parked* while it waits for its next
//! event.

mod exit_reason;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

pub(crate) use self::exit_reason::{ExitReason, Lost};
use crate::function::Outcome;
use crate::platform::PlatformError;

/// One invocation as the runtime API delivers it.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) request_id: String,
    pub(crate) event: Bytes,
    /// By the wall clock, as on Lambda.
    pub(crate) deadline_ms: u64,
}

#[derive(Clone, Debug)]
enum Phase {
    Init,
    Idle,
    Busy { work: Arc<Work>, fetched: bool },
    Answered { outcome: Outcome, gone: Option<ExitReason> },
    Dead { reason: ExitReason, fetched: bool },
}

/// The state that the runtime API, the process and the invoker share.
#[derive(Debug)]
pub(crate) struct State {
    phase: watch::Sender<Phase>,
    parked: watch::Sender<usize>,
}

impl State {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { phase: watch::Sender::new(Phase::Init), parked: watch::Sender::new(0) })
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Idle)
    }

    pub(crate) fn is_starting(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Init)
    }

    pub(crate) fn is_dead(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Dead { .. })
    }

    /// The process reports that it is ready; repeats change nothing.
    pub(crate) fn ready(&self) {
        self.change(|phase| match phase {
            Phase::Init => Some(Phase::Idle),
            _ => None,
        });
    }

    /// The process is gone or has to go.
    pub(crate) fn die(&self, reason: ExitReason) {
        self.change(|phase| match phase {
            Phase::Dead { .. } => None,
            Phase::Busy { fetched, .. } => Some(Phase::Dead { reason, fetched: *fetched }),
            // A response that is not yet taken stays a response.
            Phase::Answered { outcome, .. } => {
                Some(Phase::Answered { outcome: outcome.clone(), gone: Some(reason) })
            }
            Phase::Init | Phase::Idle => Some(Phase::Dead { reason, fetched: false }),
        });
    }

    /// Waits for the end of `Init`.
    pub(crate) async fn until_ready(&self, limit: Duration) -> Result<(), PlatformError> {
        let mut phases = self.phase.subscribe();
        let settled = phases.wait_for(|phase| !matches!(phase, Phase::Init));
        match tokio::time::timeout(limit, settled).await {
            Err(_) => Err(PlatformError::InitTimeout { limit }),
            Ok(Ok(phase)) => match &*phase {
                Phase::Dead { reason, .. } => Err(reason.in_init(limit)),
                _ => Ok(()),
            },
            Ok(Err(_)) => Err(PlatformError::InitTimeout { limit }),
        }
    }

    /// Waits for an event; the same one again while it is unanswered. `None` when the instance is
    /// dead.
    pub(crate) async fn next(&self) -> Option<Arc<Work>> {
        let _parked = Parked::at(&self.parked);
        let mut phases = self.phase.subscribe();
        let due =
            phases.wait_for(|phase| matches!(phase, Phase::Busy { .. } | Phase::Dead { .. })).await;
        drop(due);
        let mut taken = None;
        self.change(|phase| match phase {
            Phase::Busy { work, .. } => {
                taken = Some(Arc::clone(work));
                Some(Phase::Busy { work: Arc::clone(work), fetched: true })
            }
            _ => None,
        });
        taken
    }

    /// The process answers; `request_id` where the runtime API names the invocation. False:
    /// ignored.
    pub(crate) fn finish(&self, request_id: Option<&str>, outcome: Outcome) -> bool {
        self.change(|phase| match phase {
            Phase::Busy { work, fetched: true }
                if request_id.is_none_or(|id| id == work.request_id) =>
            {
                Some(Phase::Answered { outcome, gone: None })
            }
            _ => None,
        })
    }

    /// Hands over an event and waits for its outcome.
    pub(crate) async fn invoke(&self, work: Work, limit: Duration) -> Result<Outcome, Lost> {
        let work = Arc::new(work);
        let mut phases = self.phase.subscribe();
        self.change(|phase| match phase {
            Phase::Idle => Some(Phase::Busy { work, fetched: false }),
            _ => None,
        });
        let settled =
            phases.wait_for(|phase| matches!(phase, Phase::Answered { .. } | Phase::Dead { .. }));
        if tokio::time::timeout(limit, settled).await.is_err() {
            self.die(ExitReason::Killed);
        }
        let settled = self.phase.borrow().clone();
        match settled {
            Phase::Answered { outcome, .. } => {
                self.change(|phase| match phase {
                    Phase::Answered { gone: None, .. } => Some(Phase::Idle),
                    Phase::Answered { gone: Some(reason), .. } => {
                        Some(Phase::Dead { reason: reason.clone(), fetched: true })
                    }
                    _ => None,
                });
                Ok(outcome)
            }
            Phase::Dead { reason, fetched } => Err(reason.lost(fetched, limit)),
            Phase::Init | Phase::Idle | Phase::Busy { .. } => {
                Err(ExitReason::Killed.lost(false, limit))
            }
        }
    }

    /// Waits until the process asks for its next event. False when it never will.
    pub(crate) async fn until_parked(&self) -> bool {
        let mut parked = self.parked.subscribe();
        tokio::select! {
            waiting = parked.wait_for(|waiting| *waiting > 0) => waiting.is_ok(),
            _ = self.until_dead() => false,
        }
    }

    /// Waits for the end of the instance. Returns how it ended.
    pub(crate) async fn until_dead(&self) -> PlatformError {
        let mut phases = self.phase.subscribe();
        let ended = phases.wait_for(|phase| matches!(phase, Phase::Dead { .. }));
        match ended.await.as_deref() {
            Ok(Phase::Dead { reason, .. }) => reason.while_busy(),
            _ => ExitReason::Killed.while_busy(),
        }
    }

    /// Distinguishes a broken response of a living process from that of an exiting one.
    pub(crate) async fn exit_within_a_moment(&self) -> PlatformError {
        let ended = tokio::time::timeout(Duration::from_millis(250), self.until_dead());
        ended.await.unwrap_or(PlatformError::BadAnswer)
    }

    /// One atomic step; true when `step` made one.
    fn change(&self, step: impl FnOnce(&Phase) -> Option<Phase>) -> bool {
        self.phase.send_if_modified(|phase| match step(phase) {
            Some(next) => {
                *phase = next;
                true
            }
            None => false,
        })
    }
}

/// Counts the calls of `next` that wait.
struct Parked<'a>(&'a watch::Sender<usize>);

impl<'a> Parked<'a> {
    fn at(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|count| *count = count.saturating_add(1));
        Self(waiting)
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}
