//! The retry budget: retries cost credit, and requests earn a little.
//!
//! # Guarantees
//! While STS fails every call, it gets at most 1.2 calls a request over any 200 requests, after the
//! 60 first ones. A retry that succeeds costs nothing, so a few failures among many successes are
//! always retried.
//!
//! # Not covered
//! Time: a slow trickle of requests to an STS that is down does not earn more.

use std::sync::atomic::{AtomicU32, Ordering};

/// The credit for retries, in hundredths of a call.
pub(super) struct RetryBudget(AtomicU32);

impl RetryBudget {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(MAX_CREDIT))
    }

    /// A request earns its part.
    pub(super) fn deposit(&self) {
        self.add(EARNED);
    }

    /// Pays for one retry; false when there is not enough credit.
    pub(super) fn withdraw(&self) -> bool {
        let pay = |credit: u32| credit.checked_sub(RETRY);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay).is_ok()
    }

    /// Whether a retry could be paid.
    pub(super) fn has_credit(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= RETRY
    }

    /// Gives back what `retries` cost.
    pub(super) fn refund(&self, retries: u32) {
        self.add(retries.saturating_mul(RETRY));
    }

    fn add(&self, amount: u32) {
        let add = |credit: u32| Some(credit.saturating_add(amount).min(MAX_CREDIT));
        // It never refuses.
        let _credit = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

const RETRY: u32 = 100;

const EARNED: u32 = 15;

/// Ten retries.
const MAX_CREDIT: u32 = 1000;

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "numbers of a test are small")]
mod tests {
    use super::RetryBudget;

    /// The calls of one request of which each fails, as many as the budget and five attempts allow.
    fn failing(budget: &RetryBudget) -> u32 {
        budget.deposit();
        let mut calls = 1;
        while calls < 5 && budget.withdraw() {
            calls += 1;
        }
        calls
    }

    #[test]
    fn while_everything_fails_there_are_few_retries() {
        let budget = RetryBudget::new();
        let calls: Vec<u32> = (0..1000).map(|_| failing(&budget)).collect();
        for window in calls[60..].windows(200) {
            let total: u32 = window.iter().sum();
            assert!(total <= 240, "{total} calls for 200 requests");
        }
        assert!(calls[..60].iter().sum::<u32>() > 60, "it never retried");
    }

    #[test]
    fn a_retry_that_succeeds_costs_nothing() {
        let budget = RetryBudget::new();
        for request in 0..1000 {
            budget.deposit();
            assert!(budget.withdraw(), "request {request}");
            budget.refund(1);
        }
    }
}
