//! A rule: which calls of which service meet which fault.
//!
//! # Guarantees
//! A rule is complete and valid, or it is not made: what a kind does not know, lacks, or cannot do
//! to a service is an error.

use std::time::Duration;

use super::{Fault, Service};
use crate::setters::setters;

/// Which calls meet a fault: all calls of a service, unless the rule narrows them. Counted from the
/// moment the rule is added.
#[derive(Clone, Debug)]
pub struct FaultRule {
    pub(super) service: Service,
    pub(super) action: Option<String>,
    pub(super) nth: Option<u64>,
    pub(super) from: Option<u64>,
    pub(super) every: Option<u64>,
    pub(super) burst: Option<u64>,
    pub(super) times: Option<u64>,
    pub(super) probability: Option<f64>,
    pub(super) jitter_ms: u64,
    pub(super) fault: Fault,
}

/// Why a rule is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadFault(pub(super) String);

setters! {
    FaultRule:

    /// Only calls of this action; with `*` at its end, of those that begin so.
    action(action: impl Into<String>) => action = Some(action.into());

    /// Only the nth of these calls.
    nth(nth: u64) => nth = Some(nth);

    /// Only from the nth of these calls on.
    from(nth: u64) => from = Some(nth);

    /// Only each nth of these calls.
    every(nth: u64) => every = Some(nth);

    /// Where it fires, it fires for this many calls in a row.
    burst(calls: u64) => burst = Some(calls);

    /// It fires at most this many times.
    times(calls: u64) => times = Some(calls);

    /// It fires only with this probability, drawn from the seed.
    probability(probability: f64) => probability = Some(probability);

    /// Up to so much is added to a delay, drawn from the seed.
    jitter_ms(jitter_ms: u64) => jitter_ms = jitter_ms;
}

impl FaultRule {
    /// Every call of `service` meets `fault`.
    pub fn new(service: Service, fault: Fault) -> Self {
        Self {
            service,
            action: None,
            nth: None,
            from: None,
            every: None,
            burst: None,
            times: None,
            probability: None,
            jitter_ms: 0,
            fault,
        }
    }

    /// The rule, if it is valid.
    pub(super) fn checked(self) -> Result<Self, BadFault> {
        let bad = |text: String| Err(BadFault(text));
        let kind = self.fault.kind();
        if !self.fault.fits(self.service) {
            return bad(format!(
                "`{kind}` means nothing to `{}`: choose another service or another kind",
                self.service.name()
            ));
        }
        if self.nth.is_some() && (self.from.is_some() || self.every.is_some()) {
            return bad("`nth` names one call: omit `from` and `every`".to_owned());
        }
        if let Some(probability) = self.probability
            && !(0.0..=1.0).contains(&probability)
        {
            return bad("`probability` is a number from 0 to 1".to_owned());
        }
        let counts = [self.nth, self.from, self.every, self.burst, self.times];
        if counts.contains(&Some(0)) {
            return bad(
                "`nth`, `from`, `every`, `burst` and `times` are at least 1: calls are counted from 1"
                    .to_owned(),
            );
        }
        if self.jitter_ms > 0 && !matches!(self.fault, Fault::Delay(_)) {
            return bad(format!("`{kind}` does not accept `jitter_ms`"));
        }
        let chooses = counts.iter().any(Option::is_some) || self.probability.is_some();
        match self.fault {
            Fault::Throttle { .. } if chooses => bad(
                "`throttle` chooses its calls by their number in a second: omit `nth`, `from`, `every`, `burst`, \
                 `times` and `probability`"
                    .to_owned(),
            ),
            Fault::DnsFailure if chooses || self.action.is_some() => bad(
                "`dns-fail` applies to the whole run: omit everything except `service`".to_owned(),
            ),
            Fault::TlsFailure if self.action.is_some() => bad(
                "`tls-fail` affects connections, which have no action: omit `action`".to_owned(),
            ),
            Fault::Http { status, .. } if http::StatusCode::from_u16(status).is_err() || status < 200 => {
                bad("`status` is a number from 200 to 999".to_owned())
            }
            Fault::Http { ref content_type, .. } if http::HeaderValue::from_str(content_type).is_err() => {
                bad("`content_type` could not be a header".to_owned())
            }
            Fault::Delay(delay) if delay > LONGEST_WAIT => bad("`delay_ms` is at most an hour".to_owned()),
            Fault::Delay(_) if self.jitter_ms > LONGEST_WAIT_MS => bad("`jitter_ms` is at most an hour".to_owned()),
            Fault::SlowBody { pause, .. } if pause > LONGEST_WAIT => bad("`pause_ms` is at most an hour".to_owned()),
            Fault::SlowBody { bytes: 0, .. } => bad("`bytes` is at least 1".to_owned()),
            _ => Ok(self),
        }
    }

    /// Whether the rule is about calls of `action`.
    pub(super) fn is_about(&self, service: Service, action: &str) -> bool {
        let by_action = match self.action.as_deref() {
            None => true,
            Some(wanted) => match wanted.strip_suffix('*') {
                Some(beginning) => action.starts_with(beginning),
                None => action == wanted,
            },
        };
        self.service == service && by_action
    }

    /// Whether the rule is due at call number `call`, without probability and bursts.
    pub(super) fn is_due(&self, call: u64) -> bool {
        if let Some(nth) = self.nth {
            return call == nth;
        }
        let from = self.from.unwrap_or(1);
        let every = self.every.unwrap_or(1);
        // Without `from` each nth call: n, 2n, 3n. With it: from, from + n, from + 2n.
        let counted = match (self.from, self.every) {
            (None, Some(_)) => Some(call),
            _ => call.checked_sub(from),
        };
        counted.is_some_and(|counted| counted.checked_rem(every) == Some(0))
    }
}

/// No client waits longer.
const LONGEST_WAIT: Duration = Duration::from_millis(LONGEST_WAIT_MS);
const LONGEST_WAIT_MS: u64 = 3_600_000;
