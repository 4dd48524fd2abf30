//! The platforms: how a request reaches the handler, and how its response gets back.
//!
//! # Guarantees
//! - The environment decides which [`Platform`] runs, an event never does.
//! - Every event gets a response, and the process lives on. An event that cannot be read gets a
//!   4xx response in the form that the platform expects.
//!
//! # Not covered
//! Any decision about credentials (`handler`).

mod connect_ahead;
mod connections;
mod gateway_event;
pub mod http_server;
pub mod lambda;
mod lingering_close;
mod listening_socket;
mod metrics_page;
mod reload;
pub mod scf;
mod signal;
mod workers;

use std::pin::Pin;
use std::sync::Arc;

use crate::handler::Handler;
use crate::issuer::Background;
use http_server::ServerSettings;
pub use reload::Reloader;
pub use workers::single_threaded;

/// Where requests come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// AWS Lambda, by the runtime API that `AWS_LAMBDA_RUNTIME_API` names.
    Lambda,
    /// An event function of Tencent SCF, by the runtime API at this URL.
    ScfEvent(String),
    /// An HTTP server: an SCF web function, a container, a laptop.
    Server(ServerSettings),
}

impl Platform {
    /// The name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::ScfEvent(_) => "scf-event",
            Self::Server(server) if server.is_scf => "scf-web",
            Self::Server(_) => "server",
        }
    }

    /// Whether code may run between requests. SCF freezes web functions too.
    pub fn background(&self) -> Background {
        match self {
            Self::Server(server) if !server.is_scf => Background::Runs,
            Self::Lambda | Self::ScfEvent(_) | Self::Server(_) => Background::Frozen,
        }
    }

    /// Whether it is SCF, which gives a new instance a new key of the execution role.
    pub fn is_scf(&self) -> bool {
        match self {
            Self::Lambda => false,
            Self::ScfEvent(_) => true,
            Self::Server(server) => server.is_scf,
        }
    }

    /// Whether requests may bring the execution role's key.
    pub fn reads_role_keys(&self) -> bool {
        match self {
            Self::Lambda | Self::ScfEvent(_) => false,
            Self::Server(server) => server.reads_role_keys,
        }
    }

    /// How many threads handle requests.
    pub fn threads(&self) -> usize {
        match self {
            Self::Lambda | Self::ScfEvent(_) => 1,
            Self::Server(server) => server.threads,
        }
    }

    /// Whether it is a server that others than this machine can reach.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Lambda | Self::ScfEvent(_) => false,
            Self::Server(server) => !server.address.ip().is_loopback(),
        }
    }
}

/// Serves requests until the platform ends it. Only a server uses `reloader`.
///
/// # Errors
/// When the platform cannot be served at all, for example because a port is taken.
pub async fn run(
    platform: Platform,
    handler: Handler,
    reloader: Reloader,
) -> Result<(), RuntimeError> {
    let handler = Arc::new(handler);
    serving(platform, Arc::clone(&handler), reloader).await?;
    if handler.issuer.key_has_lapsed() { Err(RuntimeError::CallingKeyExpired) } else { Ok(()) }
}

/// Boxed: only one of them runs, and the stack that all of them need together would stay in memory.
fn serving(
    platform: Platform,
    handler: Arc<Handler>,
    reloader: Reloader,
) -> Pin<Box<dyn Future<Output = Result<(), RuntimeError>>>> {
    match platform {
        Platform::Lambda => {
            Box::pin(async { lambda::run(handler).await.map_err(RuntimeError::Lambda) })
        }
        Platform::ScfEvent(url) => {
            Box::pin(async move { scf::run(&url, &handler).await.map_err(RuntimeError::Scf) })
        }
        Platform::Server(settings) => Box::pin(async {
            let served = http_server::run(settings, handler, reloader).await;
            served.map_err(RuntimeError::Server)
        }),
    }
}

/// Why a platform cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The execution role's key has expired, and only a new instance gets a new one.
    #[error("the execution role's key has expired: the platform starts a new instance")]
    CallingKeyExpired,
    /// Lambda's runtime ended.
    #[error("the Lambda runtime ended")]
    Lambda(#[source] lambda_runtime::Error),
    /// The runtime API of SCF failed.
    #[error("the SCF runtime API failed")]
    Scf(#[source] scf::ScfError),
    /// The server ended.
    #[error("the server ended")]
    Server(#[source] http_server::ServerError),
}
