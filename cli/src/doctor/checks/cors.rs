//! Whether the pages that should read answers can, and no others.

use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN};

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::{Answer, Record};
use crate::doctor::verdict::{Fault, Verdict, found, good, skipped};

pub(super) const CHECKS: [Check; 3] = [
    Check {
        name: "cors-preflight",
        question: "Does a browser let pages of --origin send their requests?",
        verdict: preflight,
        fix: "Add the origin to ALLOWED_ORIGINS, with scheme and port and without a slash. Let the \
              gateway pass OPTIONS on, or switch its own CORS off.",
    },
    Check {
        name: "cors-answer",
        question: "Can pages of --origin read the answers, refusals too?",
        verdict: answer,
        fix: "Name the origin in one place: switch the gateway's own CORS off, or ALLOWED_ORIGINS. \
              Browsers refuse a header that is sent twice.",
    },
    Check {
        name: "cors-others",
        question: "Can pages of other origins read nothing?",
        verdict: others,
        fix: "Name each origin in ALLOWED_ORIGINS. Remove `*` from the gateway's own CORS.",
    },
];

fn origin(record: &Record) -> Result<&str, Fault> {
    match &record.questions.origin {
        Some(origin) => Ok(origin),
        None => skipped("give the origin of a page that asks it: --origin"),
    }
}

fn preflight(record: &Record) -> Verdict {
    let origin = origin(record)?;
    let answer = record.answer(Probe::Preflight)?;
    if !answer.is_success() {
        return found(format!("the preflight gets HTTP {}", answer.status));
    }
    readable(answer, origin, "the preflight")?;
    let allowed = answer.header(ACCESS_CONTROL_ALLOW_HEADERS.as_str()).to_ascii_lowercase();
    let is_allowed = |name| allowed.split(',').any(|one| one.trim() == name);
    match ["authorization", "content-type"].into_iter().find(|name| !is_allowed(*name)) {
        Some(name) => found(format!("the preflight does not allow the header {name}")),
        None => good(format!("{origin} may send them")),
    }
}

fn answer(record: &Record) -> Verdict {
    let origin = origin(record)?;
    if preflight(record).is_err() {
        return skipped("`cors-preflight` has to be good first");
    }
    readable(record.answer(Probe::PageRefused)?, origin, "a refusal")?;
    let _issued = record.issued()?;
    readable(record.answer(Probe::Page)?, origin, "a credential")?;
    good(format!("{origin} may read them"))
}

fn others(record: &Record) -> Verdict {
    for (probe, what) in [(Probe::OtherPreflight, "a preflight"), (Probe::OtherPage, "an answer")] {
        if !origins(record.answer(probe)?).is_empty() {
            return found(format!("{what} allows a page of any origin"));
        }
    }
    good("they can not")
}

/// Whether a browser gives the answer to a page of `origin`.
fn readable(answer: &Answer, origin: &str, what: &str) -> Result<(), Fault> {
    match origins(answer).as_slice() {
        [one] if *one == origin || *one == "*" => Ok(()),
        [] => found(format!("{what} does not name {origin}")),
        [_] => found(format!("{what} names another origin")),
        [..] => found(format!("{what} has Access-Control-Allow-Origin more than once")),
    }
}

/// What is sent twice counts twice, in one header or in two.
fn origins(answer: &Answer) -> Vec<&str> {
    let values = answer.headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).collect()
}
