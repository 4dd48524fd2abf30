//! Whether clocks agree: signatures and credentials count by them.

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::Record;
use crate::doctor::verdict::{Verdict, found, good, skipped};

pub(super) const CHECKS: [Check; 2] = [
    Check {
        name: "clock",
        question: "Does its clock agree with that of this machine (Date)?",
        verdict: clock,
        fix: "Synchronize both clocks by NTP. SDKs correct their clock by Date; STS refuses a call \
              that is more than five minutes off.",
    },
    Check {
        name: "times",
        question: "Do startTime and expiredTime fit the time of the answer?",
        verdict: times,
        fix: "Synchronize the clock of the machine that cos-issuer runs on. SDKs refuse a \
              credential that begins later, and replace one that ends within a minute.",
    },
];

fn clock(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Anonymous)?;
    let Some(date) = answer.date() else {
        return found("the answer has no header `Date`");
    };
    let ahead = date.saturating_sub(answer.at.unix_seconds());
    let seconds = ahead.unsigned_abs();
    let side = if ahead < 0 { "behind" } else { "ahead of" };
    let text = format!("{seconds} seconds {side} this machine");
    if ahead.abs() > MAX_SKEW { found(text) } else { good(text) }
}

fn times(record: &Record) -> Verdict {
    let issued = record.issued()?;
    let answer = record.answer(Probe::Issued)?;
    // Its own clock: whether that is right is another question.
    let Some(now) = answer.date() else {
        return skipped("`clock` has to be good first");
    };
    if issued.start > now.saturating_add(MAX_SKEW) {
        let seconds = issued.start.saturating_sub(now);
        return found(format!("the credential begins {seconds} seconds after the answer"));
    }
    let left = issued.expiry.saturating_sub(now);
    if left <= MIN_LEFT {
        return found(format!("the credential has {left} seconds left"));
    }
    good(format!("{left} seconds left"))
}

/// From this on, the SDKs for browsers correct their clock.
const MAX_SKEW: i64 = 30;

/// SDKs replace a credential so long before its end.
const MIN_LEFT: i64 = 60;
