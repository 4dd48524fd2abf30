//! A stream whose other side has to take what is written.
//!
//! Promises: a write that gets nowhere for a time ends with an error, so that a client that sends requests and reads no answer holds
//! its connection no longer than that. Leaves out: how long reading may take (`server`).

use std::future::Future as _;
use std::io::{ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

pub(super) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    /// Since nothing can be written.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    /// `stream`, whose writes wait for `limit` at the longest.
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            waiting: None,
        }
    }

    fn in_time(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<Result<usize>>,
    ) -> Poll<Result<usize>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        let over = waiting.as_mut().poll(context);
        over.map(|()| Err(ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.in_time(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, IoSlice};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, sleep};

    use super::WriteTimeout;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_never_reads_is_not_waited_for() {
        let (ours, _theirs) = duplex(8);
        let mut stream = WriteTimeout::new(ours, LIMIT);
        let started = Instant::now();
        let outcome = stream.write_all(b"more than there is room for").await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
        let outcome = stream.write_vectored(&[IoSlice::new(b"more")]).await;
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!((LIMIT..LIMIT * 3).contains(&started.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_that_reads_gets_all_of_it() {
        let (ours, mut theirs) = duplex(8);
        let mut stream = WriteTimeout::new(ours, LIMIT);
        let reading = async {
            let mut read = Vec::new();
            let mut part = [0; 4];
            while read.len() < 100 {
                sleep(LIMIT / 2).await;
                let count = theirs.read(&mut part).await.unwrap();
                read.extend_from_slice(&part[..count]);
            }
            read
        };
        let (written, read) = tokio::join!(stream.write_all(&[7; 100]), reading);
        assert!(written.is_ok());
        assert_eq!(read, [7; 100]);
    }
}
