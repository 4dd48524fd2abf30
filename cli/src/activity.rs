//! What happens in a running cloud, request by request: who asked, what was issued, what COS
//! allowed or refused, and why.
//!
//! ```text
//! audit line of the function ─┐
//! STS call ───────────────────┼─> Record ──> a line of the terminal, an event of the console
//! gateway call, COS call ─────┘
//! ```
//!
//! # Guarantees
//! Memory is bounded. No record contains a secret: keys appear by their id.

mod audit;
mod record;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use cos_emulator::{CosCall, GatewayCall, PlatformError, StsCall};
use tencent::cam::{Clause, Policy};
use tencent::time::{Clock as _, SystemClock};
use tokio::sync::watch;

use self::audit::Audit;
pub(crate) use self::record::{Record, Service};
use crate::callers::Callers;

/// The records of one cloud.
pub(crate) struct Activity {
    callers: Option<Arc<Callers>>,
    inner: Mutex<Inner>,
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    records: VecDeque<Arc<Record>>,
    /// By the request id of the function.
    audits: Recent<Audit>,
    /// By the id of the issued key.
    issued: Recent<Issued>,
    /// STS calls since the last request of the same session name.
    sts_calls: HashMap<String, u32>,
}

/// What a temporary key is.
#[derive(Clone, Default)]
pub(crate) struct Issued {
    pub(crate) who: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) seconds: Option<u64>,
    pub(crate) policy: Option<String>,
}

impl Issued {
    /// The session policy in words.
    pub(crate) fn clauses(&self) -> Vec<Clause> {
        let policy = self.policy.as_deref().and_then(|text| Policy::parse(text).ok());
        policy.map(|policy| policy.clauses()).unwrap_or_default()
    }

    /// As `upload, list users/user-1/*  30 min`.
    pub(crate) fn in_words(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for clause in self.clauses() {
            let text = clause.to_string();
            if !parts.contains(&text) {
                parts.push(text);
            }
        }
        let minutes = self.seconds.and_then(|seconds| seconds.checked_div(60)).unwrap_or_default();
        format!("{}  {minutes} min", parts.join("; "))
    }
}

impl Activity {
    pub(crate) fn new(callers: Option<Arc<Callers>>) -> Self {
        Self { callers, inner: Mutex::default(), last: watch::Sender::new(0) }
    }

    /// Keeps what a line of the function's log reports about a decision.
    pub(crate) fn function_output(&self, line: &str) {
        if let Some((id, audit)) = Audit::parse(line) {
            self.inner().audits.insert(id, audit);
        }
    }

    pub(crate) fn sts_call(&self, call: &StsCall) -> Arc<Record> {
        let mut inner = self.inner();
        let is_success = call.outcome == "Success";
        let issued = Issued {
            who: None,
            session_name: call.name.clone(),
            seconds: call.duration_seconds,
            policy: call.policy.clone(),
        };
        let mut record = Record::new(Service::Sts, "POST", &call.action);
        record.status = Some(200);
        record.is_allowed = is_success;
        record.request_id = Some(call.request_id.clone());
        record.summary = if is_success { issued.in_words() } else { call.outcome.clone() };
        if !is_success {
            record.reason.clone_from(&call.outcome);
        }
        record.clauses = issued.clauses();
        record.policy.clone_from(&call.policy);
        if let Some(name) = &call.name {
            let calls = inner.sts_calls.entry(name.clone()).or_default();
            *calls = calls.saturating_add(1);
        }
        if let Some(id) = &call.issued_secret_id {
            inner.issued.insert(id.clone(), issued);
        }
        self.push(&mut inner, record)
    }

    pub(crate) fn gateway_call(&self, call: &GatewayCall) -> Arc<Record> {
        let mut inner = self.inner();
        let id = call.request_id.as_deref();
        let audit = id.and_then(|id| inner.audits.of(id)).cloned();
        let mut record = Record::new(Service::Issuer, call.method.as_str(), &call.path);
        record.port = Some(call.port);
        record.request_id.clone_from(&call.request_id);
        record.status = call.status.map(|status| status.as_u16());
        record.is_allowed = call.status.is_some_and(|status| status.as_u16() < 400);
        record.fault = call.fault;
        record.secret_id.clone_from(&call.issued_secret_id);
        record.who = audit.as_ref().and_then(|audit| self.who(audit));
        record.reason = refusal(call, audit.as_ref());
        let issued = call.issued_secret_id.as_ref().and_then(|id| inner.issued.of_mut(id));
        if let Some(issued) = issued {
            if issued.who.is_none() {
                issued.who.clone_from(&record.who);
            }
            record.clauses = issued.clauses();
            record.policy.clone_from(&issued.policy);
            let (words, name) = (issued.in_words(), issued.session_name.clone());
            let calls = name.and_then(|name| inner.sts_calls.remove(&name)).unwrap_or_default();
            let source = if calls == 0 { "cached".to_owned() } else { format!("STS {calls}") };
            record.summary = format!("{words}  ({source})");
        }
        record.audit = audit.map(|audit| audit.members);
        self.push(&mut inner, record)
    }

    pub(crate) fn cos_call(&self, call: &CosCall) -> Arc<Record> {
        let mut inner = self.inner();
        let mut record = Record::new(Service::Cos, call.method.as_str(), &call.path);
        record.operation = Some(call.operation.clone());
        record.status = call.status.map(|status| status.as_u16());
        record.is_allowed = call.status.is_some_and(|status| status.as_u16() < 400);
        record.fault = call.fault;
        record.reason.clone_from(&call.reason);
        if let Some(decision) = &call.decision {
            record.request_id = Some(decision.request_id.clone());
            // A list names its prefix only in what it needs.
            let access = decision.accesses.first().filter(|access| access.target.contains('/'));
            record.target.clone_from(access.map_or(&decision.target, |access| &access.target));
            let issued = decision.secret_id.as_deref().and_then(|id| inner.issued.of(id));
            record.who = issued.and_then(|issued| issued.who.clone());
            record.clauses = issued.map(Issued::clauses).unwrap_or_default();
            record.policy = issued.and_then(|issued| issued.policy.clone());
            let refused = decision.accesses.iter().find(|access| !access.is_allowed);
            if let Some(refused) = refused {
                record.reason.clone_from(&refused.short_reason);
            }
            record.decision = Some(decision.clone());
        }
        if let Some(fault) = call.fault {
            record.reason = format!("injected fault `{fault}`");
        }
        self.push(&mut inner, record)
    }

    /// The records after this number, oldest first.
    pub(crate) fn since(&self, number: u64) -> Vec<Arc<Record>> {
        let inner = self.inner();
        inner.records.iter().filter(|record| record.number > number).map(Arc::clone).collect()
    }

    /// Changes with each record.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// What the key with this id is.
    pub(crate) fn issued(&self, secret_id: &str) -> Option<Issued> {
        self.inner().issued.of(secret_id).cloned()
    }

    fn who(&self, audit: &Audit) -> Option<String> {
        let callers = self.callers.as_deref();
        let known = audit.subject.as_deref().and_then(|hash| callers?.subject(hash));
        known.or_else(|| audit.key_name.clone().filter(|name| name != "anonymous"))
    }

    fn push(&self, inner: &mut Inner, mut record: Record) -> Arc<Record> {
        let number = self.last.borrow().saturating_add(1);
        record.number = number;
        record.time = SystemClock.now().unix_seconds();
        let record = Arc::new(record);
        if inner.records.len() >= MAX_RECORDS {
            inner.records.pop_front();
        }
        inner.records.push_back(Arc::clone(&record));
        self.last.send_replace(number);
        record
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why the function or the platform refused.
fn refusal(call: &GatewayCall, audit: Option<&Audit>) -> String {
    match (call.fault, &call.error) {
        (Some(fault), _) => format!("injected fault `{fault}`"),
        (None, Some(PlatformError::Throttled)) => format!(
            "{}; an instance serves one request at a time: raise --max-instances",
            PlatformError::Throttled
        ),
        (None, Some(error)) => error.to_string(),
        (None, None) => {
            let Some(text) = &call.refusal else {
                return String::new();
            };
            let body: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            let message = body.get("message").and_then(serde_json::Value::as_str);
            let code = audit.and_then(|audit| audit.code.as_deref()).unwrap_or_default();
            format!("{code} {}", message.unwrap_or_default()).trim().to_owned()
        }
    }
}

/// The last entries, by a text.
struct Recent<T>(VecDeque<(String, T)>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Recent<T> {
    fn insert(&mut self, key: String, value: T) {
        if self.0.len() >= MAX_RECORDS {
            self.0.pop_front();
        }
        self.0.push_back((key, value));
    }

    fn of(&self, key: &str) -> Option<&T> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    fn of_mut(&mut self, key: &str) -> Option<&mut T> {
        self.0.iter_mut().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

const MAX_RECORDS: usize = 1000;
