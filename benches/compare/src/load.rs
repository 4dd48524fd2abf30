//! Clients that ask one after the other, each on a connection of its own.
//!
//! # Guarantees
//!
//! Every request that was sent is answered before `stop` returns, so that counts of requests and of
//! STS calls belong together. A connection that the service keeps open is used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cos_issuer_bench_sts::clock;
use cos_issuer_bench_sts::fault::Fault;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::reply::Reply;

/// As many as wait at the same time.
pub(crate) const CONNECTIONS: usize = 32;

/// Clients at work.
pub(crate) struct Load {
    clients: JoinSet<Result<(), Fault>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    is_stopped: bool,
    answers: usize,
    /// Of each request since the last `take_seconds`.
    seconds: Vec<f64>,
}

impl Load {
    pub(crate) fn start(port: u16) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let clients =
            (0..CONNECTIONS).map(|_| ask_until_stopped(port, Arc::clone(&seen))).collect();
        Self { clients, seen }
    }

    /// What each request took that was answered since this was called last.
    pub(crate) fn take_seconds(&self) -> Vec<f64> {
        std::mem::take(&mut lock(&self.seen).seconds)
    }

    /// Returns only when a client has failed.
    pub(crate) async fn failed(&mut self) -> Fault {
        match self.clients.join_next().await {
            Some(Ok(Err(fault))) => fault,
            _ => "a client ended early".into(),
        }
    }

    /// Waits for the last answers and counts them all.
    pub(crate) async fn stop(mut self) -> Result<usize, Fault> {
        lock(&self.seen).is_stopped = true;
        while let Some(client) = self.clients.join_next().await {
            client??;
        }
        Ok(lock(&self.seen).answers)
    }
}

async fn ask_until_stopped(port: u16, seen: Arc<Mutex<Seen>>) -> Result<(), Fault> {
    let request = format!("GET /sign HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    let mut connection = None;
    while !lock(&seen).is_stopped {
        let asked_at = clock::instant();
        let mut stream = match connection.take() {
            Some(stream) => stream,
            None => connect(port).await?,
        };
        stream.write_all(request.as_bytes()).await?;
        let reply = Reply::read(&mut stream).await?;
        if !reply.has_credential() {
            return Err("an answer has no credential".into());
        }
        if !reply.closes {
            connection = Some(stream);
        }
        let mut seen = lock(&seen);
        seen.answers = seen.answers.saturating_add(1);
        seen.seconds.push(asked_at.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn connect(port: u16) -> Result<TcpStream, Fault> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks once and checks the whole answer.
pub(crate) async fn check(port: u16) -> Result<(), Fault> {
    let mut stream = connect(port).await?;
    stream.write_all(b"GET /sign HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").await?;
    Reply::read(&mut stream).await?.check()
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
