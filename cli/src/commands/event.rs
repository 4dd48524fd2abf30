//! `event`: the event that an HTTP request becomes on a platform. Nothing runs.

use clap::Args;

use crate::failure::Failure;
use crate::platform_options::{PlatformName, PlatformOptions};
use crate::request::RequestOptions;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # What a function URL of SCF sends to a function for GET /sign
  cos-issuer event

  # A request with a query, a header and a body from a file
  cos-issuer event --platform lambda --trigger http-api --path /sts --query durationSeconds=900 \\
      --header 'Content-Type: application/json' --body @scope.json

  # Save an event, edit it, and run it
  cos-issuer event --trigger clb --path /sign > event.json
  cos-issuer invoke --function target/deploy/bootstrap --trigger clb --event event.json

On Lambda and CLB, Content-Type decides whether a body is text; without that header it becomes base64.
A web function (scf-web) receives the HTTP request itself, not an event.

Exit codes: 0 success, 1 a file cannot be read, 2 invalid command line.")]
pub(crate) struct EventOptions {
    #[command(flatten)]
    platform: PlatformOptions,

    #[command(flatten)]
    request: RequestOptions,
}

pub(crate) fn run(options: &EventOptions, terminal: Terminal) -> Result<(), Failure> {
    let platform = options.platform.platform(PlatformName::Scf)?;
    let event = platform.event(&options.request.request()?).ok_or_else(|| {
        let text = "--platform: must be scf or lambda; a web function receives the HTTP request itself, not an event";
        Failure::Usage(text.to_owned())
    })?;
    terminal.line(serde_json::to_string_pretty(&event)?);
    Ok(())
}
