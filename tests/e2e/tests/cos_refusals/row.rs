//! One row: a call and how it is refused. A group of rows: refused, each for its own reason, and
//! nothing changed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::{Sdk, World};

/// A call that is refused.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: &'static str,
    call: Value,
    status: u16,
    code: &'static str,
    reason: &'static str,
}

/// `method` with `params` is answered with this status and code, for a reason with these words. An
/// SDK has no code where an answer has no body (HEAD); that row has `""`.
pub(crate) fn row(
    name: &'static str,
    method: &str,
    params: Value,
    (status, code): (u16, &'static str),
    reason: &'static str,
) -> Row {
    let mut call = json!({"name": name, "method": method});
    call["params"] = params;
    Row { name, call, status, code, reason }
}

impl Row {
    /// The call uploads so many bytes.
    pub(crate) fn bytes(mut self, bytes: u32) -> Self {
        self.call["bytes"] = json!(bytes);
        self
    }

    /// The call is made with another credential than the issuer's answer.
    pub(crate) fn by(mut self, credential: &str) -> Self {
        self.call["as"] = json!(credential);
        self
    }
}

/// The policies have nothing that allows it.
pub(crate) const DENIED: (u16, &str) = (403, "AccessDenied");

impl World {
    /// All rows are refused to the issuer's own credential.
    pub(crate) async fn refuses(&self, sdk: Sdk, rows: &[Row]) {
        self.refuses_with(sdk, &BTreeMap::new(), rows).await;
    }

    /// All rows are refused.
    pub(crate) async fn refuses_with(
        &self,
        sdk: Sdk,
        credentials: &BTreeMap<&str, Value>,
        rows: &[Row],
    ) {
        let before = self.storage.snapshot().await.unwrap();
        let calls: Vec<Value> = rows.iter().map(|row| row.call.clone()).collect();
        let outcomes = self.call(sdk, credentials, &calls).await;
        assert_eq!(outcomes.len(), rows.len());
        let faults: Vec<String> = rows
            .iter()
            .zip(&outcomes)
            .filter_map(|(row, outcome)| self.fault(row, outcome))
            .collect();
        assert!(faults.is_empty(), "{sdk:?}:\n{}", faults.join("\n"));
        let after = self.storage.snapshot().await.unwrap();
        assert_eq!(before, after, "{sdk:?} changed something");
    }

    fn fault(&self, row: &Row, outcome: &Value) -> Option<String> {
        let code = outcome["code"].as_str().unwrap_or_default();
        let is_told = outcome["status"] == row.status && (row.code.is_empty() || code == row.code);
        let decisions = self.cloud.decisions();
        let record = decisions.iter().find(|record| record.request_id == outcome["request_id"]);
        // A refusal that depends on the body comes after authorization; only the answer has
        // that reason.
        let reason = record.and_then(|record| match &record.reason {
            Some(reason) => Some(reason.as_str()),
            None => outcome["reason"].as_str(),
        });
        if is_told && reason.is_some_and(|reason| reason.contains(row.reason)) {
            return None;
        }
        let Row { name, status, .. } = row;
        Some(format!(
            "{name}: expected {status} {} ({}), told {outcome}, noted {reason:?}",
            row.code, row.reason
        ))
    }
}
