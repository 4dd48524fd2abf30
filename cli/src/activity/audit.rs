//! The function's audit line about one request, read from its log.

use serde_json::{Map, Value};

/// What the function logged about a decision.
#[derive(Clone)]
pub(super) struct Audit {
    pub(super) key_name: Option<String>,
    /// A hash.
    pub(super) subject: Option<String>,
    /// Why it was refused.
    pub(super) code: Option<String>,
    /// Every member of the line.
    pub(super) members: Map<String, Value>,
}

impl Audit {
    /// The request id and the decision of a line, if it is one.
    pub(super) fn parse(line: &str) -> Option<(String, Self)> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        // One of several functions has its name in front.
        let named = line.split_once(" | ").filter(|(name, _)| !name.contains('{'));
        let line = named.map_or(line, |(_, line)| line);
        let members: Map<String, Value> = serde_json::from_str(line).ok()?;
        let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
        if text("message")? != "decision" {
            return None;
        }
        let id = text("request_id")?;
        let (key_name, subject, code) = (text("key_name"), text("subject"), text("code"));
        Some((id, Self { key_name, subject, code, members }))
    }
}

const MAX_LINE_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::Audit;

    #[test]
    fn only_a_decision_is_an_audit_line() {
        let line = r#"{"level":"INFO","message":"decision","request_id":"a","code":"AuthFailure.Token","key_name":"user-1"}"#;
        let (id, audit) = Audit::parse(line).unwrap();
        assert_eq!(id, "a");
        assert_eq!(
            (audit.code.as_deref(), audit.key_name.as_deref(), audit.subject),
            (Some("AuthFailure.Token"), Some("user-1"), None)
        );
        assert_eq!(Audit::parse(&format!("uploads | {line}")).unwrap().0, "a");
        for other in [
            "",
            "uploads | ",
            "START RequestId: a",
            "{}",
            r#"{"message":"decision"}"#,
            r#"{"message":"a","request_id":"a"}"#,
        ] {
            assert!(Audit::parse(other).is_none(), "{other}");
        }
    }
}
