//! HTTP/1.1 of every listener of the cloud, and a small client for web functions.
//!
//! # Guarantees
//! Listeners are on 127.0.0.1; dropping a [`Server`] closes its listener and all its connections; a
//! handler that returns an error closes the connection without an answer, and a body that ends in
//! an error cuts it off.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

mod port;
mod shuffle;

pub(crate) use self::port::free_port;
use self::shuffle::ShuffledNames;
use crate::platform::PlatformError;
use crate::random::Rng;

/// A body that may end in an error, which cuts the connection.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// What lies between the socket and HTTP.
#[derive(Clone)]
pub(crate) enum Transport {
    Plain,
    /// Header names go out with random letter case.
    Shuffled(Arc<Rng>),
    Tls(Acceptor),
}

/// Chooses the certificate of a connection.
pub(crate) type Acceptor = Arc<dyn Fn() -> TlsAcceptor + Send + Sync>;
/// Who sent a request, among its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) is_tls: bool,
    /// The port of the listener.
    pub(crate) port: u16,
}

/// A running listener.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepting: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Server {
    /// Listens on 127.0.0.1; port 0 takes a free one.
    pub(crate) fn start<H, F>(port: u16, transport: Transport, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Incoming>) -> F + Send + Sync + 'static,
        F: Future<Output = io::Result<Response<Body>>> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = TcpListener::from_std(listener)?;
        let handler: Arc<Handler> = Arc::new(move |request| Box::pin(handler(request)));
        let accepting = tokio::spawn(accept(listener, transport, handler)).abort_handle();
        Ok(Self { address, accepting })
    }
}

/// Answers a request. One type for all listeners, so that HTTP/1.1 is compiled once.
type Handler =
    dyn Fn(Request<Incoming>) -> BoxFuture<'static, io::Result<Response<Body>>> + Send + Sync;

async fn accept(listener: TcpListener, transport: Transport, handler: Arc<Handler>) {
    // Owned by this task, so that aborting it closes every connection.
    let mut connections = JoinSet::new();
    let port = listener.local_addr().map_or(0, |address| address.port());
    loop {
        let Ok((stream, address)) = listener.accept().await else {
            // Out of descriptors: wait for some to close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let peer = Peer { address, is_tls: matches!(transport, Transport::Tls(_)), port };
        connections.spawn(connection(stream, peer, transport.clone(), Arc::clone(&handler)));
    }
}

async fn connection(stream: TcpStream, peer: Peer, transport: Transport, handler: Arc<Handler>) {
    // Without it small answers wait for the peer's delayed acknowledgement; a failure costs only
    // speed.
    let _ = stream.set_nodelay(true);
    match transport {
        Transport::Plain => http1(Box::new(stream), peer, handler).await,
        Transport::Shuffled(rng) => {
            let random = rng.split("header case");
            http1(Box::new(ShuffledNames::new(stream, random)), peer, handler).await;
        }
        Transport::Tls(acceptor) => {
            let accepted = acceptor().accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_secs(10), accepted).await {
                http1(Box::new(stream), peer, handler).await;
            }
        }
    }
}

/// A socket with what lies between it and HTTP.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn http1(stream: Box<dyn Stream>, peer: Peer, handler: Arc<Handler>) {
    let with_peer = move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        handler(request)
    };
    // An error here is the peer's (or a fault on purpose); the connection is over either way.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(60))
        .serve_connection(TokioIo::new(stream), service_fn(with_peer))
        .await;
}

/// The whole body, or `None` when it is larger than `limit_bytes`, breaks off, or is not there
/// after a minute.
pub(crate) async fn read_body<B>(body: B, limit_bytes: usize) -> Option<Bytes>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    read_body_within(BODY_TIMEOUT, body, limit_bytes).await
}

async fn read_body_within<B>(timeout: Duration, body: B, limit_bytes: usize) -> Option<Bytes>
where
    B: hyper::body::Body<Data = Bytes>,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collecting = Limited::new(body, limit_bytes).collect();
    let collected = tokio::time::timeout(timeout, collecting).await.ok()?;
    Some(collected.ok()?.to_bytes())
}

/// The whole body of a function's answer.
pub(crate) async fn read_limited(
    body: Incoming,
    limit_bytes: usize,
) -> Result<Bytes, PlatformError> {
    match Limited::new(body, limit_bytes).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(PlatformError::ResponseTooLarge),
        Err(_) => Err(PlatformError::BadAnswer),
    }
}

/// A complete body.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never: Infallible| match never {}).boxed()
}

/// A response with a content type.
pub(crate) fn response(
    status: StatusCode,
    content_type: &str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// A JSON response.
pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Response<Body> {
    response(status, "application/json", body.to_string())
}

/// Sets headers of ours; a value that cannot be one is left out.
pub(crate) fn put_headers<const N: usize>(
    headers: &mut HeaderMap,
    own: [(&'static str, String); N],
) {
    for (name, value) in own {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
}

/// Sends one request over a connection of its own and reads the answer up to its body.
pub(crate) async fn send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> io::Result<Response<Incoming>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    // Ends when the answer's body has been read or dropped.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(io::Error::other)
}

const BODY_TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::read_body_within;

    #[tokio::test]
    async fn a_body_that_is_too_large_or_never_ends_is_refused() {
        let timeout = Duration::from_secs(60);
        let body = || Full::new(Bytes::from_static(b"abc"));
        assert_eq!(read_body_within(timeout, body(), 3).await.unwrap(), "abc");
        assert!(read_body_within(timeout, body(), 2).await.is_none());
        let endless = stream::pending::<Result<Frame<Bytes>, std::io::Error>>();
        let endless = StreamBody::new(endless);
        assert!(read_body_within(Duration::ZERO, endless, 3).await.is_none());
    }
}
