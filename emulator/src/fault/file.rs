//! Rules as text: TOML files and the JSON of the admin API, with the same members.
//!
//! # Guarantees
//! An unknown member, a member that the kind does not know, and a missing one are errors; nothing
//! is ignored.

use std::time::Duration;

use serde::Deserialize;

use super::rule::{BadFault, FaultRule};
use super::{Fault, Member, Service, WhichKey};

impl FaultRule {
    /// The rules of a file: `[[fault]]` tables.
    ///
    /// # Errors
    /// [`BadFault`], which names the line.
    pub fn from_toml(text: &str) -> Result<Vec<Self>, BadFault> {
        rules(text)
    }

    /// One rule as JSON, with the members that a `[[fault]]` table has.
    ///
    /// # Errors
    /// [`BadFault`].
    pub fn from_json(value: &serde_json::Value) -> Result<Self, BadFault> {
        rule(value)
    }
}

fn rules(text: &str) -> Result<Vec<FaultRule>, BadFault> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        fault: Vec<toml::Spanned<Written>>,
    }
    let file: File =
        toml::from_str(text).map_err(|error| BadFault(error.to_string().trim_end().to_owned()))?;
    let mut rules = Vec::new();
    for written in file.fault {
        let start = written.span().start;
        let line = text.get(..start).map_or(0, |before| before.matches('\n').count());
        let rule = written.into_inner().rule();
        rules.push(rule.map_err(|BadFault(error)| {
            BadFault(format!("the [[fault]] at line {}: {error}", line.saturating_add(1)))
        })?);
    }
    Ok(rules)
}

fn rule(value: &serde_json::Value) -> Result<FaultRule, BadFault> {
    Written::deserialize(value).map_err(|error| BadFault(error.to_string()))?.rule()
}

/// A rule as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    service: Service,
    kind: Kind,
    action: Option<String>,
    nth: Option<u64>,
    from: Option<u64>,
    every: Option<u64>,
    burst: Option<u64>,
    times: Option<u64>,
    probability: Option<f64>,
    // What one kind or another needs.
    bytes: Option<usize>,
    code: Option<String>,
    content_type: Option<String>,
    body: Option<String>,
    delay_ms: Option<u64>,
    jitter_ms: Option<u64>,
    key: Option<WhichKey>,
    member: Option<Member>,
    message: Option<String>,
    pause_ms: Option<u64>,
    per_second: Option<u32>,
    seconds: Option<i64>,
    status: Option<u16>,
}

/// The names of [`Fault::kind`].
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Close,
    CutAfter,
    DnsFail,
    Empty,
    Error,
    Expired,
    ExpiredNow,
    Http,
    Latency,
    MalformedJson,
    Outage,
    RevokeKey,
    SlowBody,
    StalePair,
    Throttle,
    TlsFail,
    Without,
    WrongClock,
}

impl Written {
    fn rule(mut self) -> Result<FaultRule, BadFault> {
        let fault = self.fault()?;
        let jitter_ms = self.jitter_ms.unwrap_or_default();
        if let Some(name) = self.left_over() {
            return Err(BadFault(format!("`{}` does not accept `{name}`", fault.kind())));
        }
        FaultRule {
            service: self.service,
            action: self.action,
            nth: self.nth,
            from: self.from,
            every: self.every,
            burst: self.burst,
            times: self.times,
            probability: self.probability,
            jitter_ms,
            fault,
        }
        .checked()
    }

    /// Takes out what the kind needs.
    fn fault(&mut self) -> Result<Fault, BadFault> {
        Ok(match self.kind {
            Kind::Close => Fault::CloseBefore,
            Kind::CutAfter => {
                Fault::CloseAfter { bytes: needed("cut-after", "bytes", self.bytes.take())? }
            }
            Kind::DnsFail => Fault::DnsFailure,
            Kind::Empty => Fault::Empty(needed("empty", "member", self.member.take())?),
            Kind::Error => Fault::ApiError {
                code: needed("error", "code", self.code.take())?,
                message: self.message.take().unwrap_or_default(),
            },
            Kind::Expired => {
                let seconds = needed("expired", "seconds", self.seconds.take())?;
                Fault::Expired {
                    seconds_ago: u32::try_from(seconds)
                        .map_err(|_| BadFault("`seconds` is how long ago: not negative".into()))?,
                }
            }
            Kind::ExpiredNow => Fault::ExpiredNow,
            Kind::Http => Fault::Http {
                status: needed("http", "status", self.status.take())?,
                content_type: self.content_type.take().unwrap_or_else(|| "text/plain".to_owned()),
                body: self.body.take().unwrap_or_default().into_bytes(),
            },
            Kind::Latency => {
                let delay_ms = needed("latency", "delay_ms", self.delay_ms.take())?;
                Fault::Delay(Duration::from_millis(delay_ms))
            }
            Kind::MalformedJson => Fault::Malformed,
            Kind::Outage => Fault::Outage,
            Kind::RevokeKey => Fault::RevokeKey(self.key.take().unwrap_or_default()),
            Kind::SlowBody => Fault::SlowBody {
                bytes: needed("slow-body", "bytes", self.bytes.take())?,
                pause: Duration::from_millis(needed(
                    "slow-body",
                    "pause_ms",
                    self.pause_ms.take(),
                )?),
            },
            Kind::StalePair => Fault::StalePair,
            Kind::Throttle => Fault::Throttle {
                per_second: needed("throttle", "per_second", self.per_second.take())?,
            },
            Kind::TlsFail => Fault::TlsFailure,
            Kind::Without => Fault::Without(needed("without", "member", self.member.take())?),
            Kind::WrongClock => Fault::WrongClock {
                seconds: needed("wrong-clock", "seconds", self.seconds.take())?,
            },
        })
    }

    /// A member that nothing took.
    fn left_over(&self) -> Option<&'static str> {
        [
            ("body", self.body.is_some()),
            ("bytes", self.bytes.is_some()),
            ("code", self.code.is_some()),
            ("content_type", self.content_type.is_some()),
            ("delay_ms", self.delay_ms.is_some()),
            ("key", self.key.is_some()),
            ("member", self.member.is_some()),
            ("message", self.message.is_some()),
            ("pause_ms", self.pause_ms.is_some()),
            ("per_second", self.per_second.is_some()),
            ("seconds", self.seconds.is_some()),
            ("status", self.status.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_there)| is_there.then_some(name))
    }
}

fn needed<T>(kind: &str, name: &str, value: Option<T>) -> Result<T, BadFault> {
    value.ok_or_else(|| BadFault(format!("`{kind}` needs `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::rules;

    #[test]
    fn every_kind_can_be_written_and_is_the_kind_it_names() {
        let kinds = [
            "close",
            "cut-after\"\nbytes = 3 #",
            "dns-fail",
            "empty\"\nmember = \"Token\" #",
            "error\"\ncode = \"InternalError\" #",
            "expired\"\nseconds = 3 #",
            "expired-now",
            "http\"\nstatus = 500 #",
            "latency\"\ndelay_ms = 3\njitter_ms = 4 #",
            "malformed-json",
            "outage",
            "revoke-key",
            "slow-body\"\nbytes = 3\npause_ms = 4 #",
            "stale-pair",
            "throttle\"\nper_second = 3 #",
            "tls-fail",
            "without\"\nmember = \"Token\" #",
            "wrong-clock\"\nseconds = -3 #",
        ];
        for kind in kinds {
            let text = format!("[[fault]]\nservice = \"sts\"\nkind = \"{kind}\"\n");
            let read = rules(&text).unwrap();
            assert_eq!(read.len(), 1);
            let name = kind.split('"').next().unwrap();
            assert_eq!(read[0].fault.kind(), name);
        }
        assert!(rules("").unwrap().is_empty());
    }

    #[test]
    fn invalid_rules_are_refused_with_their_line() {
        let first = "[[fault]]\nservice = \"sts\"\nkind = \"outage\"\n\n";
        for (rest, expected) in NONSENSE {
            let error = rules(&format!("{first}[[fault]]\n{rest}\n")).unwrap_err();
            assert!(error.0.contains(expected), "{rest}: {error}");
            assert!(error.0.contains("line "), "{rest}: {error}");
        }
    }

    /// The rest of a table, and a part of the error.
    const NONSENSE: [(&str, &str); 26] = [
        (
            "service = \"sts\"\nkind = \"http\"\nstatus = 500\ncontent_type = \"a\\r\\nX: y\"",
            "`content_type` could not be a header",
        ),
        (
            "service = \"sts\"\nkind = \"latency\"\ndelay_ms = 3600001",
            "`delay_ms` is at most an hour",
        ),
        (
            "service = \"sts\"\nkind = \"latency\"\ndelay_ms = 1\njitter_ms = 3600001",
            "`jitter_ms` is at most an hour",
        ),
        (
            "service = \"sts\"\nkind = \"slow-body\"\nbytes = 1\npause_ms = 3600001",
            "`pause_ms` is at most an hour",
        ),
        ("service = \"sts\"\nkind = \"outage\"\nnht = 1", "nht"),
        ("service = \"s3\"\nkind = \"outage\"", "s3"),
        ("service = \"sts\"\nkind = \"chaos\"", "chaos"),
        ("kind = \"outage\"", "service"),
        ("service = \"sts\"", "kind"),
        ("service = \"sts\"\nkind = \"latency\"", "line 5: `latency` needs `delay_ms`"),
        ("service = \"sts\"\nkind = \"outage\"\nbytes = 1", "`outage` does not accept `bytes`"),
        ("service = \"sts\"\nkind = \"outage\"\njitter_ms = 1", "does not accept `jitter_ms`"),
        ("service = \"sts\"\nkind = \"outage\"\nnth = 0", "nth"),
        ("service = \"sts\"\nkind = \"outage\"\nnth = -1", "nth"),
        ("service = \"sts\"\nkind = \"outage\"\nnth = 1\nevery = 2", "omit `from`"),
        ("service = \"sts\"\nkind = \"outage\"\nprobability = 1.5", "from 0 to 1"),
        ("service = \"sts\"\nkind = \"outage\"\nprobability = nan", "from 0 to 1"),
        ("service = \"sts\"\nkind = \"http\"\nstatus = 99", "200 to 999"),
        ("service = \"sts\"\nkind = \"http\"\nstatus = 1000", "200 to 999"),
        ("service = \"sts\"\nkind = \"slow-body\"\nbytes = 0\npause_ms = 1", "at least 1"),
        ("service = \"sts\"\nkind = \"throttle\"\nper_second = 1\nnth = 1", "omit `nth`"),
        ("service = \"sts\"\nkind = \"dns-fail\"\nnth = 1", "whole run"),
        ("service = \"sts\"\nkind = \"tls-fail\"\naction = \"a\"", "omit `action`"),
        ("service = \"gateway\"\nkind = \"stale-pair\"", "means nothing to `gateway`"),
        ("service = \"cos\"\nkind = \"without\"\nmember = \"Token\"", "nothing to `cos`"),
        ("service = \"sts\"\nkind = \"expired\"\nseconds = -1", "not negative"),
    ];
}
