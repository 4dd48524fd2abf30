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
//! give the same lines byte for byte; memory is bounded.
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

use http::Request;
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
    lines: VecDeque<String>,
    bytes: usize,
    file: Option<File>,
    /// Why the file is not complete.
    failure: Option<io::ErrorKind>,
}

/// The head of a request, as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) method: String,
    pub(crate) target: String,
    /// By name, several values of one name in their order.
    pub(crate) headers: BTreeMap<String, Vec<String>>,
}

/// The content of a line.
#[derive(Debug)]
pub(crate) struct TraceEvent<'a> {
    pub(crate) time: Timestamp,
    pub(crate) service: Service,
    pub(crate) action: &'a str,
    pub(crate) head: &'a Head,
    /// `None`: no answer went out.
    pub(crate) status: Option<u16>,
    pub(crate) fault: Option<&'static str>,
    pub(crate) reason: &'a str,
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
                lines: VecDeque::new(),
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

    pub(crate) fn record(&self, event: &TraceEvent<'_>) {
        let mut inner = lock(&self.inner);
        inner.last_number = inner.last_number.saturating_add(1);
        let number = inner.last_number;
        let line = line(number, event, &mut inner.mask);
        if let Some(file) = &mut inner.file
            && let Err(error) = file.write_all(format!("{line}\n").as_bytes())
        {
            inner.failure = Some(error.kind());
        }
        inner.bytes = inner.bytes.saturating_add(line.len());
        inner.lines.push_back(line);
        while inner.lines.len() > MAX_LINES || inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.lines.pop_front() else {
                break;
            };
            inner.bytes = inner.bytes.saturating_sub(oldest.len());
        }
    }

    /// The last lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.inner).lines.iter().cloned().collect()
    }

    /// Why the file lacks lines, if it does.
    pub(crate) fn failure(&self) -> Option<io::ErrorKind> {
        lock(&self.inner).failure
    }
}

fn line(n: u64, event: &TraceEvent<'_>, mask: &mut Mask) -> String {
    // Cut only after it was masked: a piece of a secret would not be recognised.
    let action = shortened(&mask.text(event.action));
    let target = shortened(&mask.target(&event.head.target));
    let mut headers = BTreeMap::new();
    for (name, values) in event.head.headers.iter().take(MAX_HEADERS) {
        let values: Vec<String> = values.iter().map(|value| mask.header(name, value)).collect();
        headers.insert(shortened(&mask.text(name)), shortened(&values.join(", ")));
    }
    let reason = shortened(&mask.text(event.reason));
    let line = Line {
        n,
        time: event.time.iso_8601(),
        service: event.service.name(),
        action: &action,
        method: &event.head.method,
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
        let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.entry(name.as_str().to_owned()).or_default().push(value);
        }
        Self { method: request.method().to_string(), target: request.uri().to_string(), headers }
    }
}

const MAX_LINES: usize = 1000;
const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_HEADERS: usize = 64;
const MAX_CHARACTERS: usize = 1024;
