//! Whether a gateway in front passes on what decides about a credential.

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::Record;
use crate::doctor::verdict::{Verdict, found, good};

pub(super) const CHECKS: [Check; 2] = [
    Check {
        name: "query",
        question: "Does the query of a request arrive?",
        verdict: |record| arrives(record, Probe::WrongFormat, "a format that does not exist"),
        fix: "Let the gateway pass the query on: without it, nobody can ask for less.",
    },
    Check {
        name: "body",
        question: "Does the body of a request arrive?",
        verdict: |record| arrives(record, Probe::WrongBody, "a body that is not a list of scopes"),
        fix: "Let the gateway pass POST with its body on: without it, an app that asks for one \
              object gets all of its grant.",
    },
];

fn arrives(record: &Record, probe: Probe, what: &str) -> Verdict {
    let _issued = record.issued()?;
    let answer = record.answer(probe)?;
    if answer.is_success() {
        return found(format!("{what} is ignored"));
    }
    if answer.status == 400 {
        return good(answer.outcome());
    }
    found(format!("{what} gets {} in place of HTTP 400", answer.outcome()))
}
