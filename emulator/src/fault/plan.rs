//! All rules of a cloud, and which call meets which.
//!
//! # Guarantees
//! Each rule counts every call that it is about, whether or not another fires. A call meets at most
//! one fault: the next of the queue, else that of the first rule, in order, that fires. With one
//! seed and one order of calls, always the same.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tencent::time::Timestamp;

use super::active::ActiveRule;
use super::{BadFault, Fault, FaultRule, Service};
use crate::random::Rng;
use crate::sync::lock;

/// The rules in force.
pub struct Faults {
    rng: Arc<Rng>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    last_id: u64,
    rules: Vec<ActiveRule>,
    queues: BTreeMap<Service, VecDeque<Fault>>,
}

/// A rule in force, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FaultState {
    /// Its number.
    pub id: u64,
    /// The service.
    pub service: Service,
    /// The kind, as in files.
    pub kind: &'static str,
    /// The action, if it is about one.
    pub action: Option<String>,
    /// How many calls it was about.
    pub calls: u64,
    /// For how many of them it fired.
    #[serde(rename = "struck")]
    pub fired: u64,
}

/// Why a rule was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedFault {
    /// The rule is invalid.
    #[error(transparent)]
    Bad(#[from] BadFault),
    /// The function has its environment already.
    #[error("`dns-fail` works from the start of a cloud only: give it in the file of faults")]
    TooLate,
    /// There are too many.
    #[error("there are {MAX_RULES} rules already: remove some")]
    TooMany,
}

impl Faults {
    pub(crate) fn new(rng: Arc<Rng>) -> Self {
        Self { rng, inner: Mutex::default() }
    }

    /// Adds a rule, behind those that are there, and gives its number.
    ///
    /// # Errors
    /// [`RefusedFault`].
    pub fn add(&self, rule: FaultRule) -> Result<u64, RefusedFault> {
        if matches!(rule.fault, Fault::DnsFailure) {
            return Err(RefusedFault::TooLate);
        }
        self.add_at_start(rule)
    }

    pub(crate) fn add_at_start(&self, rule: FaultRule) -> Result<u64, RefusedFault> {
        let rule = rule.checked()?;
        let mut inner = lock(&self.inner);
        if inner.rules.len() >= MAX_RULES {
            return Err(RefusedFault::TooMany);
        }
        inner.last_id = inner.last_id.saturating_add(1);
        let id = inner.last_id;
        inner.rules.push(ActiveRule::new(id, rule));
        Ok(id)
    }

    /// Takes a rule out of force; false when no rule has this number.
    pub fn remove(&self, id: u64) -> bool {
        let mut inner = lock(&self.inner);
        let before = inner.rules.len();
        inner.rules.retain(|active| active.id != id);
        inner.rules.len() < before
    }

    /// Takes every rule out of force, and empties the queues.
    pub fn clear(&self) {
        let mut inner = lock(&self.inner);
        inner.rules.clear();
        inner.queues.clear();
    }

    /// The rules in force, in their order.
    pub fn list(&self) -> Vec<FaultState> {
        let shown = |active: &ActiveRule| FaultState {
            id: active.id,
            service: active.rule.service,
            kind: active.rule.fault.kind(),
            action: active.rule.action.clone(),
            calls: active.calls,
            fired: active.fired,
        };
        lock(&self.inner).rules.iter().map(shown).collect()
    }

    /// The next calls of `service` meet these, one each, before any rule; one that breaks
    /// connections waits for the next of them.
    pub(crate) fn queue(&self, service: Service, faults: impl IntoIterator<Item = Fault>) {
        let mut inner = lock(&self.inner);
        let queue = inner.queues.entry(service).or_default();
        // No call can meet what the function learns at its start.
        queue.extend(faults.into_iter().filter(|fault| !matches!(fault, Fault::DnsFailure)));
    }

    /// The fault that a call meets.
    pub(crate) fn next_call(
        &self,
        service: Service,
        action: &str,
        now: Timestamp,
    ) -> Option<Fault> {
        self.next(service, action, now, |fault| {
            !matches!(fault, Fault::DnsFailure | Fault::TlsFailure)
        })
    }

    /// Whether a new connection to `service` meets a wrong certificate.
    pub(crate) fn next_connection(&self, service: Service, now: Timestamp) -> bool {
        let is_tls = |fault: &Fault| matches!(fault, Fault::TlsFailure);
        self.next(service, "", now, is_tls).is_some()
    }

    /// Whether the function has to look for a name that does not exist.
    pub(crate) fn breaks_dns(&self) -> bool {
        let inner = lock(&self.inner);
        let is_dns = |active: &ActiveRule| matches!(active.rule.fault, Fault::DnsFailure);
        inner.rules.iter().any(is_dns)
    }

    fn next(
        &self,
        service: Service,
        action: &str,
        now: Timestamp,
        concerns: impl Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        let mut inner = lock(&self.inner);
        let queue = inner.queues.entry(service).or_default();
        let mut met = match queue.front() {
            Some(first) if concerns(first) => queue.pop_front(),
            _ => None,
        };
        let about = inner
            .rules
            .iter_mut()
            .filter(|active| concerns(&active.rule.fault) && active.rule.is_about(service, action));
        for active in about {
            if active.fires(&self.rng, now) && met.is_none() {
                active.fired = active.fired.saturating_add(1);
                met = Some(active.drawn(&self.rng));
            }
        }
        met
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Faults").field("rules", &self.list()).finish_non_exhaustive()
    }
}

const MAX_RULES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(rules: Vec<FaultRule>, calls: usize, seed: u64) -> Vec<usize> {
        let faults = Faults::new(Arc::new(Rng::new(Some(seed))));
        for rule in rules {
            faults.add(rule).unwrap();
        }
        let now = Timestamp::from_unix_seconds(1000).unwrap();
        let is_fired = |_: &usize| faults.next_call(Service::Sts, "AssumeRole", now).is_some();
        (1..=calls).filter(is_fired).collect()
    }

    fn outage() -> FaultRule {
        FaultRule::new(Service::Sts, Fault::Outage)
    }

    #[test]
    fn rules_fire_for_the_calls_that_they_name() {
        for (rule, expected) in [
            (outage().nth(3), vec![3]),
            (outage().from(6), vec![6, 7, 8]),
            (outage().every(3), vec![3, 6]),
            (outage().from(2).every(3), vec![2, 5, 8]),
            (outage().nth(2).burst(3), vec![2, 3, 4]),
            (outage().every(4).burst(2), vec![4, 5, 8]),
            (outage().times(2), vec![1, 2]),
            (outage().every(2).times(1), vec![2]),
            (outage().action("AssumeRole").nth(1), vec![1]),
            (outage().action("Assume*").nth(1), vec![1]),
            (outage().action("GetFederationToken"), vec![]),
            (outage().action("Assume"), vec![]),
            (outage().probability(0.0), vec![]),
            (outage().probability(1.0).nth(8), vec![8]),
            (FaultRule::new(Service::Cos, Fault::Outage), vec![]),
            (FaultRule::new(Service::Sts, Fault::TlsFailure), vec![]),
        ] {
            let case = format!("{rule:?}");
            assert_eq!(fired(vec![rule], 8, 1), expected, "{case}");
        }
    }

    #[test]
    fn a_rule_counts_calls_that_another_fires_for() {
        let first = FaultRule::new(Service::Sts, Fault::CloseBefore).nth(2);
        assert_eq!(fired(vec![first, outage().nth(3)], 4, 1), [2, 3]);
    }

    #[test]
    fn a_probability_is_drawn_from_the_seed() {
        let draw = |seed| fired(vec![outage().probability(0.5)], 64, seed);
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!((10..54).contains(&draw(3).len()));
    }

    #[test]
    fn the_queue_comes_first_and_has_one_fault_a_call() {
        let faults = Faults::new(Arc::new(Rng::new(Some(1))));
        let now = Timestamp::from_unix_seconds(1000).unwrap();
        faults.add(outage().nth(2)).unwrap();
        faults.queue(Service::Sts, [Fault::CloseBefore, Fault::Malformed]);
        let next = || {
            let met = faults.next_call(Service::Sts, "", now);
            met.map(|fault| fault.kind())
        };
        let met = [next(), next(), next()];
        assert_eq!(met, [Some("close"), Some("malformed-json"), None]);
    }

    #[test]
    fn a_broken_connection_in_the_queue_is_the_next_one() {
        let faults = Faults::new(Arc::new(Rng::new(Some(1))));
        let now = Timestamp::from_unix_seconds(1000).unwrap();
        let queued = [Fault::DnsFailure, Fault::TlsFailure, Fault::Outage];
        faults.queue(Service::Sts, queued);
        assert!(faults.next_call(Service::Sts, "", now).is_none());
        assert!(faults.next_connection(Service::Sts, now));
        assert!(!faults.next_connection(Service::Sts, now));
        assert!(faults.next_call(Service::Sts, "", now).is_some());
    }

    #[test]
    fn a_throttle_counts_by_the_second() {
        let faults = Faults::new(Arc::new(Rng::new(Some(1))));
        let throttle = Fault::Throttle { per_second: 2 };
        faults.add(FaultRule::new(Service::Sts, throttle)).unwrap();
        let at = |seconds| Timestamp::from_unix_seconds(seconds).unwrap();
        let met = [7, 7, 7, 8, 8, 8].map(|second| {
            let met = faults.next_call(Service::Sts, "", at(second));
            met.is_some()
        });
        assert_eq!(met, [false, false, true, false, false, true]);
    }

    #[test]
    fn rules_are_listed_removed_and_bounded() {
        let faults = Faults::new(Arc::new(Rng::new(None)));
        let id = faults.add(outage()).unwrap();
        let other = faults.add(outage().action("AssumeRole")).unwrap();
        assert!(faults.remove(id));
        assert!(!faults.remove(id));
        assert_eq!(faults.list().len(), 1);
        assert_eq!(faults.list()[0].id, other);
        let dns = FaultRule::new(Service::Sts, Fault::DnsFailure);
        assert_eq!(faults.add(dns), Err(RefusedFault::TooLate));
        for rule in [
            FaultRule::new(Service::Gateway, Fault::StalePair),
            outage().nth(0),
            outage().burst(0),
            outage().jitter_ms(1),
        ] {
            assert!(matches!(faults.add(rule), Err(RefusedFault::Bad(_))));
        }
        for _ in 1..MAX_RULES {
            faults.add(outage()).unwrap();
        }
        assert_eq!(faults.add(outage()), Err(RefusedFault::TooMany));
        faults.clear();
        assert!(faults.list().is_empty());
    }
}
