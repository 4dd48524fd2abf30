//! The connection to STS, made while the platform waits for a request.
//!
//! The first answer is two round trips and a TLS handshake earlier.
//!
//! # Guarantees
//! - Nothing is called, and nothing waits for it but the first call of STS.
//! - `next` goes first: the platform counts what comes before it as the time of the start.
//!
//! # Not covered
//! Connections that end later: the pool makes new ones when calls need them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::handler::Handler;

/// To be run by the thread whose requests use the connection.
pub(super) async fn connect_ahead(handler: Arc<Handler>) {
    sleep(AFTER_NEXT).await;
    // When an event comes at once, its own call connects, and nothing happens here.
    handler.issuer.connect_ahead().await;
}

/// Many times what `next` takes on its way out.
const AFTER_NEXT: Duration = Duration::from_millis(1);
