//! A naive reading of the policies that are issued: exactly the form that is meant to be sent, and one evaluation of it.

use serde_json::{Map, Value};

use super::meaning::Access;

/// Whether the policy allows the access, to be on the safe side: `*` is expanded wherever it stands.
pub(crate) fn allows(policy: &Value, access: &Access) -> bool {
    let appid = |bucket: &str| bucket.rsplit('-').next().unwrap_or_default().to_owned();
    let target = access
        .bucket
        .as_ref()
        .filter(|_| access.operation != "GetService")
        .map(|bucket| {
            format!(
                "qcs::cos:{}:uid/{}:{bucket}/{}",
                access.region,
                appid(bucket),
                access.key
            )
        });
    list(&policy["statement"]).iter().any(|statement| {
        let on_action = list(&statement["action"])
            .iter()
            .any(|action| glob(text(action), &format!("name/cos:{}", access.operation)));
        let on_resource = list(&statement["resource"])
            .iter()
            .any(|resource| match &target {
                Some(target) => glob(text(resource), target),
                None => text(resource) == "*",
            });
        on_action && on_resource && conditions(&statement["condition"], access)
    })
}

/// Refuses every form but the one that is meant to be sent: what this reading does not know cannot hide in it.
pub(crate) fn assert_plain(policy: &Value, explained: &dyn Fn() -> String) {
    let members = |value: &Value| {
        value
            .as_object()
            .map(|object| object.keys().cloned().collect::<Vec<_>>())
    };
    let is_plain = members(policy).is_some_and(|names| {
        names == ["statement", "version"] || names == ["version", "statement"]
    });
    assert!(is_plain && policy["version"] == "2.0", "{}", explained());
    let statements = list(&policy["statement"]);
    assert!(
        !statements.is_empty() && policy.to_string().len() <= 3 * 6144,
        "{}",
        explained()
    );
    for statement in statements {
        let mut names = members(&statement).unwrap_or_default();
        names.retain(|name| name != "condition");
        names.sort();
        assert_eq!(names, ["action", "effect", "resource"], "{}", explained());
        assert_eq!(statement["effect"], "allow", "{}", explained());
        let (actions, resources) = (list(&statement["action"]), list(&statement["resource"]));
        assert!(
            !actions.is_empty() && resources.len() == 1,
            "{}",
            explained()
        );
        for action in &actions {
            let known = text(action).strip_prefix("name/cos:").is_some_and(|name| {
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic())
            });
            assert!(known, "{}", explained());
        }
        let resource = text(&resources[0]);
        if resource == "*" {
            assert_eq!(actions, ["name/cos:GetService"], "{}", explained());
            continue;
        }
        let literal = resource.strip_suffix("/*").unwrap_or(resource);
        let is_literal = !literal.contains(['*', '\\'])
            && !literal.contains("${")
            && !literal.chars().any(char::is_control);
        let is_path = !literal
            .split('/')
            .any(|segment| segment == "." || segment == "..");
        assert!(
            is_literal && is_path && resource.starts_with("qcs::cos:"),
            "{}",
            explained()
        );
    }
}

fn conditions(block: &Value, access: &Access) -> bool {
    let empty = Map::new();
    let operators = block.as_object().unwrap_or(&empty);
    operators.iter().all(|(operator, keys)| {
        let keys = keys.as_object().expect("keys of an operator");
        keys.iter()
            .all(|(key, values)| condition(operator, key, &list(values), access))
    })
}

fn condition(operator: &str, key: &str, values: &[Value], access: &Access) -> bool {
    let seen = match key {
        "cos:content-length" => access.content_length.map(|length| length.to_string()),
        "cos:content-type" => access.content_type.clone(),
        "qcs:ip" => Some(access.ip.to_string()),
        other => panic!("the condition key {other} is not one that is meant to be sent"),
    };
    let Some(seen) = seen else {
        return operator.ends_with("_if_exist");
    };
    let number = |value: &Value| value.as_u64().expect("a number");
    values
        .iter()
        .any(|value| match operator.trim_end_matches("_if_exist") {
            "ip_equal" => in_network(&seen, text(value)),
            "numeric_greater_than_equal" => {
                seen.parse::<u64>().is_ok_and(|seen| seen >= number(value))
            }
            "numeric_less_than_equal" => {
                seen.parse::<u64>().is_ok_and(|seen| seen <= number(value))
            }
            "string_like" => glob(text(value), &seen),
            other => panic!("the operator {other} is not one that is meant to be sent"),
        })
}

/// Networks of whole bytes, as the grants here have them.
fn in_network(seen: &str, network: &str) -> bool {
    let (address, bits) = network.split_once('/').expect("a network");
    let bytes = bits.parse::<usize>().expect("bits") / 8;
    seen.split('.')
        .zip(address.split('.'))
        .take(bytes)
        .all(|(seen, wanted)| seen == wanted)
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn list(value: &Value) -> Vec<Value> {
    value
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![value.clone()])
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
