//! A small HTTP server on loopback, for the console and for the issuer of tokens.
//!
//! # Guarantees
//! It listens on 127.0.0.1 and ends with its last connection when dropped. A request whose `Host`
//! is not this server is refused before anything is done, so that no foreign name that resolves to
//! this machine reaches it. A body has at most 64 KB.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A port of this machine that nobody serves yet.
pub(crate) struct Port(std::net::TcpListener);

impl Port {
    /// This port; 0 takes a free one.
    pub(crate) fn bind(port: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        Ok(Self(listener))
    }

    /// The first free one from `port` on, or any free one after twenty attempts; 0 takes any.
    pub(crate) fn from(port: u16) -> io::Result<Self> {
        let candidates = (0..20).filter_map(|step| port.checked_add(step)).filter(|_| port != 0);
        candidates.map(Self::bind).find_map(Result::ok).map_or_else(|| Self::bind(0), Ok)
    }

    pub(crate) fn number(&self) -> u16 {
        self.0.local_addr().map_or(0, |address| address.port())
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.number())
    }

    /// Serves it.
    pub(crate) fn serve<H, F>(self, handler: H) -> io::Result<Server>
    where
        H: Fn(Parts, Bytes) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let address = self.0.local_addr()?;
        let listener = TcpListener::from_std(self.0)?;
        let handler: Arc<Handler> = Arc::new(move |head, body| Box::pin(handler(head, body)));
        Ok(Server(tokio::spawn(accept(listener, address, handler)).abort_handle()))
    }
}

/// Answers a request. One type for all servers, so that HTTP/1.1 is compiled once.
type Handler = dyn Fn(Parts, Bytes) -> Answer + Send + Sync;

type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// A running server.
pub(crate) struct Server(AbortHandle);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn accept(listener: TcpListener, address: SocketAddr, handler: Arc<Handler>) {
    // Owned by this task, so that aborting it closes every connection.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: wait for some to close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, address, Arc::clone(&handler)));
    }
}

async fn serve(stream: TcpStream, address: SocketAddr, handler: Arc<Handler>) {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(respond(request, address, &*handler).await) }
    });
    // The client may leave at any time.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(60))
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    address: SocketAddr,
    handler: &Handler,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if !names(&head, address) {
        return refusal(StatusCode::FORBIDDEN, "ForeignHost", "the Host has to be this server");
    }
    let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect());
    match body.await {
        Ok(Ok(body)) => handler(head, body.to_bytes()).await,
        _ => refusal(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "the body has at most 64 KB"),
    }
}

/// Whether the request names this server, and nothing else.
fn names(head: &Parts, address: SocketAddr) -> bool {
    let ours = [format!("127.0.0.1:{}", address.port()), format!("localhost:{}", address.port())];
    let is_ours = |host: &str| ours.iter().any(|ours| ours == host);
    let target = head.uri.authority().is_none_or(|authority| is_ours(authority.as_str()));
    target && single(head, HOST).is_some_and(is_ours)
}

/// The value of a header that is there once.
pub(crate) fn single(head: &Parts, name: HeaderName) -> Option<&str> {
    let mut values = head.headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// A complete response.
pub(crate) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn json_response(body: &Value) -> Response<Body> {
    response(StatusCode::OK, "application/json", body.to_string())
}

pub(crate) fn refusal(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let body = json!({ "error": { "code": code, "message": message } });
    response(status, "application/json", body.to_string())
}

const BODY_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_BODY_BYTES: usize = 64 * 1024;
