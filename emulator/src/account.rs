//! The one account of this cloud: its numbers, users, keys, roles and their policies.
//!
//! ```text
//! account.toml -> Seed        seed        what there is at the start
//!              -> Directory   directory   keys that work, revoked or expired ones, freshly issued ones
//!              -> Identity    identity    what a key stands for, and what its policies say to an access
//! ```
//!
//! Promises: keys are random (or given) and begin with `AKIDEMU`; a temporary key works only with its own token and until its
//! expiry; a key that looks like one of the real service (`AKID` not followed by `EMU`) is refused; a user or role without a policy
//! may do nothing.
//! Leaves out: groups, boundaries, bucket policies and ACLs that grant.

mod directory;
mod identity;
mod role;
mod seed;
mod user;

use std::fmt;

use rand::RngExt as _;
use rand::distr::Alphanumeric;

pub(crate) use self::directory::{Directory, Found, Key};
pub(crate) use self::identity::{Identity, Permanent, Verdict};
pub use self::role::{Role, Trust};
pub(crate) use self::seed::Seed;
pub use self::seed::SeedError;
pub use self::user::User;

/// Whose permanent key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The owner of the account: federation tokens of at most 7200 s.
    Root,
    /// The first CAM user: federation tokens of at most 129600 s.
    SubAccount,
}

/// A permanent key of this cloud.
#[derive(Clone)]
pub struct KeyPair {
    /// The name of the key, `AKIDEMU…`.
    pub secret_id: String,
    /// The secret half.
    pub secret_key: String,
}

impl KeyPair {
    /// A key that nobody had before.
    pub(crate) fn random() -> Self {
        Self {
            secret_id: random_secret_id(),
            secret_key: random_text(32),
        }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyPair")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

/// The account's numbers, which never change.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's application id, the end of each bucket's name.
    pub appid: u64,
    /// The account id of the owner.
    pub owner_uin: u64,
    /// The account id of the first CAM user.
    pub user_uin: u64,
    /// The region.
    pub region: String,
    /// The first bucket, `<name>-<appid>`.
    pub bucket: String,
    /// Further buckets that exist at the start, all in the same region.
    pub more_buckets: Vec<String>,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            appid: 1_250_000_000,
            owner_uin: 100_000_000_001,
            user_uin: 100_000_000_002,
            region: "ap-guangzhou".to_owned(),
            bucket: "examplebucket-1250000000".to_owned(),
            more_buckets: Vec::new(),
        }
    }
}

impl Account {
    /// The ARN of the role `name`.
    pub fn role_arn(&self, name: &str) -> String {
        format!("qcs::cam::uin/{}:roleName/{name}", self.owner_uin)
    }

    /// The account as policies see it.
    pub(crate) fn of_policies(&self) -> tencent::cam::Account {
        tencent::cam::Account {
            appid: self.appid.to_string(),
            owner_uin: self.owner_uin.to_string(),
        }
    }
}

/// Whether `text` looks like a key of the real service, which has no business here.
pub(crate) fn looks_real(text: &str) -> bool {
    text.strip_prefix("AKID")
        .is_some_and(|rest| !rest.starts_with("EMU"))
}

fn random_secret_id() -> String {
    format!("AKIDEMU{}", random_text(29))
}

/// Letters and digits from the thread's cryptographic generator.
pub(crate) fn random_text(length: usize) -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(length)
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{looks_real, random_secret_id};

    #[test]
    fn only_keys_of_this_cloud_look_like_this_cloud() {
        assert!(!looks_real(&random_secret_id()));
        assert!(looks_real("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE"));
        assert!(!looks_real("users/"));
    }
}
