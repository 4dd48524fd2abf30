//! `request`: a request of a user to the running cloud's function.
//!
//! # Guarantees
//! Standard output contains only the body of the response.

use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::callers::Method;
use crate::failure::Failure;
use crate::http_client;
use crate::request::read;
use crate::running::RuntimeDirectory;
use crate::running_client::RunningClient;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  cos-issuer request --as user-1 /sts
  cos-issuer request --as user-2 --with hmac '/sts?durationSeconds=900'
  cos-issuer request --as operator --with api-key '/getKeyAndCredentials?filename=a.jpg'
  cos-issuer request --as user-1 /sts --body @scope.json

Exit codes: 0 the function issued or answered, 1 it refused or nothing answered, 2 invalid command line.")]
pub(crate) struct RequestOptions {
    /// Path and query, percent-encoded as a client sends them
    #[arg(default_value = "/sts")]
    target: String,

    /// Who asks: user-1, user-2, operator, or with --with jwt any subject
    #[arg(long = "as", value_name = "USER")]
    user: String,

    /// How the user proves it
    #[arg(long, value_enum, default_value_t)]
    with: Method,

    /// A JSON body to POST, or @FILE to read it from a file, @- from standard input
    #[arg(long, value_name = "TEXT|@FILE")]
    body: Option<String>,
}

pub(crate) async fn run(
    options: RequestOptions,
    directory: &RuntimeDirectory,
    terminal: Terminal,
) -> Result<(), Failure> {
    let (path, query) = options.target.split_once('?').unwrap_or((&options.target, ""));
    if !path.starts_with('/') || options.target.contains('#') {
        let text = "TARGET: must begin with / and contain no #, for example /sts?format=sdk";
        return Err(Failure::Usage(text.to_owned()));
    }
    let body = match options.body.as_deref().map(|text| (text, text.strip_prefix('@'))) {
        None => Vec::new(),
        Some((_, Some(place))) => read(place)?,
        Some((text, None)) => text.as_bytes().to_vec(),
    };
    let method = if options.body.is_some() { "POST" } else { "GET" };
    let order = json!({
        "as": options.user,
        "with": options.with.name(),
        "method": method,
        "path": path,
        "query": pairs(query),
        "body": String::from_utf8_lossy(&body),
    });
    let answer = RunningClient::find(directory)?.post("authorization", &order).await?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let url = text("url");
    let request = http::Request::builder()
        .method(method)
        .uri(&options.target)
        .header(AUTHORIZATION, text("authorization"))
        .header(HOST, url.trim_start_matches("http://"))
        .header(CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|_| {
            Failure::Usage("TARGET: must be percent-encoded, for example /a%20b".to_owned())
        })?;
    let response = http_client::send(url, request).await?;
    terminal.line(String::from_utf8_lossy(response.body()));
    if response.status().is_success() {
        return Ok(());
    }
    Err(Failure::Failed(format!("the function answered with HTTP {}", response.status())))
}

/// The query, decoded, as it is signed.
fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}
