//! One HTTP/1.1 request at a time over a byte stream, with the moments that matter left visible to
//! the caller.
//!
//! # Guarantees
//!
//! `read` returns when the last byte of the body is in, `write` when the last byte of the answer is
//! out.
//!
//! # Not covered
//!
//! Chunked bodies and everything else that neither function sends here; they are refused, not
//! guessed.

use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A request, complete.
#[derive(Debug)]
pub struct Request {
    /// As sent.
    pub method: String,
    /// With its query, as sent.
    pub path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// Complete.
    pub body: Vec<u8>,
}

impl Request {
    /// The first value of the header `name`, which is in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        values.next().map(|(_, value)| value.as_str())
    }
}

/// A kept-alive connection and the bytes that have arrived on it beyond the last request.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Nothing has been read from `stream` yet.
    pub fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(READ_BYTES) }
    }

    /// The next request, or `None` when the peer has closed between two.
    ///
    /// # Errors
    ///
    /// A request that is malformed, too long or incomplete.
    pub async fn read(&mut self) -> Result<Option<Request>> {
        let (mut request, head_length, body_length) = loop {
            if let Some(parsed) = parse_head(&self.buffer)? {
                break parsed;
            }
            if self.buffer.len() > MAX_REQUEST_BYTES {
                return Err(malformed("the request head is too long"));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let total = head_length.saturating_add(body_length);
        if total > MAX_REQUEST_BYTES {
            return Err(malformed("the request is too long"));
        }
        while self.buffer.len() < total {
            if !self.fill().await? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.buffer.split_off(total);
        request.body = self.buffer.split_off(head_length);
        self.buffer = rest;
        Ok(Some(request))
    }

    /// Sends a whole answer: `head` is the status and headers, without `Content-Length` and the
    /// empty line.
    ///
    /// # Errors
    ///
    /// The peer has closed.
    pub async fn write(&mut self, head: &str, body: &[u8]) -> Result<()> {
        let mut answer =
            format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        self.stream.write_all(&answer).await?;
        self.stream.flush().await
    }

    async fn fill(&mut self) -> Result<bool> {
        self.buffer.reserve(READ_BYTES);
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

const READ_BYTES: usize = 8 * 1024;
const MAX_REQUEST_BYTES: usize = 1024 * 1024;
const MAX_HEADERS: usize = 64;

/// The request without its body, the length of its head and of its body; `None` while the head is
/// incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(Request, usize, usize)>> {
    let mut slots = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Request::new(&mut slots);
    let length = match head.parse(bytes).map_err(malformed)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => return Ok(None),
    };
    let headers = head.headers.iter().map(|header| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    });
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: head.path.unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    if request.header("transfer-encoding").is_some() {
        return Err(malformed("a chunked body, which nothing here should send"));
    }
    let body_length =
        request.header("content-length").map_or(Ok(0), str::parse).map_err(malformed)?;
    Ok(Some((request, length, body_length)))
}

fn malformed(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::InvalidData, cause)
}

#[cfg(test)]
mod tests {
    use super::Connection;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn two_requests_in_pieces_are_two_requests() {
        let (mut client, server) = tokio::io::duplex(7);
        let sent = tokio::spawn(async move {
            client.write_all(b"POST /a HTTP/1.1\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n").await.unwrap();
        });
        let mut connection = Connection::new(server);
        let first = connection.read().await.unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/a"));
        assert_eq!(first.header("x-one"), Some("1"));
        assert_eq!(first.body, b"abc");
        let second = connection.read().await.unwrap().unwrap();
        assert_eq!(
            (second.method.as_str(), second.path.as_str(), second.body.len()),
            ("GET", "/b", 0)
        );
        sent.await.unwrap();
        assert!(connection.read().await.unwrap().is_none(), "the peer has closed");
    }

    #[tokio::test]
    async fn an_answer_carries_its_length() {
        let (mut client, server) = tokio::io::duplex(1024);
        Connection::new(server).write("200 OK\r\nX-Two: 2", b"hi").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "HTTP/1.1 200 OK\r\nX-Two: 2\r\nContent-Length: 2\r\n\r\nhi");
    }

    #[tokio::test]
    async fn what_cannot_be_read_exactly_is_refused() {
        for bytes in [
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc",
            "GET / HT",
            "\u{1}",
        ] {
            let (mut client, server) = tokio::io::duplex(1024);
            client.write_all(bytes.as_bytes()).await.unwrap();
            drop(client);
            assert!(Connection::new(server).read().await.is_err(), "{bytes:?}");
        }
    }
}
