//! The endpoints of STS, and which of them to try first.
//!
//! # Guarantees
//! - One failure of an endpoint is enough to try the others first.
//! - It is tried again within 30 seconds, by one request at a time, even if nobody knows that it
//!   works again.
//!
//! # Not covered
//! What a failure of an endpoint is (`failure`).

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sts::Endpoint;

/// The endpoints in the order of `STS_ENDPOINTS`; never empty.
pub(super) struct Endpoints {
    all: Vec<Endpoint>,
    /// For each, the moment at which one request may try it first again; `None` while it works.
    retry_at_ms: Mutex<Vec<Option<u64>>>,
}

impl Endpoints {
    pub(super) fn new(all: Vec<Endpoint>) -> Self {
        let retry_at_ms = Mutex::new(vec![None; all.len()]);
        Self { all, retry_at_ms }
    }

    /// The order for one request: what works, then what has failed. When `may_probe`, an endpoint
    /// whose pause is over comes first, for this request only, and `jitter` spreads its next pause.
    pub(super) fn order(
        &self,
        now_ms: u64,
        may_probe: bool,
        jitter: impl FnOnce() -> u8,
    ) -> Vec<usize> {
        let mut retry_at_ms = self.retry_at_ms();
        let has_failed = |index: &usize| retry_at_ms.get(*index).is_some_and(Option::is_some);
        let indexes = 0..self.all.len();
        let mut order: Vec<usize> = indexes.clone().filter(|index| !has_failed(index)).collect();
        order.extend(indexes.filter(has_failed));
        let best = order.first().copied().unwrap_or_default();
        let is_due = |retry_at: &mut Option<u64>| {
            // A clock that was set back must not put the next try off.
            retry_at.is_some_and(|at| at <= now_ms || at > now_ms.saturating_add(MAX_PAUSE_MS))
        };
        let due = retry_at_ms.iter_mut().enumerate().take(best).find_map(|(index, retry_at)| {
            let found = is_due(retry_at);
            found.then_some((index, retry_at))
        });
        if let Some((index, retry_at)) = due.filter(|_| may_probe) {
            *retry_at = Some(next_retry(now_ms, jitter()));
            order.retain(|other| *other != index);
            order.insert(0, index);
        }
        order
    }

    /// The one that is tried first, unless it has failed.
    pub(super) fn first_working(&self) -> Option<&Endpoint> {
        let working = self.retry_at_ms().iter().position(Option::is_none);
        self.endpoint(working?)
    }

    pub(super) fn endpoint(&self, index: usize) -> Option<&Endpoint> {
        self.all.get(index)
    }

    pub(super) fn failed(&self, index: usize, now_ms: u64, jitter: u8) {
        self.set(index, Some(next_retry(now_ms, jitter)));
    }

    pub(super) fn succeeded(&self, index: usize) {
        self.set(index, None);
    }

    fn set(&self, index: usize, retry_at: Option<u64>) {
        if let Some(known) = self.retry_at_ms().get_mut(index) {
            *known = retry_at;
        }
    }

    fn retry_at_ms(&self) -> MutexGuard<'_, Vec<Option<u64>>> {
        self.retry_at_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next_retry(now_ms: u64, jitter: u8) -> u64 {
    // Up to 25 500 ms.
    now_ms.saturating_add(MIN_PAUSE_MS).saturating_add(u64::from(jitter).saturating_mul(50))
}

const MIN_PAUSE_MS: u64 = 12_750;

const MAX_PAUSE_MS: u64 = 30_000;

#[cfg(test)]
mod tests {
    use super::Endpoints;
    use crate::sts::Endpoint;

    const NOW: u64 = 1_700_000_000_000;

    fn three() -> Endpoints {
        let endpoint = |host: &str| Endpoint::parse(host).unwrap();
        Endpoints::new(["a.example.com", "b.example.com", "c.example.com"].map(endpoint).into())
    }

    #[test]
    fn one_failure_is_enough_to_try_the_others_first() {
        let endpoints = three();
        assert_eq!(endpoints.order(NOW, true, || 0), [0, 1, 2]);
        endpoints.failed(0, NOW, 0);
        assert_eq!(endpoints.order(NOW + 1, true, || 0), [1, 2, 0]);
        assert_eq!(endpoints.first_working(), endpoints.endpoint(1));
        endpoints.failed(1, NOW, 0);
        assert_eq!(endpoints.order(NOW + 1, true, || 0), [2, 0, 1]);
        endpoints.failed(2, NOW, 0);
        assert_eq!(endpoints.order(NOW + 1, true, || 0), [0, 1, 2]);
        assert_eq!(endpoints.first_working(), None);
        endpoints.succeeded(1);
        assert_eq!(endpoints.order(NOW + 1, true, || 0), [1, 0, 2]);
    }

    #[test]
    fn a_failed_endpoint_is_tried_again_within_30_seconds_by_one_request_at_a_time() {
        for jitter in [0, u8::MAX] {
            let endpoints = three();
            endpoints.failed(0, NOW, jitter);
            assert_eq!(endpoints.order(NOW + 12_000, true, || jitter), [1, 2, 0]);
            // Without credit for a second attempt nobody tries.
            assert_eq!(endpoints.order(NOW + 30_000, false, || jitter), [1, 2, 0]);
            assert_eq!(endpoints.order(NOW + 30_000, true, || jitter), [0, 1, 2]);
            assert_eq!(endpoints.order(NOW + 30_001, true, || jitter), [1, 2, 0]);
            endpoints.succeeded(0);
            assert_eq!(endpoints.order(NOW + 30_002, true, || jitter), [0, 1, 2]);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_put_the_next_try_off() {
        let endpoints = three();
        endpoints.failed(0, NOW, 0);
        assert_eq!(endpoints.order(NOW - 3_600_000, true, || 0), [0, 1, 2]);
    }
}
