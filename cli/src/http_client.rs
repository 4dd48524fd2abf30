//! One request through the gateway, as any HTTP client would send it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(60);
const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;

/// The response to `request`, whose target is a path.
pub(crate) async fn send(
    gateway_url: &str,
    request: Request<Bytes>,
) -> io::Result<Response<Bytes>> {
    let authority = gateway_url.trim_start_matches("http://");
    tokio::time::timeout(TIMEOUT, exchange(authority, request))
        .await
        .map_err(|_| io::Error::other("no response within a minute"))?
}

async fn exchange(authority: &str, request: Request<Bytes>) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = request.map(Full::new);
    if !request.headers().contains_key(header::HOST) {
        let host = authority.parse().map_err(io::Error::other)?;
        request.headers_mut().insert(header::HOST, host);
    }
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await.map_err(io::Error::other)?;
    connection.abort();
    Ok(Response::from_parts(head, body.to_bytes()))
}
