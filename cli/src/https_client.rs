//! One request to a deployment, over TLS or on this machine.
//!
//! # Guarantees
//! TLS is the function's own: compiled-in roots and those that are named. No redirect is followed,
//! no proxy of the environment is used. A failure contains neither a header nor a body.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::deployment_url::DeploymentUrl;
use crate::failure::Failure;
use crate::request::read;

pub(crate) struct HttpsClient {
    tls: TlsConnector,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The host was not found, or the connection was refused.
    Connect(String),
    /// The certificate is not trusted, or the host has no TLS.
    Tls(String),
    /// Something answered that is not HTTP, or the connection broke.
    Http(String),
    Timeout,
}

impl std::fmt::Display for CallError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Connect(cause) => write!(formatter, "no connection: {cause}"),
            Self::Tls(cause) => write!(formatter, "no TLS: {cause}"),
            Self::Http(cause) => write!(formatter, "no HTTP: {cause}"),
            Self::Timeout => write!(formatter, "no answer within {} seconds", TIMEOUT.as_secs()),
        }
    }
}

impl HttpsClient {
    /// A client that also trusts the certificates of this PEM file.
    pub(crate) fn new(ca_file: Option<&Path>) -> Result<Self, Failure> {
        let roots = match ca_file {
            None => Vec::new(),
            Some(path) => {
                cos_issuer::http_client::parse_certificates(&read(&path.display().to_string())?)
                    .map_err(|error| Failure::Usage(format!("--ca: {error}")))?
            }
        };
        let tls = cos_issuer::http_client::tls(roots)?;
        Ok(Self { tls: TlsConnector::from(Arc::new(tls)) })
    }

    /// The response to `request`, whose target is a path.
    pub(crate) async fn send(
        &self,
        url: &DeploymentUrl,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, CallError> {
        let exchange = async {
            let stream = connect(url).await.map_err(|error| CallError::Connect(cause(&error)))?;
            if !url.is_https {
                return exchange(stream, url, request).await;
            }
            let name = ServerName::try_from(url.host().to_owned())
                .map_err(|error| CallError::Tls(error.to_string()))?;
            let stream = self.tls.connect(name, stream).await;
            let stream = stream.map_err(|error| CallError::Tls(cause(&error)))?;
            exchange(stream, url, request).await
        };
        tokio::time::timeout(TIMEOUT, exchange).await.map_err(|_| CallError::Timeout)?
    }
}

async fn connect(url: &DeploymentUrl) -> io::Result<TcpStream> {
    // Not every resolver knows the names below localhost.
    if url.host().ends_with(".localhost") {
        return TcpStream::connect((Ipv4Addr::LOCALHOST, url.port())).await;
    }
    TcpStream::connect((url.host(), url.port())).await
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    url: &DeploymentUrl,
    mut request: Request<Bytes>,
) -> Result<Response<Bytes>, CallError> {
    let broken = |error: hyper::Error| CallError::Http(cause(&error));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(broken)?;
    let connection = tokio::spawn(connection);
    let host = HeaderValue::from_str(url.authority());
    request.headers_mut().insert(HOST, host.map_err(|error| CallError::Http(error.to_string()))?);
    let response = sender.send_request(request.map(Full::new)).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
    let body = body.map_err(|error| CallError::Http(error.to_string()))?;
    connection.abort();
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// The innermost cause: the outer ones only name the layer.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A cold start and the deadline of STS fit in it several times.
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;
