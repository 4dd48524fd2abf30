//! The kill switch of all instances: a set in the shared store.
//!
//! # Guarantees
//! A change counts within 30 seconds. While the store is down, what was read last keeps counting.
//!
//! # Not covered
//! An instance that starts while the store is down knows no entries yet.

use std::sync::Arc;

use redis::cmd;
use tencent::time::Clock;
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::current::CurrentAccess;
use crate::deny_list::DenyList;
use crate::shared_store::SharedStore;

/// Reads the set, at most once in 15 seconds.
#[expect(missing_debug_implementations, reason = "the store's URL may contain a password")]
pub struct SharedDenyList {
    store: Arc<SharedStore>,
    /// When it is read next, in milliseconds since 1970.
    due_ms: Mutex<u64>,
}

impl SharedDenyList {
    /// Nothing has been read yet.
    pub fn new(store: Arc<SharedStore>) -> Self {
        Self { store, due_ms: Mutex::default() }
    }

    /// Brings `access` up to date, if it is time. Requests that come meanwhile wait for it.
    pub async fn refresh(&self, access: &CurrentAccess, clock: &dyn Clock) {
        let mut due_ms = self.due_ms.lock().await;
        let now = clock.unix_milliseconds();
        // A clock that was set back must not postpone the next reading.
        if *due_ms > now && *due_ms <= now.saturating_add(INTERVAL_MS) {
            return;
        }
        let mut command = cmd("SMEMBERS");
        command.arg(self.store.key("deny"));
        let entries: Result<Vec<String>, _> = Box::pin(self.store.send(&command)).await;
        let wait_ms = if entries.is_ok() { INTERVAL_MS } else { RETRY_MS };
        *due_ms = now.saturating_add(wait_ms);
        let Ok(entries) = entries else {
            return;
        };
        let (list, invalid) = DenyList::of_entries(&entries);
        access.update(|sources| {
            let is_changed = sources.shared_deny_list != list;
            if is_changed {
                info!(entries = entries.len(), "the shared kill switch has changed");
            }
            if is_changed && invalid > 0 {
                warn!(invalid, "the shared kill switch has entries that cannot be parsed");
            }
            sources.shared_deny_list = list;
            is_changed
        });
    }
}

const INTERVAL_MS: u64 = 15_000;

/// While the store is down.
const RETRY_MS: u64 = 1000;
