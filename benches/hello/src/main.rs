//! The smallest honest `lambda_http` function: every request gets `hello`.
//!
//! It is what the benchmark divides by, so it must stay what anyone would write first: the same
//! client, event types, executor and profile as the issuer, and no logging, configuration or
//! outbound call.

use lambda_http::{Error, Request, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(hello)).await
}

async fn hello(_request: Request) -> Result<&'static str, Error> {
    Ok("hello")
}
