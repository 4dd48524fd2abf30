//! The audit event: one line for each decision about credentials.
//!
//! # Guarantees
//! The subject is a hash. No member contains a secret, a body or a string to sign.

use std::time::Duration;

use tracing::info;

use crate::auth::Principal;
use crate::error::ErrorInfo;
use crate::grant::Authorized;
use crate::metrics::RequestLabels;
use crate::request::{ClientAddress, RequestId, Route};
use crate::sts::Credentials;

/// What is known of a decision so far.
pub(crate) struct AuditEvent {
    id: RequestId,
    /// Probes and preflights decide nothing, so they leave no line.
    pub(crate) is_recorded: bool,
    route: &'static str,
    /// The same for metrics, with the authentication method.
    pub(crate) labels: RequestLabels,
    address: Option<ClientAddress>,
    proof: Option<&'static str>,
    caller: Option<String>,
    subject: Option<String>,
    grant: Option<String>,
    session_name: Option<String>,
    /// Claims that grants name, present but of a type that cannot match.
    pub(crate) wrong_type_claims: Option<String>,
    /// What the cache had.
    pub(crate) cache: Option<&'static str>,
    /// Why it was refused.
    rule: Option<&'static str>,
    expiry: Option<i64>,
    sts_request_id: Option<String>,
}

impl AuditEvent {
    /// Nothing is known yet.
    pub(crate) fn new(id: &RequestId) -> Self {
        Self {
            id: id.clone(),
            is_recorded: true,
            route: "none",
            labels: RequestLabels::default(),
            address: None,
            proof: None,
            caller: None,
            subject: None,
            grant: None,
            session_name: None,
            wrong_type_claims: None,
            cache: None,
            rule: None,
            expiry: None,
            sts_request_id: None,
        }
    }

    pub(crate) fn routed(&mut self, route: Route) {
        self.route = route.name();
        self.labels.route = Some(route);
    }

    pub(crate) fn arrived_from(&mut self, address: Option<ClientAddress>) {
        self.address = address;
    }

    pub(crate) fn authenticated(&mut self, principal: &Principal) {
        self.caller = Some(principal.name().to_owned());
        self.proof = Some(principal.method().name());
        self.labels.auth_method = Some(principal.method());
        self.subject = principal.subject_hash().map(str::to_owned);
    }

    pub(crate) fn authorized(&mut self, authorized: &Authorized) {
        self.grant = Some(authorized.grants().to_owned());
        self.session_name = Some(authorized.session_name().to_owned());
    }

    pub(crate) fn issued(&mut self, credentials: &Credentials) {
        self.expiry = Some(credentials.expiry.unix_seconds());
        self.sts_request_id = Some(credentials.sts_request_id.clone());
    }

    pub(crate) fn refused(&mut self, code: ErrorInfo) {
        self.rule = Some(code.name);
    }

    /// Writes the line.
    pub(crate) fn record(mut self, status: u16, elapsed: Duration) {
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        self.write(self.rule.unwrap_or("granted"), Some(status), Some(elapsed_ms));
        self.is_recorded = false;
    }

    fn write(&self, rule: &str, status: Option<u16>, elapsed_ms: Option<u64>) {
        if !self.is_recorded {
            return;
        }
        info!(
            request_id = self.id.as_str(),
            route = self.route,
            client_address = self.address.map(|address| tracing::field::display(address.address)),
            client_address_source = self.address.map(|address| address.source.name()),
            proof = self.proof,
            caller = self.caller,
            subject = self.subject,
            grant = self.grant,
            session_name = self.session_name,
            wrong_type_claims = self.wrong_type_claims,
            cache = self.cache,
            rule,
            status,
            expiry = self.expiry,
            sts_request_id = self.sts_request_id,
            elapsed_ms,
            "decision"
        );
    }
}

/// The server ended in the middle of the request. STS may have been called.
impl Drop for AuditEvent {
    fn drop(&mut self) {
        self.write("abandoned", None, None);
    }
}

/// Writes the line of an event that no request could be read from.
pub(crate) fn record_unreadable(id: &RequestId, code: ErrorInfo) {
    info!(request_id = id.as_str(), rule = code.name, status = code.status.as_u16(), "decision");
}
