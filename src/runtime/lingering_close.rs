//! Closing a connection whose client is still sending.
//!
//! A socket that is closed with unread bytes is reset, and the reset can overtake the response. So
//! the response is sent, then the end of it, and then what the client sends is read and dropped.
//! <https://www.rfc-editor.org/rfc/rfc9112#section-9.6>

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream that lingers before it is closed, unless the client has sent a whole request.
pub(super) struct LingeringClose<S> {
    stream: S,
    sending: Sending,
    lingering: Option<Lingering>,
}

/// Whether the client may still be sending.
#[derive(Clone, Default)]
pub(super) struct Sending(Arc<AtomicBool>);

impl Sending {
    /// The client has sent a whole request.
    pub(super) fn is_over(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

struct Lingering {
    time_limit: Pin<Box<Sleep>>,
    bytes_left: usize,
}

impl<S> LingeringClose<S> {
    pub(super) fn new(stream: S, sending: Sending) -> Self {
        Self { stream, sending, lingering: None }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> LingeringClose<S> {
    /// Ready when the client has closed its side, or a limit is reached.
    fn poll_drained(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let lingering = self.lingering.get_or_insert_with(|| Lingering {
            time_limit: Box::pin(sleep(TIME_LIMIT)),
            bytes_left: MAX_BYTES,
        });
        let mut dropped = [0; 4096];
        while lingering.bytes_left > 0 && lingering.time_limit.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            let count = buffer.filled().len();
            if read.is_err() || count == 0 {
                break;
            }
            lingering.bytes_left = lingering.bytes_left.saturating_sub(count);
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LingeringClose<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.sending.0.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for LingeringClose<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.sending.0.load(Ordering::Relaxed) {
            ready!(self.poll_drained(context));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Enough for a phone on a slow network to see that its upload was refused.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// A client that sends more does not wait for an answer.
const MAX_BYTES: usize = 16 * 1024 * 1024;
