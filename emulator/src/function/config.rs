//! The settings that all instances of a function share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::environment;
use crate::listener::Listener;
use crate::platform::Platform;
use crate::process::Output;
use crate::random::Rng;
use crate::secrets::SecretRegistry;

/// The choices for a function.
pub(crate) struct Config {
    pub(crate) program: PathBuf,
    pub(crate) platform: Platform,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) init_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) max_instances: usize,
    /// How many requests an instance serves at once.
    pub(crate) concurrency: usize,
    /// How long the gateway waits, if it does not wait for the function's own limit.
    pub(crate) gateway_timeout: Option<Duration>,
    pub(crate) memory_mb: u32,
    /// Idle instances are stopped (SIGSTOP).
    pub(crate) freeze: bool,
    /// Receives the process id of each instance right after it was frozen.
    pub(crate) on_freeze: Listener<i32>,
    /// A new binary in the place of the old one is taken over.
    pub(crate) watch: bool,
    pub(crate) output: Arc<Output>,
    pub(crate) secrets: Arc<SecretRegistry>,
    pub(crate) platform_environment: environment::Source,
    pub(crate) rng: Arc<Rng>,
}

impl Config {
    pub(crate) fn memory_limit_bytes(&self) -> u64 {
        u64::from(self.memory_mb).saturating_mul(1024 * 1024)
    }
}
