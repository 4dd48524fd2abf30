//! Random letter case for the header names of answers.
//!
//! The vendor's two documents spell the headers of `next` differently, so a client has to match
//! them by any case. HTTP libraries write lower case; this changes letters on their way out, never
//! the length, so a partial write does no harm.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream that shuffles the case of the header names of each answer head written to it.
pub(crate) struct ShuffledNames<S> {
    stream: S,
    random: StdRng,
}

impl<S> ShuffledNames<S> {
    pub(crate) fn new(stream: S, random: StdRng) -> Self {
        Self { stream, random }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ShuffledNames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ShuffledNames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match shuffled(bytes, &mut self.random) {
            Some(changed) => Pin::new(&mut self.stream).poll_write(context, &changed),
            None => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The bytes with shuffled header names, or `None` when they do not begin an answer.
fn shuffled(bytes: &[u8], random: &mut StdRng) -> Option<Vec<u8>> {
    if !bytes.starts_with(b"HTTP/1.1 ") {
        return None;
    }
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut in_head = true;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let mut line = line.to_vec();
        in_head = in_head && line != b"\r\n";
        if in_head && number > 0 {
            for byte in line.iter_mut().take_while(|byte| **byte != b':') {
                if random.random_bool(0.5) {
                    byte.make_ascii_uppercase();
                }
            }
        }
        lines.push(line);
    }
    Some(lines.concat())
}

#[cfg(test)]
mod tests {
    use super::shuffled;
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    #[test]
    fn only_the_case_of_names_changes() {
        let head = "HTTP/1.1 200 OK\r\nrequest_id: abc\r\ntime_limit_in_ms: 3000\r\n\r\nrequest_id: in the body\n";
        let mut random = StdRng::seed_from_u64(1);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..32 {
            let changed =
                String::from_utf8(shuffled(head.as_bytes(), &mut random).unwrap()).unwrap();
            assert!(changed.eq_ignore_ascii_case(head));
            assert!(changed.ends_with("\r\n\r\nrequest_id: in the body\n"));
            assert!(changed.contains(": abc\r\n"));
            seen.insert(changed);
        }
        assert!(seen.len() > 1);
    }

    #[test]
    fn what_begins_no_answer_is_unchanged() {
        assert!(shuffled(b"{\"request_id\": 1}", &mut StdRng::seed_from_u64(1)).is_none());
    }
}
