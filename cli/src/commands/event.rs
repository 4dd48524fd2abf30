//! `event`: the event that an HTTP request becomes on a platform. Nothing runs.

use clap::{Args, ValueEnum};
use cos_emulator::{LambdaEvent, Platform, ScfEvent};

use crate::console::Console;
use crate::failure::Failure;
use crate::request::RequestOptions;

#[derive(Args)]
#[command(after_help = "Examples:
  # What a function URL of SCF sends to a function for GET /sign
  cos-issuer event scf-function-url

  # A request with a query, a header and a body from a file
  cos-issuer event lambda-http-api --path /sts --query durationSeconds=900 \\
      --header 'Content-Type: application/json' --body @scope.json

  # Save an event, edit it, and run it
  cos-issuer event scf-clb --path /sign > event.json
  cos-issuer invoke --function target/debug/bootstrap --trigger clb --event event.json

On Lambda and CLB, Content-Type decides whether a body is text; without that header it becomes base64.
A web function (scf-web) receives the HTTP request itself, not an event.

Exit codes: 0 success, 1 a file cannot be read, 2 invalid command line.")]
pub(crate) struct EventOptions {
    /// Which platform and trigger
    #[arg(value_enum)]
    shape: Shape,

    #[command(flatten)]
    request: RequestOptions,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shape {
    /// Tencent SCF, function URL
    ScfFunctionUrl,
    /// Tencent SCF, API gateway
    ScfApiGateway,
    /// Tencent SCF, load balancer
    ScfClb,
    /// AWS Lambda, function URL (payload 2.0)
    LambdaFunctionUrl,
    /// AWS Lambda, HTTP API (payload 2.0)
    LambdaHttpApi,
    /// AWS Lambda, REST API (payload 1.0)
    LambdaRest,
    /// AWS Lambda, application load balancer
    LambdaAlb,
}

pub(crate) fn run(options: &EventOptions, console: Console) -> Result<(), Failure> {
    let request = options.request.request()?;
    // Each shape here is an event; a web function has none.
    let event = options.shape.platform().event(&request).unwrap_or_default();
    console.line(serde_json::to_string_pretty(&event)?);
    Ok(())
}

impl Shape {
    fn platform(self) -> Platform {
        match self {
            Self::ScfFunctionUrl => Platform::Scf(ScfEvent::FunctionUrl),
            Self::ScfApiGateway => Platform::Scf(ScfEvent::ApiGateway),
            Self::ScfClb => Platform::Scf(ScfEvent::Clb),
            Self::LambdaFunctionUrl => Platform::Lambda(LambdaEvent::FunctionUrl),
            Self::LambdaHttpApi => Platform::Lambda(LambdaEvent::HttpApi),
            Self::LambdaRest => Platform::Lambda(LambdaEvent::Rest),
            Self::LambdaAlb => Platform::Lambda(LambdaEvent::Alb),
        }
    }
}
