//! `invoke`: sends one event or one request to a function; the exit code reports the outcome.
//!
//! # Guarantees
//! Standard output contains only the response. The log of the function and of the platform goes to
//! standard error. No process is left running.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use cos_emulator::{Cloud, Outcome, Platform};

use crate::environment::Environment;
use crate::failure::Failure;
use crate::options::assignment;
use crate::platform_options::{Limits, PlatformName, PlatformOptions};
use crate::request::{RequestOptions, read};
use crate::stop_signal::StopSignal;
use crate::terminal::{Stream, Terminal};

/// How long the function may take to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Args)]
#[command(after_help = "Examples:
  # GET /sign, as a function URL of SCF delivers it
  cos-issuer invoke --function target/deploy/bootstrap

  # A request with a body, on Lambda behind an HTTP API; what the function returns is JSON for jq
  cos-issuer invoke --function target/deploy/bootstrap --platform lambda --trigger http-api \\
      --path /sts --header 'Content-Type: application/json' --body @scope.json | jq -r .body

  # An event from a file (`cos-issuer event` writes one), with settings of the function
  cos-issuer invoke --function target/deploy/bootstrap --event event.json --env ALLOW=download

  # A web function receives the request itself; the body of its response is printed
  cos-issuer invoke --function target/deploy/bootstrap --platform scf-web --path /healthz

Standard output: what the function returned. Standard error: its log, and the status that the client gets.

Exit codes: 0 the function answered, with any status; 1 it reported an error or the platform ended it;
2 invalid command line.")]
pub(crate) struct InvokeOptions {
    /// The function to run [default: the one of the package that installed this program]
    #[arg(long, value_name = "PATH")]
    function: Option<PathBuf>,

    #[command(flatten)]
    platform: PlatformOptions,

    /// Send the event in this file as it is, in place of a request; - reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = RequestOptions::NAMES)]
    event: Option<String>,

    /// A variable of the function, in place of the default one; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    env: Vec<(String, String)>,

    #[command(flatten)]
    limits: Limits,

    #[command(flatten)]
    request: RequestOptions,
}

pub(crate) async fn run(
    options: InvokeOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    let function = options.function.clone().or_else(|| environment.function());
    let function = function
        .ok_or_else(|| Failure::Usage("no function to run: give --function PATH".into()))?;
    let platform = options.platform.platform(PlatformName::Scf)?;
    let input = options.input(platform)?;
    let mut stop = StopSignal::listen()?;
    let mut builder = options
        .limits
        .apply(environment.builder())
        .function(function)
        .platform(platform)
        .on_function_output(move |line| terminal.function_output(line, Stream::Error));
    for (name, value) in &options.env {
        builder = builder.env(name, value);
    }
    let cloud = builder.start().await.map_err(|error| Failure::start(&error))?;
    let ended = tokio::select! {
        biased;
        () = stop.received() => Err(Failure::Failed("stopped before the function answered".to_owned())),
        ended = send(&cloud, platform, input, terminal) => ended,
    };
    cloud.shut_down(EXIT_TIMEOUT).await;
    ended
}

enum Input {
    Event(Vec<u8>),
    Request(Box<http::Request<Vec<u8>>>),
}

impl InvokeOptions {
    fn input(&self, platform: Platform) -> Result<Input, Failure> {
        match (&self.event, platform) {
            (Some(_), Platform::ScfWeb) => Err(Failure::Usage(
                "--event: must be omitted for a web function; describe the request, for example with --path /sign"
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
    terminal: Terminal,
) -> Result<(), Failure> {
    let event = match input {
        Input::Event(event) => event,
        Input::Request(request) => return send_plain(cloud, *request, terminal).await,
    };
    let invocation = cloud.invoke(event).await;
    terminal.line(String::from_utf8_lossy(&invocation.returned(platform)));
    let status = invocation.reply(platform).status();
    terminal.remark(format_args!("the client of the trigger gets HTTP {status}"));
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
    terminal: Terminal,
) -> Result<(), Failure> {
    // Wait first, so that a failed start is reported as such.
    cloud
        .wait_ready()
        .await
        .map_err(|error| Failure::Failed(format!("the function did not become ready: {error}")))?;
    let response = cloud.request(request.map(Bytes::from)).await?;
    terminal.line(String::from_utf8_lossy(response.body()));
    let status = response.status();
    terminal.remark(format_args!("the client gets HTTP {status}"));
    // The platform has status codes of its own for a web function that did not answer.
    if is_platform_error(&response) {
        return Err(Failure::Failed(format!("the platform ended it: {status}")));
    }
    Ok(())
}

fn is_platform_error(response: &http::Response<Bytes>) -> bool {
    let body = serde_json::from_slice::<serde_json::Value>(response.body()).unwrap_or_default();
    body.get("errorCode").is_some() && body.get("statusCode").is_some()
}
