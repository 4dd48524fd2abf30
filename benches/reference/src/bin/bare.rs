//! The bare server: hyper and tokio, and the same bytes for each request.
//!
//!     bare
//!
//! As many bytes as the answer with a credential has. It is the least that a server of this stack
//! can do, so a request that is answered from the cache is compared with it.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write as _;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(std::io::stdout(), r#"{{"address":"{}"}}"#, listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let service = service_fn(|_request| async { Ok::<_, Infallible>(answer()) });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer() -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from_static(&[b'x'; ANSWER_BYTES])));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

const ANSWER_BYTES: usize = 860;
