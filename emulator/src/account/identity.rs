//! The identity of a key, and what its policies allow.
//!
//! Documented: a federation token may do what its caller *and* its policy allow; a role's session
//! what the role's policies and the session's policy (if there is one) allow; a deny in any of them
//! wins; the owner of the account needs no policy.
//! <https://www.tencentcloud.com/document/product/1150/49452>,
//! <https://www.tencentcloud.com/document/product/598/10605>
//!
//! # Not covered
//! The owner of the bucket. No identity here may do anything in another account; COS checks that
//! first.

use std::fmt;
use std::sync::Arc;

use tencent::cam::{self, AccessRequest, Decision, Policy, PolicySet, Reason};

use super::role::Trust;
use super::{Account, Role, User};

/// The owner of a permanent key.
#[derive(Clone, Debug)]
pub(crate) enum Permanent {
    Root,
    User(Arc<User>),
}

/// The identity of a key.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Permanent(Permanent),
    Federation { name: String, caller: Permanent, policy: Policy },
    RoleSession { role: Arc<Role>, session_name: String, caller_uin: u64, policy: Option<Policy> },
}

/// What the policies of an identity decide about an access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The owner of the account, whom no policy limits.
    Owner,
    Decided(Decision),
}

impl Identity {
    /// Decides by the identity's policies and those of its session.
    pub(crate) fn decide(&self, access: &AccessRequest) -> Verdict {
        let layers = self.layers();
        if layers.is_empty() {
            return Verdict::Owner;
        }
        Verdict::Decided(cam::decide(&layers, access))
    }

    /// Whether the policy of the session allows an access; without a session, nothing limits it.
    pub(crate) fn session_allows(&self, access: &AccessRequest) -> bool {
        match self {
            Self::Permanent(_) | Self::RoleSession { policy: None, .. } => true,
            Self::Federation { policy, .. } | Self::RoleSession { policy: Some(policy), .. } => {
                policy.decide(access).is_allowed()
            }
        }
    }

    /// `root`, `user`, `federation`, `role-session`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Permanent(Permanent::Root) => "root",
            Self::Permanent(Permanent::User(_)) => "user",
            Self::Federation { .. } => "federation",
            Self::RoleSession { .. } => "role-session",
        }
    }

    /// A name for people: of the user, the federation token, or role and session.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Permanent(permanent) => permanent.name().to_owned(),
            Self::Federation { name, caller, .. } => format!("{}/{name}", caller.name()),
            Self::RoleSession { role, session_name, .. } => format!("{}/{session_name}", role.name),
        }
    }

    /// The account id behind the key.
    pub(crate) fn uin(&self, account: &Account) -> u64 {
        match self {
            Self::Permanent(permanent) | Self::Federation { caller: permanent, .. } => {
                permanent.uin(account)
            }
            Self::RoleSession { caller_uin, .. } => *caller_uin,
        }
    }

    /// Every set of policies has to allow. Only the owner's own key has none: an issued key has a
    /// set of its own.
    fn layers(&self) -> Vec<PolicySet<'_>> {
        let (identity, session) = match self {
            Self::Permanent(permanent) => (permanent.layer(), None),
            Self::Federation { caller, policy, .. } => (caller.layer(), Some(policy)),
            Self::RoleSession { role, policy, .. } => {
                let layer = PolicySet { name: "role", policies: &role.policies };
                (Some(layer), policy.as_ref())
            }
        };
        let session = session
            .map(|policy| PolicySet { name: "session", policies: std::slice::from_ref(policy) });
        identity.into_iter().chain(session).collect()
    }
}

impl Role {
    /// Whether the trust policy names the caller. Inferred: that a list of users does not cover
    /// their sessions.
    pub(crate) fn trusts(&self, caller: &Identity, owner_uin: u64) -> bool {
        match &self.trust {
            Trust::Account => true,
            Trust::Oidc { .. } | Trust::Service => false,
            Trust::Users(uins) => match caller {
                Identity::Permanent(Permanent::Root) => uins.contains(&owner_uin),
                Identity::Permanent(Permanent::User(user)) => uins.contains(&user.uin),
                Identity::Federation { .. } | Identity::RoleSession { .. } => false,
            },
        }
    }
}

impl Permanent {
    pub(crate) fn uin(&self, account: &Account) -> u64 {
        match self {
            Self::Root => account.owner_uin,
            Self::User(user) => user.uin,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Root => "root",
            Self::User(user) => &user.name,
        }
    }

    fn layer(&self) -> Option<PolicySet<'_>> {
        match self {
            Self::Root => None,
            Self::User(user) => Some(PolicySet { name: "identity", policies: &user.policies }),
        }
    }
}

impl Verdict {
    pub(crate) fn is_allowed(&self) -> bool {
        match self {
            Self::Owner => true,
            Self::Decided(decision) => decision.is_allowed(),
        }
    }

    /// Whether a statement denies it, which wins over every allow.
    pub(crate) fn is_denied_by_statement(&self) -> bool {
        matches!(self, Self::Decided(decision) if matches!(decision.reason(), Reason::Denied(_)))
    }

    pub(crate) fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Owner => None,
            Self::Decided(decision) => Some(decision),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => formatter.write_str("allowed: the owner of the account needs no policy"),
            Self::Decided(decision) => decision.fmt(formatter),
        }
    }
}
