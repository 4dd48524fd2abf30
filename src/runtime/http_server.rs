//! An HTTP/1.1 server: SCF web functions, containers, a laptop.
//!
//! SCF: <https://www.tencentcloud.com/document/product/583/40688> (listen on `0.0.0.0:9000`).
//!
//! Promises: bounds on everything a client can make us hold or wait for: head, body, connections, time, answers that it does not
//! read. SIGTERM and SIGINT stop
//! new connections, let running requests finish, and return.
//! Leaves out: TLS, which the platform's front does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use signal_hook::consts::{SIGINT, SIGTERM};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, info, warn};
use url::form_urlencoded;

use crate::error::{Error, ErrorCode};
use crate::handler::Handler;
use crate::request::{BODY_BYTES_MAX, Request, RequestId, Unverified, body_too_large};
use crate::response::Response;
use crate::runtime::write_timeout::WriteTimeout;

/// Serves `address` until a signal ends it.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(address: SocketAddr, handler: Arc<Handler>) -> std::io::Result<()> {
    let mut stop = Stop::listen()?;
    let listener = TcpListener::bind(address).await?;
    info!(address = listener.local_addr()?.to_string(), "listening");
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    loop {
        // The permit comes first: at the limit, further clients wait in the system's queue.
        let permit = tokio::select! {
            permit = Arc::clone(&connections).acquire_owned() => permit,
            () = stop.asked() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.asked() => break,
        };
        match (accepted, permit) {
            (Ok((stream, _)), Ok(permit)) => serve(stream, permit, &graceful, Arc::clone(&handler)),
            (Err(error), _) => {
                // Out of descriptors, mostly: closing connections brings some back.
                warn!(
                    cause = error.to_string(),
                    "a connection could not be accepted"
                );
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
            (_, Err(_)) => break,
        }
    }
    drop(listener);
    info!("stopping: running requests are finished first");
    if tokio::time::timeout(DRAIN_TIME, graceful.shutdown())
        .await
        .is_err()
    {
        warn!("some requests did not finish in time");
    }
    Ok(())
}

/// SIGTERM or SIGINT, as a socket that becomes readable.
struct Stop(UnixStream);

impl Stop {
    fn listen() -> std::io::Result<Self> {
        let (ours, heard) = UnixStream::pair()?;
        let heard = heard.into_std()?;
        signal_hook::low_level::pipe::register(SIGINT, heard.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGTERM, heard)?;
        Ok(Self(ours))
    }

    /// Returns once one of them came.
    async fn asked(&mut self) {
        let came = self.0.read_u8().await;
        drop(came);
    }
}

fn serve(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    graceful: &GracefulShutdown,
    handler: Arc<Handler>,
) {
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, std::convert::Infallible>(answer(&handler, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(WriteTimeout::new(stream, WRITE_TIME)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!(
                cause = crate::error::chain(&error),
                "a connection ended early"
            );
        }
        drop(permit);
    });
}

async fn answer(
    handler: &Handler,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let platform_id = head
        .headers
        .get("x-scf-request-id")
        .and_then(|value| value.to_str().ok());
    let id = RequestId::from_platform(platform_id);
    let response = match read(&head, body, &id).await {
        Ok(request) => handler.handle(&request).await,
        Err(error) => closing(handler.refuse(&error, &head.headers, &id)),
    };
    into_hyper(response)
}

async fn read(
    head: &http::request::Parts,
    body: Incoming,
    id: &RequestId,
) -> Result<Request, Error> {
    // A body that says it is too large is not waited for.
    if usize::try_from(body.size_hint().lower())
        .map_or(true, |announced| announced > BODY_BYTES_MAX)
    {
        return Err(body_too_large());
    }
    let reading = Limited::new(body, BODY_BYTES_MAX).collect();
    let body = tokio::time::timeout(BODY_TIME, reading)
        .await
        .map_err(|_| Error::new(ErrorCode::RequestTimeout, "the body did not arrive in time"))?;
    let body = body.map_err(|error| match error.downcast::<LengthLimitError>() {
        Ok(_) => body_too_large(),
        Err(error) => Error::new(ErrorCode::BodyEncoding, "the body broke off").caused_by(error),
    })?;
    let query = head.uri.query().unwrap_or_default();
    let unverified = Unverified {
        method: head.method.clone(),
        path: head.uri.path().to_owned(),
        query: form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect(),
        headers: head.headers.clone(),
        body: body.to_bytes().to_vec(),
        identity: None,
    };
    Request::new(unverified, id.clone(), None)
}

/// What is left of a request that was not read to its end must not be taken for the next one.
fn closing(mut response: Response) -> Response {
    response
        .headers
        .insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn into_hyper(response: Response) -> hyper::Response<Full<Bytes>> {
    let Response {
        status,
        headers,
        body,
    } = response;
    let mut answer = hyper::Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let kept: HeaderMap = headers;
    *answer.headers_mut() = kept;
    answer
}

/// SCF allows 1024 descriptors; each connection may need a second one to STS.
const CONNECTIONS_MAX: usize = 400;

/// A head larger than this is answered by the HTTP library itself, with status 431; up to here the refusal is ours.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Also how long an idle connection is kept.
const HEAD_TIME: Duration = Duration::from_secs(30);

const BODY_TIME: Duration = Duration::from_secs(10);

/// How long a client may read nothing of what it asked for.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// SCF and container platforms kill after thirty.
const DRAIN_TIME: Duration = Duration::from_secs(20);

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
