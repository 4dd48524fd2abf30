//! A thread that takes the chunks of one body in their order.
//!
//! # Guarantees
//!
//! A few chunks wait for it at most, so a body is received no faster than it is handled. It ends
//! with its sender, also when the client leaves.

use std::io;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a thread makes of the chunks that it is sent.
pub(super) struct Worker<T> {
    queue: mpsc::Sender<Bytes>,
    task: JoinHandle<io::Result<T>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts `job`, which receives the chunks.
    pub(super) fn start(
        job: impl FnOnce(&mut dyn Iterator<Item = Bytes>) -> io::Result<T> + Send + 'static,
    ) -> Self {
        let (queue, mut chunks) = mpsc::channel(QUEUE_CHUNKS);
        let task = tokio::task::spawn_blocking(move || {
            job(&mut std::iter::from_fn(|| chunks.blocking_recv()))
        });
        Self { queue, task }
    }

    /// Waits for a place in the queue. An error is that of the job.
    pub(super) async fn send(&mut self, chunk: Bytes) -> io::Result<()> {
        match self.queue.send(chunk).await {
            Ok(()) => Ok(()),
            Err(_) => {
                let ended = (&mut self.task).await?;
                Err(ended.err().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))
            }
        }
    }

    /// The result, once every chunk is handled.
    pub(super) async fn finish(self) -> io::Result<T> {
        drop(self.queue);
        self.task.await?
    }
}

const QUEUE_CHUNKS: usize = 8;
