//! The log lines and the clock of one invocation, in the order in which its platform writes them.
//!
//! # Guarantees
//! Each line once; an invocation that was never admitted (throttled, too large) leaves none.

#![expect(
    clippy::disallowed_methods,
    reason = "child processes live by the machine's own clock, never by the moved one"
)]

use std::time::Duration;

use tokio::time::Instant;

use super::{Config, Lease};
use crate::platform::PlatformError;
use crate::platform::log::{Ending, InitPhase, InitTimes, Report};

pub(crate) struct InvocationLog<'a> {
    config: &'a Config,
    /// `None`: instances are started ahead of any invocation, and nothing is written.
    request_id: Option<&'a str>,
    open: bool,
    /// The start is a part of the invocation.
    restarted: bool,
    begun: Instant,
    took: Option<Duration>,
    init: Option<InitTimes>,
}

impl<'a> InvocationLog<'a> {
    pub(crate) fn of(config: &'a Config, request_id: &'a str) -> Self {
        Self::new(config, Some(request_id))
    }

    pub(crate) fn of_nothing(config: &'a Config) -> Self {
        Self::new(config, None)
    }

    fn new(config: &'a Config, request_id: Option<&'a str>) -> Self {
        Self {
            config,
            request_id,
            open: false,
            restarted: false,
            begun: Instant::now(),
            took: None,
            init: None,
        }
    }

    /// There is an instance for it, which may still have to start.
    pub(super) fn admitted(&mut self) {
        if self.config.platform.starts_before_init() {
            self.open();
        }
    }

    pub(super) fn init_failed(&self, phase: InitPhase, error: &PlatformError) {
        let took = self.begun.elapsed();
        let (platform, secrets) = (self.config.platform, &self.config.secrets);
        if let Some(line) = platform.failed_init_line(phase, took, error, secrets) {
            self.config.output.push(line);
        }
    }

    /// Another start follows, which is a part of the invocation.
    pub(super) fn begin_within_invocation(&mut self) {
        self.restarted = true;
        self.begun = Instant::now();
    }

    /// The instance is ready.
    pub(super) async fn ready(&mut self, lease: &Lease) {
        if lease.cold && !self.restarted {
            self.init = Some(lease.instance.init_times());
        }
        if lease.cold {
            lease.instance.process.settle().await;
        }
        if let Some(request_id) = self.request_id {
            let peak = lease.instance.process.peak_memory_bytes();
            let report = self.report(request_id, Ending::Answered, peak);
            if let Some(line) = self.config.platform.init_line(&report) {
                self.config.output.push(line);
            }
        }
        self.open();
        if !self.restarted {
            self.begun = Instant::now();
        }
    }

    /// The function has answered, or will not.
    pub(crate) fn stop(&mut self) {
        self.took = Some(self.begun.elapsed());
    }

    /// How much of the time for an invocation is left.
    pub(crate) fn remaining(&self) -> Duration {
        let limit = self.config.call_timeout;
        limit.saturating_sub(self.begun.elapsed())
    }

    pub(crate) fn finished(&mut self, ending: Ending<'_>, peak_memory_bytes: Option<u64>) {
        let Some(request_id) = self.request_id else {
            return;
        };
        let refused = [PlatformError::Throttled, PlatformError::RequestTooLarge];
        if matches!(ending, Ending::PlatformError(error) if refused.contains(error)) {
            return;
        }
        self.open();
        let report = self.report(request_id, ending, peak_memory_bytes);
        let lines = self.config.platform.end_lines(&report, &self.config.secrets);
        for line in lines {
            self.config.output.push(line);
        }
    }

    fn open(&mut self) {
        if let (Some(request_id), false) = (self.request_id, self.open) {
            let line = self.config.platform.start_line(request_id);
            self.config.output.push(line);
            self.open = true;
        }
    }

    fn report<'f>(
        &self,
        request_id: &'f str,
        ending: Ending<'f>,
        peak_memory_bytes: Option<u64>,
    ) -> Report<'f> {
        Report {
            request_id,
            ending,
            duration: self.took.unwrap_or_else(|| self.begun.elapsed()),
            memory_mb: self.config.memory_mb,
            peak_memory_bytes,
            init: self.init,
        }
    }
}
