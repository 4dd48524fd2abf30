//! Whether the caller gets nothing beyond the grant.

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::Record;
use crate::doctor::verdict::{Verdict, found, good, skipped};

/// What to do about a grant that is too wide.
const NARROW: &str = "Narrow the grant. `cos-issuer explain` prints which one gives it, `cos-issuer \
     lint` what is wrong with it.";

pub(super) const CHECKS: [Check; 4] = [
    Check {
        name: "refuses-other-bucket",
        question: "Is a bucket refused that nobody granted?",
        verdict: |record| outside(record, Probe::OtherBucket, "an upload to another bucket"),
        fix: NARROW,
    },
    Check {
        name: "refuses-other-prefix",
        question: "Is a key outside of --prefix refused?",
        verdict: other_prefix,
        fix: NARROW,
    },
    Check {
        name: "refuses-other-action",
        question: "Is an operation refused that no app needs (DeleteBucket)?",
        verdict: other_action,
        fix: NARROW,
    },
    Check {
        name: "lifetime",
        question: "Does a credential end soon?",
        verdict: lifetime,
        fix: "Set DURATION_SECONDS, or duration_seconds of the grant, to the time of your longest \
              upload. A credential cannot be taken back. --max-lifetime changes the limit here.",
    },
];

fn other_prefix(record: &Record) -> Verdict {
    let place = record.questions.place.as_ref();
    let Some(place) = place else {
        return skipped("give what is granted: --bucket, --region and --prefix");
    };
    if place.prefix.is_empty() {
        return skipped("--prefix is the whole bucket");
    }
    outside(record, Probe::OtherPrefix, "an upload outside of --prefix")
}

fn other_action(record: &Record) -> Verdict {
    if record.questions.place.is_none() {
        return skipped("give what is granted: --bucket, --region and --prefix");
    }
    outside(record, Probe::OtherAction, "DeleteBucket")
}

fn outside(record: &Record, probe: Probe, what: &str) -> Verdict {
    let _issued = record.issued()?;
    // Without the body, every request is one for all of the grant.
    if record.answer(Probe::WrongBody)?.is_success() {
        return skipped("`body` has to be good first");
    }
    let answer = record.answer(probe)?;
    match answer.status {
        400..=403 => good(answer.outcome()),
        200..300 => found(format!("{what} gets a credential")),
        _ => found(format!("{what} gets {}, which is not a refusal", answer.outcome())),
    }
}

fn lifetime(record: &Record) -> Verdict {
    let issued = record.issued()?;
    let seconds = issued.expiry.saturating_sub(issued.start);
    let limit = record.questions.max_lifetime_seconds;
    if seconds > i64::from(limit) {
        return found(format!("it lives for {seconds} seconds, more than {limit}"));
    }
    good(format!("{seconds} seconds"))
}
