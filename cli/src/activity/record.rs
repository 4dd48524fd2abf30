//! One request, as people see it.

use std::fmt;

use cos_emulator::DecisionRecord;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use tencent::cam::Clause;

/// Which service was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Service {
    Cos,
    Issuer,
    Sts,
}

/// One request and its outcome.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) number: u64,
    /// Seconds since 1970, by the clock of the machine.
    pub(crate) time: i64,
    pub(crate) service: Service,
    pub(crate) method: String,
    /// The path, `<bucket>/<key>` or the action.
    pub(crate) target: String,
    pub(crate) operation: Option<String>,
    /// The port of the gateway.
    pub(crate) port: Option<u16>,
    pub(crate) status: Option<u16>,
    pub(crate) is_allowed: bool,
    pub(crate) who: Option<String>,
    /// What was issued.
    pub(crate) summary: String,
    /// Why it was refused.
    pub(crate) reason: String,
    pub(crate) fault: Option<&'static str>,
    pub(crate) request_id: Option<String>,
    /// The issued key, by its id.
    pub(crate) secret_id: Option<String>,
    /// The session policy in words, and as it was sent.
    pub(crate) clauses: Vec<Clause>,
    pub(crate) policy: Option<String>,
    /// COS's decision; the function's audit line.
    pub(crate) decision: Option<DecisionRecord>,
    pub(crate) audit: Option<Map<String, Value>>,
}

impl Record {
    pub(super) fn new(service: Service, method: &str, target: &str) -> Self {
        Self {
            number: 0,
            time: 0,
            service,
            method: method.to_owned(),
            target: target.to_owned(),
            operation: None,
            port: None,
            status: None,
            is_allowed: false,
            who: None,
            summary: String::new(),
            reason: String::new(),
            fault: None,
            request_id: None,
            secret_id: None,
            clauses: Vec::new(),
            policy: None,
            decision: None,
            audit: None,
        }
    }

    /// As `12:01:07`, in the time zone of the machine.
    fn clock_time(&self) -> String {
        let time = jiff::Timestamp::from_second(self.time).unwrap_or_default();
        time.to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string()
    }

    fn subject(&self) -> String {
        match self.service {
            Service::Issuer => format!("{} {}", self.method, self.target),
            Service::Sts => format!("STS {}", self.target),
            Service::Cos => {
                let operation = self.operation.as_deref().filter(|name| !name.is_empty());
                let key = self.target.split_once('/').map_or(self.target.as_str(), |(_, key)| key);
                format!("COS {} {key}", operation.unwrap_or(&self.method))
            }
        }
    }
}

/// The line of the terminal, aligned.
impl fmt::Display for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
        let (subject, time) = (printable(&self.subject()), self.clock_time());
        let text = if self.reason.is_empty() { &self.summary } else { &self.reason };
        let text = printable(text);
        let line = match self.service {
            Service::Issuer => {
                let who = printable(self.who.as_deref().unwrap_or("-"));
                format!("{time}  {status}  {subject:<16}  {who:<8}  {text}")
            }
            Service::Cos | Service::Sts => format!("{time}  {status}  {subject:<26}  {text}"),
        };
        formatter.write_str(line.trim_end())
    }
}

/// Without control characters, which a client may have sent to move the cursor.
fn printable(text: &str) -> String {
    text.chars().map(|each| if each.is_control() { '\u{fffd}' } else { each }).collect()
}

#[cfg(test)]
mod tests {
    use super::{Record, Service};

    /// The line without its time.
    fn line(record: &Record) -> String {
        record.to_string().split_off("00:00:00".len())
    }

    #[test]
    fn a_request_is_one_aligned_line() {
        let mut issued = Record::new(Service::Issuer, "GET", "/sign");
        issued.status = Some(200);
        issued.who = Some("user-1".to_owned());
        issued.summary = "upload users/user-1/*  30 min  (STS 1)".to_owned();
        let expected = "  200  GET /sign         user-1    upload users/user-1/*  30 min  (STS 1)";
        assert_eq!(line(&issued), expected);

        let mut refused = Record::new(Service::Cos, "PUT", "examplebucket-1250000000/secret/a.txt");
        refused.operation = Some("PutObject".to_owned());
        refused.status = Some(403);
        refused.reason = "session policy does not cover this key".to_owned();
        let expected = "  403  COS PutObject secret/a.txt  session policy does not cover this key";
        assert_eq!(line(&refused), expected);

        refused.target = "examplebucket-1250000000/a\u{1b}[2J".to_owned();
        refused.status = None;
        assert!(line(&refused).starts_with("  ---  COS PutObject a\u{fffd}[2J"));
    }
}
