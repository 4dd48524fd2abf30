//! `sts`: only the STS, with its keys as lines to paste into another shell.

use clap::Args;
use cos_emulator::{Cloud, CloudBuilder};
use serde_json::{Value, json};

use super::run::RunOptions;
use crate::failure::Failure;
use crate::options::{CloudOptions, FileOptions};
use crate::report::{READY, add_controls, check_trace, print_controls, print_sts_call};
use crate::stop_signal::StopSignal;
use crate::terminal::Terminal;

#[derive(Args, Default)]
#[command(after_help = "Examples:
  # Paste the printed lines into another shell, then point any official SDK at the address
  cos-issuer sts
  cos-issuer sts --port 4430

  # Inject faults; the seed makes the run reproducible
  cos-issuer sts --faults faults.toml --seed 7

Exit codes: 0 success, 1 failure, 2 invalid command line or options file.")]
pub(crate) struct StsOptions {
    /// Port of HTTPS; HTTP is on the next one [default: free ones]
    #[arg(long)]
    port: Option<u16>,

    #[command(flatten)]
    cloud: CloudOptions,
}

impl FileOptions for StsOptions {
    fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        Ok(Self {
            // `port` in the file is the gateway's.
            port: None,
            cloud: RunOptions::from_toml(text)?.cloud,
        })
    }
}

pub(crate) async fn run(
    options: StsOptions,
    builder: CloudBuilder,
    terminal: Terminal,
) -> Result<(), Failure> {
    let mut builder = options.cloud.apply(builder)?;
    if !options.cloud.json {
        builder = builder.on_sts_call(move |call| print_sts_call(call, false, terminal));
    }
    let mut stop = StopSignal::listen()?.or_end_of_stdin(options.cloud.stop_with_stdin);
    let cloud = builder
        .sts_port(options.port.unwrap_or(0))
        .start()
        .await
        .map_err(|error| Failure::start(&error))?;
    if options.cloud.json {
        terminal.line(add_controls(&cloud, addresses(&cloud)));
    } else {
        introduce(&cloud, terminal);
        terminal.line(READY);
    }
    stop.received().await;
    check_trace(&cloud)
}

fn introduce(cloud: &Cloud, terminal: Terminal) {
    let (sts, account, key) = (cloud.sts(), cloud.account(), cloud.sub_account_key());
    let ca_file = sts.ca_file().display();
    terminal.title("The STS of a local cloud, on this machine only");
    terminal.pair("HTTPS", sts.https_url());
    terminal.pair("HTTP", sts.http_url());
    terminal.pair("role", account.role_arn("issuer"));
    print_controls(cloud, terminal);
    terminal.line("");
    terminal.line("# Paste into another shell. The key is this cloud's own and ends with it.");
    for (name, value) in [
        ("SECRET_ID", key.secret_id.clone()),
        ("SECRET_KEY", key.secret_key.clone()),
        ("KEY_OWNER", "sub-account".to_owned()),
        ("STS_ENDPOINTS", sts.https_url()),
        ("STS_CA_FILE", ca_file.to_string()),
        ("REQUESTS_CA_BUNDLE", ca_file.to_string()),
        ("NODE_EXTRA_CA_CERTS", ca_file.to_string()),
        ("BUCKET", account.bucket.clone()),
        ("REGION", account.region.clone()),
    ] {
        terminal.line(format_args!("export {name}='{value}'"));
    }
    terminal.line("");
    terminal.line("Ctrl-C ends it.");
}

fn addresses(cloud: &Cloud) -> Value {
    let (sts, account) = (cloud.sts(), cloud.account());
    json!({
        "stsUrl": sts.https_url(),
        "stsHttpUrl": sts.http_url(),
        "caFile": sts.ca_file(),
        "secretId": cloud.sub_account_key().secret_id,
        "secretKey": cloud.sub_account_key().secret_key,
        "rootSecretId": cloud.root_key().secret_id,
        "rootSecretKey": cloud.root_key().secret_key,
        "roleArn": account.role_arn("issuer"),
        "bucket": account.bucket,
        "region": account.region,
        "appid": account.appid,
    })
}
