//! Header names of answers in COS's own letter case.
//!
//! Names have no case, but `cos-python-sdk-v5` looks for `ETag` in a map that has one (from SDK source: `dict(**rt.headers)` in
//! `cos_client.py`), and its upload in parts fails where the name comes as `etag`. The spelling is observed.
//! hyper writes names in lower case unless an answer carries the spelling that hyper recorded of a request
//! (`preserve_header_case`), so one request with these names is read, from memory, and its record is kept.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Extensions, Request};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::OnceCell;

use super::answer::Answer;
use crate::ledger::lock;

/// Gives an answer its spelling. What is not listed goes out in lower case, as COS has its own `x-cos-` names.
pub(super) async fn spell(answer: &mut Answer) {
    static RECORD: OnceCell<Extensions> = OnceCell::const_new();
    let record = RECORD.get_or_init(recorded).await;
    answer.extensions_mut().extend(record.clone());
}

/// What hyper makes of a request with these names.
async fn recorded() -> Extensions {
    let lines: String = NAMES.iter().map(|name| format!("{name}: 0\r\n")).collect();
    let head = format!("GET / HTTP/1.1\r\n{lines}\r\n");
    let (mut client, server) = tokio::io::duplex(head.len().saturating_add(1024));
    // The buffer takes all of it, so this does not wait; without it the names stay in lower case.
    let _ = client.write_all(head.as_bytes()).await;
    let kept = Arc::new(Mutex::new(Extensions::new()));
    let keep = Arc::clone(&kept);
    let service = service_fn(move |request: Request<Incoming>| {
        *lock(&keep) = request.extensions().clone();
        std::future::ready(Ok::<_, Infallible>(http::Response::new(
            Empty::<Bytes>::new(),
        )))
    });
    let _ = client.shutdown().await;
    let _ = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .keep_alive(false)
        .serve_connection(TokioIo::new(server), service)
        .await;
    lock(&kept).clone()
}

const NAMES: [&str; 24] = [
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
    "Content-MD5",
    "Retry-After",
];

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use crate::cos::tests::{BUCKET, World};

    #[tokio::test]
    async fn names_are_spelt_as_cos_spells_them() {
        let world = World::new();
        let mut stream = TcpStream::connect(world.cos.address()).await.unwrap();
        let head = format!(
            "PUT /a HTTP/1.1\r\nhost: {BUCKET}.cos.ap-guangzhou.myqcloud.com\r\nauthorization: let-me-in\r\n\
             connection: close\r\ncontent-length: 1\r\n\r\nx"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        for line in [
            "HTTP/1.1 200 OK\r\n",
            "\r\nETag: \"9dd4e461268c8034f5c8564e155c67a6\"\r\n",
            "\r\nContent-Length: 0\r\n",
            "\r\nServer: tencent-cos\r\n",
            "\r\nDate: ",
            "\r\nConnection: close\r\n",
            "\r\nx-cos-request-id: ",
            "\r\nx-cos-hash-crc64ecma: ",
        ] {
            assert!(answer.contains(line), "{line:?} in {answer}");
        }
    }
}
