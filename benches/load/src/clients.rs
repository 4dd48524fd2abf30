//! Clients with kept connections: each sends its next request when it has the answer.

use crate::http;
use crate::service::Service;
use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// What to send, and how to know the answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) request: String,
    /// Part of every right answer.
    pub(crate) expected: &'static str,
}

/// What a service did in a slice of time.
pub(crate) struct Slice {
    pub(crate) cpu_seconds_per_request: f64,
    pub(crate) requests_per_second: f64,
    /// The CPU time of the thread with the second most, of all of it.
    pub(crate) second_thread: f64,
}

/// Loads `service` over so many connections, and counts for `seconds` once it is warm.
pub(crate) async fn slice(
    service: &Service,
    exchange: &Exchange,
    connections: usize,
    seconds: f64,
) -> Result<Slice, Fault> {
    let shared = Arc::new(Shared::default());
    let clients: Vec<_> = (0..connections)
        .map(|_| {
            let (address, exchange) = (service.address.clone(), exchange.clone());
            tokio::spawn(client(address, exchange, Arc::clone(&shared)))
        })
        .collect();
    sleep(WARM_UP).await;
    let (start, before) = (clock::instant(), service.thread_nanoseconds()?);
    let count_before = shared.count.load(Ordering::Relaxed);
    sleep(Duration::from_secs_f64(seconds)).await;
    let (after, elapsed) = (service.thread_nanoseconds()?, start.elapsed());
    let count = shared.count.load(Ordering::Relaxed).saturating_sub(count_before);
    shared.is_over.store(true, Ordering::Relaxed);
    for client in clients {
        timeout(LIMIT, client).await.map_err(|_| "a client hangs")???;
    }
    if before.len() != after.len() || count == 0 {
        return Err("threads were started or ended while they were counted, or no answer".into());
    }
    let mut threads: Vec<f64> = before
        .iter()
        .zip(&after)
        .map(|(before, after)| float(after.saturating_sub(*before)) / 1e9)
        .collect();
    threads.sort_by(f64::total_cmp);
    let whole: f64 = threads.iter().sum();
    Ok(Slice {
        cpu_seconds_per_request: whole / float(count),
        requests_per_second: float(count) / elapsed.as_secs_f64(),
        second_thread: threads.iter().rev().nth(1).copied().unwrap_or_default() / whole,
    })
}

/// Opens so many connections, sends one request over each, and returns them.
pub(crate) async fn idle(
    service: &Service,
    exchange: &Exchange,
    connections: usize,
) -> Result<Vec<TcpStream>, Fault> {
    let mut idle = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(&service.address).await?;
        ask(&mut stream, exchange, &mut Vec::new()).await?;
        idle.push(stream);
    }
    Ok(idle)
}

#[derive(Default)]
struct Shared {
    count: AtomicU64,
    is_over: AtomicBool,
}

async fn client(address: String, exchange: Exchange, shared: Arc<Shared>) -> Result<(), Fault> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = Vec::with_capacity(8192);
    while !shared.is_over.load(Ordering::Relaxed) {
        ask(&mut stream, &exchange, &mut answer).await?;
        shared.count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

async fn ask(
    stream: &mut TcpStream,
    exchange: &Exchange,
    answer: &mut Vec<u8>,
) -> Result<(), Fault> {
    answer.clear();
    stream.write_all(exchange.request.as_bytes()).await?;
    while http::missing_bytes(answer)? > 0 {
        if stream.read_buf(answer).await? == 0 {
            return Err("a connection was closed".into());
        }
    }
    let answer = std::str::from_utf8(answer)?;
    if !answer.starts_with("HTTP/1.1 200 ") || !answer.contains(exchange.expected) {
        return Err(format!("not the right answer: {answer}").into());
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Connections to STS are made in it.
const WARM_UP: Duration = Duration::from_millis(300);

/// Far beyond what an answer takes.
const LIMIT: Duration = Duration::from_secs(30);
