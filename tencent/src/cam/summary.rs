//! A policy in words, for people: what may be done where, and under which conditions.
//!
//! # Guarantees
//! Nothing is left out: an action that no word covers keeps its name, and conditions are listed as
//! they are written. A word never covers an action that the statement lacks.
//!
//! # Not covered
//! Whether an access is allowed: statements overlap, and a deny wins. Ask [`Policy::decide`].

use std::fmt;

use serde::Serialize;

use super::{Conditions, DOWNLOAD_OPERATIONS, Effect, Policy, Statement, UPLOAD_OPERATIONS};

/// What one statement allows or denies on one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clause {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// `upload`, `download`, `list`, `delete`, and the names of other actions.
    pub verbs: Vec<String>,
    /// The bucket, as a pattern.
    pub bucket: String,
    /// The key, as a pattern; empty for the bucket itself.
    pub key: String,
    /// Its conditions; all have to be met.
    #[serde(skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
}

impl Policy {
    /// The policy in words, a clause for each statement and resource.
    pub fn clauses(&self) -> Vec<Clause> {
        let clauses = |statement: &Statement| {
            let verbs = verbs(statement.actions.iter().map(|action| action.as_str()));
            let of = |resource: &super::Resource| {
                let (bucket, key) = resource.bucket_and_key();
                Clause {
                    effect: statement.effect,
                    verbs: verbs.clone(),
                    bucket,
                    key: key.unwrap_or("*").to_owned(),
                    conditions: statement.conditions.clone(),
                }
            };
            statement.resources.iter().map(of).collect::<Vec<_>>()
        };
        self.statements().iter().flat_map(clauses).collect()
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effect == Effect::Deny {
            formatter.write_str("never ")?;
        }
        let key = if self.key.is_empty() { &self.bucket } else { &self.key };
        write!(formatter, "{} {key}", self.verbs.join(", "))?;
        if !self.conditions.is_empty() {
            formatter.write_str(" under conditions")?;
        }
        Ok(())
    }
}

/// Each word needs its first action, and covers the others.
const WORDS: [(&str, &[&str]); 4] = [
    ("upload", &UPLOAD_OPERATIONS),
    ("download", &DOWNLOAD_OPERATIONS),
    ("list", &["GetBucket"]),
    ("delete", &["DeleteObject"]),
];

fn verbs<'a>(actions: impl Iterator<Item = &'a str>) -> Vec<String> {
    let name = |action: &'a str| {
        let action = action.strip_prefix("name/").unwrap_or(action);
        action.strip_prefix("cos:").unwrap_or(action)
    };
    let mut rest: Vec<&str> = actions.map(name).collect();
    let mut verbs = Vec::new();
    for (word, covered) in WORDS {
        if covered.first().is_some_and(|first| rest.contains(first)) {
            rest.retain(|action| !covered.contains(action));
            verbs.push(word.to_owned());
        }
    }
    verbs.extend(rest.into_iter().map(str::to_owned));
    verbs
}

#[cfg(test)]
mod tests {
    use super::Policy;

    fn in_words(statements: &str) -> Vec<String> {
        let text = format!(r#"{{"version":"2.0","statement":[{statements}]}}"#);
        let policy = Policy::parse(&text).unwrap();
        policy.clauses().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_policy_is_put_into_words_and_nothing_is_left_out() {
        let on = |effect: &str, actions: &str, more: &str| {
            format!(
                r#"{{"effect":"{effect}","action":[{actions}],"resource":["qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/users/1/*"]{more}}}"#
            )
        };
        let upload = r#""name/cos:PutObject","name/cos:UploadPart","name/cos:ListParts""#;
        for (effect, actions, more, expected) in [
            ("allow", upload, "", "upload users/1/*"),
            ("allow", r#""name/cos:UploadPart""#, "", "UploadPart users/1/*"),
            (
                "allow",
                r#""cos:HeadObject","cos:GetObject","cos:GetBucket","cos:DeleteObject","cos:GetObjectTagging""#,
                "",
                "download, list, delete, GetObjectTagging users/1/*",
            ),
            ("allow", r#""name/cos:*""#, "", "* users/1/*"),
            (
                "allow",
                r#""name/cos:PutObject""#,
                r#","condition":{"numeric_less_than_equal":{"cos:content-length":"5"}}"#,
                "upload users/1/* under conditions",
            ),
        ] {
            assert_eq!(in_words(&on(effect, actions, more)), [expected], "{actions}");
        }
        let denied = in_words(&[on("allow", upload, ""), on("deny", upload, "")].join(","));
        assert_eq!(denied, ["upload users/1/*", "never upload users/1/*"]);
        let service = r#"{"effect":"allow","action":"name/cos:GetService","resource":"*"}"#;
        assert_eq!(in_words(service), ["GetService *"]);
    }
}
