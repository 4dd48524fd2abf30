//! The rules: their names, what they are about, and how to fix a finding.

use std::path::PathBuf;

use serde::Serialize;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// The function does not start with it, or gives away what it should not.
    Error,
    /// It is valid, and probably a mistake.
    Warning,
    /// A help for its author.
    Note,
}

impl Level {
    /// As SARIF names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A rule.
pub(crate) struct Rule {
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    pub(crate) about: &'static str,
    pub(crate) fix: &'static str,
}

/// One finding.
#[derive(Serialize)]
pub(crate) struct Finding {
    pub(crate) file: PathBuf,
    /// From 1.
    pub(crate) line: usize,
    pub(crate) rule: &'static str,
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) fix: &'static str,
}

impl Finding {
    /// A finding of the rule `name` in the file that is read.
    pub(crate) fn new(name: &'static str, line: usize, message: impl Into<String>) -> Self {
        let rule = RULES.iter().find(|rule| rule.name == name);
        Self {
            file: PathBuf::new(),
            line: line.max(1),
            rule: name,
            level: rule.map_or(Level::Error, |rule| rule.level),
            message: message.into(),
            fix: rule.map_or("", |rule| rule.fix),
        }
    }

    /// The same, in another file.
    pub(crate) fn in_file(self, file: PathBuf) -> Self {
        Self { file, ..self }
    }
}

macro_rules! rules {
    ($($level:ident $name:literal: $about:literal, $fix:literal;)+) => {
        /// Every rule.
        pub(crate) const RULES: &[Rule] = &[$(
            Rule { name: $name, level: Level::$level, about: $about, fix: $fix },
        )+];
    };
}

rules! {
    Error "invalid": "The function does not start with this.",
        "Write what the message asks for.";
    Error "full-access": "A policy gives every caller full access to every bucket.",
        "Name the actions and the bucket, or set ALLOW_FULL_ACCESS=true if you mean it.";
    Error "foreign-service": "A policy allows actions of services other than COS and CI.",
        "Allow only `name/cos:…` and `name/ci:…`.";
    Warning "wide-access": "A policy allows actions by a wildcard in buckets by a wildcard.",
        "Name the actions, or the buckets.";
    Warning "unreachable-grant": "No caller can get this grant.",
        "Let `match`, `slots` and `AUTH` agree on a value.";
    Warning "redundant-grant": "Other grants already give all of this to the same callers.",
        "Remove the grant, or correct its `match` or `prefix`.";
    Warning "redundant-statement": "Without this statement, the policy allows the same.",
        "Remove the statement, or correct its resource.";
    Warning "missing-claim": "No caller of these authentication methods has this claim.",
        "Add the claim to the keys, or match on a claim that they have.";
    Warning "never-met-condition": "Requests for an action never contain this condition key.",
        "Split the statement, so that the condition is only on actions whose requests contain the key.";
    Warning "unknown-action": "COS has no such action.",
        "Correct the name.";
    Warning "unknown-condition-key": "COS has no such condition key.",
        "Correct the name.";
    Warning "unencoded-value": "COS compares this key URL-encoded.",
        "Write the value URL-encoded.";
    Warning "listing": "A listing allows every key, or none with a prefix.",
        "End the resource in `/*`, or add a condition on `cos:prefix`.";
    Warning "open-prefix": "A resource ends in `*` without a `/` before it, so it covers siblings.",
        "End the resource in `/*`, or name the key.";
    Warning "inner-wildcard": "A `*` inside a resource also covers `/`, and the documents describe it only at the end.",
        "Write `*` only at the end of a resource.";
    Warning "multipart-limit": "A limit on size or type sees one part of a multipart upload, not the object.",
        "Remove the multipart actions from the statement, or the limit.";
    Note "no-multipart": "A limit on size or type excludes multipart uploads, which SDKs use for large files.",
        "Set the slice size of the SDK above the largest file, or remove the limit.";
    Warning "unused-prefix": "Keys of clients do not begin like this.",
        "Write the prefix as keys begin: without bucket, scheme or percent-encoding.";
    Warning "unknown-region": "The vendor does not list a region of this name.",
        "Correct the name: `ap-guangzhou`, as in the host name of the bucket.";
    Warning "policy-too-long": "The policy can be longer than STS accepts.",
        "Name fewer actions and resources, or fewer grants for one caller.";
    Warning "environment-too-large": "SCF accepts 4 KB of variables.",
        "Move grants to GRANTS_FILE, and keys to files.";
    Warning "incomplete-web-identity": "A workload without a key needs four `TKE_` variables, and a part of them is set.",
        "Set TKE_REGION, TKE_PROVIDER_ID, TKE_ROLE_ARN and TKE_WEB_IDENTITY_TOKEN_FILE, or a key.";
    Warning "unused-web-identity": "With a key, the `TKE_` variables have no effect.",
        "Remove the key to call STS without one, or the `TKE_` variables.";
    Warning "workload-role": "A role should not assume itself: its key is exchanged without a session policy.",
        "Let TKE_ROLE_ARN name a role that may only assume the one in ROLE_ARN.";
    Note "unread-token": "The token of a web identity is in a file that only the workload has.",
        "Run `bootstrap --check` where it runs: it reads the file.";
    Warning "setting": "A setting is valid, and rarely meant.",
        "Change the setting, or ignore the warning.";
    Note "not-compared": "A rule needs a comparison that is not possible here.",
        "Compare fewer grants at once with `cos-issuer compare`.";
    Note "no-schema": "Editors check and complete a grants file that names its schema.",
        "Begin the file with `#:schema grants.schema.json`.";
}
