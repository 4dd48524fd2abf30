//! Whether the deployment can be asked at all, and issues.

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::Record;
use crate::doctor::verdict::{Fault, Verdict, found, good, skipped};
use crate::https_client::CallError;

pub(super) const CHECKS: [Check; 6] = [
    Check {
        name: "reachable",
        question: "Does anything answer at the URL?",
        verdict: reachable,
        fix: "Compare the URL with the one that the deployment printed; look whether the function \
              or the server runs, and whether a firewall lets this machine in.",
    },
    Check {
        name: "tls",
        question: "Can nobody on the way read what is sent?",
        verdict: tls,
        fix: "Put TLS with a certificate of a public authority in front. For an authority of your \
              own, give its certificate with --ca.",
    },
    Check {
        name: "issuer",
        question: "Is it cos-issuer that answers?",
        verdict: issuer,
        fix: "Let the gateway pass /sts on to cos-issuer. With BASE_PATH, the URL ends in it.",
    },
    Check {
        name: "ready",
        question: "Does it accept requests (/readyz)?",
        verdict: ready,
        fix: "Wait until it has started. If it stays so, its log has the reason.",
    },
    Check {
        name: "calling-key",
        question: "Does STS accept its calling key, role and web identity?",
        verdict: calling_key,
        fix: "The line of the request in the log has the reason and what to do. `cos-issuer lint` \
              checks the variables. A web identity needs a token file that the function may read, \
              and a role in TKE_ROLE_ARN that trusts the OIDC provider.",
    },
    Check {
        name: "issues",
        question: "Does the caller get a credential?",
        verdict: issues,
        fix: "Find the code in docs/en/it-answers-403.md, and the line of the request in the log. A \
              code that begins with InternalError is about the calling key, STS or the network.",
    },
];

fn reachable(record: &Record) -> Verdict {
    match record.answers.get(&Probe::Anonymous) {
        Some(Ok(answer)) => good(answer.outcome()),
        Some(Err(CallError::Tls(_))) => good("it accepts connections"),
        Some(Err(error)) => found(error.to_string()),
        None => skipped("`tls` has to be good first"),
    }
}

fn tls(record: &Record) -> Verdict {
    match record.answers.get(&Probe::Anonymous) {
        Some(Err(CallError::Tls(cause))) => found(format!("the certificate is refused: {cause}")),
        Some(Err(_)) => skipped("`reachable` has to be good first"),
        Some(Ok(_)) if record.url.is_https => good("the certificate is trusted"),
        Some(Ok(_)) => good("plain HTTP, and it does not leave this machine"),
        None => found("plain HTTP: anyone on the way reads proofs and credentials; none was sent"),
    }
}

fn issuer(record: &Record) -> Verdict {
    match record.answers.get(&Probe::Anonymous) {
        Some(Ok(_)) if record.is_issuer() => good("it does"),
        Some(Ok(_)) if record.scf_failure().is_some() => {
            skipped("`scf-start` has to be good first")
        }
        Some(Ok(answer)) => {
            found(format!("GET /sts answers HTTP {}, not as cos-issuer", answer.status))
        }
        None | Some(Err(_)) => record.answer(Probe::Anonymous).map(|_| String::new()),
    }
}

fn ready(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Ready)?;
    let json = answer.json();
    let is_ours = json.get("status").is_some();
    match answer.status {
        200 if is_ours => good("ready"),
        503 => found("HTTP 503: it stops, or it cannot write its audit log"),
        _ => skipped(format!("/readyz is not passed on (HTTP {})", answer.status)),
    }
}

fn calling_key(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Issued)?;
    if answer.issued().is_some() {
        return good("it does");
    }
    let json = answer.json();
    let message = json.get("message").and_then(serde_json::Value::as_str).unwrap_or_default();
    let what = match answer.code_desc().as_str() {
        "InternalError.UpstreamRefused" => "STS refuses its key, its role or its web identity",
        "InternalError.CallingKeyExpired" => "its key has expired",
        "InternalError" if message.starts_with(NO_TOKEN) => {
            "it cannot read the token of its web identity"
        }
        _ => return skipped("`issues` has to be good first"),
    };
    found(format!("{}: {what}", answer.outcome()))
}

fn issues(record: &Record) -> Verdict {
    let answer = match record.answers.get(&Probe::Issued) {
        // Asked too often is a finding here, and the reason why others are skipped.
        Some(Ok(answer)) => answer,
        _ => record.answer(Probe::Issued)?,
    };
    if answer.issued().is_some() {
        return good("it does");
    }
    if record.method.is_none() && matches!(answer.status, 401 | 403) {
        return skipped("give the proof of a caller, for example --secret-file");
    }
    if matches!(calling_key(record), Err(Fault::Found(_))) {
        return skipped("`calling-key` has to be good first");
    }
    let code = answer.code_desc();
    let about = match code.as_str() {
        "" if answer.is_success() => ": the answer has no credential that SDKs can read",
        "AuthFailure.ProofMissing" => ": the proof did not arrive; a gateway removes the header",
        "UnauthorizedOperation.CallerNotAllowed" => ": no grant matches this caller",
        _ => "",
    };
    found(format!("{}{about}", answer.outcome()))
}

/// How a function answers that cannot read the token of its web identity.
const NO_TOKEN: &str = "the function cannot read the token";
