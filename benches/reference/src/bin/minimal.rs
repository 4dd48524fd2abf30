//! The plain reference as a Lambda function: the smallest issuer there is.
//!
//! The environment has `STS_URL` and `STS_CA_FILE`. The benchmark of cold starts compares with it,
//! so it stays what anyone would write first with `lambda_http`.

use lambda_http::{Error, Request, Response, run, service_fn};
use reference_issuer::Sts;

#[expect(clippy::disallowed_methods, reason = "a function has no arguments")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (url, ca_file) = (std::env::var("STS_URL")?, std::env::var("STS_CA_FILE")?);
    let sts = Sts::new(&url, &std::fs::read(ca_file)?).map_err(|error| error.to_string())?;
    let sts = &sts;
    run(service_fn(move |_: Request| async move {
        let (status, body) = sts.call().await?;
        let response = Response::builder().status(status);
        let response = response.header("Content-Type", "application/json");
        Ok::<_, Error>(response.body(body)?)
    }))
    .await
}
