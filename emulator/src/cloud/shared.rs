//! What the parts of one cloud share.

use std::sync::Arc;

use crate::account::Directory;
use crate::clock::EmulatedClock;
use crate::cos::Store;
use crate::cos::auth::Authorizer;
use crate::middleware::Middleware;
use crate::process::Output;
use crate::random::Rng;
use crate::secrets::SecretRegistry;
use crate::state::CloudState;

/// Each part takes what it needs from here.
pub(super) struct Shared {
    pub(super) authorizer: Arc<Authorizer>,
    pub(super) clock: Arc<EmulatedClock>,
    pub(super) directory: Arc<Directory>,
    pub(super) middleware: Arc<Middleware>,
    pub(super) output: Arc<Output>,
    pub(super) rng: Arc<Rng>,
    pub(super) secrets: Arc<SecretRegistry>,
    pub(super) state: Arc<CloudState>,
    pub(super) store: Arc<Store>,
}
