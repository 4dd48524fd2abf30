//! Roles: who may assume them, for how long, and what their sessions may do.
//! <https://www.tencentcloud.com/document/product/598/19419>

use rand::RngExt as _;
use tencent::cam::Policy;

use super::user::everything;
use crate::setters::setters;

/// Who may assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Every user and role of this account.
    Account,
    /// The tokens of this OIDC provider.
    Oidc {
        /// Its name.
        provider: String,
        /// The accepted `sub`; any when empty.
        subjects: Vec<String>,
    },
    /// Only the function platform itself, as for an execution role.
    Service,
    /// The users with these account ids, by their own keys.
    Users(Vec<u64>),
}

/// A role of the account.
#[derive(Clone, Debug)]
pub struct Role {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) max_session_seconds: u32,
    pub(crate) external_id: Option<String>,
    pub(crate) trust: Trust,
    pub(crate) policies: Vec<Policy>,
}

impl Role {
    /// A role that the whole account may assume, for at most 43200 s, and that may do everything in
    /// COS.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: rand::rng().random_range(4_611_686_018_000_000_000..4_611_686_019_000_000_000),
            max_session_seconds: 43_200,
            external_id: None,
            trust: Trust::Account,
            policies: vec![everything()],
        }
    }
}

setters! {
    Role:

    /// The role's own limit of a session.
    max_session_seconds(seconds: u32) => max_session_seconds = seconds;

    /// Callers must send this `ExternalId`.
    external_id(external_id: impl Into<String>) => external_id = Some(external_id.into());

    /// Who may assume the role.
    trust(trust: Trust) => trust = trust;

    /// What its sessions may do, in place of everything; without a policy nothing.
    policies(policies: Vec<Policy>) => policies = policies;
}
