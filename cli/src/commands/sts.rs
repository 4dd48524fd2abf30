//! `sts`: the STS alone, with its keys as lines to paste into another shell.

use std::path::PathBuf;
use std::time::Duration;

use cos_emulator::Cloud;
use serde_json::{Value, json};

use super::arguments::Sts;
use super::console::Console;
use super::settings::StsSettings;
use super::{Failure, StopSignal, add_controls, check_trace, introduce_controls};

pub(crate) async fn run(
    sts: &Sts,
    ledger: Option<PathBuf>,
    console: Console,
) -> Result<(), Failure> {
    let settings = StsSettings::read(sts)?;
    let json = settings.shared.json;
    let mut builder = settings
        .shared
        .apply(Cloud::builder().sts_port(settings.port));
    if let Some(ledger) = ledger {
        builder = builder.secret_ledger(ledger);
    }
    let stop = StopSignal::listen()?;
    let cloud = builder
        .start()
        .await
        .map_err(|error| Failure::start(&error))?;
    if json {
        console.line(add_controls(&cloud, addresses(&cloud)));
    } else {
        introduce(&cloud, console);
    }
    tokio::select! {
        () = stop.received() => {}
        () = report_calls(json, &cloud, console) => {}
    }
    check_trace(&cloud)
}

fn introduce(cloud: &Cloud, console: Console) {
    let (sts, account, key) = (cloud.sts(), cloud.account(), cloud.sub_account_key());
    let ca_file = sts.ca_file().display();
    console.title("The STS of a local cloud, on this machine only");
    console.pair("HTTPS", sts.https_url());
    console.pair("HTTP", sts.http_url());
    console.pair("role", account.role_arn("issuer"));
    introduce_controls(cloud, console);
    console.line("");
    console.line("# Paste into another shell. The key is this cloud's own and ends with it.");
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
        console.line(format_args!("export {name}='{value}'"));
    }
    console.line("");
    console.line("Ctrl-C ends it.");
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

/// One line for each call, so that a client's author sees what arrived.
async fn report_calls(json: bool, cloud: &Cloud, console: Console) {
    let mut reported = 0_usize;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if json {
            continue;
        }
        for call in &cloud.sts().calls_after(reported) {
            reported = reported.saturating_add(1);
            let line = format_args!(
                "{} {}: {}",
                call.action, call.signature_method, call.outcome
            );
            if call.outcome == "Success" {
                console.good(line);
            } else {
                console.bad(line);
            }
        }
    }
}
