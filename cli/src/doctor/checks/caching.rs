//! Whether no cache hands a credential to another caller.

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::{Answer, Record};
use crate::doctor::verdict::{Verdict, found, good};

pub(super) const CHECKS: [Check; 2] = [
    Check {
        name: "no-store",
        question: "Does every answer forbid caches to keep it?",
        verdict: no_store,
        fix: "Let the gateway or CDN pass `Cache-Control: no-store` on unchanged.",
    },
    Check {
        name: "fresh",
        question: "Does cos-issuer itself answer each request?",
        verdict: fresh,
        fix: "Switch caching off for these routes: a cache in front gives one caller's credential \
              to another.",
    },
];

fn no_store(record: &Record) -> Verdict {
    let _issued = record.issued()?;
    for (probe, what) in [
        (Probe::Issued, "a credential"),
        (Probe::Cam, "the answer of /sign"),
        (Probe::Anonymous, "a refusal"),
    ] {
        let answer = record.answer(probe)?;
        let value = answer.header("cache-control").to_ascii_lowercase();
        if !value.split(',').any(|directive| directive.trim() == "no-store") {
            return found(format!("{what} has no `Cache-Control: no-store`"));
        }
    }
    good("no-store")
}

fn fresh(record: &Record) -> Verdict {
    let _issued = record.issued()?;
    let [one, other] = [record.answer(Probe::Issued)?, record.answer(Probe::Again)?];
    if [one, other].iter().any(|answer| !answer.header("age").is_empty()) {
        return found("an answer has the header `Age`: it comes from a cache");
    }
    if request_id(one) == request_id(other) {
        return found("two requests get the same answer, with the same request id");
    }
    good("each request has its own id")
}

/// The id in the body: gateways replace headers.
fn request_id(answer: &Answer) -> Option<String> {
    Some(answer.json().get("requestId")?.as_str()?.to_owned())
}
