//! Findings in a CAM policy.

use serde_json::Value;
use tencent::cam::{Action, Policy, PolicyError, new_access};
use tencent::percent::percent_encode;

use super::rules::Finding;

/// What is wrong with the text of a policy.
pub(super) fn findings(text: &str) -> Vec<Finding> {
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(PolicyError::Syntax(cause)) => {
            return vec![Finding::new(
                "invalid",
                cause.line(),
                format!("not a CAM policy: {cause}"),
            )];
        }
        Err(error @ (PolicyError::Empty | PolicyError::Long)) => {
            return vec![Finding::new("invalid", 1, error.to_string())];
        }
    };
    let lines = statement_lines(text);
    of_policy(&policy, &|index| lines.get(index).copied().unwrap_or(1))
}

/// What is wrong with a policy whose statements begin in these lines.
pub(super) fn of_policy(policy: &Policy, line: &dyn Fn(usize) -> usize) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(index) = policy.foreign_statement() {
        let text = format!("statement {index} allows actions outside COS and CI");
        found.push(Finding::new("foreign-service", line(index), text));
    } else if policy.is_full_access() {
        found.push(Finding::new("full-access", line(0), "the policy is full access to COS"));
    } else if policy.is_nearly_full_access() {
        let text = "the policy allows actions by a wildcard in buckets by a wildcard";
        found.push(Finding::new("wide-access", line(0), text));
    }
    for warning in policy.warnings() {
        found.push(Finding::new(warning.rule, line(warning.statement), warning.to_string()));
    }
    let json: Value = serde_json::from_str(policy.as_json()).unwrap_or_default();
    let statements = json.get("statement").and_then(Value::as_array).cloned().unwrap_or_default();
    for (index, statement) in statements.iter().enumerate() {
        if statement.get("effect").and_then(Value::as_str) == Some("allow") {
            found.extend(of_resources(index, statement, line(index)));
            found.extend(of_multipart(index, statement, line(index)));
        }
    }
    found.extend(redundant(policy, &statements, line));
    let encoded = percent_encode(policy.as_json()).to_string().len();
    if encoded > MAX_ENCODED {
        let text = format!(
            "the policy has {encoded} characters when it is encoded for STS; CAM accepts {MAX_ENCODED}, and \
             does not document which of the two it counts"
        );
        found.push(Finding::new("policy-too-long", line(0), text));
    }
    found
}

fn texts<'v>(statement: &'v Value, member: &str) -> impl Iterator<Item = &'v str> + use<'v> {
    let list = statement.get(member).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str)
}

fn of_resources(index: usize, statement: &Value, line: usize) -> Vec<Finding> {
    let mut found = Vec::new();
    for resource in texts(statement, "resource") {
        let path = resource.splitn(6, ':').nth(5).unwrap_or_default();
        let Some((_, key)) = path.split_once('/') else {
            continue;
        };
        let start = key.strip_suffix('*').unwrap_or(key);
        if start.contains('*') {
            let text = format!("statement {index}: `{resource}` has a `*` inside its key");
            found.push(Finding::new("inner-wildcard", line, text));
        } else if key.ends_with('*') && !start.is_empty() && !start.ends_with('/') {
            let text =
                format!("statement {index}: `{resource}` also covers keys such as `{start}0`");
            found.push(Finding::new("open-prefix", line, text));
        }
    }
    found
}

/// A limit next to actions that carry only a part of an object.
fn of_multipart(index: usize, statement: &Value, line: usize) -> Option<Finding> {
    let conditions = statement.get("condition").and_then(Value::as_object)?;
    let mut keys = conditions.values().filter_map(Value::as_object).flat_map(|keys| keys.keys());
    let key =
        keys.find(|key| ["cos:content-length", "cos:content-type"].contains(&key.as_str()))?;
    let covers = |action: &str| {
        let pattern = Action::try_from(action.to_owned()).ok()?;
        PARTS.into_iter().find(|part| pattern.covers(&format!("cos:{part}")))
    };
    let part = texts(statement, "action").find_map(covers)?;
    let text = format!(
        "statement {index}: the condition on `{key}` does not limit objects that {part} uploads"
    );
    Some(Finding::new("multipart-limit", line, text))
}

/// Statements that change nothing.
fn redundant(policy: &Policy, statements: &[Value], line: &dyn Fn(usize) -> usize) -> Vec<Finding> {
    if statements.len() < 2 || statements.len() > MAX_COMPARED {
        return Vec::new();
    }
    let is_redundant = |index: usize| {
        let others = statements.iter().enumerate().filter(|(other, _)| *other != index);
        let others: Vec<&Value> = others.map(|(_, statement)| statement).collect();
        let text = serde_json::json!({ "version": "2.0", "statement": others }).to_string();
        let Ok(without) = Policy::parse(&text) else {
            return false;
        };
        let [with, without] = [[policy.clone()], [without]];
        // Exact, or no finding.
        matches!(new_access(&without, &with), Ok(None))
            && matches!(new_access(&with, &without), Ok(None))
    };
    let redundant = (0..statements.len()).filter(|index| is_redundant(*index));
    let finding = |index| {
        let text = format!("statement {index} changes nothing: the others decide alike");
        Finding::new("redundant-statement", line(index), text)
    };
    redundant.map(finding).collect()
}

/// The lines in which the statements of a policy begin.
fn statement_lines(text: &str) -> Vec<usize> {
    let (mut found, mut depth, mut line) = (Vec::new(), 0_usize, 1_usize);
    let (mut in_text, mut is_escaped) = (false, false);
    for c in text.chars() {
        match c {
            '\n' => line = line.saturating_add(1),
            _ if is_escaped => is_escaped = false,
            '\\' if in_text => is_escaped = true,
            '"' => in_text = !in_text,
            '{' if !in_text => {
                // The policy is the first object; those directly inside of it are statements.
                if depth == 1 {
                    found.push(line);
                }
                depth = depth.saturating_add(1);
            }
            '}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

/// Requests that carry a part of an object.
const PARTS: [&str; 4] =
    ["UploadPart", "InitiateMultipartUpload", "CompleteMultipartUpload", "AppendObject"];

/// <https://www.tencentcloud.com/document/product/598/10665>, for the text itself.
const MAX_ENCODED: usize = 6144;

/// Each statement is compared with all others.
const MAX_COMPARED: usize = 20;
