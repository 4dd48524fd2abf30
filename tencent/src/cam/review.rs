//! Reviews a policy that an operator wrote: statements that are valid and cannot mean what they
//! say.
//!
//! The rules are those of the grants of this project: actions
//! (<https://www.tencentcloud.com/document/product/436/30580>), and condition keys with the
//! requests that contain them (<https://www.tencentcloud.com/document/product/436/46205>).
//!
//! # Not covered
//! Whether a policy is too wide: see [`Policy::is_full_access`].

use std::fmt;

use percent_encoding::percent_decode_str;

use super::access_request::{PARAMETER_KEYS, as_compared};
use super::action::Action;
use super::operation::operations;
use super::operator::{Kind, Operator};
use super::policy::Policy;
use super::statement::{Effect, Statement};
use super::value::Literal;

impl Policy {
    /// What is probably a mistake.
    pub fn warnings(&self) -> Vec<Warning> {
        let statements = self.statements().iter().enumerate();
        let of_statement = |(index, statement): (usize, &Statement)| {
            let warnings = review(statement).into_iter();
            warnings.map(move |(rule, text)| Warning { statement: index, rule, text })
        };
        statements.flat_map(of_statement).collect()
    }
}

/// What is probably a mistake, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The statement, from 0.
    pub statement: usize,
    /// The name of the rule, for example `unknown-action`.
    pub rule: &'static str,
    text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "statement {}: {}", self.statement, self.text)
    }
}

fn review(statement: &Statement) -> Vec<(&'static str, String)> {
    let known: Vec<String> = operations().collect();
    let covered = |action: &Action| -> Vec<&String> {
        let is_covered = |name: &&String| action.covers(&format!("cos:{name}"));
        known.iter().filter(is_covered).collect()
    };
    let mut warnings = Vec::new();
    for action in &statement.actions {
        if action.service() == "cos" && covered(action).is_empty() {
            warnings.push(("unknown-action", unknown_action(action, &known)));
        }
    }
    let mut requests: Vec<&String> = statement.actions.iter().flat_map(covered).collect();
    requests.dedup();
    for (operator, key, values) in statement.conditions.iter() {
        warnings.extend(key_warning(key).map(|text| ("unknown-condition-key", text)));
        let lacking: Vec<&str> = requests
            .iter()
            .map(|name| name.as_str())
            .filter(|name| carries(key, name) == Some(false))
            .collect();
        if !lacking.is_empty() && !operator.if_exist && operator.kind != Kind::Null {
            let text = format!(
                "requests for {} never contain `{key}`, so the statement never applies to them",
                summary(&lacking)
            );
            warnings.push(("never-met-condition", text));
        }
        for literal in values.literals() {
            let warning = encoding_warning(operator, key, literal);
            warnings.extend(warning.map(|text| ("unencoded-value", text)));
        }
    }
    if statement.effect == Effect::Allow {
        warnings.extend(listing_warning(statement).map(|text| ("listing", text)));
    }
    warnings
}

fn unknown_action(action: &Action, known: &[String]) -> String {
    let name = action.as_str();
    let operation = name.rsplit(':').next().unwrap_or(name);
    let similar = known.iter().find(|known| known.eq_ignore_ascii_case(operation));
    match similar {
        Some(similar) => format!("COS has no action `{name}`: write `name/cos:{similar}`"),
        None => format!("COS has no action `{name}`"),
    }
}

fn key_warning(key: &str) -> Option<String> {
    let documented = |known: &&str| **known == *key;
    if KEYS.iter().any(documented) {
        return None;
    }
    match KEYS.iter().find(|known| known.eq_ignore_ascii_case(key)) {
        Some(known) => Some(format!("COS has no condition key `{key}`: write `{known}`")),
        None => key.starts_with("cos:").then(|| format!("COS has no condition key `{key}`")),
    }
}

/// A value of a query parameter that no request can equal, because COS compares it URL-encoded.
fn encoding_warning(operator: &Operator, key: &str, literal: &Literal) -> Option<String> {
    let Literal::Text(text) = literal else {
        return None;
    };
    if !PARAMETER_KEYS.contains(&key) {
        return None;
    }
    let encode = |part: &str| as_compared(key, &percent_decode_str(part).decode_utf8_lossy());
    let encoded = match operator.kind {
        Kind::Like => text.split('*').map(encode).collect::<Vec<_>>().join("*"),
        _ => encode(text),
    };
    (encoded != *text).then(|| {
        format!("`{operator}` compares `{key}` URL-encoded: write `{encoded}` and not `{text}`")
    })
}

/// GetBucket by name on every key, or on the bucket's own resource.
fn listing_warning(statement: &Statement) -> Option<String> {
    let is_listing =
        |action: &Action| action.covers("cos:GetBucket") && !action.as_str().contains('*');
    if !statement.actions.iter().any(is_listing) {
        return None;
    }
    let has_prefix = statement.conditions.iter().any(|(_, key, _)| key == "cos:prefix");
    statement.resources.iter().find_map(|resource| {
        match resource.bucket_and_key().1 {
            None | Some("*") if !has_prefix => {
                let text = "lists every key: name a prefix in the resource, or add a condition on `cos:prefix`";
                Some(format!("GetBucket on `{}` {text}", resource.as_str()))
            }
            Some("") => {
                let text = "allows no listing with a prefix: append `*`";
                Some(format!("GetBucket on `{}` {text}", resource.as_str()))
            }
            None | Some(_) => None,
        }
    })
}

/// Up to three names, and how many more there are.
fn summary(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more actions", shown.join(", ")),
    }
}

/// Whether requests for an operation contain a condition key; `None` for a key that is not of one
/// request.
fn carries(key: &str, operation: &str) -> Option<bool> {
    let named = |names: &str| Some(names.split(' ').any(|name| name == operation));
    match key {
        "cos:content-length" | "cos:content-type" => {
            let bodiless = ["Get", "Head", "List", "Options", "Abort", "Delete", "Initiate"];
            let has_no_body = bodiless.iter().any(|verb| operation.starts_with(verb))
                || operation.ends_with("Copy");
            Some(!has_no_body || operation == "DeleteMultipleObjects")
        }
        "cos:prefix" => {
            named("GetBucket GetBucketObjectVersions ListMultipartUploads ListLiveChannels")
        }
        "cos:response-content-type" => named("GetObject"),
        "cos:versionid" => named(
            "GetObject HeadObject DeleteObject PostObjectRestore RestoreObject GetObjectTagging \
             PutObjectTagging DeleteObjectTagging",
        ),
        "cos:x-cos-acl" => named(
            "PutObject PostObject PutObjectACL PutBucket PutBucketACL AppendObject InitiateMultipartUpload",
        ),
        "cos:x-cos-storage-class" => {
            named("PutObject PostObject InitiateMultipartUpload AppendObject")
        }
        "qcs:request_tag" => named("PutBucket PutBucketTagging"),
        _ => None,
    }
}

/// The documented condition keys. Two pages name the VPC differently.
const KEYS: [&str; 15] = [
    "cos:content-length",
    "cos:content-type",
    "cos:prefix",
    "cos:response-content-type",
    "cos:secure-transport",
    "cos:tls-version",
    "cos:versionid",
    "cos:x-cos-acl",
    "cos:x-cos-storage-class",
    "qcs:current_time",
    "qcs:ip",
    "qcs:request_tag",
    "qcs:tag",
    "qcs:vpc",
    "vpc:requester_vpc",
];

#[cfg(test)]
mod tests {
    use super::super::Policy;

    fn warnings(actions: &str, resource: &str, condition: &str) -> String {
        let resource = match resource {
            "*" => "*".to_owned(),
            key => format!("qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/{key}"),
        };
        let text = format!(
            r#"{{"version":"2.0","statement":[{{"effect":"allow","action":[{actions}],"resource":"{resource}","condition":{{{condition}}}}}]}}"#
        );
        let warnings = Policy::parse(&text).unwrap().warnings();
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_statement_that_cannot_mean_what_it_states_is_named() {
        let get_bucket = r#""name/cos:GetBucket""#;
        for (actions, resource, condition, part) in [
            (r#""name/cos:GetObjectUrl""#, "users/*", "", "no action `name/cos:GetObjectUrl`"),
            (r#""cos:getobject""#, "users/*", "", "write `name/cos:GetObject`"),
            (
                r#""cos:GetObject""#,
                "*",
                r#""numeric_equal":{"cos:content-length":1}"#,
                "requests for `GetObject` never contain",
            ),
            (
                r#""cos:*""#,
                "a/*",
                r#""string_equal":{"cos:prefix":"a%2F"}"#,
                "more actions never contain `cos:prefix`",
            ),
            (
                r#""cos:PutObject""#,
                "*",
                r#""string_equal":{"cos:Content-Type":"a/b"}"#,
                "write `cos:content-type`",
            ),
            (
                r#""cos:PutObject""#,
                "*",
                r#""string_equal":{"cos:x-cos-mime-limit":"a"}"#,
                "no condition key `cos:x-cos-mime-limit`",
            ),
            (
                get_bucket,
                "*",
                r#""string_like":{"cos:prefix":"menu/*"}"#,
                "write `menu%2F*` and not `menu/*`",
            ),
            (
                get_bucket,
                "*",
                r#""string_equal":{"cos:prefix":"menu/"}"#,
                "write `menu%2F` and not `menu/`",
            ),
            (get_bucket, "*", "", "lists every key"),
            (get_bucket, "", "", "append `*`"),
        ] {
            let found = warnings(actions, resource, condition);
            assert!(found.starts_with("statement 0: ") && found.contains(part), "{part}: {found}");
        }
    }

    #[test]
    fn what_the_documents_show_has_no_warning() {
        for (actions, resource, condition) in [
            (r#""name/cos:GetBucket""#, "*", r#""string_like":{"cos:prefix":"menu%2F*"}"#),
            (r#""name/cos:GetBucket""#, "menu/*", ""),
            (
                r#""name/cos:PutObject","name/cos:PostObject""#,
                "*",
                r#""numeric_less_than_equal":{"cos:content-length":10},"ip_equal":{"qcs:ip":"10.0.0.0/8"}"#,
            ),
            (
                r#""*""#,
                "*",
                r#""string_equal_if_exist":{"cos:response-content-type":"image%2Fjpeg"}"#,
            ),
            (r#""name/ci:*","name/cos:Get*""#, "a/*", ""),
        ] {
            assert_eq!(warnings(actions, resource, condition), "", "{actions} {condition}");
        }
    }
}
