//! A proxy in front of a server, which may spoil what passes it.
//!
//! # Guarantees
//!
//! It listens on loopback, and passes on what it is not asked to spoil, `Host` included.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::{Failure, http_client};

/// A request on its way.
#[expect(missing_debug_implementations, reason = "it may carry a proof")]
pub struct Passing {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer on its way.
#[expect(missing_debug_implementations, reason = "it may contain a credential")]
pub struct Passed {
    /// The status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Passed {
    /// An answer without headers.
    pub fn new(status: u16, body: &str) -> Self {
        let body = Bytes::copy_from_slice(body.as_bytes());
        Self { status, headers: HeaderMap::new(), body }
    }
}

/// Changes a request, or answers it.
type OnRequest = dyn Fn(&mut Passing) -> Option<Passed> + Send + Sync;

/// Changes an answer.
type OnAnswer = dyn Fn(&Passing, &mut Passed) + Send + Sync;

/// What a front does to requests and answers.
pub struct Spoiler {
    request: Box<OnRequest>,
    answer: Box<OnAnswer>,
}

impl std::fmt::Debug for Spoiler {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Spoiler")
    }
}

impl Spoiler {
    /// Spoils nothing.
    pub fn none() -> Self {
        Self { request: Box::new(|_| None), answer: Box::new(|_, _| {}) }
    }

    /// Spoils requests.
    pub fn request(spoil: impl Fn(&mut Passing) -> Option<Passed> + Send + Sync + 'static) -> Self {
        Self { request: Box::new(spoil), ..Self::none() }
    }

    /// Spoils answers.
    pub fn answer(spoil: impl Fn(&Passing, &mut Passed) + Send + Sync + 'static) -> Self {
        Self { answer: Box::new(spoil), ..Self::none() }
    }
}

/// A running proxy; it ends when dropped.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    _serving: JoinSet<()>,
}

struct Shared {
    client: reqwest::Client,
    targets: Vec<String>,
    requests: AtomicUsize,
    spoiler: Spoiler,
}

impl Front {
    /// Starts one in front of these servers, to which it passes requests in turn.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn start(targets: Vec<String>, spoiler: Spoiler) -> Result<Self, Failure> {
        let failed = |fault: std::io::Error| Failure::new(format!("no front: {fault}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let requests = AtomicUsize::new(0);
        let shared = Arc::new(Shared { client: http_client()?, targets, requests, spoiler });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, shared));
        Ok(Self { address, _serving: serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(pass(&shared, request).await) }
        });
        connections.spawn(
            hyper::server::conn::http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn pass(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let target = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut passing = Passing { method: head.method, target, headers: head.headers, body };
    let mut answer = match (shared.spoiler.request)(&mut passing) {
        Some(answer) => answer,
        None => match forward(shared, &passing).await {
            Ok(answer) => answer,
            Err(fault) => Passed::new(502, &fault.to_string()),
        },
    };
    (shared.spoiler.answer)(&passing, &mut answer);
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or_default();
    *response.headers_mut() = answer.headers;
    for framing in [CONTENT_LENGTH, TRANSFER_ENCODING] {
        response.headers_mut().remove(framing);
    }
    response
}

async fn forward(shared: &Shared, passing: &Passing) -> Result<Passed, reqwest::Error> {
    let number = shared.requests.fetch_add(1, Ordering::SeqCst);
    let target = shared.targets.iter().cycle().nth(number).map(String::as_str).unwrap_or_default();
    let mut headers = passing.headers.clone();
    headers.remove(CONTENT_LENGTH);
    let request = shared
        .client
        .request(passing.method.clone(), format!("{target}{}", passing.target))
        .headers(headers)
        .body(passing.body.clone());
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Passed { status, headers, body: response.bytes().await? })
}
