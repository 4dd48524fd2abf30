//! The start of a cloud: checks, keys, CA, STS, function, gateway, in this order.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::builder::place_of;
use super::{Cloud, CloudBuilder, StartError};
use crate::account::{
    Account, Directory, KeyOwner, KeyPair, Permanent, Role, Seed, Trust, looks_real,
};
use crate::ca::Ca;
use crate::cos::door::Door;
use crate::environment::{self, EXECUTION_ROLE};
use crate::function::{Config, Function};
use crate::gateway;
use crate::ledger::Ledger;
use crate::process::Output;
use crate::sts::Sts;

const MEMORY_MB: u32 = 128;

impl CloudBuilder {
    /// Starts everything. Runs on the caller's tokio runtime.
    pub async fn start(self) -> Result<Cloud, StartError> {
        self.refuse_real_keys()?;
        let ledger = Arc::new(Ledger::open(self.ledger.as_deref())?);
        let mut seed = self.seed()?;
        let given = GivenKeys::taken_from(&mut seed, &self.keys);
        let directory = Arc::new(Directory::new(
            seed.account,
            seed.users,
            seed.roles,
            Arc::clone(&self.clock),
            Arc::clone(&ledger),
        ));
        let (root_key, sub_account_key) = given.add_to(&directory)?;
        note_given_secrets(&ledger, &self.variables)?;

        let ca = Ca::create()?;
        let sts = Sts::start(
            self.sts_port,
            &ca,
            Arc::clone(&directory),
            Arc::clone(&self.clock),
            self.sts_calls_per_second,
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
            door: Arc::new(Door::new(Arc::clone(&directory))),
            gateway,
            function,
            sts,
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

    /// The account of the file, or the default one, with the builder's users and roles, and with the execution role.
    fn seed(&self) -> Result<Seed, StartError> {
        let mut seed = match &self.account_file {
            Some(path) => Seed::read(path)?,
            None => Seed::default(),
        };
        for user in &self.users {
            seed.users.retain(|known| known.name != user.name);
            seed.users.push(user.clone());
        }
        if let Some(first) = seed.users.first() {
            seed.account.user_uin = first.uin;
        }
        for role in &self.roles {
            seed.roles.retain(|known| known.name != role.name);
            seed.roles.push(role.clone());
        }
        if !seed.roles.iter().any(|role| role.name == EXECUTION_ROLE) {
            seed.roles
                .push(Role::new(EXECUTION_ROLE).trust(Trust::Service));
        }
        Ok(seed)
    }
}

/// The permanent keys that somebody chose.
struct GivenKeys {
    root: Vec<KeyPair>,
    /// For each user, in their order.
    users: Vec<Vec<KeyPair>>,
}

impl GivenKeys {
    /// Takes the keys out of `seed`, so that no second copy lives on in it; those of the builder come first.
    fn taken_from(seed: &mut Seed, chosen: &BTreeMap<&'static str, KeyPair>) -> Self {
        let chosen = |owner| chosen.get(place_of(owner)).cloned();
        let mut root: Vec<KeyPair> = chosen(KeyOwner::Root).into_iter().collect();
        root.append(&mut seed.root_keys);
        let mut first: Vec<KeyPair> = chosen(KeyOwner::SubAccount).into_iter().collect();
        let users = seed.users.iter_mut().map(|user| {
            let mut keys = std::mem::take(&mut first);
            keys.append(&mut user.keys);
            keys
        });
        Self {
            users: users.collect(),
            root,
        }
    }

    /// Every owner gets at least one key. Answers with the first of the root and the first of the first user.
    fn add_to(self, directory: &Directory) -> io::Result<(KeyPair, KeyPair)> {
        let root = add_all(directory, &Permanent::Root, self.root)?;
        let mut first = None;
        for (user, keys) in directory.users.iter().zip(self.users) {
            let owner = Permanent::User(Arc::clone(user));
            let pair = add_all(directory, &owner, keys)?;
            first.get_or_insert(pair);
        }
        let first = first.ok_or_else(|| io::Error::other("an account needs a user"))?;
        Ok((root, first))
    }
}

fn add_all(directory: &Directory, owner: &Permanent, keys: Vec<KeyPair>) -> io::Result<KeyPair> {
    let mut keys = keys.into_iter();
    let first = directory.add_permanent(owner.clone(), keys.next())?;
    for pair in keys {
        directory.add_permanent(owner.clone(), Some(pair))?;
    }
    Ok(first)
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
