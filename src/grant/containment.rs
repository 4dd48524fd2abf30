//! The last look before a credential is asked for: is what would be sent inside what was granted?
//!
//! Promises: it reads the text that would be sent and shares no code with what built it, so a defect there is caught here. What it is not
//! sure of is outside: a statement that does not allow, a condition, an action or resource that is no plain text.
//! Leaves out: policies that are the grant itself, and grants that are raw policies, which are not narrowed.

use serde_json::Value;

/// Whether each pair of action and resource in `issued` is covered by some pair in `granted`.
pub(super) fn is_inside(issued: &str, granted: &str) -> bool {
    if issued == granted {
        return true;
    }
    let (Some(issued), Some(granted)) = (pairs(issued), pairs(granted)) else {
        return false;
    };
    let covers = |(action, resource): &(String, String), pair: &(String, String)| {
        let is_covered = match resource.strip_suffix('*') {
            Some(prefix) => !prefix.contains('*') && pair.1.starts_with(prefix),
            None => pair.1 == *resource,
        };
        *action == pair.0 && is_covered
    };
    !issued.is_empty()
        && issued
            .iter()
            .all(|pair| granted.iter().any(|grant| covers(grant, pair)))
}

/// Every pair of an action and a resource that a policy allows; `None` when it says anything else.
fn pairs(policy: &str) -> Option<Vec<(String, String)>> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let mut pairs = Vec::new();
    for statement in policy.get("statement")?.as_array()? {
        let members = statement.as_object()?;
        if members.get("effect")? != "allow" || members.len() != 3 {
            return None;
        }
        for action in members.get("action")?.as_array()? {
            for resource in members.get("resource")?.as_array()? {
                let (action, resource) = (action.as_str()?, resource.as_str()?);
                // One wildcard, at the end, is all that we ever write.
                if action.contains('*')
                    || resource
                        .strip_suffix('*')
                        .unwrap_or(resource)
                        .contains(['*', '$'])
                {
                    return None;
                }
                pairs.push((action.to_owned(), resource.to_owned()));
            }
        }
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::is_inside;

    fn policy(actions: &[&str], resource: &str) -> Value {
        json!({"version": "2.0", "statement": [{"effect": "allow", "action": actions, "resource": [resource]}]})
    }

    #[track_caller]
    fn outside(issued: &Value) {
        let granted = policy(
            &["name/cos:PutObject", "name/cos:GetObject"],
            "qcs::cos:r:uid/1:b-1/users/*",
        );
        assert!(
            !is_inside(&issued.to_string(), &granted.to_string()),
            "{issued}"
        );
    }

    #[test]
    fn what_is_below_is_inside() {
        let granted = policy(
            &["name/cos:PutObject", "name/cos:GetObject"],
            "qcs::cos:r:uid/1:b-1/users/*",
        )
        .to_string();
        for resource in [
            "qcs::cos:r:uid/1:b-1/users/1/a",
            "qcs::cos:r:uid/1:b-1/users/1/*",
            "qcs::cos:r:uid/1:b-1/users/*",
        ] {
            assert!(
                is_inside(
                    &policy(&["name/cos:PutObject"], resource).to_string(),
                    &granted
                ),
                "{resource}"
            );
        }
        assert!(is_inside(&granted, &granted));
    }

    #[test]
    fn everything_else_is_outside() {
        for resource in [
            "qcs::cos:r:uid/1:b-1/users",
            "qcs::cos:r:uid/1:b-1/users2/a",
            "qcs::cos:r:uid/1:b-1/*",
            "qcs::cos:s:uid/1:b-1/users/a",
            "qcs::cos:r:uid/1:c-1/users/a",
            "*",
            "",
            "qcs::cos:r:uid/1:b-1/users/*/a",
            "qcs::cos:r:uid/1:b-1/users/${uin}",
        ] {
            outside(&policy(&["name/cos:PutObject"], resource));
        }
        for action in [
            "name/cos:DeleteObject",
            "name/cos:*",
            "*",
            "cos:PutObject",
            "name/cos:Put*",
        ] {
            outside(&policy(&[action], "qcs::cos:r:uid/1:b-1/users/a"));
        }
        outside(&policy(&[], "qcs::cos:r:uid/1:b-1/users/a"));
        outside(&json!({"version": "2.0", "statement": []}));
        outside(&json!({"version": "2.0"}));
        outside(&json!([]));
        let mut deny = policy(&["name/cos:PutObject"], "qcs::cos:r:uid/1:b-1/users/a");
        deny["statement"][0]["effect"] = json!("deny");
        outside(&deny);
        let mut condition = policy(&["name/cos:PutObject"], "qcs::cos:r:uid/1:b-1/users/a");
        condition["statement"][0]["condition"] = json!({});
        outside(&condition);
    }
}
