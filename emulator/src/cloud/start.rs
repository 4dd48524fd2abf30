//! The start of a cloud: checks, keys, CA, STS, function, gateway, in this order.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tencent::time::Clock as _;

use super::functions::{FunctionOptions, refused_name};
use super::shared::Shared;
use super::{Cloud, CloudBuilder, RunningFunction, StartError};
use crate::account::{Account, Directory, KeyPair, looks_real};
use crate::admin::{Admin, Routes};
use crate::ca::Ca;
use crate::clock::EmulatedClock;
use crate::cos::auth::Authorizer;
use crate::cos::{self, Cos, Store};
use crate::environment;
use crate::function::{Config, Function};
use crate::gateway;
use crate::listener::Listener;
use crate::middleware::Middleware;
use crate::platform::Platform;
use crate::process::Output;
use crate::random::Rng;
use crate::secrets::SecretRegistry;
use crate::state::CloudState;
use crate::sts::Sts;
use crate::trace::Trace;

/// An endpoint whose name never resolves (<https://www.rfc-editor.org/rfc/rfc6761#section-6.4>).
const NO_SUCH_HOST: &str = "https://sts.cos-emulator.invalid";

impl CloudBuilder {
    /// Starts everything. Runs on the caller's tokio runtime.
    pub async fn start(mut self) -> Result<Cloud, StartError> {
        self.refuse_real_keys()?;
        let more_names = self.more_functions.iter().map(|options| options.name.as_str());
        let names = self.function_name.as_deref().into_iter().chain(more_names);
        if let Some(name) = refused_name(names) {
            return Err(StartError::FunctionName { name: name.chars().take(60).collect() });
        }
        let secrets = Arc::new(SecretRegistry::open(self.secrets.as_deref())?);
        let clock = Arc::new(EmulatedClock::over(Arc::clone(&self.clock)));
        self.clock = Arc::<EmulatedClock>::clone(&clock);
        let (directory, root_key, sub_account_key) = self.directory(&secrets)?;
        let more = self.more_functions.iter().map(|options| &options.variables);
        for variables in std::iter::once(&self.variables).chain(more) {
            register_given_secrets(&secrets, variables)?;
        }
        for secret in mem::take(&mut self.known_secrets) {
            secrets.register(&secret)?;
        }

        let shared = self.shared(clock, directory, secrets)?;
        self.load(&shared).await?;
        let ca = Ca::create(&shared.directory.account.region)?;
        let sts = self.sts(&ca, &shared)?;
        let cos = start_cos(&self.cos, &ca, &shared)?;
        let functions = self.functions(&shared, &sub_account_key, &sts)?;
        let services = services(&functions, &sts, &cos);
        for (name, url) in &services {
            shared.middleware.trace.name_address(name, url);
        }
        let admin = self.admin_port.map(|port| start_admin(port, services, &functions, &shared));
        let admin = admin.transpose()?;
        Ok(Cloud { shared, admin, functions, sts, cos, root_key, sub_account_key, ca })
    }

    /// What is stored and what the clock shows at the start.
    async fn load(&self, shared: &Shared) -> Result<(), StartError> {
        let (account, store) = (&shared.directory.account, &shared.store);
        if let Some(path) = &self.state {
            let failed = |source| StartError::State { path: path.clone(), source };
            if self.cos.data.is_some() {
                return Err(failed(io::Error::other("a directory of objects is a state already")));
            }
            match shared.state.load(path).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome.map_err(failed)?,
            }
            cos::set_up(store, &self.cos, account, shared.clock.as_ref())?;
        }
        let is_empty = store.read().buckets.values().all(|bucket| bucket.objects.is_empty());
        if let Some(path) = self.preload.as_ref().filter(|_| is_empty) {
            cos::preload(store, path, account, shared.clock.now())
                .await
                .map_err(|source| StartError::Preload { path: path.clone(), source })?;
        }
        shared.state.keep_as_initial();
        Ok(())
    }

    fn shared(
        &mut self,
        clock: Arc<EmulatedClock>,
        directory: Arc<Directory>,
        secrets: Arc<SecretRegistry>,
    ) -> Result<Shared, StartError> {
        let trace = Trace::open(self.trace_file.as_deref(), Arc::clone(&secrets));
        let trace = trace.map_err(|source| StartError::Trace {
            path: self.trace_file.clone().unwrap_or_default(),
            source,
        })?;
        let rng = Arc::new(Rng::new(self.seed));
        let middleware =
            Middleware::new(Arc::clone(&clock), Arc::clone(&rng), Arc::clone(&directory), trace);
        for rule in self.faults.drain(..) {
            middleware.faults.add_at_start(rule)?;
        }
        let store = open_store(&self.cos, &directory.account, &clock)?;
        let authorizer = Authorizer::new(
            Arc::clone(&directory),
            cos::default_bucket(&directory.account)?,
            self.cos.merge_order,
            Arc::clone(&store),
        );
        Ok(Shared {
            authorizer: Arc::new(authorizer),
            state: Arc::new(CloudState::new(Arc::clone(&store), Arc::clone(&clock))),
            clock,
            directory,
            middleware: Arc::new(middleware),
            output: Arc::new(Output::new(mem::take(&mut self.on_function_output))),
            rng,
            secrets,
            store,
        })
    }

    fn sts(&mut self, ca: &Ca, shared: &Shared) -> Result<Sts, StartError> {
        let (middleware, directory) = (&shared.middleware, &shared.directory);
        let limit = self.sts_calls_per_second;
        let on_call = mem::take(&mut self.on_sts_call);
        Sts::start(self.sts_port, ca, middleware, directory, limit, on_call)
            .map_err(|source| port_taken(self.sts_port, source))
    }

    /// The function, its second start and more functions, each behind a gateway.
    fn functions(
        &mut self,
        shared: &Shared,
        key: &KeyPair,
        sts: &Sts,
    ) -> Result<Vec<RunningFunction>, StartError> {
        let Some(binary) = self.function.take() else {
            return Ok(Vec::new());
        };
        let first = FunctionOptions {
            name: self.function_name.clone().unwrap_or_else(|| "function".to_owned()),
            binary,
            platform: self.platform,
            port: self.gateway_port,
            variables: mem::take(&mut self.variables),
            init_timeout: self.init_timeout,
            call_timeout: self.call_timeout,
            max_instances: self.max_instances,
            concurrency: self.concurrency,
            memory_mb: self.memory_mb,
        };
        let second = self.second_function.take();
        let second =
            second.map(|(port, variables)| FunctionOptions { port, variables, ..first.clone() });
        let has_names = self.function_name.is_some();
        let more = mem::take(&mut self.more_functions).into_iter();
        let own = std::iter::once((first, false)).chain(second.map(|second| (second, true)));
        let own = own.map(|(options, is_second)| (options, is_second, has_names));
        let on_call = Arc::new(mem::take(&mut self.on_gateway_call));
        own.chain(more.map(|options| (options, false, true)))
            .map(|(options, is_second, has_name)| {
                let (name, port) = (options.name.clone(), options.port);
                let output = match has_name {
                    true => Arc::new(shared.output.named(&name)),
                    false => Arc::clone(&shared.output),
                };
                let variables = self.function_variables(&options.variables, shared, key, sts);
                let config = self.config(&options, variables, output, shared)?;
                let function = Function::new(config)?;
                let gateway =
                    gateway::start(port, Arc::clone(&function), &shared.middleware, &on_call)
                        .map_err(|source| port_taken(port, source))?;
                Ok(RunningFunction { name, is_second, gateway, function })
            })
            .collect()
    }

    /// The function's own variables: the defaults, those that were given, and without those that
    /// were removed.
    fn function_variables(
        &self,
        given: &BTreeMap<String, String>,
        shared: &Shared,
        key: &KeyPair,
        sts: &Sts,
    ) -> BTreeMap<String, String> {
        let mut variables = default_variables(&shared.directory.account, key);
        let sts_url = if self.sts_over_http { sts.http_url() } else { sts.https_url() };
        variables.insert("STS_ENDPOINTS".to_owned(), sts_url);
        let ca_file = sts.ca_file().display().to_string();
        variables.insert("STS_CA_FILE".to_owned(), ca_file);
        if shared.middleware.faults.breaks_dns() {
            // The function sends keys of this cloud only to loopback addresses. This one is never
            // sent: the name does not exist.
            variables.insert("STS_ENDPOINTS".to_owned(), NO_SUCH_HOST.to_owned());
            variables.insert("SECRET_ID".to_owned(), "unused".to_owned());
        }
        // A function with grants of its own does not get the default grant: the two contradict each
        // other.
        for other_way in ["GRANTS_FILE", "POLICY"] {
            if given.contains_key(other_way) {
                variables.retain(|name, _| !DEFAULT_GRANT.contains(&name.as_str()));
            }
        }
        variables.extend(given.clone());
        variables.retain(|name, _| !self.removed.contains(name));
        variables
    }

    fn config(
        &mut self,
        options: &FunctionOptions,
        variables: BTreeMap<String, String>,
        output: Arc<Output>,
        shared: &Shared,
    ) -> Result<Config, StartError> {
        let on_freeze = mem::take(&mut self.on_freeze);
        Ok(Config {
            program: executable(&options.binary)?,
            platform: options.platform,
            variables,
            init_timeout: options.init_timeout,
            call_timeout: options.call_timeout,
            max_instances: options.max_instances,
            // Documented for web functions only.
            concurrency: match options.platform {
                Platform::ScfWeb => options.concurrency,
                Platform::Scf(_) | Platform::Lambda(_) => 1,
            },
            gateway_timeout: self.gateway_timeout.or_else(|| options.platform.gateway_timeout()),
            memory_mb: options.memory_mb,
            freeze: self.freeze,
            on_freeze: jumping(on_freeze, self.freeze_jump_seconds, &shared.clock),
            watch: self.watch,
            output,
            secrets: Arc::clone(&shared.secrets),
            platform_environment: environment::Source {
                directory: Arc::clone(&shared.directory),
                clock: Arc::<EmulatedClock>::clone(&shared.clock),
                memory_mb: options.memory_mb,
            },
            rng: Arc::clone(&shared.rng),
        })
    }

    fn refuse_real_keys(&self) -> Result<(), StartError> {
        let more = self.more_functions.iter().flat_map(|options| &options.variables);
        let variables = self
            .variables
            .iter()
            .chain(more)
            .find(|(_, value)| looks_real(value))
            .map(|(name, _)| name.clone());
        let keys = self
            .keys
            .iter()
            .map(|(place, pair)| (*place, pair))
            .chain(
                self.users
                    .iter()
                    .flat_map(|user| user.keys.iter().map(|pair| ("the key of a user", pair))),
            )
            .find(|(_, pair)| !pair.secret_id.starts_with("AKIDEMU"))
            .map(|(place, _)| place.to_owned());
        match variables.or(keys) {
            Some(place) => Err(StartError::RealKey { place }),
            None => Ok(()),
        }
    }
}

fn open_store(
    options: &cos::Options,
    account: &Account,
    clock: &EmulatedClock,
) -> Result<Arc<Store>, StartError> {
    cos::open_store(options, account, clock).map_err(|source| match &options.data {
        Some(path) => StartError::Data { path: path.clone(), source },
        None => StartError::Io(source),
    })
}

fn start_cos(options: &cos::Options, ca: &Ca, shared: &Shared) -> Result<Cos, StartError> {
    Cos::start(
        options,
        Arc::clone(&shared.store),
        ca,
        &shared.middleware,
        Arc::<Authorizer>::clone(&shared.authorizer),
        &shared.directory.account,
        Arc::<EmulatedClock>::clone(&shared.clock),
    )
    .map_err(|source| port_taken(options.port, source))
}

fn start_admin(
    port: u16,
    services: Vec<(String, String)>,
    functions: &[RunningFunction],
    shared: &Shared,
) -> Result<Admin, StartError> {
    let routes = Routes {
        services,
        seed: shared.rng.seed(),
        clock: Arc::clone(&shared.clock),
        directory: Arc::clone(&shared.directory),
        authorizer: Arc::clone(&shared.authorizer),
        state: Arc::clone(&shared.state),
        middleware: Arc::clone(&shared.middleware),
        functions: functions
            .iter()
            .enumerate()
            .map(|(position, running)| {
                (gateway_name(position, running), Arc::clone(&running.function))
            })
            .collect(),
    };
    Admin::start(port, routes, &shared.secrets).map_err(|source| port_taken(port, source))
}

/// A hook that also lets the cloud's clock jump.
fn jumping(hook: Listener<i32>, seconds: i64, clock: &Arc<EmulatedClock>) -> Listener<i32> {
    if seconds == 0 {
        return hook;
    }
    let clock = Arc::clone(clock);
    Listener::new(move |process| {
        clock.advance(seconds);
        hook.call(process);
    })
}

/// Name and address of everything that listens.
fn services(functions: &[RunningFunction], sts: &Sts, cos: &Cos) -> Vec<(String, String)> {
    let services = [
        ("sts", sts.https_url()),
        ("stsHttp", sts.http_url()),
        ("cos", cos.http_url()),
        ("cosHttps", cos.https_url()),
    ];
    let gateways = functions
        .iter()
        .enumerate()
        .map(|(position, running)| (gateway_name(position, running), running.url()));
    services.map(|(name, url)| (name.to_owned(), url)).into_iter().chain(gateways).collect()
}

/// The name of a gateway in trace and admin API.
fn gateway_name(position: usize, running: &RunningFunction) -> String {
    match position {
        0 => "gateway".to_owned(),
        _ if running.is_second => "secondGateway".to_owned(),
        _ => running.name.clone(),
    }
}

/// Secrets that the function was given in place of the default ones. A shorter value than any key
/// would be found everywhere.
fn register_given_secrets(
    secrets: &SecretRegistry,
    variables: &BTreeMap<String, String>,
) -> io::Result<()> {
    ["SECRET_KEY", "SESSION_TOKEN"]
        .iter()
        .filter_map(|name| variables.get(*name))
        .filter(|value| value.len() >= 16)
        .try_for_each(|value| secrets.register(value))
}

fn port_taken(port: u16, source: io::Error) -> StartError {
    if source.kind() == io::ErrorKind::AddrInUse {
        StartError::PortTaken { port, source }
    } else {
        StartError::Io(source)
    }
}

/// The function as an absolute path, once it can be executed.
fn executable(path: &Path) -> Result<PathBuf, StartError> {
    use std::os::unix::fs::PermissionsExt as _;
    let missing = || StartError::NoFunction { path: path.to_owned() };
    let absolute = path.canonicalize().map_err(|_| missing())?;
    let metadata = absolute.metadata().map_err(|_| missing())?;
    let may_run = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
    may_run.then_some(absolute).ok_or_else(missing)
}

/// The variables of the default grant.
const DEFAULT_GRANT: [&str; 4] = ["BUCKET", "REGION", "PREFIX", "ALLOW"];

fn default_variables(account: &Account, key: &KeyPair) -> BTreeMap<String, String> {
    [
        ("SECRET_ID", key.secret_id.as_str()),
        ("SECRET_KEY", key.secret_key.as_str()),
        ("KEY_OWNER", "sub-account"),
        ("BUCKET", account.bucket.as_str()),
        ("REGION", account.region.as_str()),
        ("PREFIX", "users/"),
        ("ALLOW", "upload"),
        ("AUTH", "none"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}
