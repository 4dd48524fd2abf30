//! The start of a cloud: checks, keys, CA, STS, function, gateway, in this order.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cos_issuer::time::Clock;

use super::{Cloud, CloudBuilder, StartError};
use crate::account::{Account, KeyPair, looks_real};
use crate::ca::Ca;
use crate::cos::door::Door;
use crate::cos::{self, Cos};
use crate::environment;
use crate::function::{Config, Function};
use crate::gateway;
use crate::ledger::Ledger;
use crate::process::Output;
use crate::sts::Sts;

impl CloudBuilder {
    /// Starts everything. Runs on the caller's tokio runtime.
    pub async fn start(self) -> Result<Cloud, StartError> {
        self.refuse_real_keys()?;
        let ledger = Arc::new(Ledger::open(self.ledger.as_deref())?);
        let (directory, root_key, sub_account_key) = self.directory(&ledger)?;
        note_given_secrets(&ledger, &self.variables)?;

        let ca = Ca::create(&directory.account.region)?;
        let sts = Sts::start(
            self.sts_port,
            &ca,
            Arc::clone(&directory),
            Arc::clone(&self.clock),
            self.sts_calls_per_second,
        )
        .map_err(|source| port_taken(self.sts_port, source))?;
        let home = cos::home(&directory.account)?;
        let door = Arc::new(Door::new(Arc::clone(&directory), home));
        let cos = start_cos(&self.cos, &ca, &directory.account, &self.clock, &door)?;
        let output = Arc::new(Output::new(self.listener));
        let mut variables = default_variables(&directory.account, &sub_account_key);
        let endpoint = sts_endpoint(&sts, self.sts_over_http);
        variables.insert("STS_ENDPOINTS".to_owned(), endpoint);
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
                memory_mb: self.memory_mb,
                freeze: self.freeze,
                on_freeze: self.on_freeze,
                watch: self.watch,
                output: Arc::clone(&output),
                ledger: Arc::clone(&ledger),
                platform_environment: environment::Source {
                    directory: Arc::clone(&directory),
                    clock: Arc::clone(&self.clock),
                    memory_mb: self.memory_mb,
                },
            })?),
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
            door,
            gateway,
            function,
            sts,
            cos,
            directory,
            root_key,
            sub_account_key,
            ledger,
            output,
            ca,
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
    account: &Account,
    clock: &Arc<dyn Clock>,
    door: &Arc<Door>,
) -> Result<Cos, StartError> {
    let data = |source| match &options.data {
        Some(path) => StartError::Data {
            path: path.clone(),
            source,
        },
        None => StartError::Io(source),
    };
    let store = cos::open_store(options, account, clock.as_ref()).map_err(data)?;
    let door = Arc::<Door>::clone(door);
    Cos::start(options.port, store, ca, account, Arc::clone(clock), door)
        .map_err(|source| port_taken(options.port, source))
}

fn sts_endpoint(sts: &Sts, over_http: bool) -> String {
    if over_http {
        sts.http_url()
    } else {
        sts.https_url()
    }
}

/// Secrets that the function was given in place of the default ones. What is shorter than any key would be found everywhere.
fn note_given_secrets(ledger: &Ledger, variables: &BTreeMap<String, String>) -> io::Result<()> {
    ["SECRET_KEY", "SESSION_TOKEN"]
        .iter()
        .filter_map(|name| variables.get(*name))
        .filter(|value| value.len() >= 16)
        .try_for_each(|value| ledger.note(value))
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
