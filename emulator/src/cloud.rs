//! The whole cloud as one handle: [`Cloud::builder`] gathers the choices, [`CloudBuilder::start`]
//! starts everything, dropping the [`Cloud`] ends everything.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use tencent::cam::{AccessRequest, Context, Target};

mod accounts;
mod builder;
mod functions;
pub(crate) mod marker;
mod shared;
mod start;

pub use self::builder::CloudBuilder;
pub use self::functions::{FunctionAddress, FunctionOptions};
use self::shared::Shared;
use crate::account::{Account, AccountFileError, KeyPair};
use crate::admin::Admin;
use crate::ca::Ca;
use crate::clock::EmulatedClock;
use crate::cos::auth::{AccessRecord, DecisionRecord};
use crate::cos::{self, Cos};
use crate::fault::{Faults, RefusedFault};
use crate::function::{Function, Invocation, InvocationLog, Outcome};
use crate::net::{self, Server};
use crate::platform::{Platform, PlatformError};
use crate::sts::Sts;

/// Why a cloud could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is in use.
    #[error("port {port} of 127.0.0.1 is not free: {source}")]
    PortTaken {
        /// The port.
        port: u16,
        /// The error of the system.
        source: io::Error,
    },
    /// The function is not an executable file.
    #[error("`{}` is not an executable file", path.display())]
    NoFunction {
        /// The path given.
        path: PathBuf,
    },
    /// Two functions have one name, or one has no name of the accepted form.
    #[error(
        "function `{name}`: the name must have at most 40 letters, digits, `-` and `_`, and must \
         not be that of another function or service, for example sts"
    )]
    FunctionName {
        /// The name given.
        name: String,
    },
    /// Something looks like a key of the real service.
    #[error(
        "`{place}` looks like a real SecretId; this cloud takes only keys that begin with AKIDEMU"
    )]
    RealKey {
        /// Where it is, never what it is.
        place: String,
    },
    /// The account file is invalid.
    #[error(transparent)]
    Account(#[from] AccountFileError),
    /// The directory for objects cannot be used.
    #[error("the data directory `{}` cannot be used: {source}", path.display())]
    Data {
        /// The path given.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The file of a state cannot be used.
    #[error("the state `{}` cannot be used: {source}", path.display())]
    State {
        /// The path given.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The folder of objects cannot be used.
    #[error("the folder of objects `{}` cannot be used: {source}", path.display())]
    Preload {
        /// The path given.
        path: PathBuf,
        /// What is wrong with it.
        source: io::Error,
    },
    /// The file for the trace cannot be written.
    #[error("the trace `{}` cannot be written: {source}", path.display())]
    Trace {
        /// The path given.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A fault rule is invalid.
    #[error("fault rule: {0}")]
    Fault(#[from] RefusedFault),
    /// The system refused something.
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
}

/// Why a function does not run.
#[derive(Debug, thiserror::Error)]
#[error("the function `{name}` did not become ready: {error}")]
pub struct NotReady {
    /// The name of the function.
    pub name: String,
    /// The platform's error.
    pub error: PlatformError,
}

/// A function behind its gateway.
struct RunningFunction {
    /// As in [`FunctionAddress`].
    name: String,
    /// Whether it is the first one again, with other variables.
    is_second: bool,
    gateway: Server,
    function: Arc<Function>,
}

impl RunningFunction {
    fn url(&self) -> String {
        format!("http://{}", self.gateway.address)
    }

    async fn wait_ready(&self) -> Result<(), PlatformError> {
        let mut nothing = InvocationLog::of_nothing(&self.function.config);
        self.function.lease(&mut nothing).await.map(drop)
    }
}

/// A running cloud. Dropping it ends every listener and kills every child.
pub struct Cloud {
    shared: Shared,
    admin: Option<Admin>,
    /// The first function, its second start if there is one, and more functions.
    functions: Vec<RunningFunction>,
    sts: Sts,
    cos: Cos,
    root_key: KeyPair,
    sub_account_key: KeyPair,
    #[expect(dead_code, reason = "keeps the CA's file for as long as the cloud lives")]
    ca: Ca,
}

impl Cloud {
    /// The choices, all at their defaults.
    pub fn builder() -> CloudBuilder {
        CloudBuilder::new()
    }

    /// The gateway, `http://127.0.0.1:<port>`; `None` without a function.
    pub fn gateway_url(&self) -> Option<String> {
        self.functions.first().map(RunningFunction::url)
    }

    /// The gateway of [`CloudBuilder::second_function`], if there is one.
    pub fn second_gateway_url(&self) -> Option<String> {
        self.functions.iter().find(|running| running.is_second).map(RunningFunction::url)
    }

    /// Every function, the first one first; without
    /// [`second_function`](CloudBuilder::second_function).
    pub fn functions(&self) -> impl Iterator<Item = FunctionAddress> {
        let functions = self.functions.iter().filter(|running| !running.is_second);
        functions.map(|running| FunctionAddress {
            name: running.name.clone(),
            url: running.url(),
            platform: running.function.config.platform,
        })
    }

    /// The STS.
    pub fn sts(&self) -> &Sts {
        &self.sts
    }

    /// The admin API, if it was asked for.
    pub fn admin(&self) -> Option<&Admin> {
        self.admin.as_ref()
    }

    /// The clock of every service.
    pub fn clock(&self) -> &EmulatedClock {
        &self.shared.clock
    }

    /// Moves the clock of every service; a negative number moves it back.
    pub fn advance_clock(&self, seconds: i64) {
        self.shared.clock.advance(seconds);
    }

    /// The faults in force.
    pub fn faults(&self) -> &Faults {
        &self.shared.middleware.faults
    }

    /// The last calls to each service, a line of JSON each, without secrets.
    pub fn trace(&self) -> Vec<String> {
        self.shared.middleware.trace.lines()
    }

    /// Why the file of the trace lacks lines, if it does.
    pub fn trace_failure(&self) -> Option<io::ErrorKind> {
        self.shared.middleware.trace.failure()
    }

    /// What [`CloudBuilder::seed`] takes to repeat this run.
    pub fn seed(&self) -> u64 {
        self.shared.rng.seed()
    }

    /// COS.
    pub fn cos(&self) -> &Cos {
        &self.cos
    }

    /// The account's numbers.
    pub fn account(&self) -> &Account {
        &self.shared.directory.account
    }

    /// The permanent key of the account's owner.
    pub fn root_key(&self) -> &KeyPair {
        &self.root_key
    }

    /// The permanent key of the first CAM user; the function's default calling key.
    pub fn sub_account_key(&self) -> &KeyPair {
        &self.sub_account_key
    }

    /// Revokes a key of this cloud, permanent or temporary; `false` when there is no such key.
    pub fn revoke(&self, secret_id: &str) -> bool {
        self.shared.directory.revoke(secret_id)
    }

    /// Makes a temporary key of this cloud expire at this moment of its clock; `false` for an
    /// unknown key.
    pub fn expire(&self, secret_id: &str) -> bool {
        self.shared.directory.expire_now(secret_id)
    }

    /// The last thousand requests to COS, oldest first: the identity, the decision, and the
    /// statement that decided.
    pub fn decisions(&self) -> Vec<DecisionRecord> {
        self.shared.authorizer.decisions()
    }

    /// What COS would answer to an operation, as `PutObject`, on `key` of the account's own bucket
    /// with the key `secret_id`; nothing is done. `None` for a key that does not work. `context`
    /// contains the values that conditions read.
    pub fn simulate(
        &self,
        secret_id: &str,
        operation: &str,
        key: &str,
        context: Context,
    ) -> Option<AccessRecord> {
        let account = self.account();
        let bucket = cos::default_bucket(account).ok()?.0;
        let access = AccessRequest {
            account: account.of_policies(),
            action: format!("name/cos:{operation}"),
            target: Target::Object {
                region: bucket.region,
                bucket: bucket.name,
                owner_uin: account.owner_uin.to_string(),
                key: key.to_owned(),
            },
            context,
        };
        self.shared.authorizer.simulate(secret_id, &access)
    }

    /// Writes what COS stores, and the clock, to a file. It contains no key.
    ///
    /// # Errors
    /// When the file cannot be written; then an earlier one is as it was.
    pub async fn save_state(&self, file: impl AsRef<Path>) -> io::Result<()> {
        self.shared.state.save(file.as_ref()).await
    }

    /// Puts the state of a file in place of what COS stores, and of the clock.
    ///
    /// # Errors
    /// When it is not a whole state, or the cloud keeps its objects in a directory; then nothing
    /// changes.
    pub async fn load_state(&self, file: impl AsRef<Path>) -> io::Result<()> {
        self.shared.state.load(file.as_ref()).await
    }

    /// What COS stores, and the clock, are again as they were after the start. Keys, faults and the
    /// trace stay.
    ///
    /// # Errors
    /// When the cloud keeps its objects in a directory.
    pub fn reset(&self) -> io::Result<()> {
        self.shared.state.reset()
    }

    /// Starts an instance if none is idle, and waits until it is ready.
    pub async fn wait_ready(&self) -> Result<(), PlatformError> {
        match self.functions.first() {
            Some(running) => running.wait_ready().await,
            None => Ok(()),
        }
    }

    /// The same for every function of [`functions`](Self::functions).
    ///
    /// # Errors
    /// For the first function that does not become ready, with its name.
    pub async fn wait_each_ready(&self) -> Result<(), NotReady> {
        for running in self.functions.iter().filter(|running| !running.is_second) {
            let ready = running.wait_ready().await;
            ready.map_err(|error| NotReady { name: running.name.clone(), error })?;
        }
        Ok(())
    }

    /// The gateway's response to `request`, whose target is a path.
    ///
    /// # Errors
    /// There is no gateway, or it does not respond within a minute.
    pub async fn request(&self, mut request: Request<Bytes>) -> io::Result<Response<Bytes>> {
        let running = self.functions.first().ok_or(io::ErrorKind::NotConnected)?;
        let address = running.gateway.address;
        if !request.headers().contains_key(header::HOST) {
            let host = HeaderValue::try_from(address.to_string()).map_err(io::Error::other)?;
            request.headers_mut().insert(header::HOST, host);
        }
        let exchange = async {
            let (head, body) = net::send(address, request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
            Ok(Response::from_parts(head, body.map_err(io::Error::other)?.to_bytes()))
        };
        tokio::time::timeout(RESPONSE_TIMEOUT, exchange)
            .await
            .map_err(|_| io::Error::other("no response within a minute"))?
    }

    /// Sends one raw event past the gateway. Web functions take no events, so they (and a cloud
    /// without a function) answer with a platform error.
    pub async fn invoke(&self, raw: impl Into<Vec<u8>>) -> Invocation {
        let request_id = self.shared.rng.request_id();
        match self.functions.first() {
            Some(RunningFunction { function, .. })
                if function.config.platform != Platform::ScfWeb =>
            {
                function.invoke(request_id, Bytes::from(raw.into())).await
            }
            _ => {
                Invocation { request_id, outcome: Outcome::PlatformError(PlatformError::NoEvents) }
            }
        }
    }

    /// Everything that the function printed so far, all instances and both streams together.
    pub fn function_output(&self) -> String {
        self.shared.output.text()
    }

    /// The process ids of the live instances.
    pub fn function_processes(&self) -> Vec<i32> {
        self.functions.iter().flat_map(|running| running.function.process_ids()).collect()
    }

    /// Every secret that was made or given so far: secret keys and tokens.
    pub fn secrets(&self) -> Vec<String> {
        self.shared.secrets.secrets()
    }

    /// Stops the children (SIGTERM, then SIGKILL after `timeout`) and then everything else.
    pub async fn shut_down(self, timeout: Duration) {
        self.stop_functions(timeout).await;
    }

    /// Stops the children; what else runs, goes on until the cloud is dropped.
    pub async fn stop_functions(&self, timeout: Duration) {
        for running in &self.functions {
            running.function.shut_down(timeout).await;
        }
    }
}

impl std::fmt::Debug for Cloud {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Cloud")
            .field("gateway", &self.gateway_url())
            .field("sts", &self.sts)
            .finish_non_exhaustive()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        for running in &self.functions {
            running.function.kill_all();
        }
    }
}

const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
const MAX_RESPONSE_BYTES: usize = 8 * 1024 * 1024;
