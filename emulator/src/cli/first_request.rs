//! One GET through the gateway, as any HTTP client would send it.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(60);
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Status and body of `GET <path>` at `gateway_url`.
pub(crate) async fn get(gateway_url: &str, path: &str) -> io::Result<(StatusCode, Bytes)> {
    let authority = gateway_url.trim_start_matches("http://");
    tokio::time::timeout(PATIENCE, exchange(authority, path))
        .await
        .map_err(|_| io::Error::other("no answer within a minute"))?
}

async fn exchange(authority: &str, path: &str) -> io::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(authority).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, "cos-emulator")
        .body(Empty::new())
        .map_err(io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(io::Error::other)?;
    connection.abort();
    Ok((status, body.to_bytes()))
}
