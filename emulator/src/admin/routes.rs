//! What the admin API does, once a request is admitted.
//!
//! Promises: an unknown member, or two orders in one request, are errors, and then nothing was done; nothing else changes state
//! than POST and DELETE.

use std::sync::Arc;

use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tencent::time::{Clock as _, Timestamp};

use super::Refusal;
use crate::clock::{moment, span_seconds};
use crate::control::Control;
use crate::fault::{FaultRule, RefusedFault};
use crate::net::{self, Body};

pub(super) struct Routes {
    pub(super) services: Vec<(&'static str, String)>,
    pub(super) control: Arc<Control>,
}

type Answer = Result<Response<Body>, Refusal>;

impl Routes {
    pub(super) fn answer(&self, method: &Method, path: &str, body: &[u8]) -> Answer {
        let below = path.strip_prefix("/_emulator");
        let route = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let route = route.unwrap_or("/unknown");
        let parts: Vec<&str> = route.split('/').filter(|part| !part.is_empty()).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", []) => ok(&self.root()),
            ("GET", ["clock"]) => ok(&self.time()),
            ("POST", ["clock"]) => self.move_clock(body),
            ("GET", ["decisions"]) => ok(&json!({ "decisions": self.control.decisions() })),
            ("GET", ["faults"]) => ok(&json!({ "faults": self.control.faults.list() })),
            ("POST", ["faults"]) => self.add_faults(body),
            ("DELETE", ["faults"]) => {
                self.control.faults.clear();
                ok(&json!({ "faults": [] }))
            }
            ("DELETE", ["faults", id]) => self.remove_fault(id),
            ("DELETE", ["keys", id]) => self.revoke(id),
            ("GET", ["trace"]) => Ok(self.trace()),
            (_, [] | ["clock" | "decisions" | "faults" | "trace"] | ["faults" | "keys", _]) => {
                Err(Refusal::new(405, "Method", "this route has other methods"))
            }
            _ => Err(Refusal::new(
                404,
                "NoSuchRoute",
                "there are /_emulator, and below it clock, decisions, faults, keys/<id> and trace",
            )),
        }
    }

    fn root(&self) -> Value {
        let services: serde_json::Map<String, Value> = self
            .services
            .iter()
            .map(|(name, url)| ((*name).to_owned(), json!(url)))
            .collect();
        json!({
            "services": services,
            "seed": self.control.chance.seed(),
            "clock": self.time(),
            "routes": ["clock", "decisions", "faults", "keys/<id>", "trace"],
            "traceFailure": self.control.trace.failure().map(|kind| kind.to_string()),
        })
    }

    fn time(&self) -> Value {
        let clock = &self.control.clock;
        json!({
            "now": clock.now().iso_8601(),
            "unixSeconds": clock.now().unix_seconds(),
            "offsetSeconds": clock.offset_seconds(),
            "frozen": clock.is_frozen(),
        })
    }

    fn move_clock(&self, body: &[u8]) -> Answer {
        let order: ClockOrder = read(body)?;
        let clock = &self.control.clock;
        let bad = |text: &str| Refusal::new(400, "BadClock", text);
        match order {
            ClockOrder::Advance(span) => {
                let seconds = span.seconds().ok_or_else(|| {
                    bad("`advance` is a number of seconds, or a text such as `31m`")
                })?;
                let then = clock.now().unix_seconds().checked_add(seconds);
                if then.and_then(Timestamp::from_unix_seconds).is_none() {
                    return Err(bad("`advance` would leave the years 1970 to 9999"));
                }
                clock.advance(seconds);
            }
            ClockOrder::Set(written) => clock.set(written.moment().ok_or_else(|| {
                bad("`set` is a moment of the years 1970 to 9999, as `2026-01-01T00:00:00Z`, or seconds since 1970")
            })?),
            ClockOrder::Frozen(true) => clock.freeze(),
            ClockOrder::Frozen(false) => clock.resume(),
            ClockOrder::Reset(true) => clock.reset(),
            ClockOrder::Reset(false) => return Err(bad("`reset` is true, or left out")),
        }
        ok(&self.time())
    }

    /// One rule or a list of them; all or none.
    fn add_faults(&self, body: &[u8]) -> Answer {
        let value: Value = read(body)?;
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        let bad = |text: String| Refusal::new(400, "BadFault", text);
        let rules: Result<Vec<FaultRule>, _> = values.iter().map(FaultRule::from_json).collect();
        let rules = rules.map_err(|error| bad(error.to_string()))?;
        let mut ids = Vec::new();
        for rule in rules {
            match self.control.faults.add(rule) {
                Ok(id) => ids.push(id),
                Err(error) => {
                    for id in ids {
                        self.control.faults.remove(id);
                    }
                    return Err(match error {
                        RefusedFault::TooMany => Refusal::new(409, "TooMany", error.to_string()),
                        RefusedFault::Bad(_) | RefusedFault::TooLate => bad(error.to_string()),
                    });
                }
            }
        }
        Ok(net::json(StatusCode::CREATED, &json!({ "ids": ids })))
    }

    fn remove_fault(&self, id: &str) -> Answer {
        let removed = id.parse().is_ok_and(|id| self.control.faults.remove(id));
        if removed {
            return ok(&json!({ "faults": self.control.faults.list() }));
        }
        Err(Refusal::new(404, "NoSuchFault", "no fault has this number"))
    }

    fn revoke(&self, id: &str) -> Answer {
        if self.control.directory.revoke(id) {
            return ok(&json!({ "revoked": id }));
        }
        Err(Refusal::new(404, "NoSuchKey", "no key has this id"))
    }

    fn trace(&self) -> Response<Body> {
        let lines: String = self
            .control
            .trace
            .lines()
            .iter()
            .map(|line| format!("{line}\n"))
            .collect();
        net::answer(StatusCode::OK, "application/x-ndjson", lines)
    }
}

/// What the clock is told, one thing at a time.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ClockOrder {
    Advance(Written),
    Frozen(bool),
    Reset(bool),
    Set(Written),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(i64),
    Text(String),
}

impl Written {
    fn seconds(&self) -> Option<i64> {
        match self {
            Self::Number(seconds) => Some(*seconds),
            Self::Text(text) => span_seconds(text),
        }
    }

    fn moment(&self) -> Option<Timestamp> {
        match self {
            Self::Number(seconds) => Timestamp::from_unix_seconds(*seconds),
            Self::Text(text) => moment(text),
        }
    }
}

fn read<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(400, "BadJson", error.to_string()))
}

fn ok(value: &Value) -> Answer {
    Ok(net::json(StatusCode::OK, value))
}
