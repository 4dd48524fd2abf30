//! The form of the policies that are sent to STS.

use serde_json::Value;

/// Rejects every policy that does not have the exact form that is meant to be sent.
pub(crate) fn assert_plain(policy: &Value, explained: &dyn Fn() -> String) {
    let members =
        |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    let is_plain = members(policy).is_some_and(|names| {
        names == ["statement", "version"] || names == ["version", "statement"]
    });
    assert!(is_plain && policy["version"] == "2.0", "{}", explained());
    let statements = list(&policy["statement"]);
    assert!(!statements.is_empty() && policy.to_string().len() <= 3 * 6144, "{}", explained());
    for statement in statements {
        let mut names = members(statement).unwrap_or_default();
        names.retain(|name| name != "condition");
        names.sort();
        assert_eq!(names, ["action", "effect", "resource"], "{}", explained());
        assert_eq!(statement["effect"], "allow", "{}", explained());
        let (actions, resources) = (list(&statement["action"]), list(&statement["resource"]));
        assert!(!actions.is_empty() && resources.len() == 1, "{}", explained());
        for action in actions {
            let known = text(action).strip_prefix("name/cos:").is_some_and(|name| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic())
            });
            assert!(known, "{}", explained());
        }
        assert!(has_plain_conditions(&statement["condition"]), "{}", explained());
        let resource = text(&resources[0]);
        if resource == "*" {
            assert_eq!(*actions, ["name/cos:GetService"], "{}", explained());
            continue;
        }
        let literal = resource.strip_suffix("/*").unwrap_or(resource);
        let is_literal = !literal.contains(['*', '\\'])
            && !literal.contains("${")
            && !literal.chars().any(char::is_control);
        let is_path = !literal.split('/').any(|segment| segment == "." || segment == "..");
        assert!(is_literal && is_path && resource.starts_with("qcs::cos:"), "{}", explained());
    }
}

fn has_plain_conditions(block: &Value) -> bool {
    let operators = block.as_object().into_iter().flatten();
    let keys = operators.flat_map(|(operator, keys)| {
        let keys = keys.as_object().expect("keys of an operator").iter();
        keys.map(move |(key, values)| {
            (operator.trim_end_matches("_if_exist"), key.as_str(), values)
        })
    });
    keys.into_iter().all(|(operator, key, values)| match (operator, key) {
        ("ip_equal", "qcs:ip")
        | ("string_like", "cos:content-type")
        | ("string_equal", "cos:x-cos-acl" | "vpc:requester_vpc") => {
            list(values).iter().all(Value::is_string)
        }
        ("bool_equal", "cos:secure-transport") => values == "true",
        ("numeric_greater_than_equal" | "numeric_less_than_equal", "cos:content-length") => {
            list(values).iter().all(Value::is_u64)
        }
        _ => false,
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
