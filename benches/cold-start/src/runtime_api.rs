//! Lambda's runtime API, as bare as it can be: hands out one event a given number of times and
//! notes when.
//!
//! # Guarantees
//!
//! Moments are taken when a request is complete and when an answer is written; each answer is
//! checked before the next event goes out; any other call is a fault.
//!
//! # Not covered
//!
//! Everything that a platform adds (phases, limits, logs); `emulator/` has that.

use crate::program::Answer;
use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::http::{Connection, Request};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// A runtime API for one instance. Its connections stay open until it is dropped, so that an
/// instance which has answered everything waits for more work instead of ending by itself.
pub(crate) struct RuntimeApi {
    listener: TcpListener,
    connections: JoinSet<Result<(), Fault>>,
}

/// What one instance did.
#[derive(Clone, Default)]
pub(crate) struct Trace {
    /// The first call of `next` was complete.
    pub(crate) first_next_at: Option<Instant>,
    pub(crate) exchanges: Vec<Exchange>,
    /// Of the instance, when its first answer was in.
    pub(crate) peak_memory_bytes: u64,
}

/// One invocation.
#[derive(Clone, Copy)]
pub(crate) struct Exchange {
    /// The event was written.
    pub(crate) handed_at: Instant,
    /// The answer was complete.
    pub(crate) answered_at: Instant,
}

impl RuntimeApi {
    /// Listens on a free loopback port.
    pub(crate) async fn bind() -> Result<Self, Fault> {
        Ok(Self {
            listener: TcpListener::bind(("127.0.0.1", 0)).await?,
            connections: JoinSet::new(),
        })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, Fault> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves the instance with process id `pid` until it has answered `invocations` events; the
    /// first one comes so long after `next`.
    pub(crate) async fn serve(
        &mut self,
        pid: u32,
        invocations: usize,
        first_after: Duration,
        answer: Answer,
    ) -> Result<Trace, Fault> {
        let instance = Arc::new(Instance {
            pid,
            invocations,
            first_after,
            answer,
            progress: Mutex::default(),
            finished: Notify::new(),
        });
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted?;
                    self.connections.spawn(Arc::clone(&instance).converse(stream));
                }
                Some(closed) = self.connections.join_next() => closed??,
                () = instance.finished.notified() => return Ok(instance.progress().trace.clone()),
            }
        }
    }
}

struct Instance {
    pid: u32,
    invocations: usize,
    first_after: Duration,
    answer: Answer,
    progress: Mutex<Progress>,
    /// The last answer is in.
    finished: Notify,
}

#[derive(Default)]
struct Progress {
    trace: Trace,
    /// The event was written and no answer is in.
    outstanding: Option<Instant>,
}

impl Instance {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one connection until the peer closes it.
    async fn converse(self: Arc<Self>, stream: TcpStream) -> Result<(), Fault> {
        stream.set_nodelay(true)?;
        let mut connection = Connection::new(stream);
        while let Some(request) = connection.read().await? {
            let complete_at = clock::instant();
            match (
                request.method.as_str(),
                request.path.strip_prefix("/2018-06-01/runtime/invocation/"),
            ) {
                ("GET", Some("next")) => {
                    let answered = self.note_next(complete_at);
                    if answered == self.invocations {
                        // A platform would answer when there is work; here there is none left.
                        std::future::pending::<()>().await;
                    }
                    if answered == 0 && !self.first_after.is_zero() {
                        tokio::time::sleep(self.first_after).await;
                    }
                    connection.write(&event_head(answered), EVENT).await?;
                    self.progress().outstanding = Some(clock::instant());
                }
                ("POST", Some(path)) if path.ends_with("/response") => {
                    if self.note_answer(complete_at, path, &request.body)? == self.invocations {
                        self.finished.notify_one();
                    }
                    connection.write("202 Accepted", b"").await?;
                }
                _ => return Err(unexpected(&request)),
            }
        }
        Ok(())
    }

    fn note_next(&self, complete_at: Instant) -> usize {
        let trace = &mut self.progress().trace;
        trace.first_next_at.get_or_insert(complete_at);
        trace.exchanges.len()
    }

    /// Checks and notes an answer; returns how many are in.
    fn note_answer(&self, answered_at: Instant, path: &str, body: &[u8]) -> Result<usize, Fault> {
        let mut progress = self.progress();
        let handed_at = progress.outstanding.take().ok_or("an answer to no event")?;
        let trace = &mut progress.trace;
        if path != format!("{}/response", request_id(trace.exchanges.len())) {
            return Err(format!("an answer to another event: {path}").into());
        }
        if trace.exchanges.is_empty() {
            trace.peak_memory_bytes = peak_memory_bytes(self.pid)?;
        }
        self.answer.check(body)?;
        trace.exchanges.push(Exchange { handed_at, answered_at });
        Ok(trace.exchanges.len())
    }
}

/// A real function-URL event, `GET /sign`.
const EVENT: &[u8] = include_bytes!("function_url_event.json");

fn event_head(invocation: usize) -> String {
    let deadline_ms = clock::unix_seconds()
        .saturating_add(EVENT_LIFE.as_secs().cast_signed())
        .saturating_mul(1000);
    format!(
        "200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Aws-Request-Id: {}\r\n\
         Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:ap-southeast-1:123456789012:function:example\r\n\
         Lambda-Runtime-Trace-Id: Root=1-5bdb40ca-556d8b0c50dc66f0511bf520;Sampled=0",
        request_id(invocation)
    )
}

const EVENT_LIFE: Duration = Duration::from_secs(30);

fn request_id(invocation: usize) -> String {
    format!("8476a536-e9f4-11e8-9739-{invocation:012x}")
}

fn unexpected(request: &Request) -> Fault {
    let body = String::from_utf8_lossy(&request.body);
    format!("an unexpected call: {} {} {body}", request.method, request.path).into()
}

/// The largest resident set so far, `VmHWM`.
fn peak_memory_bytes(pid: u32) -> Result<u64, Fault> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line
        .and_then(|value| value.trim().strip_suffix(" kB"))
        .ok_or("no VmHWM in the process status")?;
    Ok(kibibytes.parse::<u64>()?.saturating_mul(1024))
}
