//! The one account of this cloud: its numbers, keys and roles.
//!
//! Promises: keys are random and begin with `AKIDEMU`; a temporary key works only with its own token and until its expiry; a
//! key that looks like one of the real service (`AKID` not followed by `EMU`) is refused.
//! Leaves out: identity policies. A sub-account of this cloud may call every STS action; roles decide by their trust.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use cos_issuer::secret::Secret;
use cos_issuer::time::Timestamp;
use rand::RngExt as _;
use rand::distr::Alphanumeric;

use crate::ledger::{Ledger, lock};

/// Whose permanent key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOwner {
    /// The owner of the account: federation tokens of at most 7200 s.
    Root,
    /// A CAM user: federation tokens of at most 129600 s.
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

impl fmt::Debug for KeyPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyPair")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

/// Who may assume a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Every user and role of this account.
    Account,
    /// Only the function platform itself, as for an execution role.
    Service,
}

/// A role of the account.
#[derive(Clone, Debug)]
pub struct Role {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) max_session_seconds: u32,
    pub(crate) external_id: Option<String>,
    pub(crate) trust: Trust,
}

impl Role {
    /// A role that the whole account may assume, for at most 43200 s.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            id: rand::rng().random_range(4_611_686_018_000_000_000..4_611_686_019_000_000_000),
            max_session_seconds: 43_200,
            external_id: None,
            trust: Trust::Account,
        }
    }

    /// The role's own limit of a session.
    #[must_use]
    pub fn max_session_seconds(mut self, seconds: u32) -> Self {
        self.max_session_seconds = seconds;
        self
    }

    /// Callers must send this `ExternalId`.
    #[must_use]
    pub fn external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
        self
    }

    /// Who may assume the role.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }
}

/// The account's numbers, which never change.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's application id, the end of each bucket's name.
    pub appid: u64,
    /// The account id of the owner.
    pub owner_uin: u64,
    /// The account id of the CAM user.
    pub user_uin: u64,
    /// The region.
    pub region: String,
    /// The one bucket, `<name>-<appid>`.
    pub bucket: String,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            appid: 1_250_000_000,
            owner_uin: 100_000_000_001,
            user_uin: 100_000_000_002,
            region: "ap-guangzhou".to_owned(),
            bucket: "examplebucket-1250000000".to_owned(),
        }
    }
}

impl Account {
    /// The ARN of the role `name`.
    pub fn role_arn(&self, name: &str) -> String {
        format!("qcs::cam::uin/{}:roleName/{name}", self.owner_uin)
    }
}

/// What a key stands for.
#[derive(Clone, Debug)]
pub(crate) enum Identity {
    Permanent(KeyOwner),
    Federation {
        name: String,
        owner: KeyOwner,
    },
    RoleSession {
        role_id: u64,
        session_name: String,
        caller_uin: u64,
    },
}

/// A key with all that is needed to check a call made with it.
pub(crate) struct Key {
    pub(crate) secret_key: Secret,
    pub(crate) identity: Identity,
    pub(crate) session: Option<Session>,
}

/// The temporary part of a temporary key.
pub(crate) struct Session {
    pub(crate) token: Secret,
    pub(crate) expires: Timestamp,
}

/// A freshly issued temporary key, on its way to the caller.
pub(crate) struct Issued {
    pub(crate) secret_id: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
}

/// All keys and roles.
pub(crate) struct Directory {
    pub(crate) account: Account,
    pub(crate) roles: Vec<Role>,
    keys: Mutex<HashMap<String, Arc<Key>>>,
    ledger: Arc<Ledger>,
}

impl Directory {
    pub(crate) fn new(account: Account, roles: Vec<Role>, ledger: Arc<Ledger>) -> Self {
        Self {
            account,
            roles,
            keys: Mutex::default(),
            ledger,
        }
    }

    /// Makes a permanent key, or takes the given one.
    pub(crate) fn add_permanent(
        &self,
        owner: KeyOwner,
        given: Option<KeyPair>,
    ) -> io::Result<KeyPair> {
        let pair = given.unwrap_or_else(|| KeyPair {
            secret_id: random_secret_id(),
            secret_key: random_text(32),
        });
        self.insert(
            &pair.secret_id,
            &pair.secret_key,
            Identity::Permanent(owner),
            None,
        )?;
        Ok(pair)
    }

    /// Issues a temporary key that works until `expires`.
    pub(crate) fn issue(&self, identity: Identity, expires: Timestamp) -> io::Result<Issued> {
        let issued = Issued {
            secret_id: random_secret_id(),
            secret_key: random_text(43),
            token: random_text(320),
        };
        self.insert(
            &issued.secret_id,
            &issued.secret_key,
            identity,
            Some((&issued.token, expires)),
        )?;
        Ok(issued)
    }

    pub(crate) fn key(&self, secret_id: &str) -> Option<Arc<Key>> {
        lock(&self.keys).get(secret_id).cloned()
    }

    /// The key works no more, as if it had never been; false when there is none.
    pub(crate) fn revoke(&self, secret_id: &str) -> bool {
        lock(&self.keys).remove(secret_id).is_some()
    }

    /// The temporary key expires at `now`; false when there is none.
    pub(crate) fn expire(&self, secret_id: &str, now: Timestamp) -> bool {
        let mut keys = lock(&self.keys);
        let Some(key) = keys.get(secret_id) else {
            return false;
        };
        let expired = key.session.as_ref().and_then(|session| {
            Some(Key {
                secret_key: copy(&key.secret_key)?,
                identity: key.identity.clone(),
                session: Some(Session {
                    token: copy(&session.token)?,
                    expires: now,
                }),
            })
        });
        let Some(expired) = expired else {
            return false;
        };
        keys.insert(secret_id.to_owned(), Arc::new(expired));
        true
    }

    fn insert(
        &self,
        secret_id: &str,
        secret_key: &str,
        identity: Identity,
        session: Option<(&str, Timestamp)>,
    ) -> io::Result<()> {
        let secret = |text: &str| -> io::Result<Secret> {
            self.ledger.note(text)?;
            Secret::new(text.to_owned()).ok_or_else(|| io::Error::other("an empty key"))
        };
        let session = match session {
            Some((token, expires)) => Some(Session {
                token: secret(token)?,
                expires,
            }),
            None => None,
        };
        let key = Key {
            secret_key: secret(secret_key)?,
            identity,
            session,
        };
        lock(&self.keys).insert(secret_id.to_owned(), Arc::new(key));
        Ok(())
    }
}

fn copy(secret: &Secret) -> Option<Secret> {
    Secret::new(secret.expose().to_owned())
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
