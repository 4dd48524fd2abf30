//! The whole cloud as one handle: [`Cloud::builder`] gathers the choices, [`CloudBuilder::start`] starts everything, dropping
//! the [`Cloud`] ends everything.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cos_issuer::time::{Clock, SystemClock};

use crate::account::{Account, Directory, KeyOwner, KeyPair, Role, Trust, looks_real};
use crate::ca::Ca;
use crate::environment::{self, EXECUTION_ROLE};
use crate::function::{Config, Function, Invocation, Outcome};
use crate::gateway;
use crate::ledger::Ledger;
use crate::net::Server;
use crate::platform::{Platform, PlatformError, ScfEvent};
use crate::process::{Listener, Output};
use crate::sts::Sts;

const MEMORY_MB: u32 = 128;

/// Why a cloud could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port was asked for that something else holds.
    #[error("port {port} of 127.0.0.1 is not free: {source}")]
    PortTaken {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The function is not an executable file.
    #[error("`{}` is not an executable file", path.display())]
    NoFunction {
        /// The path given.
        path: PathBuf,
    },
    /// Something looks like a key of the real service.
    #[error(
        "`{place}` looks like a real SecretId; this cloud takes only keys that begin with AKIDEMU"
    )]
    RealKey {
        /// Where it is, never what it is.
        place: String,
    },
    /// The system refused something.
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
}

/// The choices for a cloud.
pub struct CloudBuilder {
    account: Account,
    function: Option<PathBuf>,
    platform: Platform,
    gateway_port: u16,
    sts_port: u16,
    sts_over_http: bool,
    variables: BTreeMap<String, String>,
    removed: BTreeSet<String>,
    roles: Vec<Role>,
    keys: BTreeMap<&'static str, KeyPair>,
    init_timeout: Duration,
    call_timeout: Duration,
    max_instances: usize,
    clock: Arc<dyn Clock>,
    ledger: Option<PathBuf>,
    listener: Option<Listener>,
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
    /// The binary that would be deployed. Without one there is only the STS.
    #[must_use]
    pub fn function(mut self, path: impl Into<PathBuf>) -> Self {
        self.function = Some(path.into());
        self
    }

    /// Where the function believes it is; SCF with a function URL unless set.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
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

    /// The function is told the STS's HTTP address, not the HTTPS one.
    #[must_use]
    pub fn sts_over_http(mut self) -> Self {
        self.sts_over_http = true;
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

    /// One more role in the account.
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

    /// How many instances may live at once; 4 unless set.
    #[must_use]
    pub fn max_instances(mut self, limit: usize) -> Self {
        self.max_instances = limit;
        self
    }

    /// The clock of the STS.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// A file to which every secret is appended, one a line, before anybody sees it.
    #[must_use]
    pub fn secret_ledger(mut self, path: impl Into<PathBuf>) -> Self {
        self.ledger = Some(path.into());
        self
    }

    /// Hears each line that the function prints.
    #[must_use]
    pub fn on_function_output(mut self, listener: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Starts everything. Runs on the caller's tokio runtime.
    pub async fn start(self) -> Result<Cloud, StartError> {
        self.refuse_real_keys()?;
        let ledger = Arc::new(Ledger::open(self.ledger.as_deref())?);
        let directory = Arc::new(self.directory(Arc::clone(&ledger))?);
        let mut given = self.keys;
        let mut permanent = |owner| directory.add_permanent(owner, given.remove(place_of(owner)));
        let root_key = permanent(KeyOwner::Root)?;
        let sub_account_key = permanent(KeyOwner::SubAccount)?;

        let ca = Ca::create()?;
        let sts = Sts::start(
            self.sts_port,
            &ca,
            Arc::clone(&directory),
            Arc::clone(&self.clock),
        )
        .map_err(|source| port_taken(self.sts_port, source))?;
        let output = Arc::new(Output::new(self.listener));
        let mut variables = default_variables(&directory.account, &sub_account_key);
        variables.insert(
            "STS_ENDPOINTS".to_owned(),
            if self.sts_over_http {
                sts.http_url()
            } else {
                sts.https_url()
            },
        );
        let ca_file = ca.file().display().to_string();
        variables.insert("STS_CA_FILE".to_owned(), ca_file);
        variables.extend(self.variables);
        variables.retain(|name, _| !self.removed.contains(name));

        let function = match self.function {
            Some(path) => Some(Function::new(Config {
                program: executable(&path)?,
                platform: self.platform,
                variables,
                init_timeout: self.init_timeout,
                call_timeout: self.call_timeout,
                max_instances: self.max_instances,
                memory_mb: MEMORY_MB,
                output: Arc::clone(&output),
                platform_environment: environment::Source {
                    directory: Arc::clone(&directory),
                    clock: Arc::clone(&self.clock),
                    memory_mb: MEMORY_MB,
                },
            })),
            None => None,
        };
        let gateway = function
            .as_ref()
            .map(|function| {
                gateway::start(self.gateway_port, Arc::clone(function), self.clock)
                    .map_err(|source| port_taken(self.gateway_port, source))
            })
            .transpose()?;
        Ok(Cloud {
            gateway,
            function,
            sts,
            directory,
            root_key,
            sub_account_key,
            ledger,
            output,
            _ca: ca,
        })
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
            .find(|(_, pair)| !pair.secret_id.starts_with("AKIDEMU"))
            .map(|(place, _)| (*place).to_owned());
        match variables.or(keys) {
            Some(place) => Err(StartError::RealKey { place }),
            None => Ok(()),
        }
    }

    fn directory(&self, ledger: Arc<Ledger>) -> io::Result<Directory> {
        let mut roles = vec![
            Role::new("issuer"),
            Role::new(EXECUTION_ROLE).trust(Trust::Service),
        ];
        roles.extend(self.roles.clone());
        Ok(Directory::new(self.account.clone(), roles, ledger))
    }
}

/// A running cloud. Dropping it ends every listener and kills every child.
pub struct Cloud {
    gateway: Option<Server>,
    function: Option<Arc<Function>>,
    sts: Sts,
    directory: Arc<Directory>,
    root_key: KeyPair,
    sub_account_key: KeyPair,
    ledger: Arc<Ledger>,
    output: Arc<Output>,
    /// Keeps the CA's file for as long as the cloud lives.
    _ca: Ca,
}

impl Cloud {
    /// The choices, all at their defaults.
    pub fn builder() -> CloudBuilder {
        CloudBuilder {
            account: Account::default(),
            function: None,
            platform: Platform::Scf(ScfEvent::FunctionUrl),
            gateway_port: 0,
            sts_port: 0,
            sts_over_http: false,
            variables: BTreeMap::new(),
            removed: BTreeSet::new(),
            roles: Vec::new(),
            keys: BTreeMap::new(),
            init_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(10),
            max_instances: 4,
            clock: Arc::new(SystemClock),
            ledger: None,
            listener: None,
        }
    }

    /// The front door, `http://127.0.0.1:<port>`; `None` without a function.
    pub fn gateway_url(&self) -> Option<String> {
        let gateway = self.gateway.as_ref()?;
        Some(format!("http://{}", gateway.address))
    }

    /// The STS.
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// The account's numbers.
    pub fn account(&self) -> &Account {
        &self.directory.account
    }

    /// The permanent key of the account's owner.
    pub fn root_key(&self) -> &KeyPair {
        &self.root_key
    }

    /// The permanent key of the CAM user; the function's default calling key.
    pub fn sub_account_key(&self) -> &KeyPair {
        &self.sub_account_key
    }

    /// Starts an instance if none is idle, and waits until it is ready.
    pub async fn wait_ready(&self) -> Result<(), PlatformError> {
        match &self.function {
            Some(function) => function.lease().await.map(drop),
            None => Ok(()),
        }
    }

    /// Sends one raw event past the gateway. Web functions take no events, so they (and a cloud without a function) answer
    /// with a platform error.
    pub async fn invoke(&self, raw: impl Into<Vec<u8>>) -> Invocation {
        let request_id = uuid::Uuid::new_v4().to_string();
        match &self.function {
            Some(function) if function.config.platform != Platform::ScfWeb => {
                function.invoke(request_id, Bytes::from(raw.into())).await
            }
            _ => Invocation {
                request_id,
                outcome: Outcome::PlatformError(PlatformError::NoEvents),
            },
        }
    }

    /// Everything that the function printed so far, all instances and both streams together.
    pub fn function_output(&self) -> String {
        self.output.text()
    }

    /// The process ids of the live instances.
    pub fn function_processes(&self) -> Vec<i32> {
        self.function
            .as_ref()
            .map(|function| function.process_ids())
            .unwrap_or_default()
    }

    /// Every secret that was made or given so far: secret keys and tokens.
    pub fn secrets(&self) -> Vec<String> {
        self.ledger.secrets()
    }

    /// Ends the children politely (SIGTERM, then SIGKILL after `patience`) and then everything else.
    pub async fn shut_down(self, patience: Duration) {
        if let Some(function) = &self.function {
            function.shut_down(patience).await;
        }
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Cloud")
            .field("gateway", &self.gateway)
            .field("sts", &self.sts)
            .finish_non_exhaustive()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(function) = &self.function {
            function.kill_all();
        }
    }
}

fn place_of(owner: KeyOwner) -> &'static str {
    match owner {
        KeyOwner::Root => "the root key",
        KeyOwner::SubAccount => "the sub-account key",
    }
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
