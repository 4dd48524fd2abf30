//! The threads of a server, each with a tokio runtime and connections of its own, and how every
//! runtime of the function is built.
//!
//! # Guarantees
//! - A new connection goes to the worker with the fewest, and to each in turn while they have
//!   equally many, so the work is spread evenly.
//! - All workers share one handler, so a nonce, a limit and a cached credential count for all.
//! - Dropping the workers drops their requests, each of which leaves its audit event.
//!
//! # Not covered
//! A runtime whose threads steal work from each other: it costs more CPU for each request.

use std::io;
use std::mem::take;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use futures_util::future::join_all;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

/// The workers; the first one is the thread that starts the others.
pub(super) struct Workers {
    workers: Vec<Worker>,
    turn: AtomicUsize,
}

struct Worker {
    runtime: Handle,
    connections: GracefulShutdown,
    _thread: Option<Thread>,
}

impl Workers {
    /// Starts as many threads as are missing. The caller's own has to be a tokio runtime.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let connections = GracefulShutdown::new();
        let own = Worker { runtime: Handle::current(), connections, _thread: None };
        let others = (1..count).map(|_| Worker::start());
        let workers = [Ok(own)].into_iter().chain(others).collect::<io::Result<_>>()?;
        Ok(Self { workers, turn: AtomicUsize::new(0) })
    }

    /// Runs a future on each thread.
    pub(super) fn spawn_on_each<F>(&self, future: impl Fn() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        for worker in &self.workers {
            worker.runtime.spawn(future());
        }
    }

    /// Runs the future of a connection, which lives as long as its watcher.
    pub(super) fn serve<F>(&self, connection: impl FnOnce(Watcher) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn.checked_rem(self.workers.len()).unwrap_or(0);
        let in_turn = self.workers.iter().cycle().skip(first).take(self.workers.len());
        if let Some(worker) = in_turn.min_by_key(|worker| worker.connections.count()) {
            worker.runtime.spawn(connection(worker.connections.watcher()));
        }
    }

    /// Lets all connections finish what they are doing, and returns when they are closed.
    pub(super) async fn drain(&mut self) {
        let connections =
            self.workers.iter_mut().map(|worker| take(&mut worker.connections).shutdown());
        join_all(connections).await;
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = single_threaded()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("worker".to_owned()).spawn(move || {
            // Until the sender is dropped.
            let _stopped: Result<(), _> = runtime.block_on(stopped);
            // Without waiting for the system's resolver.
            runtime.shutdown_background();
        })?;
        let thread = Thread { stop: Some(stop), thread: Some(thread) };
        Ok(Self { runtime: handle, connections: GracefulShutdown::new(), _thread: Some(thread) })
    }
}

struct Thread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Thread {
    fn drop(&mut self) {
        drop(self.stop.take());
        // Its panic has been reported already.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// A runtime that runs its futures on one thread.
///
/// # Errors
/// When the system has no descriptor left.
pub fn single_threaded() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().event_interval(EVENT_INTERVAL).build()
}

/// While futures are ready, the runtime asks the system for events after this many polls (tokio's
/// default is 61). A request takes about ten polls, so 25 requests are handled in one turn and
/// their lines are written together. Under full load, a new connection or a signal waits for up to
/// a millisecond.
const EVENT_INTERVAL: u32 = 255;
