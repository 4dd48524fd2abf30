//! `invoke`: one event, or one request, through a function, and its end as the exit code.
//!
//! Promises: standard output has the answer and nothing else; the log of the function, the platform's lines with it, goes to
//! standard error; nothing runs on afterwards.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use cos_emulator::{Cloud, Outcome, Platform};

use super::arguments::{EventName, PlatformName, assignment};
use super::console::{Console, Stream};
use super::request::{RequestFlags, read};
use super::{Failure, StopSignal, first_request};

/// How long the function gets to end by itself.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # GET /sign as a function URL of SCF delivers it
  cos-issuer invoke --function target/debug/bootstrap

  # A request with a body, on Lambda behind an HTTP API; what the function returns is JSON for jq
  cos-issuer invoke --function target/debug/bootstrap --platform lambda --trigger http-api \\
      --path /sts --header 'Content-Type: application/json' --body @scope.json | jq -r .body

  # An event from a file (`cos-issuer event` writes one), with settings of the function
  cos-issuer invoke --function target/debug/bootstrap --event event.json --env ALLOW=download

  # A web function gets the request itself, and its body is printed
  cos-issuer invoke --function target/debug/bootstrap --platform scf-web --path /healthz

Standard output: what the function returned. Standard error: its log, and what the client of the trigger gets.

Exit codes: 0 the function answered (with whatever status), 1 it did not: it reported an error, or the platform ended it,
2 the command line makes no sense.")]
pub(crate) struct Invoke {
    /// The binary that would be deployed
    #[arg(long, value_name = "PATH")]
    function: PathBuf,

    /// Where the function shall believe it is
    #[arg(long, value_enum, default_value_t = PlatformName::Scf)]
    platform: PlatformName,

    /// The trigger: function-url, api-gateway or clb on scf; function-url, http-api, rest or alb on lambda
    #[arg(long, value_name = "SHAPE", value_enum)]
    trigger: Option<EventName>,

    /// Send the event in this file as it is, not one made of a request; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = RequestFlags::NAMES)]
    event: Option<String>,

    /// A variable of the function, in place of the default one; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    env: Vec<(String, String)>,

    /// How long the invocation may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=900))]
    timeout: u64,

    /// How much memory the function may take
    #[arg(long, value_name = "MB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(64..=10240))]
    memory: u32,

    #[command(flatten)]
    request: RequestFlags,
}

pub(crate) async fn run(
    invoke: &Invoke,
    ledger: Option<PathBuf>,
    console: Console,
) -> Result<(), Failure> {
    let platform = invoke.platform.with(invoke.trigger);
    let platform = platform.map_err(Failure::Usage)?;
    let input = invoke.input(platform)?;
    let stop = StopSignal::listen()?;
    let mut builder = Cloud::builder()
        .function(&invoke.function)
        .platform(platform)
        .call_timeout(Duration::from_secs(invoke.timeout))
        .memory_mb(invoke.memory)
        .on_function_output(move |line| console.function_said(line, Stream::Error));
    if let Some(ledger) = ledger {
        builder = builder.secret_ledger(ledger);
    }
    for (name, value) in &invoke.env {
        builder = builder.env(name, value);
    }
    let cloud = builder
        .start()
        .await
        .map_err(|error| Failure::start(&error))?;
    let ended = tokio::select! {
        biased;
        () = stop.received() => Err(Failure::Failed("stopped before the function answered".to_owned())),
        ended = send(&cloud, platform, input, console) => ended,
    };
    cloud.shut_down(PATIENCE).await;
    ended
}

enum Input {
    Event(Vec<u8>),
    Request(Box<http::Request<Vec<u8>>>),
}

impl Invoke {
    fn input(&self, platform: Platform) -> Result<Input, Failure> {
        match (&self.event, platform) {
            (Some(_), Platform::ScfWeb) => Err(Failure::Usage(
                "a web function takes no events: tell the request with --path and the like"
                    .to_owned(),
            )),
            (Some(place), _) => read(place).map(Input::Event),
            (None, Platform::ScfWeb) => {
                let request = self.request.request()?;
                Ok(Input::Request(Box::new(request)))
            }
            (None, _) => {
                let event = platform.event(&self.request.request()?);
                Ok(Input::Event(
                    event.unwrap_or_default().to_string().into_bytes(),
                ))
            }
        }
    }
}

async fn send(
    cloud: &Cloud,
    platform: Platform,
    input: Input,
    console: Console,
) -> Result<(), Failure> {
    let event = match input {
        Input::Event(event) => event,
        Input::Request(request) => return send_plain(cloud, *request, console).await,
    };
    let invocation = cloud.invoke(event).await;
    console.line(String::from_utf8_lossy(&invocation.returned(platform)));
    let status = invocation.reply(platform).status();
    console.remark(format_args!("the client of the trigger gets HTTP {status}"));
    match invocation.outcome {
        Outcome::Response(_) => Ok(()),
        Outcome::FunctionError(_) => {
            let text = "the function reported the error above";
            Err(Failure::Failed(text.to_owned()))
        }
        Outcome::PlatformError(error) => {
            Err(Failure::Failed(format!("the platform ended it: {error}")))
        }
    }
}

async fn send_plain(
    cloud: &Cloud,
    request: http::Request<Vec<u8>>,
    console: Console,
) -> Result<(), Failure> {
    let gateway = cloud.gateway_url().unwrap_or_default();
    // Ready first: then a failure of the start is told as one.
    cloud
        .wait_ready()
        .await
        .map_err(|error| Failure::Failed(format!("the function did not become ready: {error}")))?;
    let response = first_request::send(&gateway, request.map(Bytes::from)).await?;
    console.line(String::from_utf8_lossy(response.body()));
    let status = response.status();
    console.remark(format_args!("the client gets HTTP {status}"));
    // The platform's own codes for a web function that did not answer lie beside those of HTTP.
    if is_platform_error(&response) {
        return Err(Failure::Failed(format!("the platform ended it: {status}")));
    }
    Ok(())
}

fn is_platform_error(response: &http::Response<Bytes>) -> bool {
    let body = serde_json::from_slice::<serde_json::Value>(response.body()).unwrap_or_default();
    body.get("errorCode").is_some() && body.get("statusCode").is_some()
}
