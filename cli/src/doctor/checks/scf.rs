//! What only real SCF can answer: the points of `scf/README.md` that no document settles.

use crate::doctor::check::Check;
use crate::doctor::probe::{PLATFORM_ID, Probe};
use crate::doctor::record::Record;
use crate::doctor::scf_files::{ScfFiles, ScfFunction};
use crate::doctor::verdict::{Fault, Verdict, found, good, skipped};

pub(super) const CHECKS: [Check; 10] = [
    Check {
        name: "scf-type",
        question: "Is it a web function, whose answers SCF does not log?",
        verdict: kind,
        fix: "Deploy a web function (Type HTTP): SCF writes what an event function returns, \
              credentials included, to its log.",
    },
    Check {
        name: "scf-runtime",
        question: "Point 1: does SCF accept this runtime for a web function?",
        verdict: runtime,
        fix: "Try `scf/deploy up --runtime Go1`.",
    },
    Check {
        name: "scf-start",
        question: "Point 2: does `./bootstrap` in scf_bootstrap start it?",
        verdict: start,
        fix: "Write the absolute path /var/user/bootstrap into scf_bootstrap.",
    },
    Check {
        name: "scf-log",
        question: "Point 3: does the log contain no credential?",
        verdict: log,
        fix: "Take the function out of service, and delete the log topic: its readers have the \
              credentials. Deploy a web function, with IgnoreSysLog.",
    },
    Check {
        name: "scf-preflight",
        question: "Point 4: does a preflight reach the function?",
        verdict: preflight,
        fix: "Switch CORS of the function URL off.",
    },
    Check {
        name: "scf-headers",
        question: "Point 5: does SCF remove headers X-Scf-* of a client?",
        verdict: headers,
        fix: "Do not set ROLE_KEYS=headers, and do not trust request ids of the log: callers \
              choose them.",
    },
    Check {
        name: "scf-component",
        question: "Point 6: does the component accept serverless.yml?",
        verdict: component,
        fix: "Deploy with `scf/deploy` or Terraform.",
    },
    Check {
        name: "scf-concurrency",
        question: "Does it answer several requests at once?",
        verdict: concurrency,
        fix: "Raise the reserved concurrency (--reserved-memory), or the requests per instance \
              (--concurrency).",
    },
    Check {
        name: "scf-init",
        question: "Does a new instance have time to start?",
        verdict: |record| {
            let seconds = function(record)?.init_timeout;
            at_least(seconds, MIN_INIT_SECONDS, "InitTimeout")
        },
        fix: "Set InitTimeout to 10: `scf/deploy up --init-timeout 10`.",
    },
    Check {
        name: "scf-timeout",
        question: "Does a request have time for its call to STS?",
        verdict: |record| at_least(function(record)?.timeout, MIN_REQUEST_SECONDS, "Timeout"),
        fix: "Set Timeout to more than STS_DEADLINE_MS: `scf/deploy up --timeout 10`.",
    },
];

fn files(record: &Record) -> Result<&ScfFiles, Fault> {
    match &record.questions.scf {
        Some(files) => Ok(files),
        None => skipped("it is about SCF: ask for it with --scf"),
    }
}

fn function(record: &Record) -> Result<&ScfFunction, Fault> {
    match &files(record)?.function {
        Some(function) => Ok(function),
        None => skipped(
            "only SCF knows: give the output of `tccli scf GetFunction --FunctionName NAME` with \
             --scf-function",
        ),
    }
}

fn kind(record: &Record) -> Verdict {
    match function(record)?.kind.as_str() {
        "HTTP" => good("a web function"),
        "Event" => found("an event function: SCF logs each credential that it returns"),
        _ => found("neither a web function nor an event function"),
    }
}

fn runtime(record: &Record) -> Verdict {
    let function = function(record)?;
    if function.kind != "HTTP" {
        return skipped("`scf-type` has to be good first");
    }
    if function.status != "Active" {
        return found("its status is not Active");
    }
    let name: String = function.runtime.chars().filter(char::is_ascii_alphanumeric).collect();
    good(format!("yes: {name}"))
}

fn start(record: &Record) -> Verdict {
    let files = files(record)?;
    if let Some(status) = record.scf_failure() {
        return found(format!("SCF answers HTTP {status}: the function does not start"));
    }
    if !record.is_issuer() {
        return skipped("`issuer` has to be good first");
    }
    match &files.function {
        Some(function) if function.kind == "HTTP" => good("yes: it answers"),
        _ => skipped("an event function starts without it; give --scf-function"),
    }
}

fn log(record: &Record) -> Verdict {
    let Some(log) = &files(record)?.log else {
        return skipped("give lines of the log from after a credential was issued: --scf-log");
    };
    if let Some(line) = log.exposed.first() {
        let count = log.exposed.len();
        return found(format!("{count} lines contain a credential, the first is line {line}"));
    }
    if log.granted == 0 {
        return skipped("no line of --scf-log records an issued credential: export a later part");
    }
    good(format!("no: {} credentials were issued, and none is in it", log.granted))
}

fn preflight(record: &Record) -> Verdict {
    let _asked = files(record)?;
    let answer = record.answer(Probe::OtherPreflight)?;
    // Only the function adds both to what is not allowed.
    let is_ours = !answer.header("x-request-id").is_empty()
        && answer.header("cache-control").contains("no-store");
    if is_ours { good("yes") } else { found("something in front answers it") }
}

fn headers(record: &Record) -> Verdict {
    let _asked = files(record)?;
    let answer = record.answer(Probe::PlatformHeader)?;
    let json = answer.json();
    let id = json.get("requestId").and_then(serde_json::Value::as_str);
    if answer.header("x-request-id") == PLATFORM_ID || id == Some(PLATFORM_ID) {
        return found("X-Scf-Request-Id of this program became the id of the request");
    }
    good("yes")
}

fn component(record: &Record) -> Verdict {
    let _asked = files(record)?;
    skipped("it cannot be seen from outside: run `scf deploy` of the component once")
}

fn concurrency(record: &Record) -> Verdict {
    let _asked = files(record)?;
    if record.at_once.is_empty() {
        return skipped("`issuer` has to be good first");
    }
    let of_instance = files(record)?.function.as_ref().and_then(|function| {
        function.instance_concurrency_config.as_ref().and_then(|config| config.max_concurrency)
    });
    let is_refused = |status: u16| matches!(status, 429..=460 | 500..);
    for outcome in &record.at_once {
        match outcome {
            Ok(status) if is_refused(*status) => {
                return found(format!(
                    "one of {} at once gets HTTP {status}",
                    record.at_once.len()
                ));
            }
            Err(error) => return found(format!("one of several at once fails: {error}")),
            Ok(_) => {}
        }
    }
    let per_instance = of_instance.map(|count| format!(", up to {count} in one instance"));
    good(format!("{} at once{}", record.at_once.len(), per_instance.unwrap_or_default()))
}

fn at_least(seconds: Option<u32>, least: u32, name: &str) -> Verdict {
    match seconds {
        Some(seconds) if seconds >= least => good(format!("{name} is {seconds} seconds")),
        Some(seconds) => found(format!("{name} is {seconds} seconds, less than {least}")),
        None => skipped(format!("--scf-function has no {name}")),
    }
}

/// The component sets 3 when it is left out, which a cold disk can exceed.
const MIN_INIT_SECONDS: u32 = 5;

/// `STS_DEADLINE_MS` is 3000, and the answer has to be written, too.
const MIN_REQUEST_SECONDS: u32 = 4;
