//! Labels: the values that each one may have, and the index of a value.

use std::borrow::Cow;

use crate::auth::AuthMethod;
use crate::error::ErrorCode;
use crate::request::Route;

/// The values of a label.
pub(super) type Values = Vec<Cow<'static, str>>;

/// What the cache had for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheResult {
    /// The credential.
    Hit,
    /// Nothing.
    Miss,
    /// A call that another request caused.
    Joined,
    /// It was not looked at.
    Off,
}

impl CacheResult {
    pub(super) const ALL: [Self; 4] = [Self::Hit, Self::Miss, Self::Joined, Self::Off];

    /// The name in the audit log and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Joined => "joined",
            Self::Off => "off",
        }
    }
}

/// The result of one call to STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// A credential.
    Ok,
    /// The account calls too often.
    Throttled,
    /// STS refused the calling key, the role or the policy.
    Refused,
    /// No connection, or one that broke.
    Transport,
    /// No answer in time.
    Timeout,
    /// A fault of STS, or an answer that cannot be used.
    Answer,
}

impl AttemptOutcome {
    pub(super) const ALL: [Self; 6] =
        [Self::Ok, Self::Throttled, Self::Refused, Self::Transport, Self::Timeout, Self::Answer];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Transport => "transport",
            Self::Timeout => "timeout",
            Self::Answer => "answer",
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Granted,
    Refused,
    Failed,
}

impl Outcome {
    pub(super) const ALL: [Self; 3] = [Self::Granted, Self::Refused, Self::Failed];

    pub(super) fn of(code: Option<ErrorCode>) -> Self {
        match code {
            None => Self::Granted,
            Some(code) if code.info().status.is_server_error() => Self::Failed,
            Some(_) => Self::Refused,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The limits, and the code of each one's refusal.
pub(super) const LIMITS: [(&str, ErrorCode); 5] = [
    ("caller", ErrorCode::RateLimited),
    ("block", ErrorCode::RateLimitBlocked),
    ("concurrency", ErrorCode::Busy),
    ("nonces", ErrorCode::ReplayMemoryFull),
    ("kill", ErrorCode::SwitchedOff),
];

/// The value of `route` for a path that is not a route.
pub(super) const NO_ROUTE: &str = "none";

/// The value of `auth_method` for a request without valid credentials.
const UNAUTHENTICATED: &str = "unauthenticated";

/// The value of `code` for a request that got what it asked for.
const OK: &str = "ok";

pub(super) fn values(names: &[&'static str]) -> Values {
    names.iter().map(|name| (*name).into()).collect()
}

pub(super) fn codes() -> Values {
    let names = ErrorCode::ALL.iter().map(|code| code.info().name);
    [OK].into_iter().chain(names).map(Into::into).collect()
}

pub(super) fn auth_methods() -> Values {
    let names = AuthMethod::ALL.into_iter().map(AuthMethod::name);
    [UNAUTHENTICATED].into_iter().chain(names).map(Into::into).collect()
}

pub(super) fn index_of_route(route: Option<Route>) -> usize {
    let index = Route::ALL.into_iter().position(|known| Some(known) == route);
    index.unwrap_or(Route::ALL.len())
}

pub(super) fn index_of_code(code: Option<ErrorCode>) -> usize {
    code.map_or(0, |code| (code as usize).saturating_add(1))
}

pub(super) fn index_of_auth_method(method: Option<AuthMethod>) -> usize {
    let index = AuthMethod::ALL.into_iter().position(|known| Some(known) == method);
    index.map_or(0, |index| index.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::{
        AttemptOutcome, AuthMethod, CacheResult, ErrorCode, Outcome, Route, auth_methods, codes,
        index_of_auth_method, index_of_code, index_of_route,
    };

    #[test]
    fn each_value_has_the_index_of_its_name() {
        for code in ErrorCode::ALL {
            assert_eq!(codes()[index_of_code(Some(*code))], code.info().name);
        }
        for method in AuthMethod::ALL {
            assert_eq!(auth_methods()[index_of_auth_method(Some(method))], method.name());
        }
        assert_eq!((codes()[0].as_ref(), auth_methods()[0].as_ref()), ("ok", "unauthenticated"));
        assert_eq!(index_of_route(None), Route::ALL.len());
        assert!(Route::ALL.into_iter().map(|route| index_of_route(Some(route))).eq(0..9));
        assert!(CacheResult::ALL.iter().map(|result| *result as usize).eq(0..4));
        assert!(AttemptOutcome::ALL.iter().map(|outcome| *outcome as usize).eq(0..6));
        assert!(Outcome::ALL.iter().map(|outcome| *outcome as usize).eq(0..3));
    }
}
