//! `run`: the whole cloud around one function, and one request that shows that it works.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cos_emulator::{Cloud, CloudBuilder, Platform};
use http::StatusCode;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::console::{Console, Stream};
use crate::failure::Failure;
use crate::http_client;
use crate::options::{CloudOptions, FileOptions, Span, assignment};
use crate::platform_options::{PlatformName, TriggerName, describe};
use crate::report::{add_controls, check_trace, follow_calls, print_calls, print_controls};
use crate::stop_signal::StopSignal;

/// How long children may take to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Args, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  # What `make run` does: SCF with a function URL, and one GET /sign through the whole path
  cos-issuer run --function target/debug/bootstrap

  # The same binary as a web function, and on Lambda behind an HTTP API
  cos-issuer run --function target/debug/bootstrap --platform scf-web
  cos-issuer run --function target/debug/bootstrap --platform lambda --event http-api

  # Change the function's own settings
  cos-issuer run --function target/debug/bootstrap --env ALLOW=download --env DURATION_SECONDS=900

  # In scripts: one request, with its outcome as the exit code
  cos-issuer run --function target/debug/bootstrap --port 0 --once

  # Inject faults from a file; the seed makes the run reproducible; every call is in the trace
  cos-issuer run --function target/debug/bootstrap --faults faults.toml --seed 7 --trace trace.jsonl

  # Everything above in one file, with the names of the flags as keys; flags win
  cos-issuer run --config emulator.toml

faults.toml:
  [[fault]]
  service = \"sts\"              # gateway, sts or cos
  action = \"GetFederationToken\"  # optional; a trailing * matches any rest
  every = 3                    # or nth, from, burst, times, probability
  kind = \"latency\"             # or outage, throttle, error, cut-after, wrong-clock, revoke-key, ...
  delay_ms = 800

While it runs, the admin API accepts the same as JSON (its address and token are printed at start):
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\
    -d '{\"service\":\"sts\",\"kind\":\"outage\",\"nth\":1}' $ADMIN/faults
  curl -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' -d '{\"advance\":\"31m\"}' $ADMIN/clock

Exit codes: 0 success, 1 failure, 2 invalid command line or options file.")]
pub(crate) struct RunOptions {
    /// The function to run; a new binary at the same path replaces it while this runs
    #[arg(long, value_name = "PATH")]
    function: Option<PathBuf>,

    /// Platform to emulate [default: scf]
    #[arg(long, value_enum)]
    platform: Option<PlatformName>,

    /// The trigger: function-url, api-gateway or clb on scf; function-url, http-api, rest or alb on
    /// lambda
    #[arg(long, value_name = "SHAPE", value_enum)]
    event: Option<TriggerName>,

    /// Port of the gateway; 0 takes a free one [default: 5000]
    #[arg(long)]
    port: Option<u16>,

    /// Port of COS [default: a free one]
    #[arg(long)]
    cos_port: Option<u16>,

    /// Keep the objects of COS in this directory [default: in memory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// An origin whose pages may use the bucket, for example http://localhost:8080; repeatable
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,

    /// A variable of the function, in place of the default one; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    #[serde(skip)]
    env: Vec<(String, String)>,

    /// `env` of the file. A flag replaces one of these variables, not the table.
    #[arg(skip)]
    #[serde(rename = "env")]
    env_table: BTreeMap<String, String>,

    /// Advance the cloud's clock each time an instance is frozen, for example by 40m
    #[arg(long, value_name = "SPAN")]
    freeze_jump: Option<Span>,

    /// Memory limit of an instance in MB; an instance that exceeds it is killed [default: 128]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    memory_mb: Option<u32>,

    /// Maximum number of instances; further requests are throttled [default: 4]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    max_instances: Option<u16>,

    /// Time limit of one call in milliseconds [default: 10000]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    call_timeout_ms: Option<u64>,

    /// Let idle instances run, where the platform freezes them
    #[arg(long)]
    no_freeze: bool,

    /// Keep the binary that started, even if you build a new one
    #[arg(long)]
    no_watch: bool,

    /// Also print each policy sent to the STS, and set LOG=debug for the function
    #[arg(long)]
    verbose: bool,

    /// Exit after the first credential
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    #[serde(skip)]
    pub(crate) cloud: CloudOptions,
}

impl FileOptions for RunOptions {
    fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        let _: BTreeMap<Key, IgnoredAny> = toml::from_str(text)?;
        Ok(Self {
            cloud: toml::from_str(text)?,
            ..toml::from_str(text)?
        })
    }
}

/// A key of the file. Serde's own check of unknown fields covers one struct; two share the file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let flags = RunOptions::augment_args(clap::Command::new("run"));
        let is_flag = flags
            .get_arguments()
            .any(|flag| flag.get_long() == Some(&name));
        is_flag.then_some(Self(name.clone())).ok_or_else(|| {
            D::Error::custom(format!(
                "unknown key `{name}`: must be the name of a flag of `cos-issuer run`, for example `seed`"
            ))
        })
    }
}

pub(crate) async fn run(
    options: RunOptions,
    builder: CloudBuilder,
    console: Console,
) -> Result<(), Failure> {
    let platform = options.platform.unwrap_or(PlatformName::Scf);
    let platform = platform.with(options.event).map_err(Failure::Usage)?;
    let builder = options.builder(platform, builder, console)?;
    let stop = StopSignal::listen()?;
    let cloud = builder
        .start()
        .await
        .map_err(|error| Failure::start(&error))?;
    let served = tokio::select! {
        // Checked first, so that a signal during a long start is heard.
        biased;
        () = stop.received() => Ok(()),
        served = serve(&options, platform, &cloud, console) => served,
    };
    let traced = check_trace(&cloud);
    cloud.shut_down(EXIT_TIMEOUT).await;
    served.and(traced)
}

impl RunOptions {
    fn builder(
        &self,
        platform: Platform,
        builder: CloudBuilder,
        console: Console,
    ) -> Result<CloudBuilder, Failure> {
        let function = self.function.as_ref().ok_or_else(|| {
            let text =
                "no function to run: give --function PATH, or `function` in the file of --config";
            Failure::Usage(text.to_owned())
        })?;
        // With --json, standard output is only for the other program.
        let stream = if self.cloud.json {
            Stream::Error
        } else {
            Stream::Out
        };
        let mut builder = self
            .cloud
            .apply(builder)?
            .function(function)
            .platform(platform)
            .gateway_port(self.port.unwrap_or(5000))
            .freeze_jump(self.freeze_jump.map_or(0, |Span(seconds)| seconds))
            .watch(!self.no_watch)
            .freeze(!self.no_freeze)
            .cos_port(self.cos_port.unwrap_or(0))
            .cors(&self.cors)
            .on_function_output(move |line| console.function_output(line, stream));
        if let Some(directory) = &self.data {
            builder = builder.data(directory);
        }
        if let Some(limit) = self.memory_mb {
            builder = builder.memory_mb(limit);
        }
        if let Some(limit) = self.max_instances {
            builder = builder.max_instances(limit.into());
        }
        if let Some(limit) = self.call_timeout_ms {
            builder = builder.call_timeout(Duration::from_millis(limit));
        }
        if self.verbose {
            builder = builder.env("LOG", "debug");
        }
        let flags = self.env.iter().map(|(name, value)| (name, value));
        for (name, value) in self.env_table.iter().chain(flags) {
            builder = builder.env(name, value);
        }
        Ok(builder)
    }
}

async fn serve(
    options: &RunOptions,
    platform: Platform,
    cloud: &Cloud,
    console: Console,
) -> Result<(), Failure> {
    let gateway = &cloud.gateway_url().unwrap_or_default();
    let json = options.cloud.json;
    if !json {
        introduce(options, platform, cloud, gateway, console);
    }
    cloud.wait_ready().await.map_err(|error| {
        Failure::Failed(format!(
            "the function did not become ready: {error}; its output is above"
        ))
    })?;
    if json {
        console.line(add_controls(cloud, addresses(platform, cloud, gateway)));
    } else {
        console.good(format_args!(
            "the function is ready (process {})",
            processes(cloud)
        ));
    }
    let reported = match (json, options.once) {
        (true, false) => return std::future::pending().await,
        (true, true) => {
            first_credential(gateway).await?;
            return Ok(());
        }
        (false, _) => {
            let credential = first_credential(gateway).await;
            let reported = print_calls(cloud, 0, options.verbose, console);
            match credential {
                Ok(credential) => {
                    console.good("GET /sign: a credential (of this cloud, worthless elsewhere):");
                    console.line(credential);
                }
                Err(failure) => {
                    console.bad("GET /sign");
                    return Err(failure);
                }
            }
            reported
        }
    };
    if options.once {
        return Ok(());
    }
    console.line("");
    console.title("Try it");
    console.line(format_args!("  curl {gateway}/sign"));
    console.line(format_args!("  curl '{gateway}/sts?durationSeconds=900'"));
    console.line("");
    console.line("Ctrl-C stops everything.");
    follow_calls(cloud, reported, options.verbose, console).await;
    Ok(())
}

fn introduce(
    options: &RunOptions,
    platform: Platform,
    cloud: &Cloud,
    gateway: &str,
    console: Console,
) {
    let account = cloud.account();
    console.title("A local cloud, on this machine only");
    console.pair("platform", describe(platform));
    if let Some(function) = &options.function {
        console.pair("function", function.display());
    }
    console.pair("gateway", gateway);
    console.pair("STS", cloud.sts().https_url());
    console.pair("COS", cloud.cos().http_url());
    console.pair("their CA", cloud.sts().ca_file().display());
    console.pair(
        "bucket",
        format_args!("{} in {}", account.bucket, account.region),
    );
    print_controls(cloud, console);
    console.line("");
}

/// The body of `GET /sign`, with line breaks.
async fn first_credential(gateway: &str) -> Result<String, Failure> {
    let (status, body) = http_client::get(gateway, "/sign").await?;
    let body = pretty(&body);
    if status == StatusCode::OK {
        return Ok(body);
    }
    Err(Failure::Failed(format!(
        "GET /sign was answered with HTTP {status} instead of a credential:\n{body}"
    )))
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

/// JSON with line breaks and its members in their order; any other text as it is.
fn pretty(body: &[u8]) -> String {
    let mut text = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let mut writer = serde_json::Serializer::pretty(&mut text);
    let shown = match serde_transcode::transcode(&mut reader, &mut writer) {
        Ok(()) => text,
        Err(_) => body.to_vec(),
    };
    String::from_utf8_lossy(&shown).into_owned()
}
