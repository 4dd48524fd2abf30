//! Header names in the case that COS uses: `Content-Length`, `ETag`, but `x-cos-request-id`.
//!
//! HTTP ignores the case, but the Python SDK looks up `Content-Length` in a plain dictionary (from
//! SDK source, `download_file`), and hyper writes lower case. hyper keeps the case of a request for
//! its response, in the request's extensions; so one request with every name, over a pipe in
//! memory, yields the extensions for all responses.

use std::convert::Infallible;
use std::io;
use std::sync::Mutex;

use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use crate::sync::lock;

/// The extensions of a response whose header names are in COS's case.
pub(crate) async fn extensions() -> io::Result<Extensions> {
    let (mut client, server) = tokio::io::duplex(NAMES.len().saturating_mul(4));
    let mut request = "GET / HTTP/1.1\r\nHost: localhost\r\n".to_owned();
    for name in NAMES.split_whitespace() {
        request.push_str(name);
        // Values that affect the connection: no body, and then close.
        request.push_str(match name {
            "Connection" => ": close\r\n",
            _ => ": 0\r\n",
        });
    }
    request.push_str("\r\n");
    client.write_all(request.as_bytes()).await?;
    let kept = Mutex::new(None);
    let keep = |request: Request<Incoming>| {
        *lock(&kept) = Some(request.extensions().clone());
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    };
    hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(server), service_fn(keep))
        .await
        .map_err(io::Error::other)?;
    let header_case = lock(&kept).take();
    header_case.ok_or_else(|| io::Error::other("hyper did not return the case of header names"))
}

/// <https://www.tencentcloud.com/document/product/436/7729>; other names are written in lower case.
const NAMES: &str = "
    Accept-Ranges Access-Control-Allow-Credentials Access-Control-Allow-Headers
    Access-Control-Allow-Methods Access-Control-Allow-Origin Access-Control-Expose-Headers
    Access-Control-Max-Age Cache-Control Connection Content-Disposition Content-Encoding
    Content-Language Content-Length Content-Range Content-Type Date ETag Expires Last-Modified
    Location Server Vary X-ErrNo
";
