//! The nonces that HMAC keys have used at any instance, in the shared store.

use redis::{Cmd, cmd};

use super::nonce_cache::NonceError;
use crate::error::Error;
use crate::shared_store::SharedStore;

/// Accepts a nonce once, for as long as its request could be replayed.
pub(super) async fn check_and_insert(
    store: &SharedStore,
    key_id: &str,
    nonce: &str,
    valid_seconds: i64,
) -> Result<(), Error> {
    let mut command: Cmd = cmd("EVAL");
    command.arg(SCRIPT).arg(1).arg(store.key(&format!("nonce:{key_id}:{nonce}")));
    command.arg(store.unique_text()?).arg(valid_seconds.saturating_add(MARGIN_SECONDS));
    let is_ours: bool = store.send(&command).await?;
    if is_ours { Ok(()) } else { Err(NonceError::Used.into()) }
}

/// The value is that of one request, so that the command has the same effect when it is sent again.
const SCRIPT: &str = "\
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0";

/// For clocks of instances that differ.
const MARGIN_SECONDS: i64 = 60;
