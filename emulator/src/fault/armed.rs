//! A rule in force: its counts, and whether it strikes a call.

use std::time::Duration;

use tencent::time::Timestamp;

use super::{Fault, FaultRule};
use crate::chance::Chance;

/// A rule and what it has counted.
pub(super) struct Armed {
    pub(super) id: u64,
    pub(super) rule: FaultRule,
    pub(super) calls: u64,
    pub(super) struck: u64,
    /// How many more calls the burst strikes.
    burst_left: u64,
    /// The second that `throttle` counts in, and its calls so far.
    second: Option<(Timestamp, u32)>,
}

impl Armed {
    pub(super) fn new(id: u64, rule: FaultRule) -> Self {
        Self {
            id,
            rule,
            calls: 0,
            struck: 0,
            burst_left: 0,
            second: None,
        }
    }

    /// Counts a call, and says whether it is struck.
    pub(super) fn strikes(&mut self, chance: &Chance, now: Timestamp) -> bool {
        self.calls = self.calls.saturating_add(1);
        if self.rule.times.is_some_and(|times| self.struck >= times) {
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
        let strikes = self.rule.is_due(self.calls) && chance.happens("faults", probability);
        if strikes {
            let burst = self.rule.burst.unwrap_or(1);
            self.burst_left = burst.saturating_sub(1);
        }
        strikes
    }

    /// The fault, its own chance decided.
    pub(super) fn drawn(&self, chance: &Chance) -> Fault {
        match &self.rule.fault {
            Fault::Delay(delay) if self.rule.jitter_ms > 0 => {
                let more_ms = chance.up_to("latency", self.rule.jitter_ms);
                Fault::Delay(delay.saturating_add(Duration::from_millis(more_ms)))
            }
            fault => fault.clone(),
        }
    }
}
