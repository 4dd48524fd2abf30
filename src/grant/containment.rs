//! The second check before an STS call: is the policy inside the grants?
//!
//! # Guarantees
//! It reads the policy text and the grants as they were written, and shares no code with the builder:
//! placeholders, resources and the list of metacharacters are written here a second time on purpose, so a
//! defect in the builder or in `tencent` is caught here. Whatever it cannot prove is outside: a statement
//! that does not allow, a wildcard that does not follow a `/`, a limit whose condition is missing or
//! weaker.
//!
//! # Not covered
//! A raw `POLICY`, which is sent unchanged.

use serde_json::Value;

use super::definition::GrantDefinition;
use crate::auth::{Claim, Claims};

/// Whether one of `grants` covers each pair of an action and a resource in `policy`, for a principal with
/// these claims.
pub(super) fn is_inside(policy: &str, grants: &[&GrantDefinition], claims: &Claims) -> bool {
    let Some(pairs) = pairs(policy) else {
        return false;
    };
    let is_covered = |pair: &Pair| grants.iter().any(|grant| covers(grant, claims, pair));
    !pairs.is_empty() && pairs.iter().all(is_covered)
}

struct Pair {
    action: String,
    resource: String,
    condition: Value,
}

/// Every pair of an action and a resource that the policy allows; `None` for any other content.
fn pairs(policy: &str) -> Option<Vec<Pair>> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let mut pairs = Vec::new();
    for statement in policy.get("statement")?.as_array()? {
        let members = statement.as_object()?;
        let condition = members.get("condition").cloned().unwrap_or(Value::Null);
        let others = if condition.is_null() { 3 } else { 4 };
        if members.get("effect")? != "allow" || members.len() != others {
            return None;
        }
        for action in members.get("action")?.as_array()? {
            for resource in members.get("resource")?.as_array()? {
                pairs.push(Pair {
                    action: action.as_str()?.to_owned(),
                    resource: resource.as_str()?.to_owned(),
                    condition: condition.clone(),
                });
            }
        }
    }
    Some(pairs)
}

fn covers(grant: &GrantDefinition, claims: &Claims, pair: &Pair) -> bool {
    let Some(operation) = pair.action.strip_prefix("name/cos:") else {
        return false;
    };
    let is_granted = grant
        .permissions
        .operations()
        .any(|granted| granted.name() == operation);
    let is_weak = pair
        .condition
        .as_object()
        .is_some_and(|block| block.keys().any(|name| name.contains("if_exist")));
    let networks = &grant.permissions.limits().source_ip;
    if !is_granted || is_weak || !are_among(&pair.condition, "ip_equal", "qcs:ip", networks) {
        return false;
    }
    if operation == "GetService" {
        return pair.resource == "*";
    }
    let Some(prefix) = prefix_of(grant, claims) else {
        return false;
    };
    let (region, bucket) = (grant.region.as_str(), grant.bucket.as_str());
    let appid = bucket.rsplit('-').next().unwrap_or_default();
    let start = format!("qcs::cos:{region}:uid/{appid}:{bucket}/");
    let Some(key) = pair.resource.strip_prefix(&start) else {
        return false;
    };
    let literal = key.strip_suffix('*').unwrap_or(key);
    let is_open = literal.len() < key.len();
    let is_closed = literal.is_empty() || literal.ends_with('/');
    literal.starts_with(&prefix)
        && !literal.contains(METACHARACTERS)
        && (!is_open || is_closed)
        && (!WRITES.contains(&operation) || keeps_limits(grant, operation, key, &pair.condition))
}

fn keeps_limits(grant: &GrantDefinition, operation: &str, key: &str, condition: &Value) -> bool {
    let limits = grant.permissions.limits();
    let is_whole = matches!(operation, "PutObject" | "PostObject");
    let length = |operator: &str| condition.get(operator)?.get("cos:content-length")?.as_u64();
    let is_sized = limits.max_size_bytes.is_none_or(|maximum| {
        let is_bounded = length("numeric_less_than_equal").is_some_and(|bytes| bytes <= maximum);
        is_whole
            && is_bounded
            && length("numeric_greater_than_equal").is_some_and(|bytes| bytes > 0)
    });
    let types: Vec<String> = limits
        .content_types
        .iter()
        .map(|each| each.as_str().to_owned())
        .collect();
    let is_typed = are_among(condition, "string_like", "cos:content-type", &types)
        && (types.is_empty() || is_whole);
    let lower = key.to_ascii_lowercase();
    let mut extensions = limits.extensions.iter();
    let is_extended = limits.extensions.is_empty()
        || extensions.any(|extension| lower.ends_with(&format!(".{}", extension.as_str())));
    is_sized && is_typed && is_extended
}

/// Whether a condition accepts only values of `granted`; an empty list requires no condition.
fn are_among(condition: &Value, operator: &str, key: &str, granted: &[String]) -> bool {
    if granted.is_empty() {
        return true;
    }
    let is_granted = |value: &Value| {
        value
            .as_str()
            .is_some_and(|text| granted.iter().any(|each| each == text))
    };
    match condition.get(operator).and_then(|keys| keys.get(key)) {
        Some(Value::Array(values)) => !values.is_empty() && values.iter().all(is_granted),
        Some(value) => is_granted(value),
        None => false,
    }
}

/// The prefix for these claims, from the template as it was written.
fn prefix_of(grant: &GrantDefinition, claims: &Claims) -> Option<String> {
    let written = grant.prefix.as_str();
    if written == "/" {
        return Some(String::new());
    }
    let mut parts = written.split('{');
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (name, text) = part.split_once('}')?;
        let value = match claims.claim(name)? {
            Claim::Number(number) => number.to_string(),
            Claim::Text(value) => value.clone(),
            Claim::Flag(_) | Claim::Texts(_) => return None,
        };
        if value.is_empty() || value.contains('/') || value.chars().all(|c| c == '.') {
            return None;
        }
        filled.push_str(&value);
        filled.push_str(text);
    }
    (!filled.contains(METACHARACTERS) && filled.ends_with('/')).then_some(filled)
}

/// The characters that CAM expands: independent of `tencent::names::METACHARACTERS` on purpose.
const METACHARACTERS: [char; 6] = ['*', '?', '$', '{', '}', '\\'];

/// Operations that upload objects, or belong to an upload.
const WRITES: [&str; 11] = [
    "AbortMultipartUpload",
    "AppendObject",
    "CompleteMultipartUpload",
    "InitiateMultipartUpload",
    "ListMultipartUploads",
    "ListParts",
    "PostObject",
    "PutObject",
    "PutObjectCopy",
    "UploadPart",
    "UploadPartCopy",
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::is_inside;
    use crate::auth::{Claim, Claims};
    use crate::grant::GrantDefinition;
    use crate::grant::limits::{ContentType, Limits};
    use crate::grant::operation::{Operation, Preset};

    const HERE: &str = "qcs::cos:ap-guangzhou:uid/1250000000:examplebucket-1250000000/";

    fn granted(limits: Limits) -> GrantDefinition {
        let service = [Operation::parse("GetService").unwrap()];
        GrantDefinition::for_tests(
            "users/{sub}/",
            &[Preset::Upload, Preset::Download],
            &service,
            limits,
        )
    }

    fn policy(actions: &[&str], resource: &str, condition: &Value) -> Value {
        let mut statement = json!({"effect": "allow", "action": actions, "resource": [resource]});
        if !condition.is_null() {
            statement["condition"] = condition.clone();
        }
        json!({"version": "2.0", "statement": [statement]})
    }

    fn judged(policy: &Value, grant: &GrantDefinition, subject: &str) -> bool {
        let claims = Claims::of_subject(subject);
        is_inside(&policy.to_string(), &[grant], &claims)
    }

    fn strip_base_path(action: &str, key: &str) -> bool {
        let policy = policy(&[action], &format!("{HERE}{key}"), &Value::Null);
        judged(&policy, &granted(Limits::default()), "u-1")
    }

    #[test]
    fn what_is_below_is_inside() {
        for key in ["users/u-1/a", "users/u-1/a/*", "users/u-1/*"] {
            assert!(strip_base_path("name/cos:PutObject", key), "{key}");
        }
        let service = policy(&["name/cos:GetService"], "*", &Value::Null);
        assert!(judged(&service, &granted(Limits::default()), "u-1"));
    }

    #[test]
    fn a_wider_policy_is_outside() {
        for key in [
            "users/u-1",
            "users/u-12/a",
            "users/u-1*",
            "users/u-1/a*",
            "*",
            "",
            "users/*",
            "users/u-1/*/a",
            "users/u-1/${uin}",
            "users/u-1/?",
            "users/u-2/a",
            "USERS/u-1/a",
        ] {
            assert!(!strip_base_path("name/cos:PutObject", key), "{key}");
        }
        let words = "name/cos:DeleteObject name/cos:* * cos:PutObject name/cos:Put* \
            name/cos:GetService";
        for action in words.split(' ') {
            assert!(!strip_base_path(action, "users/u-1/a"), "{action}");
        }
        for place in [
            "*",
            "",
            "qcs::cos:ap-beijing:uid/1250000000:examplebucket-1250000000/users/u-1/a",
            "qcs::cos:ap-guangzhou:uid/1250000001:examplebucket-1250000000/users/u-1/a",
            "qcs::cos:ap-guangzhou:uid/1250000000:other-1250000000/users/u-1/a",
        ] {
            let elsewhere = policy(&["name/cos:PutObject"], place, &Value::Null);
            assert!(
                !judged(&elsewhere, &granted(Limits::default()), "u-1"),
                "{place}"
            );
        }
    }

    #[test]
    fn what_is_no_plain_policy_is_outside() {
        let grant = granted(Limits::default());
        for text in [
            "",
            "[]",
            "{}",
            r#"{"version":"2.0"}"#,
            r#"{"version":"2.0","statement":[]}"#,
        ] {
            assert!(
                !is_inside(text, &[&grant], &Claims::of_subject("u-1")),
                "{text}"
            );
        }
        let good = policy(
            &["name/cos:PutObject"],
            &format!("{HERE}users/u-1/a"),
            &Value::Null,
        );
        assert!(judged(&good, &grant, "u-1"));
        for (member, value) in [
            ("effect", json!("deny")),
            ("principal", json!("*")),
            ("action", json!("name/cos:PutObject")),
        ] {
            let mut odd = good.clone();
            odd["statement"][0][member] = value;
            assert!(!judged(&odd, &grant, "u-1"), "{odd}");
        }
        assert!(!judged(
            &policy(&[], &format!("{HERE}users/u-1/a"), &Value::Null),
            &grant,
            "u-1"
        ));
        assert!(!is_inside(
            &good.to_string(),
            &[],
            &Claims::of_subject("u-1")
        ));
    }

    #[test]
    fn a_hostile_claim_puts_everything_outside() {
        for subject in ["*", "..", ".", "", "a/b", "${uin}", "u?", "{sub}", "a\\"] {
            let written = policy(
                &["name/cos:PutObject"],
                &format!("{HERE}users/{subject}/a"),
                &Value::Null,
            );
            assert!(
                !judged(&written, &granted(Limits::default()), subject),
                "{subject}"
            );
        }
        let flag = {
            let mut claims = Claims::default();
            claims.add("sub", Claim::Flag(true));
            claims
        };
        let written = policy(
            &["name/cos:PutObject"],
            &format!("{HERE}users/true/a"),
            &Value::Null,
        );
        assert!(!is_inside(
            &written.to_string(),
            &[&granted(Limits::default())],
            &flag
        ));
    }

    #[test]
    fn a_limit_without_its_condition_is_outside() {
        let grant = granted(Limits {
            extensions: vec![crate::grant::Extension::parse("jpg").unwrap()],
            max_size_bytes: Some(10),
            content_types: vec![ContentType::parse("image/*").unwrap()],
            source_ip: vec!["10.0.0.0/8".to_owned(), "192.0.2.1".to_owned()],
        });
        let full = json!({"ip_equal": {"qcs:ip": ["10.0.0.0/8", "192.0.2.1"]}, "numeric_less_than_equal": {"cos:content-length": 10},
            "numeric_greater_than_equal": {"cos:content-length": 1}, "string_like": {"cos:content-type": "image/*"}});
        let put = |condition: &Value, key: &str| {
            let policy = policy(
                &["name/cos:PutObject"],
                &format!("{HERE}users/u-1/{key}"),
                condition,
            );
            judged(&policy, &grant, "u-1")
        };
        assert!(put(&full, "a.jpg"));
        for key in ["a", "a.png", "*", "a.jpg/*", "ajpg"] {
            assert!(!put(&full, key), "{key}");
        }
        for (operator, weaker) in [
            ("ip_equal", json!({"qcs:ip": ["10.0.0.0/8", "0.0.0.0/0"]})),
            ("ip_equal", json!({"qcs:ip": []})),
            ("numeric_less_than_equal", json!({"cos:content-length": 11})),
            (
                "numeric_less_than_equal",
                json!({"cos:content-length": "x"}),
            ),
            (
                "numeric_greater_than_equal",
                json!({"cos:content-length": 0}),
            ),
            ("string_like", json!({"cos:content-type": "*"})),
            (
                "string_like",
                json!({"cos:content-type": ["image/*", "text/*"]}),
            ),
            (
                "string_like_if_exist",
                json!({"cos:content-type": "image/*"}),
            ),
        ] {
            let mut condition = full.clone();
            condition[operator] = weaker;
            assert!(!put(&condition, "a.jpg"), "{condition}");
        }
        for operator in [
            "ip_equal",
            "numeric_less_than_equal",
            "numeric_greater_than_equal",
            "string_like",
        ] {
            let mut condition = full.clone();
            condition.as_object_mut().unwrap().remove(operator);
            assert!(!put(&condition, "a.jpg"), "{condition}");
        }
        assert!(!put(&Value::Null, "a.jpg"));
    }
}
