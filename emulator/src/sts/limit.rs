//! How often the STS may be called.
//!
//! Documented: calls per second and account, 600 of GetFederationToken and AssumeRole, 20 of
//! AssumeRoleWithWebIdentity and GetCallerIdentity
//! (<https://www.tencentcloud.com/document/product/1150/49443>). Inferred: that a second is one of
//! the clock, that a refused call does not count, and that the code is `RequestLimitExceeded`.

use std::collections::HashMap;
use std::sync::Mutex;

use tencent::time::Timestamp;

use super::actions::Action;
use super::error::StsError;
use crate::sync::lock;

/// The calls of the present second, for each action.
pub(crate) struct Limits {
    chosen: Option<u32>,
    windows: Mutex<HashMap<Action, Window>>,
}

#[derive(Clone, Copy, Default)]
struct Window {
    second: i64,
    calls: u32,
}

impl Limits {
    /// `chosen` replaces the documented number of every action.
    pub(crate) fn new(chosen: Option<u32>) -> Self {
        Self { chosen, windows: Mutex::default() }
    }

    /// Counts one call, or refuses it.
    pub(crate) fn count(&self, action: Action, now: Timestamp) -> Result<(), StsError> {
        let documented = match action {
            Action::AssumeRole | Action::GetFederationToken => 600,
            Action::AssumeRoleWithWebIdentity | Action::GetCallerIdentity => 20,
        };
        let limit = self.chosen.unwrap_or(documented);
        let mut windows = lock(&self.windows);
        let window = windows.entry(action).or_default();
        if window.second != now.unix_seconds() {
            *window = Window { second: now.unix_seconds(), calls: 0 };
        }
        if window.calls >= limit {
            return Err(StsError::request_limit_exceeded(limit));
        }
        window.calls = window.calls.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tencent::time::Timestamp;

    use super::{Action, Limits};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn each_action_has_its_own_documented_number_in_each_second() {
        let limits = Limits::new(None);
        for (action, limit) in [
            (Action::AssumeRole, 600),
            (Action::GetFederationToken, 600),
            (Action::AssumeRoleWithWebIdentity, 20),
            (Action::GetCallerIdentity, 20),
        ] {
            for _ in 0..limit {
                assert!(limits.count(action, at(100)).is_ok());
            }
            let refused = limits.count(action, at(100)).unwrap_err();
            assert_eq!(refused.code, "RequestLimitExceeded");
            assert!(limits.count(action, at(101)).is_ok());
            assert!(limits.count(action, at(100)).is_ok(), "a clock set back");
        }
    }
}
