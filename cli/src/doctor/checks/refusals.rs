//! Whether nobody gets a credential who cannot prove who they are.

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::Record;
use crate::doctor::verdict::{Verdict, found, good, skipped};

/// What to do about a proof that should not count.
const VERIFY: &str = "Take the deployment out of service, and look whether a gateway or proxy in \
     front adds a proof of its own or answers in place of cos-issuer.";

pub(super) const CHECKS: [Check; 5] = [
    Check {
        name: "refuses-no-proof",
        question: "Is a caller without proof refused?",
        verdict: no_proof,
        fix: "Set AUTH to jwt, api-key, hmac or gateway: with AUTH=none, anyone who finds the URL \
              gets a credential.",
    },
    Check {
        name: "refuses-broken-proof",
        question: "Is the caller's proof refused when one character of it is changed?",
        verdict: |record| refused(record, Probe::Broken, "a changed proof"),
        fix: VERIFY,
    },
    Check {
        name: "refuses-foreign-proof",
        question: "Is a proof refused that was made with another key?",
        verdict: |record| refused(record, Probe::Foreign, "a proof made with another key"),
        fix: VERIFY,
    },
    Check {
        name: "refuses-unsigned-token",
        question: "Is a token without a signature refused?",
        verdict: |record| refused(record, Probe::Unsigned, "a token without a signature"),
        fix: VERIFY,
    },
    Check {
        name: "refuses-replay",
        question: "Is a signed request refused when it comes again?",
        verdict: |record| refused(record, Probe::Repeated, "a request that was sent before"),
        fix: "Set SHARED_STORE: without it, each instance accepts a signed request once.",
    },
];

fn no_proof(record: &Record) -> Verdict {
    if record.is_open() {
        return found("anyone gets a credential");
    }
    refusal(record, Probe::Anonymous, "a caller without proof")
}

fn refused(record: &Record, probe: Probe, what: &str) -> Verdict {
    if record.is_open() {
        return skipped("it asks for no proof");
    }
    let _issued = record.issued()?;
    if !record.answers.contains_key(&probe) {
        return skipped("there is no such proof for this way to authenticate");
    }
    refusal(record, probe, what)
}

fn refusal(record: &Record, probe: Probe, what: &str) -> Verdict {
    let answer = record.answer(probe)?;
    match answer.status {
        400..=403 => good(answer.outcome()),
        200..300 => found(format!("{what} gets a credential")),
        _ => found(format!("{what} gets {}, which is not a refusal", answer.outcome())),
    }
}
