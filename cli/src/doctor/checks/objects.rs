//! Whether COS lets a credential do what was granted, and nothing else.

use crate::doctor::check::Check;
use crate::doctor::objects::CONTENT;
use crate::doctor::probe::Probe;
use crate::doctor::record::{Answer, ObjectProbe, Record};
use crate::doctor::verdict::{Fault, Verdict, found, good, skipped};

/// What to do when the issuer grants what COS refuses.
const CALLING_KEY: &str = "Allow the operation to the calling key on this bucket (docs/calling-key.md), \
     and look at the policy of the bucket: a credential never does more than both. Without an \
     answer, see that this machine reaches COS at the address of --cos.";

pub(super) const CHECKS: [Check; 5] = [
    Check {
        name: "writes",
        question: "Does COS accept an object inside of the grant?",
        verdict: |record| inside(record, ObjectProbe::Write, "the upload"),
        fix: CALLING_KEY,
    },
    Check {
        name: "reads",
        question: "Does COS return that object?",
        verdict: reads,
        fix: CALLING_KEY,
    },
    Check {
        name: "deletes",
        question: "Does COS delete that object?",
        verdict: |record| {
            granted(record, Probe::MayDelete, "delete it, so it stays in the bucket")?;
            inside(record, ObjectProbe::Delete, "the deletion")
        },
        fix: CALLING_KEY,
    },
    Check {
        name: "refuses-outside",
        question: "Does COS refuse an object outside of --prefix?",
        verdict: outside,
        fix: "Narrow the grant, and look at the policy and the ACL of the bucket: they may allow \
              everyone to write.",
    },
    Check {
        name: "refuses-expired",
        question: "Does COS refuse a credential that has expired?",
        verdict: expired,
        fix: "Compare the clocks, and look whether the bucket allows everyone to write.",
    },
];

fn asked(record: &Record) -> Result<(), Fault> {
    if !record.questions.writes {
        return skipped("it writes an object: ask for it with --write");
    }
    record.issued().map(drop)
}

fn granted(record: &Record, probe: Probe, what: &str) -> Result<(), Fault> {
    asked(record)?;
    let answer = record.answer(probe)?;
    if answer.issued().is_some() {
        return Ok(());
    }
    skipped(format!("the caller may not {what} ({})", answer.outcome()))
}

fn inside(record: &Record, probe: ObjectProbe, what: &str) -> Verdict {
    asked(record)?;
    let answer = record.object(probe)?;
    if answer.is_success() {
        return good(answer.outcome());
    }
    found(format!("{what} gets {}", answer.outcome()))
}

fn reads(record: &Record) -> Verdict {
    granted(record, Probe::MayRead, "read it")?;
    if inside(record, ObjectProbe::Write, "").is_err() {
        return skipped("`writes` has to be good first");
    }
    let text = inside(record, ObjectProbe::Read, "the download")?;
    let answer = record.object(ObjectProbe::Read)?;
    if answer.body == CONTENT { good(text) } else { found("the object has another content") }
}

fn outside(record: &Record) -> Verdict {
    asked(record)?;
    if record.questions.outside_key().is_none() {
        return skipped("--prefix is the whole bucket");
    }
    refused(record.object(ObjectProbe::WriteOutside)?, "an upload outside of --prefix")
}

fn expired(record: &Record) -> Verdict {
    asked(record)?;
    let Some(seconds) = record.questions.expire_seconds else {
        return skipped("it takes minutes: ask for it with --expire SECONDS");
    };
    let answer = record.answer(Probe::ShortLived)?;
    if answer.issued().is_none() {
        let outcome = answer.outcome();
        return skipped(format!("it issues no credential of {seconds} seconds ({outcome})"));
    }
    refused(record.object(ObjectProbe::WriteLate)?, "an expired credential")
}

fn refused(answer: &Answer, what: &str) -> Verdict {
    match answer.status {
        400..=403 => good(answer.outcome()),
        200..300 => found(format!("{what} is accepted")),
        _ => found(format!("{what} gets {}, which is not a refusal", answer.outcome())),
    }
}
