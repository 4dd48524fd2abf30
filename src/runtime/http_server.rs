//! An HTTP/1.1 server: SCF web functions, containers, a laptop.
//!
//! SCF: <https://www.tencentcloud.com/document/product/583/40688> (listen on `0.0.0.0:9000`).
//!
//! # Guarantees
//! - Everything that a client can make the server store or wait for is bounded: head, body,
//!   connections, time, responses that it does not read.
//! - All cores serve, with one handler and one limit of connections (`workers`).
//! - Where systemd passes a socket, a restart refuses no connection (`listening_socket`).
//! - After SIGTERM or SIGINT `/readyz` is 503 and everything is served for a moment longer. Then no
//!   connection is accepted, and requests that are being handled finish first.
//! - While every connection is handling a request, `/livez` and `/readyz` are answered over a few
//!   more, and everything else is refused at once.
//! - Metrics have an address and connections of their own, which no caller can use up. It answers
//!   until the process ends.
//!
//! # Not covered
//! - TLS, which the platform or a proxy terminates.
//! - The answers that hyper makes itself to what is not a request of HTTP/1.1, or too large to be
//!   read: status 400, 414 or 431 without a body and without the headers of [`Response`]. Each
//!   leaves a line in the log.

use std::convert::Infallible;
use std::future::{pending, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use http::header::{CONNECTION, HOST, RETRY_AFTER};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, request};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustix::process::{Resource, getrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinError;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, info, warn};
use url::form_urlencoded;

use super::connect_ahead::connect_ahead;
use super::connections::{Connection, Connections};
use super::lingering_close::{LingeringClose, Sending};
use super::listening_socket;
use super::metrics_page::MetricsPage;
use super::reload::Reloader;
use super::signal::Signal;
use super::workers::Workers;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorCode, chain};
use crate::handler::Handler;
use crate::log;
use crate::request::{
    AddressSource, ClientAddress, Inbound, MAX_BODY_BYTES, RequestId, RoleKey, Route,
    body_too_large, strip_base_path,
};
use crate::response::Response;

/// Where a server listens, and what it believes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The address to listen on (`HOST`, `PORT`).
    pub address: SocketAddr,
    /// The names that a `Host` header may contain in addition to IP addresses (`ALLOWED_HOSTS`),
    /// in lower case; `None` for all names.
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether SCF is in front, so that `X-Scf-Request-Id` is the platform's own.
    pub is_scf: bool,
    /// Whether the headers of a request may contain the execution role's key (`ROLE_KEYS=headers`).
    pub reads_role_keys: bool,
    /// Where Prometheus fetches metrics (`METRICS_ADDRESS`); `None` for nowhere.
    pub metrics_address: Option<SocketAddr>,
    /// How many connections are open at the most (`CONNECTIONS_MAX`).
    pub connections_max: usize,
    /// How many threads serve (`THREADS`).
    pub threads: usize,
    /// How long a server that a signal ends still accepts requests (`SHUTDOWN_DELAY_MS`).
    pub shutdown_delay: Duration,
    /// How long all of that may take (`SHUTDOWN_GRACE_MS`).
    pub shutdown_grace: Duration,
}

/// Serves until a signal ends it, or the calling key has lapsed. A second signal ends it at once.
///
/// # Errors
/// [`ServerError`].
pub async fn run(
    settings: ServerSettings,
    handler: Arc<Handler>,
    reloader: Reloader,
) -> Result<(), ServerError> {
    let mut signal = Signal::listen(&[SIGINT, SIGTERM])?;
    tokio::spawn(reloader.run(Arc::clone(&handler), Signal::listen(&[SIGHUP])?));
    let listener = listening_socket::listen(settings.address).await?;
    let metrics_listener = match settings.metrics_address {
        Some(address) => Some(TcpListener::bind(address).await.map_err(ServerError::Metrics)?),
        None => None,
    };
    let threads = settings.threads;
    let mut workers = Workers::start(threads).map_err(ServerError::Threads)?;
    info!(address = listener.local_addr()?.to_string(), threads, "listening");
    workers.spawn_on_each(|| connect_ahead(Arc::clone(&handler)));
    let connections = Connections::new(connection_limit(settings.connections_max));
    tokio::spawn(Arc::clone(&connections).close_silent());
    let (delay, grace) = (settings.shutdown_delay, settings.shutdown_grace);
    let (running, _) = watch::channel(());
    log::group();
    let server = Arc::new(Server { settings, handler, running, metrics_page: None });
    if let Some(listener) = metrics_listener {
        info!(metrics_address = listener.local_addr()?.to_string(), "metrics can be fetched");
        tokio::spawn(serve_metrics(listener, server.with_metrics(&connections)));
    }
    let (stop, stopping) = watch::channel(());
    let mut accepting = Box::pin(accept(&server, listener, &connections, &workers, stopping));
    let delay = tokio::select! {
        () = &mut accepting => delay,
        () = signal.received() => delay,
        // The platform sends requests to a new instance.
        () = server.handler.issuer.key_lapsed() => Duration::ZERO,
    };
    info!("stopping: running requests are finished first");
    server.handler.is_stopping.store(true, Ordering::Relaxed);
    // A load balancer sends requests until it has seen that the server is not ready.
    let may_finish = tokio::select! {
        () = &mut accepting => false,
        () = signal.received() => false,
        () = sleep(delay) => true,
    };
    drop((accepting, stop));
    let drained = async {
        workers.drain().await;
        // Requests whose connection is gone.
        server.running.closed().await;
    };
    if may_finish {
        tokio::select! {
            () = drained => return Ok(()),
            () = sleep(grace.saturating_sub(delay)) => {}
            () = signal.received() => {}
        }
    }
    match server.running.receiver_count() {
        0 => Ok(()),
        count => Err(ServerError::CutOff(count)),
    }
}

/// Why a server ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// So many requests were not finished.
    #[error("requests cut off: {0}; SHUTDOWN_GRACE_MS was over, or a second signal was received")]
    CutOff(usize),
    /// The address cannot be listened on, or signals cannot be received.
    #[error("the address cannot be listened on")]
    Listen(#[from] std::io::Error),
    /// The address for metrics cannot be listened on.
    #[error("METRICS_ADDRESS cannot be listened on")]
    Metrics(#[source] std::io::Error),
    /// The threads cannot be started.
    #[error("the threads of THREADS cannot be started")]
    Threads(#[source] std::io::Error),
}

/// Answers until the process ends, also while the server drains.
async fn serve_metrics(listener: TcpListener, server: Arc<Server>) {
    let (connections, graceful) = (Connections::new(METRICS_CONNECTIONS), GracefulShutdown::new());
    let (_stop, stopping) = watch::channel(());
    tokio::spawn(Arc::clone(&connections).close_silent());
    loop {
        let (stream, peer) = accept_one(&listener).await;
        let connection = connections.open(peer.ip()).await;
        let (server, stopping) = (Arc::clone(&server), stopping.clone());
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            server.serve_until_closed(stream, connection, watcher, stopping).await;
        });
    }
}

/// The next connection that can be accepted.
async fn accept_one(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let (stream, peer) = loop {
        match listener.accept().await {
            Ok(accepted) => break accepted,
            Err(error) => {
                // Usually there are no free descriptors, until a connection is closed.
                let cause = error.to_string();
                warn!(cause, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    // An answer is written at once, so there is nothing to wait for.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(cause = error.to_string(), "a connection keeps Nagle's algorithm");
    }
    (stream, peer)
}

/// Accepts connections for as long as it is polled.
async fn accept(
    server: &Arc<Server>,
    listener: TcpListener,
    connections: &Arc<Connections>,
    workers: &Workers,
    stopping: watch::Receiver<()>,
) {
    loop {
        let (stream, peer) = accept_one(&listener).await;
        let connection = connections.open(peer.ip()).await;
        let (server, stopping) = (Arc::clone(server), stopping.clone());
        workers.serve(|watcher| async move {
            // The worker's own runtime has to wake it.
            if let Ok(stream) = stream.into_std().and_then(TcpStream::from_std) {
                server.serve_until_closed(stream, connection, watcher, stopping).await;
            }
        });
    }
}

/// Each connection may need a second descriptor, to STS, and a few are used otherwise.
fn connection_limit(wanted: usize) -> usize {
    let open_files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let possible = (open_files / 2).saturating_sub(64).max(1);
    let possible = usize::try_from(possible).unwrap_or(usize::MAX);
    if possible < wanted {
        warn!(
            connections = possible,
            open_files,
            "fewer connections than CONNECTIONS_MAX ({wanted}): the open-file limit (`ulimit -n`) must \
             be more than twice that"
        );
    }
    possible.min(wanted)
}

struct Server {
    settings: ServerSettings,
    handler: Arc<Handler>,
    /// A request has a receiver of it while its body is read and while it is handled, unless that
    /// takes no time.
    running: watch::Sender<()>,
    /// What answers in place of the handler, at the address for metrics.
    metrics_page: Option<MetricsPage>,
}

/// What is known of the client of a connection.
struct Client {
    peer: Option<ClientAddress>,
    /// A `Host` that is allowed. Clients send the same one again, which need not be parsed again.
    host: OnceLock<Box<[u8]>>,
    sending: Sending,
}

impl Server {
    /// The server at the address for metrics; `connections` are those of callers.
    fn with_metrics(&self, connections: &Arc<Connections>) -> Arc<Self> {
        let (handler, connections) = (Arc::clone(&self.handler), Arc::clone(connections));
        Arc::new(Self {
            settings: self.settings.clone(),
            handler: Arc::clone(&handler),
            running: watch::channel(()).0,
            metrics_page: Some(MetricsPage { handler, connections }),
        })
    }

    async fn serve_until_closed(
        &self,
        stream: TcpStream,
        connection: Connection,
        watcher: Watcher,
        stopping: watch::Receiver<()>,
    ) {
        // First, so that a connection that is to be closed does not begin another request.
        tokio::select! {
            biased;
            () = connection.closed() => debug!("a connection without a request was closed"),
            () = self.serve(stream, &connection, watcher, stopping) => {}
        }
    }

    async fn serve(
        &self,
        stream: TcpStream,
        connection: &Connection,
        watcher: Watcher,
        mut stopping: watch::Receiver<()>,
    ) {
        // A client that sends nothing is given up sooner than one that was served before.
        let is_silent = tokio::select! {
            is_silent = is_silent(&stream, FIRST_BYTE_TIMEOUT) => is_silent,
            // It may have connected just before, so its request is on the way.
            _ = stopping.changed() => is_silent(&stream, LAST_BYTE_TIMEOUT).await,
        };
        if is_silent {
            return;
        }
        let is_last = stopping.has_changed().is_err();
        let peer = stream
            .peer_addr()
            .ok()
            .map(|peer| ClientAddress { address: peer.ip(), source: AddressSource::Connection });
        let client = Client { peer, host: OnceLock::new(), sending: Sending::default() };
        let service = service_fn(|request| self.respond(request, connection, &client));
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(WRITE_TIMEOUT));
        let stream = LingeringClose::new(Box::pin(stream), client.sending.clone());
        let served = http1::Builder::new()
            // `connections` closes those that send no head in time: a timer for each request takes
            // a twentieth of the processor time of one that the cache answers.
            .header_read_timeout(None)
            .max_buf_size(MAX_HEAD_BYTES)
            // A client may close its sending side and wait for the answer.
            .half_close(true)
            // An answer is small: one buffer is sent sooner than two.
            .writev(false)
            .keep_alive(!is_last)
            .serve_connection(TokioIo::new(stream), service);
        let served = if is_last {
            // Watched, it would be closed before its request is read.
            let served = served.await;
            drop(watcher);
            served
        } else {
            watcher.watch(served).await
        };
        match served {
            Err(error) if error.is_parse() => {
                info!(cause = chain(&error), "what a client sent is not a request of HTTP/1.1");
            }
            Err(error) => debug!(cause = chain(&error), "a connection ended early"),
            Ok(()) => {}
        }
    }

    async fn respond(
        &self,
        request: hyper::Request<Incoming>,
        connection: &Connection,
        client: &Client,
    ) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
        if let Some(page) = &self.metrics_page {
            let Some(_handling) = connection.handling() else {
                return pending().await;
            };
            return Ok(into_hyper(page.respond(request.method(), request.uri().path())));
        }
        let (head, body) = request.into_parts();
        // Without SCF in front, this header is whatever a client writes.
        let own_id = self.settings.is_scf.then(|| head.headers.get("x-scf-request-id")).flatten();
        let own_id = own_id.and_then(|value| value.to_str().ok());
        let id = RequestId::from_platform(own_id, &*self.handler.entropy);
        let checked =
            self.check_host(&head, client).and_then(|()| self.check_place(&head, connection));
        let read_role_key = || RoleKey::from_headers(&head.headers);
        let role_key = self.settings.reads_role_keys.then(read_role_key).flatten();
        let body = match checked {
            // Most requests have none, and need no timer.
            Ok(()) if body.is_end_stream() => Ok(Bytes::new()),
            Ok(()) => {
                connection.has_head();
                let _reading = self.running.subscribe();
                Box::pin(read_body(body)).await
            }
            Err(error) => Err(error),
        };
        let request = match body {
            Ok(body) => inbound(head, body, client.peer).check_or_return(),
            Err(error) => Err(Box::new((error, head.headers))),
        };
        // Only now: a client that does not finish its body must not keep others out.
        let Some(_handling) = connection.handling() else {
            // Its task ends, and drops this.
            return pending().await;
        };
        let response = match request {
            Ok(mut request) => {
                request.role_key = role_key.map(Arc::new);
                client.sending.is_over();
                let request = Arc::new(request);
                let (handler, own) = (Arc::clone(&self.handler), Arc::clone(&request));
                let mut handled = Box::pin(async move {
                    let deadline = Deadline::unlimited(&*handler.clock);
                    handler.handle(&own, &id, deadline).await
                });
                // A client has its answer after the decision is recorded.
                match poll_fn(|context| Poll::Ready(handled.as_mut().poll(context))).await {
                    Poll::Ready(response) => {
                        log::written().await;
                        response
                    }
                    // What takes time is a task of its own: a credential that was requested is
                    // issued and recorded, whatever the connection does meanwhile.
                    Poll::Pending => {
                        let running = self.running.subscribe();
                        let handled = tokio::spawn(async move {
                            let response = handled.await;
                            log::written().await;
                            drop(running);
                            response
                        });
                        let answered = handled.await;
                        answered.unwrap_or_else(|error| {
                            self.refuse_failed(error, &request.headers, client.peer)
                        })
                    }
                }
            }
            Err(refused) => {
                let (error, headers) = *refused;
                let mut response = self.refuse(&error, &headers, client.peer, &id);
                // The unread rest of this request must not be taken for the next one.
                response.headers.insert(CONNECTION, HeaderValue::from_static("close"));
                response
            }
        };
        Ok(into_hyper(response))
    }

    /// The handler catches panics, so this is a fault outside of it.
    fn refuse_failed(
        &self,
        error: JoinError,
        headers: &HeaderMap,
        peer: Option<ClientAddress>,
    ) -> Response {
        let id = RequestId::from_platform(None, &*self.handler.entropy);
        let message = "the function has a fault: its operator finds it by the request id";
        let error = Error::new(ErrorCode::Internal, message).caused_by(error);
        self.refuse(&error, headers, peer, &id)
    }

    /// Refuses a request that the handler does not get. Its line is written before the answer.
    fn refuse(
        &self,
        error: &Error,
        headers: &HeaderMap,
        peer: Option<ClientAddress>,
        id: &RequestId,
    ) -> Response {
        let response = self.handler.refuse(error, headers, peer, id);
        drop(log::flush());
        response
    }

    /// Over the limit of connections only the health of the server is answered.
    fn check_place(&self, head: &request::Parts, connection: &Connection) -> Result<(), Error> {
        let route = Route::of(strip_base_path(head.uri.path(), &self.handler.base_path));
        if matches!(route, Some(Route::Health | Route::Ready)) || !connection.is_over_limit() {
            return Ok(());
        }
        let message = "this server already handles as many requests as it may: try again";
        // Callers who are refused together do not come back together.
        let is_later = self.handler.entropy.bytes().is_ok_and(|[first, ..]| first >= 128);
        let seconds = HeaderValue::from_static(if is_later { "2" } else { "1" });
        Err(Error::new(ErrorCode::Busy, message).with_header(RETRY_AFTER, seconds).with_hint(Some(
            "CONNECTIONS_MAX requests are being handled: raise it, or add servers",
        )))
    }

    /// A browser that was tricked by DNS (rebinding) sends a name that is not ours. It always sends
    /// one, so a missing `Host` is accepted, and an IP address cannot be rebound.
    fn check_host(&self, head: &request::Parts, client: &Client) -> Result<(), Error> {
        let Some(allowed) = &self.settings.allowed_hosts else {
            return Ok(());
        };
        let is_allowed = |sent: &str| {
            // Most often, and read sooner than a name.
            if sent.parse::<SocketAddr>().is_ok() {
                return true;
            }
            let authority = sent.parse::<Authority>();
            authority.is_ok_and(|authority| {
                let name = authority.host().to_ascii_lowercase();
                let address = name.trim_start_matches('[').trim_end_matches(']');
                address.parse::<IpAddr>().is_ok() || allowed.contains(&name)
            })
        };
        for sent in head.headers.get_all(HOST) {
            if client.host.get().is_some_and(|known| **known == *sent.as_bytes()) {
                continue;
            }
            if !sent.to_str().is_ok_and(is_allowed) {
                let message = "the `Host` header must be an IP address or a name in ALLOWED_HOSTS";
                return Err(Error::new(ErrorCode::Host, message));
            }
            if sent.len() <= MAX_KNOWN_HOST_BYTES {
                // A copy of its own: this one keeps the whole head in memory.
                client.host.get_or_init(|| sent.as_bytes().into());
            }
        }
        Ok(())
    }
}

fn inbound(head: request::Parts, body: Bytes, peer: Option<ClientAddress>) -> Inbound {
    let query = head.uri.query().unwrap_or_default();
    Inbound {
        method: head.method,
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        headers: head.headers,
        body: body.into(),
        identity: None,
        reported_address: peer,
        role_key: None,
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Error> {
    // A body that is announced as too large is not read at all.
    if usize::try_from(body.size_hint().lower())
        .map_or(true, |announced| announced > MAX_BODY_BYTES)
    {
        return Err(body_too_large());
    }
    let reading = Limited::new(body, MAX_BODY_BYTES).collect();
    let body = timeout(BODY_TIMEOUT, reading)
        .await
        .map_err(|_| Error::new(ErrorCode::RequestTimeout, "the body did not arrive in time"))?;
    let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => body_too_large(),
        Err(error) => {
            Error::new(ErrorCode::BodyEncoding, "the body is incomplete").caused_by(error)
        }
    })?;
    Ok(body.to_bytes())
}

/// Whether a client sends nothing within `limit`, or leaves.
async fn is_silent(stream: &TcpStream, limit: Duration) -> bool {
    !matches!(timeout(limit, stream.peek(&mut [0])).await, Ok(Ok(1)))
}

fn into_hyper(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut answer = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *answer.status_mut() = response.status;
    *answer.headers_mut() = response.headers;
    answer
}

/// Prometheus needs one, and some more may be left open by others.
const METRICS_CONNECTIONS: usize = 16;

/// hyper responds to a larger head itself, with status 431 or 414. Up to here the refusal is ours.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Names have at most 253, and a port has five more. What is longer is not kept in memory.
const MAX_KNOWN_HOST_BYTES: usize = 260;

const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(5);

/// The same for a connection that was accepted just before the server stopped accepting.
const LAST_BYTE_TIMEOUT: Duration = Duration::from_millis(500);

const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may read nothing of a response.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
