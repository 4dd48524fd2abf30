//! The plain reference as a server.
//!
//!     reference STS_URL CA_FILE
//!
//! What anyone would write first with axum: each request is one call of STS.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use reference_issuer::Sts;
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (url, ca_file) =
        arguments.next().zip(arguments.next()).ok_or("reference STS_URL CA_FILE")?;
    let sts = Arc::new(Sts::new(&url, &std::fs::read(ca_file)?)?);

    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    writeln!(std::io::stdout(), r#"{{"address":"{}"}}"#, listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        // A socket without it is only slower.
        let _set = stream.set_nodelay(true);
    });
    let router = Router::new().route("/sign", get(sign)).with_state(sts);
    Ok(axum::serve(listener, router).await?)
}

async fn sign(State(sts): State<Arc<Sts>>) -> Result<Response<String>, StatusCode> {
    let (status, body) = sts.call().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .body(body)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
