//! One event through one instance: handed over, timed, measured, logged.
//!
//! # Guarantees
//! An event that no instance has fetched goes to the next one, a bounded number of times; one that
//! was fetched is never delivered twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tencent::time::{Clock as _, SystemClock};

use super::{Function, InvocationLog, Lease, Outcome};
use crate::instance::{ExitReason, Lost, Work};
use crate::platform::PlatformError;
use crate::platform::log::Ending;

impl Function {
    pub(super) async fn run(&self, request_id: &str, event: Bytes) -> Outcome {
        if event.len() > self.config.platform.event_limit_bytes() {
            return Outcome::PlatformError(PlatformError::RequestTooLarge);
        }
        let mut log = InvocationLog::of(&self.config, request_id);
        let mut attempts_left = self.config.max_instances.saturating_add(1);
        loop {
            let lease = match self.lease(&mut log).await {
                Ok(lease) => lease,
                Err(error) => {
                    log.finished(Ending::PlatformError(&error), None);
                    return Outcome::PlatformError(error);
                }
            };
            let limit = log.remaining();
            let work = work(request_id, &event, limit);
            let ended = lease.instance.state.invoke(work, limit).await;
            log.stop();
            attempts_left = attempts_left.saturating_sub(1);
            let outcome = match ended {
                Ok(outcome) => outcome,
                Err(Lost::Untouched(_)) if attempts_left > 0 => continue,
                Err(Lost::Untouched(error) | Lost::Failed(error)) => {
                    Outcome::PlatformError(self.with_the_whole_limit(error))
                }
            };
            return self.conclude(lease, log, outcome).await;
        }
    }

    async fn conclude(
        &self,
        lease: Lease,
        mut log: InvocationLog<'_>,
        outcome: Outcome,
    ) -> Outcome {
        let (too_much, peak_memory_bytes) = self.memory_of(&lease);
        let outcome = too_much.map_or(outcome, Outcome::PlatformError);
        let ending = match &outcome {
            Outcome::Response(bytes) => Ending::Returned(bytes),
            Outcome::FunctionError(text) => Ending::FunctionError(text),
            Outcome::PlatformError(error) => Ending::PlatformError(error),
        };
        self.close(lease.served()).await;
        log.finished(ending, peak_memory_bytes);
        outcome
    }

    /// Errors name the limit that you set, also when a part of the time went into a start.
    fn with_the_whole_limit(&self, error: PlatformError) -> PlatformError {
        let limit = self.config.call_timeout;
        match error {
            PlatformError::CallTimeout { .. } => PlatformError::CallTimeout { limit },
            PlatformError::FetchTimeout { .. } => PlatformError::FetchTimeout { limit },
            other => other,
        }
    }

    /// Whether the instance took too much memory, and how much it took. One that answered before it
    /// could be ended is ended all the same: on the platforms it would not have come so far.
    pub(crate) fn memory_of(&self, lease: &Lease) -> (Option<PlatformError>, Option<u64>) {
        let peak = lease.instance.process.peak_memory_bytes();
        let limit_mb = self.config.memory_mb;
        let over = peak.is_some_and(|bytes| bytes > self.config.memory_limit_bytes());
        if over {
            lease.instance.state.die(ExitReason::OutOfMemory { limit_mb });
        }
        (over.then_some(PlatformError::OutOfMemory { limit_mb }), peak)
    }

    /// Gives the instance back, and waits until what it printed is in the log.
    pub(crate) async fn close(&self, lease: Lease) {
        let instance = Arc::clone(&lease.instance);
        drop(lease);
        instance.process.settle().await;
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
