//! The start of a cloud: checks, keys, CA, STS, function, gateway, in this order.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tencent::time::Clock;

use super::{Cloud, CloudBuilder, StartError};
use crate::account::{Account, Directory, KeyPair, looks_real};
use crate::admin::{Admin, Routes};
use crate::ca::Ca;
use crate::clock::EmulatedClock;
use crate::cos::auth::Authorizer;
use crate::cos::{self, Cos};
use crate::environment;
use crate::function::{Config, Function, Hook};
use crate::gateway;
use crate::middleware::Middleware;
use crate::net::Server;
use crate::process::Output;
use crate::random::Rng;
use crate::secrets::SecretRegistry;
use crate::sts::Sts;
use crate::trace::Trace;

/// A proxy whose name never resolves (<https://www.rfc-editor.org/rfc/rfc6761#section-6.4>). The
/// STS itself keeps its loopback address: the function gives keys of this cloud to no other.
const NO_SUCH_HOST: &str = "http://sts.cos-emulator.invalid:3128";

impl CloudBuilder {
    /// Starts everything. Runs on the caller's tokio runtime.
    pub async fn start(mut self) -> Result<Cloud, StartError> {
        self.refuse_real_keys()?;
        let secrets = Arc::new(SecretRegistry::open(self.secrets.as_deref())?);
        let clock = Arc::new(EmulatedClock::over(Arc::clone(&self.clock)));
        self.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        let (directory, root_key, sub_account_key) = self.directory(&secrets)?;
        note_given_secrets(&secrets, &self.variables)?;

        let rng = Arc::new(Rng::new(self.seed));
        let middleware = self.middleware(&clock, &rng, &directory, &secrets)?;
        let ca = Ca::create(&directory.account.region)?;
        let sts = Sts::start(
            self.sts_port,
            &ca,
            &middleware,
            &directory,
            self.sts_calls_per_second,
        )
        .map_err(|source| port_taken(self.sts_port, source))?;
        let default_bucket = cos::default_bucket(&directory.account)?;
        let authorizer = Arc::new(Authorizer::new(
            Arc::clone(&directory),
            default_bucket,
            self.cos.merge_order,
        ));
        let cos = start_cos(
            &self.cos,
            &ca,
            &middleware,
            &authorizer,
            &directory.account,
            &clock,
        )?;
        let output = Arc::new(Output::new(self.listener.take()));
        let function = match self.function.take() {
            Some(path) => {
                let program = executable(&path)?;
                let variables =
                    self.variables(&directory.account, &middleware, &sub_account_key, &sts);
                let config = self.config(
                    program, variables, &output, &directory, &clock, &rng, &secrets,
                );
                Some(Function::new(config)?)
            }
            None => None,
        };
        let gateway = function
            .as_ref()
            .map(|function| {
                gateway::start(self.gateway_port, Arc::clone(function), &middleware)
                    .map_err(|source| port_taken(self.gateway_port, source))
            })
            .transpose()?;
        let services = services(gateway.as_ref(), &sts, &cos);
        for (name, url) in &services {
            middleware.trace.name_address(name, url);
        }
        let admin = match self.admin_port {
            Some(port) => {
                let routes = Routes {
                    services,
                    seed: rng.seed(),
                    clock: Arc::clone(&clock),
                    directory: Arc::clone(&directory),
                    authorizer: Arc::clone(&authorizer),
                    middleware: Arc::clone(&middleware),
                };
                let started = Admin::start(port, routes, &secrets);
                Some(started.map_err(|source| port_taken(port, source))?)
            }
            None => None,
        };
        Ok(Cloud {
            clock,
            rng,
            middleware,
            admin,
            authorizer,
            gateway,
            function,
            sts,
            cos,
            directory,
            root_key,
            sub_account_key,
            secrets,
            output,
            ca,
        })
    }

    fn middleware(
        &mut self,
        clock: &Arc<EmulatedClock>,
        rng: &Arc<Rng>,
        directory: &Arc<Directory>,
        secrets: &Arc<SecretRegistry>,
    ) -> Result<Arc<Middleware>, StartError> {
        let trace = Trace::open(self.trace_file.as_deref(), Arc::clone(secrets));
        let trace = trace.map_err(|source| StartError::Trace {
            path: self.trace_file.clone().unwrap_or_default(),
            source,
        })?;
        let middleware = Middleware::new(
            Arc::clone(clock),
            Arc::clone(rng),
            Arc::clone(directory),
            trace,
        );
        for rule in self.faults.drain(..) {
            middleware.faults.add_at_start(rule)?;
        }
        Ok(Arc::new(middleware))
    }

    /// The function's own variables: the defaults, those that were given, and without those that
    /// were removed.
    fn variables(
        &self,
        account: &Account,
        middleware: &Middleware,
        key: &KeyPair,
        sts: &Sts,
    ) -> BTreeMap<String, String> {
        let mut variables = default_variables(account, key);
        let sts_url = if self.sts_over_http {
            sts.http_url()
        } else {
            sts.https_url()
        };
        variables.insert("STS_ENDPOINTS".to_owned(), sts_url);
        let ca_file = sts.ca_file().display().to_string();
        variables.insert("STS_CA_FILE".to_owned(), ca_file);
        if middleware.faults.breaks_dns() {
            variables.insert("STS_PROXY".to_owned(), NO_SUCH_HOST.to_owned());
        }
        // A function with grants of its own does not get the default grant: the two contradict each
        // other.
        for other_way in ["GRANTS_FILE", "POLICY"] {
            if self.variables.contains_key(other_way) {
                variables.retain(|name, _| !DEFAULT_GRANT.contains(&name.as_str()));
            }
        }
        variables.extend(self.variables.clone());
        variables.retain(|name, _| !self.removed.contains(name));
        variables
    }

    fn config(
        &mut self,
        program: PathBuf,
        variables: BTreeMap<String, String>,
        output: &Arc<Output>,
        directory: &Arc<Directory>,
        clock: &Arc<EmulatedClock>,
        rng: &Arc<Rng>,
        secrets: &Arc<SecretRegistry>,
    ) -> Config {
        let on_freeze = mem::take(&mut self.on_freeze);
        Config {
            program,
            platform: self.platform,
            variables,
            init_timeout: self.init_timeout,
            call_timeout: self.call_timeout,
            max_instances: self.max_instances,
            memory_mb: self.memory_mb,
            freeze: self.freeze,
            on_freeze: jumping(on_freeze, self.freeze_jump_seconds, clock),
            watch: self.watch,
            output: Arc::clone(output),
            secrets: Arc::clone(secrets),
            platform_environment: environment::Source {
                directory: Arc::clone(directory),
                clock: Arc::clone(clock) as Arc<dyn Clock>,
                memory_mb: self.memory_mb,
            },
            rng: Arc::clone(rng),
        }
    }

    fn refuse_real_keys(&self) -> Result<(), StartError> {
        let variables = self
            .variables
            .iter()
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

fn start_cos(
    options: &cos::Options,
    ca: &Ca,
    middleware: &Arc<Middleware>,
    authorizer: &Arc<Authorizer>,
    account: &Account,
    clock: &Arc<EmulatedClock>,
) -> Result<Cos, StartError> {
    let data = |source| match &options.data {
        Some(path) => StartError::Data {
            path: path.clone(),
            source,
        },
        None => StartError::Io(source),
    };
    let store = cos::open_store(options, account, clock.as_ref()).map_err(data)?;
    let authorizer = Arc::<Authorizer>::clone(authorizer);
    let clock = Arc::<EmulatedClock>::clone(clock);
    Cos::start(options, store, ca, middleware, authorizer, account, clock)
        .map_err(|source| port_taken(options.port, source))
}

/// A hook that also lets the cloud's clock jump.
fn jumping(hook: Hook, seconds: i64, clock: &Arc<EmulatedClock>) -> Hook {
    if seconds == 0 {
        return hook;
    }
    let clock = Arc::clone(clock);
    Hook(Some(Box::new(move |process| {
        clock.advance(seconds);
        hook.call(process);
    })))
}

/// Name and address of everything that listens.
fn services(gateway: Option<&Server>, sts: &Sts, cos: &Cos) -> Vec<(&'static str, String)> {
    let mut services = vec![
        ("sts", sts.https_url()),
        ("stsHttp", sts.http_url()),
        ("cos", cos.http_url()),
        ("cosHttps", cos.https_url()),
    ];
    if let Some(gateway) = gateway {
        services.push(("gateway", format!("http://{}", gateway.address)));
    }
    services
}

/// Secrets that the function was given in place of the default ones. A shorter value than any key
/// would be found everywhere.
fn note_given_secrets(
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
    let missing = || StartError::NoFunction {
        path: path.to_owned(),
    };
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
