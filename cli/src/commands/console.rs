//! `console`: the page of the console for a deployment elsewhere, within what browsers allow.
//!
//! # Guarantees
//! This program sends nothing to the deployment: the page does, from the browser. It may connect to
//! the issuer, to the bucket and to the list of buckets, and to nothing else.

use clap::Args;
use http::Uri;
use tencent::names::{Bucket, Region};

use crate::callers::random_hex;
use crate::console::{Console, Elsewhere};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::loopback::Port;
use crate::options::{bucket, region};
use crate::stop_signal::StopSignal;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  # The files of a bucket, with credentials of this deployment
  cos-issuer console --issuer https://issuer.example.com --bucket media-1250000000 --region ap-guangzhou \\
      --prefix users/user-1/

  # A local cloud as if it were elsewhere
  cos-issuer console --port 8090 --issuer http://127.0.0.1:5000 --bucket examplebucket-1250000000 \\
      --region ap-guangzhou --cos 'http://{Bucket}.cos.localhost:5001'

What the deployment has to allow, because browsers ask for it:
  - ALLOWED_ORIGINS of the function contains the origin of this page, for example http://127.0.0.1:8090
  - a CORS rule of the bucket allows this origin, the methods PUT, GET, HEAD, POST and DELETE, every
    header, and exposes ETag
COS lets no page list, create or delete buckets, which the page then explains. Choose a fixed --port, since
it is part of the origin.

Exit codes: 0 success, 1 failure, 2 invalid command line.")]
pub(crate) struct ConsoleOptions {
    /// Where the function is
    #[arg(long, value_name = "URL", value_parser = origin)]
    issuer: String,

    /// The bucket of the view of files, with its appid
    #[arg(long, value_name = "NAME-APPID", value_parser = bucket)]
    bucket: Bucket,

    /// The region of the bucket
    #[arg(long, value_name = "REGION", value_parser = region)]
    region: Region,

    /// The folder that the view of files begins with, for example users/user-1/
    #[arg(long, value_name = "PREFIX", default_value = "")]
    prefix: String,

    /// Where COS is, with the places {Bucket} and {Region}
    #[arg(long, value_name = "URL", default_value = "https://{Bucket}.cos.{Region}.myqcloud.com", value_parser = origin)]
    cos: String,

    /// Port of the page, which is part of its origin; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Print one line of JSON with `consoleUrl`, and nothing else on standard output
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(
    options: ConsoleOptions,
    environment: &Environment,
    terminal: Terminal,
) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let port = Port::bind(options.port).map_err(|error| {
        let number = options.port;
        Failure::Failed(format!("port {number} of 127.0.0.1 is not free: {error}; choose another"))
    })?;
    let origin = port.origin();
    let deployment = Elsewhere {
        issuer: options.issuer,
        cos: options.cos,
        bucket: options.bucket,
        region: options.region,
        prefix: options.prefix,
    };
    let console = Console::start(port, &random_hex()?, environment.sdk(), deployment)?;
    if options.json {
        terminal.line(serde_json::json!({ "consoleUrl": console.url() }));
    } else {
        terminal.title("The console of a deployment elsewhere");
        terminal.pair("page", console.url());
        terminal.pair("origin", origin);
        terminal.line(
            "The function and the bucket have to allow this origin; see --help. Ctrl-C ends it.",
        );
    }
    stop.received().await;
    Ok(())
}

/// A scheme and a host, without a path.
fn origin(text: &str) -> Result<String, String> {
    let form = "must be an origin, for example https://issuer.example.com";
    let bare = text.trim_end_matches('/');
    // A host never contains the places of a template.
    let filled = bare.replace("{Bucket}", "b").replace("{Region}", "r");
    let uri: Uri = filled.parse().map_err(|_| form.to_owned())?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    let is_plain =
        authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    let is_whole = filled.split_once("://").is_some_and(|(_, rest)| rest == authority);
    (is_http && is_plain && is_whole && !authority.is_empty())
        .then(|| bare.to_owned())
        .ok_or_else(|| form.to_owned())
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_adds_nothing_to_the_policy_of_the_page() {
        for text in [
            "https://issuer.example.com",
            "http://127.0.0.1:5000/",
            "http://{Bucket}.cos.localhost:5001",
            "https://{Bucket}.cos.{Region}.myqcloud.com",
        ] {
            assert_eq!(origin(text).unwrap(), text.trim_end_matches('/'));
        }
        for text in [
            "",
            "issuer.example.com",
            "ftp://issuer.example.com",
            "https://",
            "https://issuer.example.com/path",
            "https://issuer.example.com?a=b",
            "https://issuer.example.com; script-src *",
            "https://user@issuer.example.com",
            "https://*.example.com",
            "https://{Host}.example.com",
            "https://a.example https://b.example",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
