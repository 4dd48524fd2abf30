//! The platforms: how a request reaches the handler, and how its response gets back.
//!
//! # Guarantees
//! - The environment decides which [`Platform`] runs, an event never does.
//! - Every event gets a response, and the process lives on. An event that cannot be read gets a
//!   4xx response in the form that the platform expects.
//!
//! # Not covered
//! Any decision about credentials (`handler`).

mod connections;
mod gateway_event;
pub mod http_server;
pub mod lambda;
mod reload;
pub mod scf;
mod signal;

use std::sync::Arc;

use crate::handler::Handler;
use crate::issuer::Background;
use http_server::ServerSettings;
pub use reload::Reloader;

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
    /// Whether code may run between requests. SCF freezes web functions too.
    pub fn background(&self) -> Background {
        match self {
            Self::Server(server) if !server.is_scf => Background::Runs,
            Self::Lambda | Self::ScfEvent(_) | Self::Server(_) => Background::Frozen,
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
    match platform {
        Platform::Lambda => lambda::run(Arc::new(handler)).await.map_err(RuntimeError::Lambda),
        Platform::ScfEvent(url) => scf::run(&url, &handler).await.map_err(RuntimeError::Scf),
        Platform::Server(settings) => {
            let served = http_server::run(settings, Arc::new(handler), reloader).await;
            served.map_err(RuntimeError::Server)
        }
    }
}

/// Why a platform cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Lambda's runtime ended.
    #[error("the Lambda runtime ended")]
    Lambda(#[source] lambda_runtime::Error),
    /// The runtime API of SCF failed.
    #[error("the SCF runtime API failed")]
    Scf(#[source] scf::ScfError),
    /// The address cannot be listened on.
    #[error("the address cannot be listened on")]
    Server(#[source] std::io::Error),
}
