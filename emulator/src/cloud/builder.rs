//! The choices for a cloud.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tencent::time::{Clock, SystemClock};

use super::functions::{
    DEFAULT_MAX_INSTANCES, DEFAULT_MEMORY_MB, DEFAULT_TIMEOUT, FunctionOptions,
};
use crate::account::{KeyOwner, KeyPair, OidcProvider, Role, User};
use crate::cos::{self, CosCall, Durability, MergeOrder};
use crate::fault::FaultRule;
use crate::gateway::GatewayCall;
use crate::listener::Listener;
use crate::platform::Platform;
use crate::setters::setters;
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
    pub(super) oidc_providers: Vec<OidcProvider>,
    pub(super) vpc: Option<String>,
    pub(super) keys: BTreeMap<&'static str, KeyPair>,
    pub(super) init_timeout: Duration,
    pub(super) call_timeout: Duration,
    pub(super) max_instances: usize,
    pub(super) concurrency: usize,
    pub(super) gateway_timeout: Option<Duration>,
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
    pub(super) function_name: Option<String>,
    pub(super) more_functions: Vec<FunctionOptions>,
    pub(super) known_secrets: Vec<String>,
    pub(super) freeze_jump_seconds: i64,
    pub(super) seed: Option<u64>,
    pub(super) faults: Vec<FaultRule>,
    pub(super) trace_file: Option<PathBuf>,
    pub(super) admin_port: Option<u16>,
    pub(super) state: Option<PathBuf>,
    pub(super) preload: Option<PathBuf>,
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

setters! {
    CloudBuilder:

    /// The binary that would be deployed. Without one there is only the STS.
    function(path: impl Into<PathBuf>) => function = Some(path.into());

    /// The name of the function, before each line of its log; none unless set.
    function_name(name: impl Into<String>) => function_name = Some(name.into());

    /// The platform to emulate; SCF with a function URL unless set.
    platform(platform: Platform) => platform = platform;

    /// The gateway's port; a free one unless set.
    gateway_port(port: u16) => gateway_port = port;

    /// The port of the STS over HTTPS, with HTTP on the next one; free ones unless set.
    sts_port(port: u16) => sts_port = port;

    /// The function calls the STS over HTTP instead of HTTPS.
    sts_over_http() => sts_over_http = true;

    /// The port of COS over HTTP; a free one unless set.
    cos_port(port: u16) => cos.port = port;

    /// Where COS keeps objects, so that they outlive the cloud; in memory unless set. One cloud at
    /// a time can use a directory.
    data(directory: impl Into<PathBuf>) => cos.data = Some(directory.into());

    /// What the objects in that directory survive: the end of the process unless set.
    durability(durability: Durability) => cos.durability = durability;

    /// How many bytes of objects COS keeps in memory; half of the machine's memory unless set.
    cos_memory(limit_bytes: u64) => cos.memory_bytes = Some(limit_bytes);

    /// A file of [`Cloud::save_state`](crate::Cloud::save_state) to begin with; one that does not
    /// exist is an empty state. Not together with `data`, which is a state already.
    state(file: impl Into<PathBuf>) => state = Some(file.into());

    /// A folder whose files are stored at the start, `<bucket>/<key>`, if no object is stored yet.
    preload(directory: impl Into<PathBuf>) => preload = Some(directory.into());

    /// COS refuses path-style requests on `127.0.0.1` and `localhost` too, as on its own hosts.
    /// Unless set, clients that cannot use a bucket's host may use it there.
    strict_hosts() => cos.strict_hosts = true;

    /// S3 clients may send the checksum of a body in a trailer, which is their default and which
    /// COS rejects. The local COS checks it then.
    s3_trailers() => cos.s3_trailers = true;

    /// When COS merges `..`, `.` and `//` in keys, to test a policy in each order. Unless set, a
    /// key must be allowed both as sent and as merged.
    merge_order(order: MergeOrder) => cos.merge_order = order;

    /// The account as a file describes it, in place of the default one; its members are
    /// described in `emulator/src/account/file.rs`.
    account_file(path: impl Into<PathBuf>) => account_file = Some(path.into());

    /// The VPC that requests to COS come from; none unless set.
    vpc(id: impl Into<String>) => vpc = Some(id.into());

    /// How often each STS action may be called in a second, in place of the documented numbers
    /// (600; 20 for GetCallerIdentity).
    sts_calls_per_second(limit: u32) => sts_calls_per_second = Some(limit);

    /// How long an instance may take to be ready; 10 s unless set.
    init_timeout(limit: Duration) => init_timeout = limit;

    /// How long an invocation may take; 10 s unless set.
    call_timeout(limit: Duration) => call_timeout = limit;

    /// How many instances may live at once; 20 unless set.
    max_instances(limit: usize) => max_instances = limit;

    /// How many requests one instance of a web function serves at once, 1 to 100 on SCF; 1 unless
    /// set. Other functions serve one.
    concurrency(limit: usize) => concurrency = limit;

    /// How long the gateway waits for the function, in place of the documented limit of its
    /// trigger: 29 s for a REST API, 30 s for an HTTP API.
    gateway_timeout(limit: Duration) => gateway_timeout = Some(limit);

    /// How much memory an instance may take; 128 MB unless set. One that takes more is killed, as
    /// on the platforms.
    memory_mb(limit: u32) => memory_mb = limit;

    /// Whether idle instances are frozen (SIGSTOP) until their next request, as on the platforms;
    /// they are unless set.
    freeze(freeze: bool) => freeze = freeze;

    /// Receives the process id of an instance each time it was frozen; the place to let time pass
    /// for it.
    on_freeze(hook: impl Fn(i32) + Send + Sync + 'static) =>
        on_freeze = Listener::new(move |process| hook(*process));

    /// The cloud's clock moves by so much each time an instance is frozen, as after a long time
    /// without requests.
    freeze_jump(seconds: i64) => freeze_jump_seconds = seconds;

    /// Whether a new binary at the function's path replaces the old one while the cloud runs; it
    /// does not unless set.
    watch(watch: bool) => watch = watch;

    /// What the cloud's clock goes by until it is moved; the machine's clock unless set.
    clock(clock: Arc<dyn Clock>) => clock = clock;

    /// The seed of the random number generator, which repeats an earlier run: probabilities,
    /// delays, request ids, the letter case of headers. Keys and tokens are never repeated.
    seed(seed: u64) => seed = Some(seed);

    /// A file to which each call to each service is appended as a line of JSON, without secrets.
    trace_file(path: impl Into<PathBuf>) => trace_file = Some(path.into());

    /// Starts the admin API, on this port (0: a free one). Without a port it does not start.
    admin_port(port: u16) => admin_port = Some(port);

    /// A file to which every secret is appended, one a line, before it is shown.
    secrets_file(path: impl Into<PathBuf>) => secrets = Some(path.into());

    /// Receives each line that the function prints.
    on_function_output(listener: impl Fn(&str) + Send + Sync + 'static) =>
        on_function_output = Listener::new(listener);

    /// Receives each call to the STS, before its answer goes out.
    on_sts_call(listener: impl Fn(&StsCall) + Send + Sync + 'static) =>
        on_sts_call = Listener::new(listener);

    /// Receives each request to COS, before its response goes out.
    on_cos_call(listener: impl Fn(&CosCall) + Send + Sync + 'static) =>
        cos.on_call = Arc::new(Listener::new(listener));

    /// Receives each request to the gateway, before its response goes out: after the STS calls that
    /// it caused.
    on_gateway_call(listener: impl Fn(&GatewayCall) + Send + Sync + 'static) =>
        on_gateway_call = Listener::new(listener);
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
            platform: Platform::default(),
            gateway_port: 0,
            sts_port: 0,
            sts_over_http: false,
            cos: cos::Options::default(),
            variables: BTreeMap::new(),
            removed: BTreeSet::new(),
            roles: Vec::new(),
            oidc_providers: Vec::new(),
            vpc: None,
            keys: BTreeMap::new(),
            init_timeout: DEFAULT_TIMEOUT,
            call_timeout: DEFAULT_TIMEOUT,
            max_instances: DEFAULT_MAX_INSTANCES,
            concurrency: 1,
            gateway_timeout: None,
            memory_mb: DEFAULT_MEMORY_MB,
            freeze: true,
            on_freeze: Listener::default(),
            watch: false,
            clock: Arc::new(SystemClock),
            secrets: None,
            on_function_output: Listener::default(),
            on_sts_call: Listener::default(),
            on_gateway_call: Listener::default(),
            second_function: None,
            function_name: None,
            more_functions: Vec::new(),
            known_secrets: Vec::new(),
            freeze_jump_seconds: 0,
            seed: None,
            faults: Vec::new(),
            trace_file: None,
            admin_port: None,
            state: None,
            preload: None,
        }
    }

    /// The account's own bucket lets pages of these origins in, as `http://localhost:3000`; none
    /// unless set.
    #[must_use]
    pub fn cors<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.cos.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Pages of these origins may use the service and every bucket, whatever the CORS rules are;
    /// for the console of this cloud. COS lets no page list or create buckets.
    #[must_use]
    pub fn page_origins<O: Into<String>>(mut self, origins: impl IntoIterator<Item = O>) -> Self {
        self.cos.page_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// The same function a second time, with a gateway of its own on this port (0: a free one).
    /// It gets these variables in place of those that [`env`](Self::env) sets.
    #[must_use]
    pub fn second_function(mut self, port: u16, variables: BTreeMap<String, String>) -> Self {
        self.second_function = Some((port, variables));
        self
    }

    /// One more function in front of the same STS and COS; may be repeated. Its default variables
    /// are those of the first one.
    #[must_use]
    pub fn add_function(mut self, options: FunctionOptions) -> Self {
        self.more_functions.push(options);
        self
    }

    /// A secret that no log, trace or answer of this cloud may show, for example a key of a caller.
    #[must_use]
    pub fn known_secret(mut self, secret: impl Into<String>) -> Self {
        self.known_secrets.push(secret.into());
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

    /// One more user in the account. A user of the same name is replaced.
    #[must_use]
    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// One more role in the account. A role of the same name is replaced.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// One more OIDC provider, whose tokens roles may trust.
    #[must_use]
    pub fn oidc_provider(mut self, provider: OidcProvider) -> Self {
        self.oidc_providers.push(provider);
        self
    }

    /// A given permanent key in place of a random one; its id has to begin with `AKIDEMU`.
    #[must_use]
    pub fn key(mut self, owner: KeyOwner, pair: KeyPair) -> Self {
        self.keys.insert(place_of(owner), pair);
        self
    }

    /// A fault that is there from the start; may be repeated.
    #[must_use]
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }
}

pub(super) fn place_of(owner: KeyOwner) -> &'static str {
    match owner {
        KeyOwner::Root => "the root key",
        KeyOwner::SubAccount => "the sub-account key",
    }
}
