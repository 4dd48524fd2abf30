//! `run`: the whole cloud around one function, and one request that shows that it works.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use cos_emulator::{Cloud, CloudBuilder, Platform};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::console::{Console, Stream};
use crate::failure::Failure;
use crate::options::{CloudOptions, FileOptions, Span, assignment};
use crate::platform_options::{Limits, PlatformName, PlatformOptions, describe};
use crate::report::{
    add_controls, check_trace, print_controls, print_gateway_call, print_sts_call,
};
use crate::stop_signal::StopSignal;
use crate::upload_url::upload_url;

/// How long children may take to exit.
const EXIT_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Args, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  # What `make run` does: an SCF web function, and one GET /sign through the whole path
  cos-issuer run --function target/deploy/bootstrap

  # The same binary as an event function behind CLB, and on Lambda behind an HTTP API
  cos-issuer run --function target/deploy/bootstrap --trigger clb
  cos-issuer run --function target/deploy/bootstrap --platform lambda --trigger http-api

  # Change the function's own settings
  cos-issuer run --function target/deploy/bootstrap --env ALLOW=download --env DURATION_SECONDS=900

  # In scripts: one request, with its outcome as the exit code
  cos-issuer run --function target/deploy/bootstrap --port 0 --once

  # Inject faults from a file; the seed makes the run reproducible; every call is in the trace
  cos-issuer run --function target/deploy/bootstrap --faults faults.toml --seed 7 --trace trace.jsonl

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

    #[command(flatten)]
    #[serde(skip)]
    platform: PlatformOptions,

    /// Port of the gateway; 0 takes a free one [default: 5000]
    #[arg(long)]
    port: Option<u16>,

    /// Port of COS; 0 takes a free one [default: the port after the gateway's]
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

    #[command(flatten)]
    #[serde(skip)]
    limits: Limits,

    /// Maximum number of instances; further requests are throttled [default: 20]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    max_instances: Option<u16>,

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
            platform: toml::from_str(text)?,
            limits: toml::from_str(text)?,
            cloud: toml::from_str(text)?,
            ..toml::from_str(text)?
        })
    }
}

/// A key of the file. Serde's own check of unknown fields covers one struct; several share the
/// file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let flags = RunOptions::augment_args(clap::Command::new("run"));
        let is_flag = flags.get_arguments().any(|flag| flag.get_long() == Some(&name));
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
    let platform = options.platform.platform(PlatformName::ScfWeb)?;
    let builder = options.builder(platform, builder, console)?;
    let stop = StopSignal::listen()?;
    let cloud = builder.start().await.map_err(|error| Failure::start(&error))?;
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
        let port = self.port.unwrap_or(5000);
        // A free port for the gateway means a free one for COS.
        let next_port = if port == 0 { 0 } else { port.wrapping_add(1) };
        let mut builder = self.cloud.apply(builder)?;
        // With --json, standard output is only for the other program.
        let mut stream = Stream::Error;
        if !self.cloud.json {
            stream = Stream::Out;
            let verbose = self.verbose;
            builder = builder
                .on_sts_call(move |call| print_sts_call(call, verbose, console))
                .on_gateway_call(move |call| print_gateway_call(call, console));
        }
        builder = builder
            .function(function)
            .platform(platform)
            .gateway_port(port)
            .freeze_jump(self.freeze_jump.map_or(0, |Span(seconds)| seconds))
            .watch(!self.no_watch)
            .freeze(!self.no_freeze)
            .cos_port(self.cos_port.unwrap_or(next_port))
            .cors(&self.cors)
            .on_function_output(move |line| console.function_output(line, stream));
        if let Some(directory) = &self.data {
            builder = builder.data(directory);
        }
        if let Some(limit) = self.max_instances {
            builder = builder.max_instances(limit.into());
        }
        if self.verbose {
            builder = builder.env("LOG", "debug");
        }
        builder = self.limits.apply(builder);
        let mut variables = self.env_table.clone();
        variables.extend(self.env.iter().cloned());
        if may_generate_keys(&variables) {
            builder = builder.env("EXTENSIONS", "jpg,png");
        }
        for (name, value) in variables {
            builder = builder.env(name, value);
        }
        Ok(builder)
    }
}

/// Whether the default `EXTENSIONS` agrees with these variables: it belongs to the default grant
/// and to uploads.
fn may_generate_keys(variables: &BTreeMap<String, String>) -> bool {
    let is_upload = |allow: &String| allow.split(',').any(|preset| preset.trim() == "upload");
    variables.get("ALLOW").is_none_or(is_upload)
        && !variables.contains_key("GRANTS_FILE")
        && !variables.contains_key("POLICY")
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
        Failure::Failed(format!("the function did not become ready: {error}; its output is above"))
    })?;
    if json {
        console.line(add_controls(cloud, addresses(platform, cloud, gateway)));
        if !options.once {
            return std::future::pending().await;
        }
    } else {
        let ready = format!("the function is ready (process {})", processes(cloud));
        console.step(true, ready);
    }
    let first = first_credential(cloud).await;
    if !json && let Ok(body) = &first {
        console.title("A credential of this cloud, worthless elsewhere");
        console.line(pretty(body));
    }
    if options.once {
        return first.map(drop).map_err(Failure::Failed);
    }
    console.line("");
    if let Err(refusal) = &first {
        console.line(format_args!("{refusal}\nThe local cloud keeps running."));
        console.line("");
    }
    console.title("Try it");
    console.line(format_args!("  curl {gateway}/sign"));
    console.line(format_args!("  curl '{gateway}/sts?durationSeconds=900'"));
    let upload = first.ok().and_then(|body| upload_url(cloud, &body));
    if let Some(url) = upload {
        console.line("  # Upload with that credential; the response explains a refusal");
        console.line(format_args!("  curl -i -X PUT -d hello '{url}'"));
    }
    console.line("");
    console
        .line("A repeated request is served from the function's cache, without a line about STS;");
    console.line("--env CACHE=off switches the cache off.");
    console.line("");
    console.line("Ctrl-C stops everything.");
    std::future::pending().await
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
    console.pair("CA file", cloud.sts().ca_file().display());
    console.pair("bucket", format_args!("{} in {}", account.bucket, account.region));
    print_controls(cloud, console);
    console.line("");
}

/// The body of `GET /sign`, or why there is no credential in it.
async fn first_credential(cloud: &Cloud) -> Result<Bytes, String> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::from_static("/sign");
    let agent = HeaderValue::from_static("cos-issuer");
    request.headers_mut().insert(header::USER_AGENT, agent);
    let response = cloud.request(request).await;
    let response = response.map_err(|error| format!("GET /sign got no response: {error}"))?;
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        status => Err(format!(
            "GET /sign was answered with HTTP {status} instead of a credential:\n{}",
            pretty(response.body())
        )),
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
    let ids: Vec<String> = cloud.function_processes().iter().map(i32::to_string).collect();
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
