//! The runtime APIs: one listener for each instance, SCF's or Lambda's.
//!
//! # Guarantees
//! A function can reach its own invocations only; an event goes out as it came in.

mod lambda;
mod scf;

use std::io;
use std::sync::Arc;

use crate::function::Config;
use crate::instance::State;
use crate::net::{Server, Transport};
use crate::platform::Platform;

/// Starts the runtime API of one instance; web functions have none.
pub(crate) fn start(config: &Arc<Config>, state: &Arc<State>) -> io::Result<Option<Server>> {
    let (config, state) = (Arc::clone(config), Arc::clone(state));
    let server = match config.platform {
        Platform::ScfWeb => return Ok(None),
        Platform::Scf(_) => {
            let transport = Transport::Shuffled(Arc::clone(&config.rng));
            Server::start(0, transport, move |request| {
                scf::respond(Arc::clone(&config), Arc::clone(&state), request)
            })?
        }
        Platform::Lambda(_) => {
            let api = Arc::new(lambda::Api::new(state));
            Server::start(0, Transport::Plain, move |request| {
                lambda::respond(Arc::clone(&api), request)
            })?
        }
    };
    Ok(Some(server))
}
