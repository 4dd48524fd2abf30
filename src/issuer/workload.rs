//! The calling key of a workload that has none of its own: exchanged when a request needs it, and
//! then shared by all requests.
//!
//! # Guarantees
//! - One exchange at a time, and none for a while after a failure: few of the 20 calls a second
//!   that STS allows for all workloads of an account,
//!   <https://www.tencentcloud.com/document/product/1150/49454>.
//! - A key is never used when hardly any of its lifetime is left. Until then the one before serves
//!   while the exchange fails.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::error::Error;
use crate::sts::{Identity, WorkloadKey};
use tencent::time::{Clock, Timestamp};

/// What is known of a workload's key.
#[derive(Default)]
pub(super) struct Workload(Mutex<Known>);

#[derive(Default)]
struct Known {
    key: Option<WorkloadKey>,
    /// The last failure, until the next exchange may be tried.
    failure: Option<(Error, Timestamp)>,
}

impl Workload {
    /// The identity of the key, from `exchange` if the one before has nearly ended. `clock` is that
    /// of STS.
    ///
    /// # Errors
    /// Those of `exchange`.
    pub(super) async fn identity<F: Future<Output = Result<WorkloadKey, Error>>>(
        &self,
        clock: &dyn Clock,
        exchange: impl FnOnce() -> F,
    ) -> Result<Arc<Identity>, Error> {
        let mut known = self.0.lock().await;
        if let Some(identity) = known.identity(RENEWED_SECONDS, clock.now()) {
            return Ok(identity);
        }
        let error = match &known.failure {
            Some((error, until)) if clock.now() < *until => error.clone(),
            _ => match exchange().await {
                Ok(key) => {
                    let identity = Arc::clone(&key.identity);
                    *known = Known { key: Some(key), failure: None };
                    return Ok(identity);
                }
                Err(error) => {
                    let until = clock.now().plus_seconds(PAUSE_SECONDS);
                    known.failure = Some((error.clone(), until));
                    error
                }
            },
        };
        known.identity(USED_SECONDS, clock.now()).ok_or(error)
    }

    /// Forgets a key that STS does not know.
    pub(super) async fn forget(&self) {
        self.0.lock().await.key = None;
    }
}

impl Known {
    /// That of the key, while it lives for so long.
    fn identity(&self, seconds: u32, now: Timestamp) -> Option<Arc<Identity>> {
        let key = self.key.as_ref().filter(|key| now.plus_seconds(seconds) < key.expiry)?;
        Some(Arc::clone(&key.identity))
    }
}

/// Less than every new key has.
const RENEWED_SECONDS: u32 = 300;

/// What a call takes, and the clocks may differ.
const USED_SECONDS: u32 = 30;

const PAUSE_SECONDS: u32 = 1;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

    use super::Workload;
    use crate::error::{Error, ErrorCode};
    use crate::grant::{Role, RoleArn};
    use crate::sts::{CallingKey, Identity, WorkloadKey};
    use tencent::secret::Secret;
    use tencent::time::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    fn key(id: u32, expiry: Timestamp) -> WorkloadKey {
        let secret = |text: &str| Arc::new(Secret::new(text.to_owned()).unwrap());
        let key = CallingKey {
            secret_id: id.to_string(),
            secret_key: secret("k"),
            session_token: Some(secret("t")),
        };
        let arn = RoleArn::parse("qcs::cam::uin/1:roleName/r").unwrap();
        let identity =
            Identity::new(key, Some(Role { arn, external_id: None })).unwrap_or_else(|_| panic!());
        WorkloadKey { identity: Arc::new(identity), expiry, sts_request_id: "r".to_owned() }
    }

    #[tokio::test]
    async fn a_key_is_exchanged_once_and_renewed_before_it_ends() {
        let (workload, count, now) = (Workload::default(), AtomicU32::new(0), AtomicI64::new(0));
        let clock = || u64::try_from(now.load(Ordering::Relaxed)).unwrap() * 1000;
        let ask = async |seconds: i64, succeeds: bool| {
            now.store(seconds, Ordering::Relaxed);
            let exchange = async || {
                let id = count.fetch_add(1, Ordering::Relaxed);
                let refused = Error::new(ErrorCode::UpstreamRefused, "no");
                if succeeds { Ok(key(id, at(seconds + 7200))) } else { Err(refused) }
            };
            let identity = workload.identity(&clock, exchange).await;
            let id = identity.ok().map(|identity| identity.key().secret_id.clone());
            (id, count.load(Ordering::Relaxed))
        };
        let of = |id: u32| Some(id.to_string());
        // A failure is answered again for a moment.
        assert_eq!(ask(1000, false).await, (None, 1));
        assert_eq!(ask(1000, true).await, (None, 1));
        assert_eq!(ask(1001, true).await, (of(1), 2));
        for seconds in [1002, 4000, 1001 + 7200 - 301] {
            assert_eq!(ask(seconds, true).await, (of(1), 2), "{seconds}");
        }
        // The old key serves while no new one can be had, but not to its end.
        assert_eq!(ask(1001 + 7200 - 300, false).await, (of(1), 3));
        assert_eq!(ask(1001 + 7200 - 31, false).await, (of(1), 4));
        assert_eq!(ask(1001 + 7200 - 30, false).await, (None, 5));
        assert_eq!(ask(1001 + 7200 - 29, true).await, (of(5), 6));
        workload.forget().await;
        assert_eq!(ask(1001 + 7200 - 29, true).await, (of(6), 7));
    }
}
