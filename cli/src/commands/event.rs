//! `event`: the event that an HTTP request becomes, without running anything.

use clap::{Args, ValueEnum};
use cos_emulator::{LambdaEvent, Platform, ScfEvent};

use super::Failure;
use super::console::Console;
use super::request::RequestFlags;

#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # What a function URL of SCF hands to a function for GET /sign
  cos-issuer event scf-function-url

  # A request with a query, a header and a body from a file
  cos-issuer event lambda-http-api --path /sts --query durationSeconds=900 \\
      --header 'Content-Type: application/json' --body @scope.json

  # Keep one, change it, and run it
  cos-issuer event scf-clb --path /sign > event.json
  cos-issuer invoke --function target/debug/bootstrap --trigger clb --event event.json

A body counts as text by its Content-Type on Lambda and CLB; without that header it becomes base64 there.
A web function (scf-web) has no event: it gets the HTTP request itself.

Exit codes: 0 it worked, 1 a file cannot be read, 2 the command line makes no sense.")]
pub(crate) struct Event {
    /// Which platform and trigger
    #[arg(value_enum)]
    shape: Shape,

    #[command(flatten)]
    request: RequestFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
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

pub(crate) fn run(event: &Event, console: Console) -> Result<(), Failure> {
    let request = event.request.request()?;
    let told = event.shape.platform().event(&request);
    let told = told.ok_or_else(|| Failure::Usage("this platform has no events".to_owned()))?;
    console.line(serde_json::to_string_pretty(&told)?);
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
