//! Policies of callers who come back.
//!
//! # Guarantees
//! Only a policy that was found inside the grants is kept. The memory is bounded.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::authorized::Granted;
use super::policy_inputs::PolicyInputs;

/// What was granted, by what it depends on; the least recently used is forgotten first.
pub(super) struct PolicyCache(Mutex<LruCache<PolicyInputs, Arc<Granted>>>);

impl PolicyCache {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::unbounded()))
    }

    /// What was granted for equal inputs, or else what `decide` grants.
    ///
    /// # Errors
    /// That of `decide`, which is not kept.
    pub(super) fn get_or_decide<E>(
        &self,
        inputs: PolicyInputs,
        decide: impl FnOnce(&PolicyInputs) -> Result<Arc<Granted>, E>,
    ) -> Result<Arc<Granted>, E> {
        let entries = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(granted) = entries().get(&inputs) {
            return Ok(Arc::clone(granted));
        }
        // Not under the lock: others need not wait.
        let granted = decide(&inputs)?;
        let mut entries = entries();
        entries.put(inputs, Arc::clone(&granted));
        if entries.len() > MAX_POLICIES {
            entries.pop_lru();
        }
        Ok(granted)
    }
}

/// A policy takes 2 to 25 KB, claims up to 8.
const MAX_POLICIES: usize = 256;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Granted, MAX_POLICIES, PolicyCache, PolicyInputs};
    use crate::auth::{AuthMethod, Claims};

    fn of(subject: &str) -> PolicyInputs {
        let claims = Claims::of_subject(subject);
        let (method, token_issuer) = (AuthMethod::Jwt, None);
        PolicyInputs { method, token_issuer, claims, bucket: None, region: None }
    }

    fn granted(json: &str) -> Arc<Granted> {
        Granted::for_tests(json).into()
    }

    #[test]
    fn a_decision_is_kept_for_equal_inputs_and_a_refusal_is_not() {
        let cache = PolicyCache::new();
        let mut decisions = 0;
        let mut ask = |inputs, decision: Result<&str, ()>| {
            let granted = cache.get_or_decide(inputs, |_| {
                decisions += 1;
                decision.map(granted)
            });
            (granted.map(|granted| granted.policy.as_json().to_owned()), decisions)
        };
        assert_eq!(ask(of("a"), Err(())), (Err(()), 1));
        assert_eq!(ask(of("a"), Ok("one")), (Ok("one".to_owned()), 2));
        assert_eq!(ask(of("a"), Ok("two")), (Ok("one".to_owned()), 2));
        let gateway = AuthMethod::ApiKey;
        for (number, other) in [
            of("b"),
            PolicyInputs { claims: Claims::default(), ..of("a") },
            PolicyInputs { method: gateway, ..of("a") },
            PolicyInputs { token_issuer: Some("login".into()), ..of("a") },
            PolicyInputs { token_issuer: Some("ci".into()), ..of("a") },
            PolicyInputs { bucket: Some("b".to_owned()), ..of("a") },
            PolicyInputs { region: Some("b".to_owned()), ..of("a") },
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(ask(other, Ok("other")), (Ok("other".to_owned()), 3 + number));
        }
    }

    #[test]
    fn what_was_not_asked_for_longest_is_forgotten() {
        let cache = PolicyCache::new();
        let is_kept = |subject: &str| {
            let granted = cache.get_or_decide(of(subject), |_| Err(()));
            granted.is_ok()
        };
        for number in 0..MAX_POLICIES {
            cache.get_or_decide(of(&number.to_string()), |_| Ok::<_, ()>(granted("p"))).ok();
        }
        assert!(is_kept("0"));
        cache.get_or_decide(of("new"), |_| Ok::<_, ()>(granted("p"))).ok();
        assert!(is_kept("0") && is_kept("new") && !is_kept("1"));
    }
}
