//! The platforms: how a request reaches the handler and how its answer gets back.
//!
//! Promises: which one runs is decided by the environment (`config::Platform`), never by an event. Whatever a platform delivers is
//! answered, and the process lives on; what cannot be read gets a 4xx answer in the shape that the platform expects.
//! Leaves out: every decision about credentials (`handler`).

mod gateway_event;
pub mod http_server;
pub mod lambda;
pub mod scf;
mod write_timeout;

use std::sync::Arc;

use crate::config::Platform;
use crate::handler::Handler;

/// Serves requests until the platform ends it.
///
/// # Errors
/// When the platform cannot be served at all, such as a port that is taken.
pub async fn run(platform: Platform, handler: Handler) -> Result<(), RuntimeError> {
    match platform {
        Platform::Lambda => lambda::run(Arc::new(handler))
            .await
            .map_err(RuntimeError::Lambda),
        Platform::ScfEvent(url) => scf::run(&url, &handler).await.map_err(RuntimeError::Scf),
        Platform::Server(address) => http_server::run(address, Arc::new(handler))
            .await
            .map_err(RuntimeError::Server),
    }
}

/// Why a platform cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// Lambda's runtime ended.
    #[error("the Lambda runtime ended")]
    Lambda(#[source] lambda_runtime::Error),
    /// The runtime API of SCF cannot be reached.
    #[error("the SCF runtime API cannot be used")]
    Scf(#[source] scf::ScfError),
    /// The address cannot be listened on.
    #[error("the address cannot be listened on")]
    Server(#[source] std::io::Error),
}
