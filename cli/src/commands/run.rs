//! `run`: everything together around one function, with one request to show that it works.

use std::path::PathBuf;
use std::time::Duration;

use cos_emulator::{Cloud, CloudBuilder, LambdaEvent, Platform, ScfEvent};
use http::StatusCode;
use serde_json::{Value, json};

use super::arguments::Run;
use super::console::{Console, Stream};
use super::settings::RunSettings;
use super::{Failure, StopSignal, add_controls, check_trace, first_request, introduce_controls};

/// How long children get to end by themselves.
const PATIENCE: Duration = Duration::from_secs(3);

pub(crate) async fn run(
    run: &Run,
    ledger: Option<PathBuf>,
    console: Console,
) -> Result<(), Failure> {
    let run = &RunSettings::read(run)?;
    let stop = StopSignal::listen()?;
    let cloud = builder(run, ledger, console)
        .start()
        .await
        .map_err(|error| Failure::start(&error))?;
    let served = tokio::select! {
        // Checked first, so that a signal during a long start is heard.
        biased;
        () = stop.received() => Ok(()),
        served = serve(run, &cloud, console) => served,
    };
    let traced = check_trace(&cloud);
    cloud.shut_down(PATIENCE).await;
    served.and(traced)
}

fn builder(run: &RunSettings, ledger: Option<PathBuf>, console: Console) -> CloudBuilder {
    // With --json standard output is for the other program alone.
    let stream = if run.shared.json {
        Stream::Error
    } else {
        Stream::Out
    };
    let mut builder = run
        .shared
        .apply(Cloud::builder())
        .function(&run.function)
        .platform(run.platform)
        .gateway_port(run.port)
        .freeze_jump(run.freeze_jump_seconds)
        .watch(!run.no_watch)
        .freeze(!run.no_freeze)
        .cos_port(run.cos_port)
        .cors(&run.cors)
        .on_function_output(move |line| console.function_said(line, stream));
    if let Some(directory) = &run.data {
        builder = builder.data(directory);
    }
    if let Some(limit) = run.memory_mb {
        builder = builder.memory_mb(limit);
    }
    if let Some(limit) = run.max_instances {
        builder = builder.max_instances(limit.into());
    }
    if let Some(limit) = run.call_timeout_ms {
        builder = builder.call_timeout(Duration::from_millis(limit));
    }
    if run.verbose {
        builder = builder.env("LOG", "debug");
    }
    if let Some(ledger) = ledger {
        builder = builder.secret_ledger(ledger);
    }
    for (name, value) in &run.env {
        builder = builder.env(name, value);
    }
    builder
}

async fn serve(run: &RunSettings, cloud: &Cloud, console: Console) -> Result<(), Failure> {
    let gateway = cloud.gateway_url().unwrap_or_default();
    if !run.shared.json {
        introduce(run, cloud, &gateway, console);
    }
    cloud.wait_ready().await.map_err(|error| {
        Failure::Failed(format!(
            "the function did not become ready: {error}; what it printed is above"
        ))
    })?;
    if run.shared.json {
        let addresses = addresses(run.platform, cloud, &gateway);
        console.line(add_controls(cloud, addresses));
    } else {
        console.good(format_args!(
            "the function is ready (process {})",
            processes(cloud)
        ));
    }
    if !run.shared.json || run.once {
        show_first_request(run, cloud, &gateway, console).await?;
    }
    if run.once {
        return Ok(());
    }
    if !run.shared.json {
        console.line("");
        console.title("Try it");
        console.line(format_args!("  curl {gateway}/sign"));
        console.line(format_args!("  curl '{gateway}/sts?durationSeconds=900'"));
        console.line("");
        console.line("Ctrl-C ends everything.");
    }
    report_calls(run, cloud, console).await
}

fn introduce(run: &RunSettings, cloud: &Cloud, gateway: &str, console: Console) {
    let account = cloud.account();
    console.title("A local cloud, on this machine only");
    console.pair("platform", describe(run.platform));
    console.pair("function", run.function.display());
    console.pair("gateway", gateway);
    console.pair("STS", cloud.sts().https_url());
    console.pair("COS", cloud.cos().http_url());
    console.pair("their CA", cloud.sts().ca_file().display());
    console.pair(
        "bucket",
        format_args!("{} in {}", account.bucket, account.region),
    );
    introduce_controls(cloud, console);
    console.line("");
}

async fn show_first_request(
    run: &RunSettings,
    cloud: &Cloud,
    gateway: &str,
    console: Console,
) -> Result<(), Failure> {
    let calls_before = cloud.sts().call_count();
    let (status, body) = first_request::get(gateway, "/sign").await?;
    let body = pretty(&body);
    if !run.shared.json {
        for call in &cloud.sts().calls_after(calls_before) {
            console.good(call_line(call));
            if run.verbose {
                console.line(format_args!(
                    "    {}",
                    call.policy.as_deref().unwrap_or("-")
                ));
            }
        }
    }
    if status != StatusCode::OK {
        if !run.shared.json {
            console.bad(format_args!("GET /sign: HTTP {status}"));
        }
        return Err(Failure::Failed(format!(
            "GET /sign was answered with HTTP {status} instead of a credential:\n{body}"
        )));
    }
    if !run.shared.json {
        console.good(format_args!(
            "GET /sign: HTTP {status}, a credential (of this cloud, worthless elsewhere):"
        ));
        console.line(body);
    }
    Ok(())
}

/// Tells of each STS call for as long as the cloud runs.
async fn report_calls(run: &RunSettings, cloud: &Cloud, console: Console) -> Result<(), Failure> {
    let mut reported = cloud.sts().call_count();
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if run.shared.json {
            continue;
        }
        for call in &cloud.sts().calls_after(reported) {
            reported = reported.saturating_add(1);
            if call.outcome == "Success" {
                console.good(call_line(call));
            } else {
                console.bad(call_line(call));
            }
            if run.verbose {
                console.line(format_args!(
                    "    {}",
                    call.policy.as_deref().unwrap_or("-")
                ));
            }
        }
    }
}

fn call_line(call: &cos_emulator::StsCall) -> String {
    let seconds = call
        .duration_seconds
        .map(|seconds| format!(" for {seconds} s"))
        .unwrap_or_default();
    format!(
        "STS: {}{seconds}, signed with {}: {}",
        call.action, call.signature_method, call.outcome,
    )
}

fn describe(platform: Platform) -> &'static str {
    match platform {
        Platform::Scf(ScfEvent::FunctionUrl) => "Tencent SCF event function, function URL",
        Platform::Scf(ScfEvent::ApiGateway) => "Tencent SCF event function, API gateway",
        Platform::Scf(ScfEvent::Clb) => "Tencent SCF event function, load balancer (CLB)",
        Platform::ScfWeb => "Tencent SCF web function, plain HTTP",
        Platform::Lambda(LambdaEvent::FunctionUrl) => "AWS Lambda, function URL",
        Platform::Lambda(LambdaEvent::HttpApi) => "AWS Lambda, HTTP API",
        Platform::Lambda(LambdaEvent::Rest) => "AWS Lambda, REST API",
        Platform::Lambda(LambdaEvent::Alb) => "AWS Lambda, application load balancer",
    }
}

fn addresses(platform: Platform, cloud: &Cloud, gateway: &str) -> Value {
    let account = cloud.account();
    json!({
        "platform": describe(platform),
        "gatewayUrl": gateway,
        "stsUrl": cloud.sts().https_url(),
        "stsHttpUrl": cloud.sts().http_url(),
        "cosUrl": cloud.cos().http_url(),
        "cosHttpsUrl": cloud.cos().https_url(),
        "caFile": cloud.sts().ca_file(),
        "bucket": account.bucket,
        "region": account.region,
        "appid": account.appid,
        "processes": cloud.function_processes(),
    })
}

fn processes(cloud: &Cloud) -> String {
    let ids: Vec<String> = cloud
        .function_processes()
        .iter()
        .map(i32::to_string)
        .collect();
    ids.join(", ")
}

/// JSON with line breaks, its members in the order they came in; anything else as it is.
fn pretty(body: &[u8]) -> String {
    let mut text = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut writer = serde_json::Serializer::pretty(&mut text);
    let told = match serde_transcode::transcode(&mut reader, &mut writer) {
        Ok(()) => text,
        Err(_) => body.to_vec(),
    };
    String::from_utf8_lossy(&told).into_owned()
}
