//! The function's audit line about one request, read from its log.

use serde_json::{Map, Value};

/// What the function logged about a decision.
#[derive(Clone)]
pub(super) struct Audit {
    pub(super) caller: Option<String>,
    /// A hash.
    pub(super) subject: Option<String>,
    pub(super) rule: Option<String>,
    /// Every member of the line.
    pub(super) members: Map<String, Value>,
}

impl Audit {
    /// The request id and the decision of a line, if it is one.
    pub(super) fn parse(line: &str) -> Option<(String, Self)> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let members: Map<String, Value> = serde_json::from_str(line).ok()?;
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("message")? != "decision" {
            return None;
        }
        let id = text("request_id")?;
        let (caller, subject) = (text("caller"), text("subject"));
        let rule = text("rule").filter(|rule| rule != "granted");
        Some((id, Self { caller, subject, rule, members }))
    }
}

const MAX_LINE_BYTES: usize = 16 * 1024;
