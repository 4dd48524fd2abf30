//! The log of authorization decisions and their reasons, for developers.
//!
//! # Guarantees
//!
//! Bounded in number and in the size of each. It contains no secret, token or signature. It can
//! contain values of requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use serde::Serialize;
use tencent::cam::{AccessRequest, Target};

use super::authenticate::Caller;
use super::verdict::AccessVerdict;
use crate::cos::error::CosError;
use crate::cos::http::request::RequestHead;
use crate::sync::lock;
use crate::trace::shortened;

/// How many decisions are kept.
const MAX_DECISIONS: usize = 1000;

/// How many accesses of one request are kept; the others are counted.
const MAX_ACCESSES: usize = 100;

/// One request to COS and its outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecord {
    /// The time, as `2026-01-01T00:00:00Z`.
    pub time: String,
    /// The `x-cos-request-id` of the response.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// `<bucket>/<key>`, or `*` for the service.
    pub target: String,
    /// The operation, as `PutObject`; empty when the request is not an operation.
    pub operation: String,
    /// The key that signed the request; `None` when authentication failed.
    pub secret_id: Option<String>,
    /// `root`, `user`, `federation`, `role-session` or `anonymous`.
    pub caller_kind: Option<&'static str>,
    /// The name of the user, token or session.
    pub caller_name: Option<String>,
    /// What the operation requires, each decided on its own.
    pub accesses: Vec<AccessRecord>,
    /// How many more accesses there were.
    pub accesses_left_out: usize,
    /// Whether the request is authorized; for several keys to delete, whether its signature is
    /// valid.
    #[serde(rename = "admitted")]
    pub is_authorized: bool,
    /// The error code of the response.
    pub code: Option<&'static str>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

/// The decision about one access.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccessRecord {
    /// As `name/cos:PutObject`.
    pub action: String,
    /// As `<bucket>/<key>`.
    pub target: String,
    /// Whether the policies allow it.
    #[serde(rename = "allowed")]
    pub is_allowed: bool,
    /// The rule that decided, in one sentence.
    pub reason: String,
    /// The same in a few words.
    #[serde(rename = "shortReason")]
    pub short_reason: String,
    /// The statements that match this action and target, as `statement 0 of the session policy`.
    pub statements: Vec<String>,
    /// Condition keys of the statements, with the values of the request.
    pub seen: BTreeMap<String, Vec<String>>,
    /// Condition keys of the statements that the request does not have.
    pub missing: Vec<String>,
}

impl DecisionRecord {
    pub(super) fn of(request: &RequestHead, operation: &str) -> Self {
        let target = request.address.bucket().map_or_else(
            || "*".to_owned(),
            |bucket| shortened(&format!("{}/{}", bucket.name, request.address.key())),
        );
        Self {
            time: request.now.iso_8601(),
            request_id: request.request_id.clone(),
            method: shortened(request.method.as_str()),
            target,
            operation: operation.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn caller(&mut self, caller: &Caller) {
        let Caller::Key(authenticated) = caller else {
            self.caller_kind = Some("anonymous");
            return;
        };
        self.secret_id = Some(authenticated.secret_id.clone());
        self.caller_kind = Some(authenticated.key.identity.kind());
        self.caller_name = Some(shortened(&authenticated.key.identity.name()));
    }

    pub(super) fn decided(&mut self, access: &AccessRequest, verdict: &AccessVerdict) {
        self.push(AccessRecord::of(access, verdict));
    }

    pub(super) fn foreign(&mut self, access: &AccessRequest, bucket: &str) {
        self.push(AccessRecord {
            action: access.action.clone(),
            target: name(&access.target),
            reason: format!("denied: `{bucket}` is not a bucket of this account"),
            short_reason: "the bucket belongs to another account".to_owned(),
            ..AccessRecord::default()
        });
    }

    /// The record with its outcome.
    pub(super) fn closed<T>(mut self, outcome: &Result<T, CosError>) -> Self {
        match outcome {
            Ok(_) => self.is_authorized = true,
            Err(error) => {
                self.code = Some(error.code);
                self.reason = error.reason.as_deref().map(shortened);
            }
        }
        self
    }

    fn push(&mut self, access: AccessRecord) {
        if self.accesses.len() < MAX_ACCESSES {
            self.accesses.push(access);
        } else {
            self.accesses_left_out = self.accesses_left_out.saturating_add(1);
        }
    }
}

impl AccessRecord {
    pub(super) fn of(access: &AccessRequest, verdict: &AccessVerdict) -> Self {
        let mut record = Self {
            action: access.action.clone(),
            target: name(&access.target),
            is_allowed: verdict.is_allowed(),
            reason: shortened(&verdict.to_string()),
            ..Self::default()
        };
        record.short_reason = verdict.short();
        if let Some(decision) = verdict.decision() {
            let matched = decision.matched().iter();
            record.statements = matched.map(|each| each.position.to_string()).collect();
            record.missing = decision.missing().into_iter().map(str::to_owned).collect();
            for (key, values) in decision.seen() {
                let values = values.iter().map(|value| shortened(value)).collect();
                record.seen.insert(key.to_owned(), values);
            }
        }
        record
    }
}

/// The last decisions.
#[derive(Default)]
pub(super) struct DecisionLog(Mutex<VecDeque<DecisionRecord>>);

impl DecisionLog {
    pub(super) fn push(&self, record: DecisionRecord) {
        let mut records = lock(&self.0);
        if records.len() >= MAX_DECISIONS {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(super) fn of(&self, request_id: &str) -> Option<DecisionRecord> {
        lock(&self.0).iter().rev().find(|record| record.request_id == request_id).cloned()
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
