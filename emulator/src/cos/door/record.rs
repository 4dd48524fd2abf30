//! What the door decided, and why, for a developer to look at.
//!
//! Promises: bounded, in number and in the size of each; no secret, no token, no signature. Values of a request can stand in it.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::{Value, json};
use tencent::cam::{AccessRequest, Target};

use super::super::ask::{Address, Ask};
use super::super::error::CosError;
use super::verify::Proven;
use crate::account::Verdict;
use crate::ledger::lock;

/// How many decisions are remembered.
const DECISIONS_MAX: usize = 1000;

/// How many accesses of one request are remembered; of the others there is the number.
const ACCESSES_MAX: usize = 100;

/// How much of a text that a client chose is remembered.
const CHARACTERS_MAX: usize = 1024;

/// One request at the door of COS, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// When, as `2026-01-01T00:00:00Z`.
    pub time: String,
    /// The `x-cos-request-id` of the answer.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// `<bucket>/<key>`, or `*` for the service.
    pub target: String,
    /// The operation, as `PutObject`; empty when the request is none.
    pub operation: String,
    /// The key that proved itself; `None` when none did.
    pub secret_id: Option<String>,
    /// `root`, `user`, `federation` or `role-session`.
    pub caller_kind: Option<&'static str>,
    /// The name of the user, token or session.
    pub caller_name: Option<String>,
    /// What the operation needs, each decided by itself.
    pub accesses: Vec<AccessRecord>,
    /// How many more accesses there were.
    pub accesses_left_out: usize,
    /// Whether the request came in. With several keys to delete: whether its signature did.
    pub is_admitted: bool,
    /// The error code answered.
    pub code: Option<&'static str>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// One access, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRecord {
    /// As `name/cos:PutObject`.
    pub action: String,
    /// As `<bucket>/<key>`.
    pub target: String,
    /// Whether the policies allow it.
    pub is_allowed: bool,
    /// The rule that decided, in one sentence.
    pub reason: String,
    /// The statements that were about this action and target, as `statement 0 of the session policy`.
    pub statements: Vec<String>,
    /// Condition keys that a statement asked for, with what the request has.
    pub seen: Vec<(String, Vec<String>)>,
    /// Condition keys that a statement asked for and the request has not.
    pub missing: Vec<String>,
}

impl DecisionRecord {
    /// The record as JSON, member by member.
    pub fn to_json(&self) -> Value {
        let accesses: Vec<Value> = self.accesses.iter().map(AccessRecord::to_json).collect();
        json!({
            "time": self.time,
            "requestId": self.request_id,
            "method": self.method,
            "target": self.target,
            "operation": self.operation,
            "secretId": self.secret_id,
            "callerKind": self.caller_kind,
            "callerName": self.caller_name,
            "accesses": accesses,
            "accessesLeftOut": self.accesses_left_out,
            "admitted": self.is_admitted,
            "code": self.code,
            "reason": self.reason,
        })
    }

    pub(super) fn of(ask: &Ask, operation: &str) -> Self {
        let target = match &ask.address {
            Address::Service => "*".to_owned(),
            Address::Bucket { bucket, key, .. } => shortened(&format!("{bucket}/{key}")),
        };
        Self {
            time: ask.now.iso_8601(),
            request_id: ask.request_id.clone(),
            method: shortened(ask.method.as_str()),
            target,
            operation: operation.to_owned(),
            secret_id: None,
            caller_kind: None,
            caller_name: None,
            accesses: Vec::new(),
            accesses_left_out: 0,
            is_admitted: false,
            code: None,
            reason: None,
        }
    }

    pub(super) fn caller(&mut self, proven: &Proven) {
        self.secret_id = Some(proven.secret_id.clone());
        self.caller_kind = Some(proven.key.identity.kind());
        self.caller_name = Some(shortened(&proven.key.identity.name()));
    }

    pub(super) fn decided(&mut self, access: &AccessRequest, verdict: &Verdict) {
        let decision = verdict.decision();
        let statements = decision.map(|decision| {
            let considered = decision.matched().iter();
            considered.map(|each| each.position.to_string()).collect()
        });
        let seen = decision.map(|decision| {
            let seen = decision.seen().into_iter();
            let values = |values: &[String]| values.iter().map(|value| shortened(value)).collect();
            seen.map(|(key, seen)| (key.to_owned(), values(seen)))
                .collect()
        });
        let missing = decision.map(|decision| {
            let missing = decision.missing().into_iter();
            missing.map(str::to_owned).collect()
        });
        self.push(AccessRecord {
            action: access.action.clone(),
            target: name(&access.target),
            is_allowed: verdict.is_allowed(),
            reason: shortened(&verdict.to_string()),
            statements: statements.unwrap_or_default(),
            seen: seen.unwrap_or_default(),
            missing: missing.unwrap_or_default(),
        });
    }

    pub(super) fn foreign(&mut self, access: &AccessRequest, bucket: &str) {
        self.push(AccessRecord {
            action: access.action.clone(),
            target: name(&access.target),
            is_allowed: false,
            reason: format!("denied: `{bucket}` is not a bucket of this account"),
            statements: Vec::new(),
            seen: Vec::new(),
            missing: Vec::new(),
        });
    }

    /// The record with its end.
    pub(super) fn closed<T>(mut self, outcome: &Result<T, CosError>) -> Self {
        match outcome {
            Ok(_) => self.is_admitted = true,
            Err(error) => {
                self.code = Some(error.code);
                self.reason = error.reason.as_deref().map(shortened);
            }
        }
        self
    }

    fn push(&mut self, access: AccessRecord) {
        if self.accesses.len() < ACCESSES_MAX {
            self.accesses.push(access);
        } else {
            self.accesses_left_out = self.accesses_left_out.saturating_add(1);
        }
    }
}

impl AccessRecord {
    fn to_json(&self) -> Value {
        let seen = self.seen.iter();
        let seen = seen.map(|(key, values)| (key.clone(), json!(values)));
        json!({
            "action": self.action,
            "target": self.target,
            "allowed": self.is_allowed,
            "reason": self.reason,
            "statements": self.statements,
            "seen": seen.collect::<serde_json::Map<String, Value>>(),
            "missing": self.missing,
        })
    }
}

/// The last decisions.
#[derive(Default)]
pub(super) struct Ring(Mutex<VecDeque<DecisionRecord>>);

impl Ring {
    pub(super) fn push(&self, record: DecisionRecord) {
        let mut records = lock(&self.0);
        if records.len() >= DECISIONS_MAX {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(super) fn all(&self) -> Vec<DecisionRecord> {
        lock(&self.0).iter().cloned().collect()
    }
}

fn name(target: &Target) -> String {
    match target {
        Target::Object { bucket, key, .. } => shortened(&format!("{bucket}/{key}")),
        Target::Role { name, .. } => name.clone(),
        Target::Service => "*".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    let mut shortened: String = text.chars().take(CHARACTERS_MAX).collect();
    if shortened.len() < text.len() {
        shortened.push('…');
    }
    shortened
}
