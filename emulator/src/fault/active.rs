//! A rule in force: its counts, and whether it fires for a call.

use std::time::Duration;

use tencent::time::Timestamp;

use super::{Fault, FaultRule};
use crate::random::Rng;

/// A rule and what it has counted.
pub(super) struct ActiveRule {
    pub(super) id: u64,
    pub(super) rule: FaultRule,
    pub(super) calls: u64,
    pub(super) fired: u64,
    /// How many more calls the burst affects.
    burst_left: u64,
    /// The second that `throttle` counts in, and its calls so far.
    second: Option<(Timestamp, u32)>,
}

impl ActiveRule {
    pub(super) fn new(id: u64, rule: FaultRule) -> Self {
        Self { id, rule, calls: 0, fired: 0, burst_left: 0, second: None }
    }

    /// Counts a call. True when the rule fires for it.
    pub(super) fn fires(&mut self, rng: &Rng, now: Timestamp) -> bool {
        self.calls = self.calls.saturating_add(1);
        if self.rule.times.is_some_and(|times| self.fired >= times) {
            return false;
        }
        if let Fault::Throttle { per_second } = self.rule.fault {
            let before = match self.second {
                Some((second, calls)) if second == now => calls,
                _ => 0,
            };
            self.second = Some((now, before.saturating_add(1)));
            return before >= per_second;
        }
        if self.burst_left > 0 {
            self.burst_left = self.burst_left.saturating_sub(1);
            return true;
        }
        let probability = self.rule.probability.unwrap_or(1.0);
        let fires = self.rule.is_due(self.calls) && rng.gen_bool("faults", probability);
        if fires {
            let burst = self.rule.burst.unwrap_or(1);
            self.burst_left = burst.saturating_sub(1);
        }
        fires
    }

    /// The fault, with its random part drawn.
    pub(super) fn drawn(&self, rng: &Rng) -> Fault {
        match &self.rule.fault {
            Fault::Delay(delay) if self.rule.jitter_ms > 0 => {
                let more_ms = rng.gen_up_to("latency", self.rule.jitter_ms);
                Fault::Delay(delay.saturating_add(Duration::from_millis(more_ms)))
            }
            fault => fault.clone(),
        }
    }
}
