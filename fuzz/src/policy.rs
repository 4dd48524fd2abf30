//! Policies as text: the parser and the evaluator of `tencent::cam`.
//!
//! # Guarantees tested
//! - No text panics. An accepted policy has one rendering, which parses to the same policy.
//! - The evaluator and the naive one decide every request alike.
//! - The review of a policy never panics.
//!
//! An input is a policy, an empty line, and one request a line: `action region bucket owner key`,
//! then `name=value` for the context, separated by spaces, `-` for nothing. Each policy is also
//! tested with a few fixed requests and with those that its own texts name.

use std::collections::BTreeMap;

use serde_json::Value;
use tencent::cam::{MAX_POLICY_CHARACTERS, Policy};

use crate::access_request::access_request;
use oracle::cam::{self as naive, Asked, CREATOR};

/// Tries one input. Returns whether it was taken.
pub fn policy(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let (text, accesses) = text.split_once("\n\n").unwrap_or((text, ""));
    let Ok(policy) = Policy::parse(text) else {
        return false;
    };
    is_stable(&policy);
    policy.warnings();
    let value: Value = serde_json::from_str(text).expect("a policy is JSON");
    let written = accesses.lines().take(ACCESSES_MAX).filter_map(access);
    let all = written.chain(fixed()).chain(named(&value));
    let allowed = all.filter(|asked| decided_alike(&policy, &value, asked));
    allowed.count() > 0
}

/// Rendered and read again, it is the same policy and the same text.
fn is_stable(policy: &Policy) {
    let rendered = policy.as_json();
    assert!(rendered.chars().count() <= MAX_POLICY_CHARACTERS, "too long");
    let again = Policy::parse(rendered).expect("a rendered policy is one");
    assert!(*policy == again, "{rendered} is read as another policy");
    assert_eq!(rendered, again.as_json());
}

/// Whether the access is allowed. Where the two evaluators differ, one of them is wrong about what
/// the documents say.
pub(crate) fn decided_alike(policy: &Policy, value: &Value, asked: &Asked) -> bool {
    let Some(access) = access_request(asked) else {
        return false;
    };
    let decision = policy.decide(&access);
    let naive = naive::allows(&[vec![value.clone()]], asked);
    assert_eq!(
        decision.is_allowed(),
        naive,
        "{decision}; the naive evaluator says otherwise: {value} {asked:?}"
    );
    naive
}

/// An access of one line.
fn access(line: &str) -> Option<Asked> {
    let mut words = line.split(' ');
    let mut word = || words.next().map(|word| if word == "-" { "" } else { word });
    let (action, region, bucket, owner, key) = (word()?, word()?, word()?, word()?, word()?);
    let mut context: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in words.filter_map(|word| word.split_once('=')) {
        context.entry(name.to_owned()).or_default().push(value.to_owned());
    }
    Some(Asked {
        action: action.to_owned(),
        region: region.to_owned(),
        bucket: (!bucket.is_empty()).then(|| (bucket.to_owned(), owner.to_owned())),
        key: key.to_owned(),
        context,
    })
}

fn fixed() -> impl Iterator<Item = Asked> {
    FIXED.lines().filter_map(access)
}

const FIXED: &str = "\
name/cos:GetObject ap-guangzhou examplebucket-1250000000 100000000001 doc/a.mp3
cos:PutObject ap-beijing examplebucket-1250000001 100000000002 users/1/a cos:content-length=10 cos:content-type=image/png qcs:ip=10.0.0.1
name/cos:GetBucket ap-guangzhou examplebucket-1250000000 100000000001 doc/ cos:prefix=doc/
name/cos:GetService - - - -
name/cos:PutBucketPolicy ap-guangzhou examplebucket-1250000000 100000000001 -
name/cos:Nothing ap-guangzhou examplebucket-1250000000 100000000001 -";

/// Accesses that the policy's own texts name, its wildcards filled in: they are those most likely
/// to be allowed.
fn named(policy: &Value) -> Vec<Asked> {
    let statements = policy.get("statement").map_or(&[][..], elements);
    let mut found = Vec::new();
    for statement in statements {
        let context = context(statement);
        let texts = |name: &str| -> Vec<String> {
            let member = statement.get(name).map_or(&[][..], elements);
            let filled = member.iter().filter_map(Value::as_str).take(3);
            filled.map(|text| text.replace('*', "GetObject")).collect()
        };
        for action in texts("action") {
            for resource in texts("resource") {
                let parts: Vec<&str> = resource.splitn(6, ':').collect();
                let [_, _, _, region, owner, path] = parts.as_slice() else {
                    continue;
                };
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                found.push(Asked {
                    action: action.clone(),
                    region: if region.contains('-') { region } else { "ap-guangzhou" }.to_owned(),
                    bucket: Some((
                        bucket.to_owned(),
                        owner.strip_prefix("uin/").unwrap_or(CREATOR.1).to_owned(),
                    )),
                    key: key.to_owned(),
                    context: context.clone(),
                });
            }
        }
    }
    found.truncate(ACCESSES_MAX);
    found
}

/// For each key the first value that the statement asks for.
fn context(statement: &Value) -> BTreeMap<String, Vec<String>> {
    let operators = statement.get("condition").and_then(Value::as_object);
    let keys = operators.into_iter().flat_map(|operators| operators.values());
    let keys = keys.filter_map(Value::as_object).flatten();
    let first = |values: &Value| match elements(values).first()? {
        Value::String(text) => Some(text.replace('*', "x")),
        other => Some(other.to_string()),
    };
    keys.filter_map(|(key, values)| Some((key.clone(), vec![first(values)?]))).collect()
}

/// The elements of a list, or a single one.
fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        element => std::slice::from_ref(element),
    }
}

/// Bounds the time of one input.
const ACCESSES_MAX: usize = 16;
