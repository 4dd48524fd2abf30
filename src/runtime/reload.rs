//! Files that a server reads again while it runs: `DENY_FILE`, `GRANTS_FILE`, `JWT_JWKS_FILE` and
//! `JWT_PUBLIC_KEY_FILE`.
//!
//! # Guarantees
//! A changed `DENY_FILE` counts within 30 seconds, and at SIGHUP. The others are read again at
//! SIGHUP. A file with an error changes nothing: the log reports what is wrong, and what was
//! read before stays in effect.
//!
//! # Not covered
//! - `STS_CA_FILE` and `SHARED_STORE_CA_FILE`, which need a restart.
//! - Reading the files, which `main` does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, info};

use super::signal::Signal;
use crate::access::CurrentAccess;
use crate::auth::{Authenticator, KeySet};
use crate::deny_list::DenyList;
use crate::grant::Grants;
use crate::handler::Handler;
use crate::log;

/// What was read last, and how to read it again.
#[expect(missing_debug_implementations, reason = "the kill switch names people")]
pub struct Reloader {
    /// Reads the grants; the error is a text for the log.
    pub read_grants: Box<dyn Fn() -> Result<Grants, String> + Send>,
    /// Reads the keys of tokens, `None` where no file has them; the error is a text for the log.
    pub read_token_keys: Box<dyn Fn() -> Result<Vec<Option<KeySet>>, String> + Send>,
    /// Reads the kill switch; the error is a text for the log.
    pub read_deny_list: Box<dyn Fn() -> Result<DenyList, String> + Send>,
}

impl Reloader {
    /// Reads again until the server ends.
    pub(super) async fn run(self, handler: Arc<Handler>, mut hangup: Signal) {
        let mut last_error = None;
        loop {
            let is_asked = tokio::select! {
                () = hangup.received() => true,
                () = sleep(CHECK_INTERVAL) => false,
            };
            // Lines that could not be written, when nothing else is logged.
            drop(log::flush());
            if is_asked {
                self.reload_grants(&handler.access);
                self.reload_token_keys(&handler.authentication);
                last_error = None;
            }
            match (self.read_deny_list)() {
                Ok(new) => {
                    last_error = None;
                    handler.access.update(|sources| {
                        let is_changed = sources.deny_list != new;
                        if is_changed {
                            info!("the kill switch has changed");
                        }
                        sources.deny_list = new;
                        is_changed
                    });
                }
                // An error is reported once, not at every check.
                Err(error) if last_error.as_ref() == Some(&error) => {}
                Err(error) => {
                    error!(cause = error, "the kill switch is unchanged: it could not be read");
                    last_error = Some(error);
                }
            }
        }
    }

    fn reload_grants(&self, access: &CurrentAccess) {
        match (self.read_grants)() {
            Ok(grants) => {
                info!("the grants were read again");
                access.update(|sources| {
                    sources.grants = grants;
                    true
                });
            }
            Err(error) => {
                error!(cause = error, "the grants are unchanged: they could not be read");
            }
        }
    }

    fn reload_token_keys(&self, authentication: &Authenticator) {
        match (self.read_token_keys)() {
            Ok(keys) if keys.iter().all(Option::is_none) => {}
            Ok(keys) => {
                info!("the keys of tokens were read again");
                authentication.replace_token_keys(keys);
            }
            Err(error) => {
                error!(cause = error, "the keys of tokens are unchanged: they could not be read");
            }
        }
    }
}

/// Short enough that a change counts within 30 seconds on a busy machine.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);
