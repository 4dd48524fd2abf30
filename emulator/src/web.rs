//! Web functions: plain HTTP to the child's own port.
//!
//! Documented: the added headers, that clients cannot set `x-scf-*`, 4 KB of response headers, 6 MB
//! of body, 446 when no port is bound. Inferred: what a client sees when a response is over a
//! limit.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::Full;
use tokio::net::TcpStream;

use crate::event::GatewayRequest;
use crate::function::{Config, Function, Instance, InvocationLog};
use crate::instance::{ExitReason, State};
use crate::net;
use crate::platform::PlatformError;
use crate::platform::log::Ending;

const MAX_HEADER_BYTES: usize = 4 * 1024;

/// Waits until the child accepts connections: the ready signal of a web function.
pub(crate) async fn until_listening(
    instance: &Instance,
    limit: Duration,
) -> Result<(), PlatformError> {
    let state = Arc::clone(&instance.state);
    let address = address(instance);
    let knocking = async {
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        State::ready(&state);
    };
    tokio::select! {
        () = knocking => Ok(()),
        ended = instance.state.until_ready(limit) => match ended {
            Err(PlatformError::InitTimeout { .. }) => Err(PlatformError::PortNotBound),
            ended => ended,
        },
    }
}

/// Passes one request to an instance and its answer back.
pub(crate) async fn forward(
    function: &Arc<Function>,
    request: GatewayRequest,
) -> Result<Response<Bytes>, PlatformError> {
    let function = Arc::clone(function);
    // A task of its own: the caller may leave, the call may not.
    let running = tokio::spawn(async move {
        let request_id = request.request_id.clone();
        let mut log = InvocationLog::of(&function.config, &request_id);
        let (answered, peak_memory_bytes) = run(&function, &mut log, request).await;
        let ending = match &answered {
            Ok(_) => Ending::Answered,
            Err(error) => Ending::PlatformError(error),
        };
        log.finished(ending, peak_memory_bytes);
        answered
    });
    running.await.unwrap_or(Err(PlatformError::BadAnswer))
}

async fn run(
    function: &Function,
    log: &mut InvocationLog<'_>,
    request: GatewayRequest,
) -> (Result<Response<Bytes>, PlatformError>, Option<u64>) {
    let lease = match function.lease(log).await {
        Ok(lease) => lease,
        Err(error) => return (Err(error), None),
    };
    let state = &lease.instance.state;
    let limit = function.config.call_timeout;
    let call = call(&lease.instance, &function.config, request);
    let ended = tokio::select! {
        answered = tokio::time::timeout(limit, call) => answered,
        error = state.until_dead() => Ok(Err(error)),
    };
    log.stop();
    let answered = match ended {
        Err(_) => {
            state.die(ExitReason::Killed);
            Err(PlatformError::CallTimeout { limit })
        }
        Ok(Err(PlatformError::BadAnswer)) => Err(state.exit_within_a_moment().await),
        Ok(answered) => answered,
    };
    let (memory, peak_memory_bytes) = function.memory_of(&lease);
    function.close(lease.served()).await;
    (memory.map_or(answered, Err), peak_memory_bytes)
}

async fn call(
    instance: &Instance,
    config: &Config,
    request: GatewayRequest,
) -> Result<Response<Bytes>, PlatformError> {
    let bad = |_| PlatformError::BadAnswer;
    let mut forwarded = Request::new(Full::new(request.body.clone()));
    *forwarded.method_mut() = request.method.clone();
    *forwarded.uri_mut() = request.target().parse().map_err(|_| PlatformError::BadAnswer)?;
    *forwarded.headers_mut() = headers(instance, config, &request);
    let response = net::send(address(instance), forwarded).await.map_err(bad)?;
    let (mut head, body) = response.into_parts();
    let head_bytes: usize = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4))
        .sum();
    if head_bytes > MAX_HEADER_BYTES {
        return Err(PlatformError::ResponseTooLarge);
    }
    let body = net::read_limited(body, config.platform.response_limit_bytes()).await?;
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, body))
}

/// The client's headers without `x-scf-*` and without those of the hop, and the platform's own.
fn headers(instance: &Instance, config: &Config, request: &GatewayRequest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let of_the_hop = [
            header::CONNECTION,
            header::TRANSFER_ENCODING,
            header::UPGRADE,
            header::CONTENT_LENGTH,
            header::EXPECT,
        ];
        if !name.as_str().starts_with("x-scf-") && !of_the_hop.contains(name) {
            headers.append(name.clone(), value.clone());
        }
    }
    let account = &config.platform_environment.directory.account;
    let credentials = &instance.credentials;
    let own = [
        ("x-scf-request-id", request.request_id.clone()),
        ("x-scf-memory", config.memory_mb.to_string()),
        ("x-scf-timeout", config.call_timeout.as_millis().to_string()),
        ("x-scf-version", "$LATEST".to_owned()),
        ("x-scf-name", "cos-issuer".to_owned()),
        ("x-scf-namespace", "default".to_owned()),
        ("x-scf-region", account.region.clone()),
        ("x-scf-appid", account.appid.to_string()),
        ("x-scf-uin", account.owner_uin.to_string()),
        ("x-scf-remote-addr", request.source_ip.clone()),
        ("x-scf-secret-id", credentials.secret_id.clone()),
        ("x-scf-secret-key", credentials.secret_key.clone()),
        ("x-scf-session-token", credentials.token.clone()),
    ];
    net::put_headers(&mut headers, own);
    headers
}

fn address(instance: &Instance) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, instance.port))
}
