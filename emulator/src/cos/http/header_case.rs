//! The spelling of header names, as COS writes them: `Content-Length`, `ETag`, but `x-cos-request-id`.
//!
//! Names have no case in HTTP, but the Python SDK looks for `Content-Length` in a plain dictionary (from SDK source, `download_file`),
//! and the HTTP library here writes lower case. That library keeps the spelling of a request for its answer when it is given the
//! request's extensions; so one request that has every name, over a pipe in memory, gives the spelling for all answers.

use std::convert::Infallible;
use std::io;
use std::sync::Mutex;

use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;

use crate::ledger::lock;

/// What an answer has to carry so that its names are spelled as COS does.
pub(crate) async fn header_case() -> io::Result<Extensions> {
    let (mut client, server) = tokio::io::duplex(NAMES.len().saturating_mul(64));
    let mut request = "GET / HTTP/1.1\r\nHost: localhost\r\n".to_owned();
    for name in NAMES {
        request.push_str(name);
        // What has a meaning for the connection gets one: no body, and the end.
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
    header_case.ok_or_else(|| io::Error::other("the spelling of header names did not come"))
}

/// <https://www.tencentcloud.com/document/product/436/7729>; names that are not here are written in lower case.
const NAMES: [&str; 22] = [
    "Accept-Ranges",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Origin",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Cache-Control",
    "Connection",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Location",
    "Server",
    "Vary",
];
