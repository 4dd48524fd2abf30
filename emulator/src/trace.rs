//! One line of JSON for each call to each service: what was asked, what was answered, and why.
//!
//! ```json
//! {"n":3,"time":"2026-01-01T00:00:00Z","service":"sts","action":"AssumeRole","method":"POST","target":"/",
//!  "headers":{"authorization":"TC3-HMAC-SHA256 Credential=key-1/…, SignedHeaders=…, Signature=signature"},
//!  "status":200,"fault":"latency","reason":"Success"}
//! ```
//!
//! # Guarantees
//! No secret is in a line (see `mask`); the same calls in the same order, under a frozen clock,
//! give the same lines byte for byte, if they are read at the same moments or written to a file;
//! memory is bounded.
//!
//! # Not covered
//! Bodies, and how long anything took, which no two runs have in common.

mod allowed;
mod mask;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::{HeaderName, Method, Request};
use serde::Serialize;
use tencent::time::Timestamp;

use self::mask::Mask;
use crate::fault::Service;
use crate::secrets::SecretRegistry;
use crate::sync::lock;

/// Where the lines go: into memory, the last of them, and to a file if there is one.
pub(crate) struct Trace {
    inner: Mutex<Inner>,
}

struct Inner {
    mask: Mask,
    last_number: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    file: Option<File>,
    /// Why the file is not complete.
    failure: Option<io::ErrorKind>,
}

/// A call, until somebody reads its line: writing it takes longer than the call.
enum Entry {
    Event { number: u64, event: TraceEvent },
    Line(String),
}

/// The head of a request, as it came, with its secrets: it cannot be formatted.
#[derive(Default)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: Vec<(HeaderName, String)>,
}

/// The content of a line, before it is masked.
pub(crate) struct TraceEvent {
    pub(crate) time: Timestamp,
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) head: Head,
    /// `None`: no answer went out.
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<&'static str>,
    pub(crate) reason: String,
}

/// Why a service answered as it did. A service leaves it with its answer, among the extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reason(pub(crate) String);

#[derive(Serialize)]
struct Line<'a> {
    n: u64,
    time: String,
    service: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    action: &'a str,
    method: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

impl Trace {
    /// A trace that also appends to the file at `path`.
    pub(crate) fn open(path: Option<&Path>, secrets: Arc<SecretRegistry>) -> io::Result<Self> {
        let file =
            path.map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
        Ok(Self {
            inner: Mutex::new(Inner {
                mask: Mask::new(secrets),
                last_number: 0,
                entries: VecDeque::new(),
                bytes: 0,
                file,
                failure: None,
            }),
        })
    }

    /// The port of a URL of this cloud, which differs from run to run, is shown as `name`.
    pub(crate) fn name_address(&self, name: &str, url: &str) {
        if let Some((_, port)) = url.rsplit_once(':') {
            lock(&self.inner).mask.name_port(port, name);
        }
    }

    pub(crate) fn record(&self, event: TraceEvent) {
        let mut inner = lock(&self.inner);
        inner.last_number = inner.last_number.saturating_add(1);
        let mut entry = Entry::Event { number: inner.last_number, event };
        let Inner { mask, file, failure, .. } = &mut *inner;
        // A line is shorter than a long request.
        if file.is_some() || entry.bytes() > MAX_EVENT_BYTES {
            let line = entry.line(mask);
            let written = file.as_mut().map(|file| file.write_all(format!("{line}\n").as_bytes()));
            if let Some(Err(error)) = written {
                *failure = Some(error.kind());
            }
        }
        inner.bytes = inner.bytes.saturating_add(entry.bytes());
        inner.entries.push_back(entry);
        while inner.entries.len() > MAX_LINES || inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.entries.pop_front() else {
                break;
            };
            inner.bytes = inner.bytes.saturating_sub(oldest.bytes());
        }
    }

    /// The last lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut inner = lock(&self.inner);
        let Inner { mask, entries, bytes, .. } = &mut *inner;
        let lines = entries.iter_mut().map(|entry| entry.line(mask).to_owned()).collect();
        *bytes = entries.iter().map(Entry::bytes).sum();
        lines
    }

    /// Why the file lacks lines, if it does.
    pub(crate) fn failure(&self) -> Option<io::ErrorKind> {
        lock(&self.inner).failure
    }
}

impl Entry {
    fn line(&mut self, mask: &mut Mask) -> &str {
        if let Self::Event { number, event } = self {
            *self = Self::Line(line(*number, event, mask));
        }
        match self {
            Self::Line(line) => line,
            Self::Event { .. } => "",
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Event { event, .. } => event.bytes(),
            Self::Line(line) => line.len(),
        }
    }
}

impl TraceEvent {
    fn bytes(&self) -> usize {
        let headers = &self.head.headers;
        let headers = headers.iter().flat_map(|(name, value)| [name.as_str().len(), value.len()]);
        let texts = [&self.head.target, &self.action, &self.reason].map(String::len);
        texts.into_iter().chain(headers).sum()
    }
}

fn line(n: u64, event: &TraceEvent, mask: &mut Mask) -> String {
    // Cut only after it was masked: a piece of a secret would not be recognised.
    let action = shortened(&mask.text(&event.action));
    let target = shortened(&mask.target(&event.head.target));
    // By name, several values of one name in their order.
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &event.head.headers {
        values.entry(name.as_str()).or_default().push(value);
    }
    let mut headers = BTreeMap::new();
    for (name, values) in values.into_iter().take(MAX_HEADERS) {
        let values: Vec<String> =
            values.into_iter().map(|value| mask.header(name, value)).collect();
        headers.insert(shortened(&mask.text(name)), shortened(&values.join(", ")));
    }
    let reason = shortened(&mask.text(&event.reason));
    let line = Line {
        n,
        time: event.time.iso_8601(),
        service: event.service.name(),
        action: &action,
        method: event.head.method.as_str(),
        target: &target,
        headers,
        status: event.status,
        fault: event.fault,
        reason: &reason,
    };
    // Cannot fail: every key is a text.
    serde_json::to_string(&line).unwrap_or_default()
}

/// The beginning of a text that others chose.
pub(crate) fn shortened(text: &str) -> String {
    let mut shortened: String = text.chars().take(MAX_CHARACTERS).collect();
    if shortened.len() < text.len() {
        shortened.push('…');
    }
    shortened
}

impl Head {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let headers = request.headers().iter().map(|(name, value)| {
            (name.clone(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            method: request.method().clone(),
            target: request.uri().to_string(),
            headers: headers.collect(),
        }
    }
}

const MAX_LINES: usize = 1000;
const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_EVENT_BYTES: usize = 2048;
const MAX_HEADERS: usize = 64;
const MAX_CHARACTERS: usize = 1024;
