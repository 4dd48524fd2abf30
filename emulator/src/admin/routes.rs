//! What the admin API does, once a request is admitted.
//!
//! # Guarantees
//! An unknown member, or two orders in one request, are errors, and then nothing was done; nothing
//! else changes state than POST, PUT and DELETE.

use std::io;
use std::sync::Arc;

use http::{HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use tencent::time::{Clock as _, Timestamp};

use super::refusal::Refusal;
use crate::account::Directory;
use crate::clock::{EmulatedClock, moment};
use crate::cos::auth::Authorizer;
use crate::fault::{FaultRule, RefusedFault};
use crate::function::Function;
use crate::middleware::Middleware;
use crate::net::{self, Body};
use crate::state::CloudState;

pub(crate) struct Routes {
    pub(crate) services: Vec<(String, String)>,
    pub(crate) seed: u64,
    pub(crate) clock: Arc<EmulatedClock>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) middleware: Arc<Middleware>,
    pub(crate) state: Arc<CloudState>,
    /// With the names of their gateways.
    pub(crate) functions: Vec<(String, Arc<Function>)>,
}

type Outcome = Result<Response<Body>, Refusal>;

impl Routes {
    pub(super) fn respond(&self, method: &Method, path: &str, body: &[u8]) -> Outcome {
        let below = path.strip_prefix("/_emulator");
        let route = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let route = route.unwrap_or("/unknown");
        let parts: Vec<&str> = route.split('/').filter(|part| !part.is_empty()).collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", []) => ok(&self.root()),
            ("GET", ["clock"]) => ok(&self.time()),
            ("POST", ["clock"]) => self.move_clock(body),
            ("GET", ["decisions"]) => ok(&self.decisions()),
            ("GET", ["faults"]) => ok(&json!({ "faults": self.middleware.faults.list() })),
            ("POST", ["faults"]) => self.add_faults(body),
            ("DELETE", ["faults"]) => {
                self.middleware.faults.clear();
                ok(&json!({ "faults": [] }))
            }
            ("DELETE", ["faults", id]) => self.remove_fault(id),
            ("GET", ["instances"]) => ok(&self.instances()),
            ("DELETE", ["instances"]) => {
                self.recycle(None);
                ok(&self.instances())
            }
            ("DELETE", ["instances", process]) => self.recycle_one(process),
            ("DELETE", ["keys", id]) => self.revoke(id),
            ("GET", ["state"]) => Ok(self.state()),
            ("DELETE", ["state"]) => self.reset(),
            ("GET", ["trace"]) => Ok(self.trace()),
            (
                _,
                []
                | ["clock" | "decisions" | "faults" | "instances" | "state" | "trace"]
                | ["faults" | "instances" | "keys", _],
            ) => Err(Refusal::new(405, "Method", "this route has other methods")),
            _ => Err(Refusal::new(
                404,
                "NoSuchRoute",
                "there are /_emulator, and below it clock, decisions, faults, instances, keys/<id>, state and trace",
            )),
        }
    }

    fn root(&self) -> Value {
        let services: serde_json::Map<String, Value> =
            self.services.iter().map(|(name, url)| (name.clone(), json!(url))).collect();
        json!({
            "services": services,
            "seed": self.seed,
            "clock": self.time(),
            "routes": ["clock", "decisions", "faults", "instances", "keys/<id>", "state", "trace"],
            "traceFailure": self.middleware.trace.failure().map(|kind| kind.to_string()),
        })
    }

    fn decisions(&self) -> Value {
        json!({ "decisions": self.authorizer.decisions() })
    }

    fn time(&self) -> Value {
        let clock = &self.clock;
        json!({
            "now": clock.now().iso_8601(),
            "unixSeconds": clock.now().unix_seconds(),
            "offsetSeconds": clock.offset_seconds(),
            "frozen": clock.is_frozen(),
        })
    }

    fn move_clock(&self, body: &[u8]) -> Outcome {
        let order: ClockOrder = read(body)?;
        let clock = &self.clock;
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
    fn add_faults(&self, body: &[u8]) -> Outcome {
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
            match self.middleware.faults.add(rule) {
                Ok(id) => ids.push(id),
                Err(error) => {
                    for id in ids {
                        self.middleware.faults.remove(id);
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

    fn remove_fault(&self, id: &str) -> Outcome {
        let removed = id.parse().is_ok_and(|id| self.middleware.faults.remove(id));
        if removed {
            return ok(&json!({ "faults": self.middleware.faults.list() }));
        }
        Err(Refusal::new(404, "NoSuchFault", "no fault has this number"))
    }

    /// The instances of each gateway.
    fn instances(&self) -> Value {
        let each = self
            .functions
            .iter()
            .map(|(name, function)| json!({ "gateway": name, "instances": function.instances() }));
        json!({ "functions": each.collect::<Vec<_>>() })
    }

    fn recycle(&self, process: Option<i32>) -> usize {
        self.functions.iter().map(|(_, function)| function.recycle(process)).sum()
    }

    fn recycle_one(&self, process: &str) -> Outcome {
        let recycled = process.parse().map_or(0, |process| self.recycle(Some(process)));
        if recycled > 0 {
            return ok(&self.instances());
        }
        Err(Refusal::new(404, "NoSuchInstance", "no live instance has this process id"))
    }

    fn revoke(&self, id: &str) -> Outcome {
        if self.directory.revoke(id) {
            return ok(&json!({ "revoked": id }));
        }
        Err(Refusal::new(404, "NoSuchKey", "no key has this id"))
    }

    /// What COS stores, and the clock.
    fn state(&self) -> Response<Body> {
        let mut response = Response::new(self.state.to_body());
        let binary = HeaderValue::from_static("application/octet-stream");
        response.headers_mut().insert(header::CONTENT_TYPE, binary);
        response
    }

    fn reset(&self) -> Outcome {
        self.state.reset().map_err(|error| refused_state(&error))?;
        ok(&json!({ "state": "reset" }))
    }

    /// Whether a request is the one whose body can be of any size.
    pub(super) fn is_state(method: &Method, path: &str) -> bool {
        method == Method::PUT && path.trim_end_matches('/') == "/_emulator/state"
    }

    /// Puts the state in a body into effect.
    pub(super) async fn load_state(&self, body: Incoming) -> Outcome {
        self.state.load_body(body).await.map_err(|error| refused_state(&error))?;
        ok(&json!({ "state": "loaded" }))
    }

    fn trace(&self) -> Response<Body> {
        let lines: String =
            self.middleware.trace.lines().iter().map(|line| format!("{line}\n")).collect();
        net::response(StatusCode::OK, "application/x-ndjson", lines)
    }
}

fn refused_state(error: &io::Error) -> Refusal {
    match error.kind() {
        io::ErrorKind::Unsupported => Refusal::new(
            409,
            "Directory",
            "the cloud keeps its objects in a directory (--data), which is its state",
        ),
        _ => Refusal::new(400, "BadState", error.to_string()),
    }
}

/// A change of the clock, one at a time.
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
            Self::Text(text) => EmulatedClock::parse_span(text),
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

fn ok(value: &Value) -> Outcome {
    Ok(net::json(StatusCode::OK, value))
}
