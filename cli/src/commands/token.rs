//! `token`: a bearer token of the running cloud's issuer.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::options::assignment;
use crate::running::RuntimeDirectory;
use crate::running_client::RunningClient;
use crate::terminal::Terminal;

#[derive(Args)]
#[command(after_help = "Examples:
  cos-issuer token --sub user-1
  cos-issuer token --sub user-1 --claim team=media --claim level=3
  curl -H \"Authorization: Bearer $(cos-issuer token --sub user-2)\" http://127.0.0.1:5002/sts

Exit codes: 0 success, 1 failure, 2 invalid command line.")]
pub(crate) struct TokenOptions {
    /// The subject, which grants know as {sub}
    #[arg(long, value_name = "SUBJECT")]
    sub: String,

    /// A further claim; a value that is JSON (3, true, [\"a\"]) keeps its type; repeatable
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    claim: Vec<(String, String)>,

    /// The [[issuer]] of the function's grants file that signs it [default: the first one]
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,

    /// The lifetime in seconds [default: 3600]
    #[arg(long)]
    seconds: Option<u32>,
}

pub(crate) async fn run(
    options: TokenOptions,
    directory: &RuntimeDirectory,
    terminal: Terminal,
) -> Result<(), Failure> {
    let value = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let claims: Map<String, Value> =
        options.claim.into_iter().map(|(name, text)| (name, value(text))).collect();
    let order = json!({
        "issuer": options.issuer, "sub": options.sub, "claims": claims, "seconds": options.seconds,
    });
    let answer = RunningClient::find(directory)?.post("token", &order).await?;
    terminal.line(answer.get("token").and_then(Value::as_str).unwrap_or_default());
    Ok(())
}
