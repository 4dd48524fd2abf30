//! Findings as text, as JSON, and as SARIF 2.1.0.
//!
//! SARIF: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use serde_json::{Value, json};

use super::rules::{Finding, RULES};

/// One finding as text.
pub(crate) fn as_text(finding: &Finding) -> String {
    format!(
        "{}:{}: {}[{}]: {}\n    fix: {}",
        finding.file.display(),
        finding.line,
        finding.level.name(),
        finding.rule,
        finding.message,
        finding.fix
    )
}

/// All findings as one array.
pub(crate) fn as_json(findings: &[Finding]) -> Value {
    json!(findings)
}

/// All findings as a SARIF log, which code hosts show next to the lines.
pub(crate) fn as_sarif(findings: &[Finding]) -> Value {
    let rules = RULES.iter().map(|rule| {
        json!({
            "id": rule.name,
            "shortDescription": { "text": rule.about },
            "help": { "text": rule.fix },
            "defaultConfiguration": { "level": rule.level.name() },
        })
    });
    let result = |finding: &Finding| {
        let uri = finding.file.display().to_string().replace('\\', "/");
        json!({
            "ruleId": finding.rule,
            "ruleIndex": RULES.iter().position(|rule| rule.name == finding.rule),
            "level": finding.level.name(),
            "message": { "text": format!("{} {}", finding.message, finding.fix) },
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": { "uri": uri },
                    "region": { "startLine": finding.line },
                },
            }],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "cos-issuer lint",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules.collect::<Vec<_>>(),
                },
            },
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}
