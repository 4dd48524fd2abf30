//! Whether each representation has what its clients read.

use serde_json::Value;

use crate::doctor::check::Check;
use crate::doctor::probe::Probe;
use crate::doctor::record::{Answer, Record};
use crate::doctor::verdict::{Verdict, found, good, skipped};

/// What to do about a member that clients miss.
const UNCHANGED: &str = "Let the gateway pass answers on unchanged, without a template of its own.";

pub(super) const CHECKS: [Check; 6] = [
    Check {
        name: "format-cam",
        question: "Can clients of the samples read the answer of /sign?",
        verdict: |record| format(record, Probe::Cam, CAM),
        fix: UNCHANGED,
    },
    Check {
        name: "format-sdk",
        question: "Can the COS SDKs read format=sdk?",
        verdict: |record| format(record, Probe::Sdk, SDK),
        fix: UNCHANGED,
    },
    Check {
        name: "format-sts",
        question: "Can clients of API 3.0 read format=sts?",
        verdict: |record| format(record, Probe::Sts, STS),
        fix: UNCHANGED,
    },
    Check {
        name: "format-cvm",
        question: "Can coscli and the Java and Go SDKs read format=cvm?",
        verdict: |record| format(record, Probe::Cvm, CVM),
        fix: UNCHANGED,
    },
    Check {
        name: "format-credential-process",
        question: "Can tools of the S3 interface read format=credential_process?",
        verdict: |record| format(record, Probe::CredentialProcess, CREDENTIAL_PROCESS),
        fix: UNCHANGED,
    },
    Check {
        name: "format-flat",
        question: "Does /getKeyAndCredentials generate a key (--extension)?",
        verdict: flat,
        fix: UNCHANGED,
    },
];

/// The members of each, by their JSON pointers.
const CAM: &[&str] = &[
    "/code",
    "/data/credentials/tmpSecretId",
    "/data/credentials/tmpSecretKey",
    "/data/credentials/sessionToken",
    "/data/startTime",
    "/data/expiredTime",
];
const SDK: &[&str] = &[
    "/credentials/tmpSecretId",
    "/credentials/tmpSecretKey",
    "/credentials/sessionToken",
    "/startTime",
    "/expiredTime",
    "/data/credentials/tmpSecretId",
    "/data/credentials/tmpSecretKey",
    "/data/credentials/sessionToken",
    "/data/startTime",
    "/data/expiredTime",
];
const STS: &[&str] = &[
    "/Response/Credentials/TmpSecretId",
    "/Response/Credentials/TmpSecretKey",
    "/Response/Credentials/Token",
    "/Response/ExpiredTime",
    "/Response/Expiration",
    "/Response/RequestId",
];
const CVM: &[&str] =
    &["/Code", "/TmpSecretId", "/TmpSecretKey", "/Token", "/ExpiredTime", "/Expiration"];
const CREDENTIAL_PROCESS: &[&str] =
    &["/Version", "/AccessKeyId", "/SecretAccessKey", "/SessionToken", "/Expiration"];
const FLAT: &[&str] = &[
    "/TmpSecretId",
    "/TmpSecretKey",
    "/SessionToken",
    "/StartTime",
    "/ExpiredTime",
    "/Bucket",
    "/Region",
    "/Key",
];

fn flat(record: &Record) -> Verdict {
    let answer = record.answer(Probe::Flat);
    let is_refused = |answer: &&Answer| answer.code_desc() == "UnauthorizedOperation.Extension";
    if answer.as_ref().is_ok_and(is_refused) {
        let extension = &record.questions.extension;
        return skipped(format!("no grant of this caller generates keys that end in .{extension}"));
    }
    format(record, Probe::Flat, FLAT)
}

fn format(record: &Record, probe: Probe, members: &[&str]) -> Verdict {
    let _issued = record.issued()?;
    // Without the query, every format is the same.
    if record.answer(Probe::WrongFormat)?.is_success() && probe != Probe::Cam {
        return skipped("`query` has to be good first");
    }
    let answer = record.answer(probe)?;
    if !answer.is_success() {
        return found(answer.outcome());
    }
    let json = answer.json();
    let is_usable = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        other => other.is_number(),
    };
    match members.iter().find(|member| !json.pointer(member).is_some_and(is_usable)) {
        None => good("it has every member"),
        Some(member) => found(format!("the member {member} is missing")),
    }
}
