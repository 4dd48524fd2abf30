//! Options: a flag replaces the value in the options file, which replaces the default.
//!
//! # Guarantees
//! The keys of the file are the names of the flags of `cos-issuer run`. An unknown key or a wrong
//! type is an error with file and line, before anything starts. One file serves every command: a
//! command ignores keys of flags that it does not have.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use cos_emulator::{CloudBuilder, EmulatedClock, FaultRule};
use serde::Deserialize;
use tencent::names::{Bucket, Region};

use crate::failure::Failure;

/// The options of every command that starts a cloud.
#[derive(Args, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct CloudOptions {
    /// The account: users, keys, roles, policies and buckets, in place of the default one
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,

    /// A TOML file of faults: [[fault]] tables
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,

    /// Seed of the random number generator; repeats an earlier run [default: random,
    /// printed]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// Append each call to each service to this file, a line of JSON without secrets
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Port of the admin API [default: a free one]
    #[arg(long, value_name = "PORT")]
    admin_port: Option<u16>,

    /// Refuse path-style requests to COS on 127.0.0.1 and localhost too, as COS does
    #[arg(long)]
    strict_hosts: bool,

    /// Let S3 clients send checksums in trailers, their default, which COS refuses
    #[arg(long)]
    s3_trailers: bool,

    /// Print one line of JSON with every address, and nothing else on standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Stop when standard input ends, for a program that starts the cloud and keeps the other end
    /// of a pipe: the cloud then ends with it, however that ends
    #[arg(long)]
    pub(crate) stop_with_stdin: bool,
}

impl CloudOptions {
    /// The builder with these options.
    pub(crate) fn apply(&self, builder: CloudBuilder) -> Result<CloudBuilder, Failure> {
        let mut builder = builder.admin_port(self.admin_port.unwrap_or(0));
        if let Some(account) = &self.account {
            builder = builder.account_file(account);
        }
        if let Some(path) = &self.faults {
            let rules = text(path)
                .and_then(|text| FaultRule::from_toml(&text).map_err(|error| in_file(path, error)));
            for rule in rules.map_err(Failure::Usage)? {
                builder = builder.fault(rule);
            }
        }
        if let Some(seed) = self.seed {
            builder = builder.seed(seed);
        }
        if let Some(trace) = &self.trace {
            builder = builder.trace_file(trace);
        }
        if self.strict_hosts {
            builder = builder.strict_hosts();
        }
        if self.s3_trailers {
            builder = builder.s3_trailers();
        }
        Ok(builder)
    }
}

/// Options that a file can hold. [`WithFile`] reads them.
pub(crate) trait FileOptions: Args + Default {
    /// The options in the text of a file.
    fn from_toml(text: &str) -> Result<Self, toml::de::Error>;
}

/// Options from flags and from the file that `--config` names.
pub(crate) struct WithFile<T>(pub(crate) T);

impl<T: FileOptions> Args for WithFile<T> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A TOML file with the names of these flags as keys; flags win");
        // An absent switch has to keep the value of the file; `SetTrue` writes `false`.
        T::augment_args(command.arg(config)).mut_args(|arg| match arg.get_action() {
            ArgAction::SetTrue => {
                arg.action(ArgAction::Set).num_args(0).default_missing_value("true")
            }
            _ => arg,
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: FileOptions> FromArgMatches for WithFile<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = Self(T::default());
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(path) = matches.get_one::<PathBuf>("config") {
            let options = text(path)
                .and_then(|text| T::from_toml(&text).map_err(|error| in_file(path, error)));
            self.0 = options.map_err(|error| {
                clap::Error::raw(ErrorKind::ValueValidation, format!("{error}\n"))
            })?;
        }
        self.0.update_from_arg_matches(matches)
    }
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path)
        .map_err(|error| format!("{}: cannot be read: {error}", path.display()))
}

fn in_file(path: &Path, error: impl Display) -> String {
    format!("{}: {}", path.display(), error.to_string().trim_end())
}

/// `KEY=VALUE` of a flag.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE, for example ALLOW=download".to_owned()),
    }
}

/// A bucket of a flag.
pub(crate) fn bucket(text: &str) -> Result<Bucket, String> {
    Bucket::parse(text).map_err(|error| error.to_string())
}

/// A region of a flag.
pub(crate) fn region(text: &str) -> Result<Region, String> {
    Region::parse(text).map_err(|error| error.to_string())
}

/// A span of time in seconds, written `90`, `40m` or `1h30m`.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(pub(crate) i64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = EmulatedClock::parse_span(text).ok_or_else(|| {
            format!("must be a number of seconds or a span, for example 40m; it is `{text}`")
        })?;
        Ok(Self(seconds))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
