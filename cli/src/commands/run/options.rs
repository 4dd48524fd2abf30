//! The options of `run`, and the cloud that they describe.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cos_emulator::{CloudBuilder, Durability, Platform};
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use super::functions::{Common, FunctionKey, FunctionTable};
use super::parts::{Output, Parts};
use crate::callers::{Callers, Method};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::loopback::Port;
use crate::options::{CloudOptions, FileOptions, Span, assignment};
use crate::platform_options::{Limits, PlatformName, PlatformOptions};
use crate::terminal::Terminal;

#[derive(Args, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  # What `make run` does: an SCF web function, and one GET /sign through the whole path
  cos-issuer run --function target/deploy/bootstrap

  # Callers that have to prove who they are, and requests of theirs
  cos-issuer run --function target/deploy/bootstrap --auth jwt
  cos-issuer request --as user-1 /sts

  # The same binary as an event function behind CLB, and on Lambda behind an HTTP API
  cos-issuer run --function target/deploy/bootstrap --trigger clb
  cos-issuer run --function target/deploy/bootstrap --platform lambda --trigger http-api

  # Change the function's own settings
  cos-issuer run --function target/deploy/bootstrap --env ALLOW=download --env DURATION_SECONDS=900

  # In scripts: one request, with its outcome as the exit code
  cos-issuer run --function target/deploy/bootstrap --port 0 --once

  # Inject faults from a file; the seed makes the run reproducible; every call is in the trace
  cos-issuer run --function target/deploy/bootstrap --faults faults.toml --seed 7 --trace trace.jsonl

  # Objects to begin with, and all that is stored kept in a file from one run to the next
  cos-issuer run --function target/deploy/bootstrap --preload fixtures --state cloud.state

  # Everything above in one file, with the names of the flags as keys; flags win
  cos-issuer run --config emulator.toml

  # Several functions in front of one STS and one COS: a [[function]] table for each in that file
  [[function]]
  name = \"uploads\"             # before each line of its log
  binary = \"target/deploy/bootstrap\"
  port = 5000                  # optional, as are platform, trigger, timeout, init-timeout, memory,
  concurrency = 10             # max-instances and concurrency: otherwise those of all functions
  env = { PREFIX = \"uploads/\" }

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
    /// The function to run; a new binary at the same path replaces it while this runs [default: the
    /// one of the package that installed this program]
    #[arg(long, value_name = "PATH")]
    #[serde(skip)]
    pub(super) function: Option<PathBuf>,

    /// The [[function]] tables of the file, in place of --function.
    #[arg(skip)]
    #[serde(skip)]
    pub(super) functions: Vec<FunctionTable>,

    #[command(flatten)]
    #[serde(skip)]
    pub(super) platform: PlatformOptions,

    /// Port of the gateway; 0 takes a free one [default: 5000]
    #[arg(long)]
    port: Option<u16>,

    /// Port of COS; 0 takes a free one [default: the port after the gateway's]
    #[arg(long)]
    cos_port: Option<u16>,

    /// Keep the objects of COS in this directory [default: in memory]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// What the objects in that directory survive: a kill of the process, or a loss of power, which
    /// syncs each change [default: process]
    #[arg(long, value_enum, value_name = "process|power")]
    durability: Option<DurabilityName>,

    /// How many MB of objects COS keeps in memory without --data [default: half of the machine's
    /// memory]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    cos_memory: Option<u32>,

    /// Begin with the state in this file, if it exists, and write it there at the end: the objects
    /// of COS, and the clock. Not together with --data
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// Begin with the files of this folder as objects, DIR/<bucket>/<key>, if no object is stored
    /// yet
    #[arg(long, value_name = "DIR")]
    preload: Option<PathBuf>,

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

    /// How many requests an instance of a web function serves at once [default: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=100))]
    concurrency: Option<u8>,

    /// Let idle instances run, where the platform freezes them
    #[arg(long)]
    no_freeze: bool,

    /// Keep the binary that started, even if you build a new one
    #[arg(long)]
    no_watch: bool,

    /// Callers prove who they are by these methods, as user-1, user-2 or operator; without it, the
    /// function at --port is open, and a second one on the next free port knows them by all methods
    #[arg(long, value_name = "METHODS", value_enum, value_delimiter = ',')]
    pub(super) auth: Vec<Method>,

    /// Port of the console, the page of this cloud; 0 takes a free one [default: the next free one]
    #[arg(long, value_name = "PORT")]
    pub(super) console_port: Option<u16>,

    /// Also print the log of the function and of the platform, and each policy sent to the STS; set
    /// LOG=debug for the function
    #[arg(long)]
    pub(super) verbose: bool,

    /// Exit after the first credential
    #[arg(long)]
    pub(super) once: bool,

    #[command(flatten)]
    #[serde(skip)]
    pub(crate) cloud: CloudOptions,
}

/// What stored objects survive.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum DurabilityName {
    /// The end of the process
    Process,
    /// A loss of power
    Power,
}

impl From<DurabilityName> for Durability {
    fn from(name: DurabilityName) -> Self {
        match name {
            DurabilityName::Process => Self::Process,
            DurabilityName::Power => Self::Power,
        }
    }
}

impl FileOptions for RunOptions {
    fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        let _: BTreeMap<Key, IgnoredAny> = toml::from_str(text)?;
        let FunctionFile { function } = toml::from_str(text)?;
        let (function, functions) = match function {
            FunctionKey::Missing => (None, Vec::new()),
            FunctionKey::Path(path) => (Some(path), Vec::new()),
            FunctionKey::Tables(tables) => (None, tables),
        };
        Ok(Self {
            function,
            functions,
            platform: toml::from_str(text)?,
            limits: toml::from_str(text)?,
            cloud: toml::from_str(text)?,
            ..toml::from_str(text)?
        })
    }
}

/// The functions of the file.
#[derive(Deserialize)]
struct FunctionFile {
    #[serde(default)]
    function: FunctionKey,
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

impl RunOptions {
    /// How the callers of the local cloud prove who they are, and whether the first function knows
    /// them; the second knows them in any case.
    pub(super) fn methods(&self) -> (Vec<Method>, bool) {
        match self.auth.as_slice() {
            [] => (Method::ALL.to_vec(), false),
            methods => (methods.to_vec(), true),
        }
    }

    pub(super) fn builder(
        &self,
        platform: Platform,
        environment: &Environment,
        parts: &Parts,
        terminal: Terminal,
    ) -> Result<CloudBuilder, Failure> {
        let mut builder = self.cloud.apply(environment.builder())?;
        builder = parts.observe(builder, self.output(), terminal);
        builder = self.function_options(builder, platform)?;
        let mut variables = self.variables(self.functions.first());
        let console_origin = parts.console.as_ref().map(Port::origin);
        let (methods, is_first) = self.methods();
        if let Some(callers) = &parts.callers {
            let account = builder.chosen_account().map_err(|error| Failure::start(&error))?;
            let mut known = callers.variables(&methods, &account)?;
            if let Some(origin) = console_origin.clone() {
                known.insert("ALLOWED_ORIGINS".to_owned(), origin);
            }
            if self.verbose {
                known.insert("LOG".to_owned(), "debug".to_owned());
            }
            for secret in callers.secrets() {
                builder = builder.known_secret(secret);
            }
            if is_first {
                if let Some(path) = variables.get("GRANTS_FILE")
                    && methods.contains(&Method::Jwt)
                    && let Some(copy) = callers.play(Path::new(path)).map_err(Failure::Usage)?
                {
                    known.retain(|name, _| !name.starts_with("JWT_"));
                    variables.insert("GRANTS_FILE".to_owned(), copy.display().to_string());
                }
                // What the user sets wins.
                known.extend(std::mem::take(&mut variables));
                variables = known;
            } else {
                builder = builder.second_function(parts.second_port, known);
            }
        }
        if let Some(origin) = console_origin {
            variables.entry("ALLOWED_ORIGINS".to_owned()).or_insert_with(|| origin.clone());
            builder = builder.page_origins([origin]);
        }
        builder = builder.cors(self.cors.iter().cloned());
        if self.verbose {
            builder = builder.env("LOG", "debug");
        }
        if may_generate_keys(&variables) {
            builder = builder.env("EXTENSIONS", "jpg,png");
        }
        for (name, value) in variables {
            builder = builder.env(name, value);
        }
        for table in self.functions.iter().skip(1) {
            let mut function = table.options(&self.common())?;
            function.port = table.port.unwrap_or(0);
            function.variables = self.variables(Some(table));
            builder = builder.add_function(function);
        }
        Ok(builder)
    }

    /// The variables of a function: what a table sets wins.
    fn variables(&self, table: Option<&FunctionTable>) -> BTreeMap<String, String> {
        let mut variables = self.env_table.clone();
        variables.extend(self.env.iter().cloned());
        variables.extend(table.map(|table| table.env.clone()).unwrap_or_default());
        variables
    }

    fn common(&self) -> Common<'_> {
        Common {
            platform: &self.platform,
            limits: &self.limits,
            max_instances: self.max_instances,
            concurrency: self.concurrency,
        }
    }

    /// The platform of the first function.
    pub(super) fn first_platform(&self) -> Result<Platform, Failure> {
        match self.functions.first() {
            Some(first) => first.options(&self.common()).map(|options| options.platform),
            None => self.platform.platform(PlatformName::ScfWeb),
        }
    }

    /// The grants of the function that knows the callers.
    pub(super) fn grants_file(&self, callers: &Callers) -> PathBuf {
        let given = self.variables(self.functions.first()).remove("GRANTS_FILE");
        let (_, is_first) = self.methods();
        given.filter(|_| is_first).map_or_else(|| callers.grants_file(), PathBuf::from)
    }

    /// The function, its platform and its limits, and COS.
    fn function_options(
        &self,
        builder: CloudBuilder,
        platform: Platform,
    ) -> Result<CloudBuilder, Failure> {
        let first = self.functions.first();
        if first.is_some() && self.function.is_some() {
            let text = "--function: must be omitted: the file of --config has [[function]] tables";
            return Err(Failure::Usage(text.to_owned()));
        }
        let function = first.map(|first| &first.binary).or(self.function.as_ref());
        let function = function.ok_or_else(|| {
            let text =
                "no function to run: give --function PATH, or `function` in the file of --config";
            Failure::Usage(text.to_owned())
        })?;
        let mut builder = builder
            .function(function)
            .platform(platform)
            .gateway_port(self.gateway_port())
            .freeze_jump(self.freeze_jump.map_or(0, |Span(seconds)| seconds))
            .watch(!self.no_watch)
            .freeze(!self.no_freeze)
            .cos_port(self.cos_port());
        if let Some(directory) = &self.data {
            builder = builder.data(directory);
        }
        if let Some(durability) = self.durability {
            builder = builder.durability(durability.into());
        }
        if let Some(megabytes) = self.cos_memory {
            builder = builder.cos_memory(u64::from(megabytes).saturating_mul(1_000_000));
        }
        if let Some(file) = &self.state {
            builder = builder.state(file);
        }
        if let Some(directory) = &self.preload {
            builder = builder.preload(directory);
        }
        if let Some(limit) = self.max_instances {
            builder = builder.max_instances(limit.into());
        }
        if let Some(limit) = self.concurrency {
            if platform != Platform::ScfWeb && first.is_none() {
                let text = "--concurrency: must be omitted without --platform scf-web; other functions serve one request at a time";
                return Err(Failure::Usage(text.to_owned()));
            }
            builder = builder.concurrency(limit.into());
        }
        builder = self.limits.apply(builder);
        if let Some(first) = first {
            let options = first.options(&self.common())?;
            builder = builder
                .function_name(options.name)
                .call_timeout(options.call_timeout)
                .init_timeout(options.init_timeout)
                .max_instances(options.max_instances)
                .concurrency(options.concurrency)
                .memory_mb(options.memory_mb);
        }
        Ok(builder)
    }

    /// The file that the state is written to at the end.
    pub(super) fn state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// What is printed besides the requests.
    fn output(&self) -> Output {
        match (self.cloud.json, self.verbose, self.once) {
            (true, ..) => Output::Nothing,
            (false, true, _) => Output::Everything,
            (false, false, true) => Output::Log,
            (false, false, false) => Output::Requests,
        }
    }

    fn gateway_port(&self) -> u16 {
        let of_table = self.functions.first().and_then(|first| first.port);
        of_table.or(self.port).unwrap_or(5000)
    }

    /// A free port for the gateway means a free one for COS.
    pub(super) fn cos_port(&self) -> u16 {
        self.cos_port.unwrap_or_else(|| next_port(self.gateway_port()))
    }
}

/// The port after this one; 0 stays any free port.
pub(super) fn next_port(port: u16) -> u16 {
    if port == 0 { 0 } else { port.wrapping_add(1) }
}

/// Whether the default `EXTENSIONS` agrees with these variables: it belongs to the default grant
/// and to uploads.
fn may_generate_keys(variables: &BTreeMap<String, String>) -> bool {
    let is_upload = |allow: &String| allow.split(',').any(|preset| preset.trim() == "upload");
    variables.get("ALLOW").is_none_or(is_upload)
        && !variables.contains_key("GRANTS_FILE")
        && !variables.contains_key("POLICY")
}
