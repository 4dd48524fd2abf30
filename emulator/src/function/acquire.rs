//! Which instance a request gets: a free one, else a fresh one below the limit, else none.

use std::sync::Arc;
use std::time::Duration;

use super::{Function, Instance, InvocationLog, Lease};
use crate::platform::log::InitPhase;
use crate::platform::{Platform, PlatformError};
use crate::sync::lock;
use crate::web;

impl Function {
    /// A free instance, or a fresh one that became ready.
    ///
    /// Lambda tries a start that failed once more, as a part of the invocation and within its time
    /// (documented:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>).
    pub(crate) async fn lease(&self, log: &mut InvocationLog<'_>) -> Result<Lease, PlatformError> {
        let limit = self.config.platform.init_limit(self.config.init_timeout);
        let error = match self.admit(log, limit).await? {
            Ok(lease) => {
                log.ready(&lease).await;
                return Ok(lease);
            }
            Err(error) => error,
        };
        if !matches!(self.config.platform, Platform::Lambda(_)) {
            return Err(error);
        }
        log.init_failed(InitPhase::Init, &error);
        log.begin_within_invocation();
        let limit = self.config.call_timeout;
        match self.admit(log, limit).await? {
            Ok(lease) => {
                log.ready(&lease).await;
                Ok(lease)
            }
            Err(error) => {
                log.init_failed(InitPhase::Invoke, &error);
                Err(match error {
                    PlatformError::InitTimeout { limit } => PlatformError::CallTimeout { limit },
                    other => other,
                })
            }
        }
    }

    /// The outer error: there is no instance. The inner one: there was, and it did not become
    /// ready.
    async fn admit(
        &self,
        log: &mut InvocationLog<'_>,
        limit: Duration,
    ) -> Result<Result<Lease, PlatformError>, PlatformError> {
        let lease = self.free_or_fresh()?;
        log.admitted();
        match self.until_ready(&lease, limit).await {
            Ok(()) => Ok(Ok(lease)),
            Err(error) => {
                self.close(lease).await;
                Ok(Err(error))
            }
        }
    }

    pub(super) async fn until_ready(
        &self,
        lease: &Lease,
        limit: Duration,
    ) -> Result<(), PlatformError> {
        let state = &lease.instance.state;
        if self.config.platform == Platform::ScfWeb && !state.is_idle() {
            web::until_listening(&lease.instance, limit).await
        } else {
            state.until_ready(limit).await
        }
    }

    fn free_or_fresh(&self) -> Result<Lease, PlatformError> {
        let mut instances = lock(&self.instances);
        instances.retain(|instance| !instance.state.is_dead());
        if let Some(lease) = instances.iter().find_map(Instance::lease_if_free) {
            return Ok(lease);
        }
        if instances.len() >= self.config.max_instances {
            return Err(PlatformError::Throttled);
        }
        let program = self.programs.current();
        let fresh = Instance::start(&self.config, &program).map_err(|error| {
            PlatformError::ExitedInInit { status: format!("cannot start the function: {error}") }
        })?;
        instances.push(Arc::clone(&fresh));
        Ok(Lease::of(&fresh, true))
    }
}
