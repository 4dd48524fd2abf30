//! The functions of one cloud: the first one, and more, each behind a gateway of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::platform::Platform;

/// One more function: what [`CloudBuilder`](super::CloudBuilder) sets for the first one.
#[derive(Clone)]
pub struct FunctionOptions {
    /// Its name, before each line of its log: letters, digits, `-` and `_`. Each name is given
    /// once.
    pub name: String,
    /// The binary that would be deployed.
    pub binary: PathBuf,
    /// The platform to emulate.
    pub platform: Platform,
    /// The port of its gateway; 0 takes a free one.
    pub port: u16,
    /// Its variables, in place of default ones of the same names.
    pub variables: BTreeMap<String, String>,
    /// How long an instance may take to be ready.
    pub init_timeout: Duration,
    /// How long an invocation may take.
    pub call_timeout: Duration,
    /// How many instances may live at once.
    pub max_instances: usize,
    /// How many requests one instance of a web function serves at once. Other functions serve one.
    pub concurrency: usize,
    /// How much memory an instance may take.
    pub memory_mb: u32,
}

impl FunctionOptions {
    /// An SCF function with a function URL on a free port, with the default limits.
    pub fn new(name: impl Into<String>, binary: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            binary: binary.into(),
            platform: Platform::default(),
            port: 0,
            variables: BTreeMap::new(),
            init_timeout: DEFAULT_TIMEOUT,
            call_timeout: DEFAULT_TIMEOUT,
            max_instances: DEFAULT_MAX_INSTANCES,
            concurrency: 1,
            memory_mb: DEFAULT_MEMORY_MB,
        }
    }
}

/// Variables may contain keys.
impl fmt::Debug for FunctionOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FunctionOptions")
            .field("name", &self.name)
            .field("binary", &self.binary)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

/// A running function and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionAddress {
    /// Its name; `function` for the first one, unless it was given another.
    pub name: String,
    /// Its gateway, `http://127.0.0.1:<port>`.
    pub url: String,
    /// Its platform.
    pub platform: Platform,
}

/// The first name that is not well-formed, or that another function or a service has.
pub(super) fn refused_name<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen: Vec<&str> = RESERVED.to_vec();
    names.find(|name| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let is_name = (1..=40).contains(&name.len()) && name.bytes().all(known);
        let is_new = !seen.contains(name);
        seen.push(name);
        !is_name || !is_new
    })
}

/// The names of services, as the admin API lists them.
const RESERVED: [&str; 7] =
    ["sts", "stsHttp", "cos", "cosHttps", "gateway", "secondGateway", "admin"];

pub(super) const DEFAULT_MAX_INSTANCES: usize = 20;

pub(super) const DEFAULT_MEMORY_MB: u32 = 128;

pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
