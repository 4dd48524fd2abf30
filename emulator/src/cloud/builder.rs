//! The choices for a cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tencent::time::{Clock, SystemClock};

use crate::account::{KeyOwner, KeyPair, Role, User};
use crate::cos::{self, CosCall, MergeOrder};
use crate::fault::FaultRule;
use crate::gateway::GatewayCall;
use crate::listener::Listener;
use crate::platform::{Platform, ScfEvent};
use crate::sts::StsCall;

/// The choices for a cloud.
pub struct CloudBuilder {
    pub(super) account_file: Option<PathBuf>,
    pub(super) users: Vec<User>,
    pub(super) sts_calls_per_second: Option<u32>,
    pub(super) function: Option<PathBuf>,
    pub(super) platform: Platform,
    pub(super) gateway_port: u16,
    pub(super) sts_port: u16,
    pub(super) sts_over_http: bool,
    pub(super) cos: cos::Options,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) removed: BTreeSet<String>,
    pub(super) roles: Vec<Role>,
    pub(super) keys: BTreeMap<&'static str, KeyPair>,
    pub(super) init_timeout: Duration,
    pub(super) call_timeout: Duration,
    pub(super) max_instances: usize,
    pub(super) memory_mb: u32,
    pub(super) freeze: bool,
    pub(super) on_freeze: Listener<i32>,
    pub(super) watch: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) secrets: Option<PathBuf>,
    pub(super) on_function_output: Listener<str>,
    pub(super) on_sts_call: Listener<StsCall>,
    pub(super) on_gateway_call: Listener<GatewayCall>,
    pub(super) second_function: Option<(u16, BTreeMap<String, String>)>,
    pub(super) known_secrets: Vec<String>,
    pub(super) freeze_jump_seconds: i64,
    pub(super) seed: Option<u64>,
    pub(super) faults: Vec<FaultRule>,
    pub(super) trace_file: Option<PathBuf>,
    pub(super) admin_port: Option<u16>,
}

impl std::fmt::Debug for CloudBuilder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CloudBuilder")
            .field("function", &self.function)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

impl CloudBuilder {
    pub(super) fn new() -> Self {
        // Keeps the marker in each program that can start a cloud.
        std::hint::black_box(super::marker::MARKER);
        Self {
            account_file: None,
            users: Vec::new(),
            sts_calls_per_second: None,
            function: None,
            platform: Platform::Scf(ScfEvent::FunctionUrl),
            gateway_port: 0,
            sts_port: 0,
            sts_over_http: false,
            cos: cos::Options::default(),
            variables: BTreeMap::new(),
            removed: BTreeSet::new(),
            roles: Vec::new(),
            keys: BTreeMap::new(),
            init_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            max_instances: 20,
            memory_mb: 128,
            freeze: true,
            on_freeze: Listener::default(),
            watch: false,
            clock: Arc::new(SystemClock),
            secrets: None,
            on_function_output: Listener::default(),
            on_sts_call: Listener::default(),
            on_gateway_call: Listener::default(),
            second_function: None,
            known_secrets: Vec::new(),
            freeze_jump_seconds: 0,
            seed: None,
            faults: Vec::new(),
            trace_file: None,
            admin_port: None,
        }
    }

    /// The binary that would be deployed. Without one there is only the STS.
    #[must_use]
    pub fn function(mut self, path: impl Into<PathBuf>) -> Self {
        self.function = Some(path.into());
        self
    }

    /// The platform to emulate; SCF with a function URL unless set.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// The same function a second time, with a gateway of its own on this port (0: a free one).
    /// It gets these variables in place of those that [`env`](Self::env) sets.
    #[must_use]
    pub fn second_function(mut self, port: u16, variables: BTreeMap<String, String>) -> Self {
        self.second_function = Some((port, variables));
        self
    }

    /// A secret that no log, trace or answer of this cloud may show, for example a key of a caller.
    #[must_use]
    pub fn known_secret(mut self, secret: impl Into<String>) -> Self {
        self.known_secrets.push(secret.into());
        self
    }

    /// The gateway's port; a free one unless set.
    #[must_use]
    pub fn gateway_port(mut self, port: u16) -> Self {
        self.gateway_port = port;
        self
    }

    /// The port of the STS over HTTPS; a free one unless set.
    #[must_use]
    pub fn sts_port(mut self, port: u16) -> Self {
        self.sts_port = port;
        self
    }

    /// The function calls the STS over HTTP instead of HTTPS.
    #[must_use]
    pub fn sts_over_http(mut self) -> Self {
        self.sts_over_http = true;
        self
    }

    /// The port of COS over HTTP; a free one unless set.
    #[must_use]
    pub fn cos_port(mut self, port: u16) -> Self {
        self.cos.port = port;
        self
    }

    /// Where COS keeps objects, so that they outlive the cloud; in memory unless set. One cloud at
    /// a time can use a directory.
    #[must_use]
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cos.data = Some(directory.into());
        self
    }

    /// The account's own bucket lets pages of these origins in, as `http://localhost:3000`; none
    /// unless set.
    #[must_use]
    pub fn cors<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.cos.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// COS refuses path-style requests on `127.0.0.1` and `localhost` too, as on its own hosts.
    /// Unless set, clients that cannot use a bucket's host may use it there.
    #[must_use]
    pub fn strict_hosts(mut self) -> Self {
        self.cos.strict_hosts = true;
        self
    }

    /// When COS merges `..`, `.` and `//` in keys, to test a policy in each order. Unless set, a
    /// key must be allowed both as sent and as merged.
    #[must_use]
    pub fn merge_order(mut self, order: MergeOrder) -> Self {
        self.cos.merge_order = order;
        self
    }

    /// A variable of the function; replaces a default one of that name.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.removed.remove(&name);
        self.variables.insert(name, value.into());
        self
    }

    /// The function does not get the default variable `name`.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.variables.remove(&name);
        self.removed.insert(name);
        self
    }

    /// The account as a file describes it, in place of the default one; its members are
    /// described in `emulator/src/account/file.rs`.
    #[must_use]
    pub fn account_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.account_file = Some(path.into());
        self
    }

    /// One more user in the account. A user of the same name is replaced.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// How often each STS action may be called in a second, in place of the documented numbers
    /// (600; 20 for GetCallerIdentity).
    #[must_use]
    pub fn sts_calls_per_second(mut self, limit: u32) -> Self {
        self.sts_calls_per_second = Some(limit);
        self
    }

    /// One more role in the account. A role of the same name is replaced.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// A given permanent key in place of a random one; its id has to begin with `AKIDEMU`.
    #[must_use]
    pub fn key(mut self, owner: KeyOwner, pair: KeyPair) -> Self {
        self.keys.insert(place_of(owner), pair);
        self
    }

    /// How long an instance may take to be ready; 10 s unless set.
    #[must_use]
    pub fn init_timeout(mut self, limit: Duration) -> Self {
        self.init_timeout = limit;
        self
    }

    /// How long an invocation may take; 10 s unless set.
    #[must_use]
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// How many instances may live at once; 20 unless set.
    #[must_use]
    pub fn max_instances(mut self, limit: usize) -> Self {
        self.max_instances = limit;
        self
    }

    /// How much memory an instance may take; 128 MB unless set. One that takes more is killed, as
    /// on the platforms.
    #[must_use]
    pub fn memory_mb(mut self, limit: u32) -> Self {
        self.memory_mb = limit;
        self
    }

    /// Whether idle instances are frozen (SIGSTOP) until their next request, as on the platforms;
    /// they are unless set.
    #[must_use]
    pub fn freeze(mut self, freeze: bool) -> Self {
        self.freeze = freeze;
        self
    }

    /// Receives the process id of an instance each time it was frozen; the place to let time pass
    /// for it.
    #[must_use]
    pub fn on_freeze(mut self, hook: impl Fn(i32) + Send + Sync + 'static) -> Self {
        self.on_freeze = Listener::new(move |process| hook(*process));
        self
    }

    /// The cloud's clock moves by so much each time an instance is frozen, as after a long time
    /// without requests.
    #[must_use]
    pub fn freeze_jump(mut self, seconds: i64) -> Self {
        self.freeze_jump_seconds = seconds;
        self
    }

    /// Whether a new binary at the function's path replaces the old one while the cloud runs; it
    /// does not unless set.
    #[must_use]
    pub fn watch(mut self, watch: bool) -> Self {
        self.watch = watch;
        self
    }

    /// What the cloud's clock goes by until it is moved; the machine's clock unless set.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The seed of the random number generator, which repeats an earlier run: probabilities,
    /// delays, request ids, the letter case of headers. Keys and tokens are never repeated.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// A fault that is there from the start; may be repeated.
    #[must_use]
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// A file to which each call to each service is appended as a line of JSON, without secrets.
    #[must_use]
    pub fn trace_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.trace_file = Some(path.into());
        self
    }

    /// Starts the admin API, on this port (0: a free one). Without a port it does not start.
    #[must_use]
    pub fn admin_port(mut self, port: u16) -> Self {
        self.admin_port = Some(port);
        self
    }

    /// A file to which every secret is appended, one a line, before it is shown.
    #[must_use]
    pub fn secrets_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.secrets = Some(path.into());
        self
    }

    /// Receives each line that the function prints.
    #[must_use]
    pub fn on_function_output(mut self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_function_output = Listener::new(listener);
        self
    }

    /// Receives each call to the STS, before its answer goes out.
    #[must_use]
    pub fn on_sts_call(mut self, listener: impl Fn(&StsCall) + Send + Sync + 'static) -> Self {
        self.on_sts_call = Listener::new(listener);
        self
    }

    /// Receives each request to COS, before its response goes out.
    #[must_use]
    pub fn on_cos_call(mut self, listener: impl Fn(&CosCall) + Send + Sync + 'static) -> Self {
        self.cos.on_call = Arc::new(Listener::new(listener));
        self
    }

    /// Receives each request to the gateway, before its response goes out: after the STS calls that
    /// it caused.
    #[must_use]
    pub fn on_gateway_call(
        mut self,
        listener: impl Fn(&GatewayCall) + Send + Sync + 'static,
    ) -> Self {
        self.on_gateway_call = Listener::new(listener);
        self
    }
}

pub(super) fn place_of(owner: KeyOwner) -> &'static str {
    match owner {
        KeyOwner::Root => "the root key",
        KeyOwner::SubAccount => "the sub-account key",
    }
}
