//! All keys: permanent ones, issued ones, those that were revoked.
//!
//! # Guarantees
//! Every secret is registered before it is shown. An expired key is forgotten after an hour, and
//! there are never more than [`TEMPORARY_KEYS_MAX`] temporary keys, so the directory is bounded.
//! Inferred: a key that was revoked is as unknown as one that never was; only the reason that this
//! cloud adds differs.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex};

use tencent::secret::Secret;
use tencent::time::{Clock, Timestamp};

use super::identity::{Identity, Permanent};
use super::key_pair::random_secret_id;
use super::{Account, KeyPair, OidcProvider, Role, User};
use crate::random::secret_text;
use crate::secrets::SecretRegistry;
use crate::sync::lock;

/// How many keys there may be at once: half a minute of the documented 600 a second.
const TEMPORARY_KEYS_MAX: usize = 20_000;

/// How long an expired key is still known, so that its use is answered with the cause.
const REMEMBERED_SECONDS: u32 = 3600;

/// A key with all that is needed to check a call made with it.
pub(crate) struct Key {
    pub(crate) secret_key: Arc<Secret>,
    pub(crate) identity: Identity,
    pub(crate) session: Option<Session>,
}

/// The temporary part of a temporary key.
pub(crate) struct Session {
    pub(crate) token: Arc<Secret>,
    pub(crate) expires: Timestamp,
}

/// A freshly issued temporary key, on its way to the caller.
pub(crate) struct Issued {
    pub(crate) secret_id: String,
    pub(crate) secret_key: String,
    pub(crate) token: String,
}

/// What there is under the name of a key.
pub(crate) enum Found {
    Key(Arc<Key>),
    Revoked,
    Unknown,
}

/// All keys, users and roles.
pub(crate) struct Directory {
    pub(crate) account: Account,
    pub(crate) users: Vec<Arc<User>>,
    pub(crate) roles: Vec<Arc<Role>>,
    pub(crate) oidc_providers: Vec<OidcProvider>,
    keys: Mutex<Keys>,
    clock: Arc<dyn Clock>,
    secrets: Arc<SecretRegistry>,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Arc<Key>>,
    revoked: HashSet<String>,
    /// How many keys there have to be before the expired ones are looked for again.
    next_sweep: usize,
}

impl Directory {
    pub(crate) fn new(
        account: Account,
        users: Vec<User>,
        roles: Vec<Role>,
        clock: Arc<dyn Clock>,
        secrets: Arc<SecretRegistry>,
    ) -> Self {
        Self {
            account,
            users: users.into_iter().map(Arc::new).collect(),
            roles: roles.into_iter().map(Arc::new).collect(),
            oidc_providers: Vec::new(),
            keys: Mutex::default(),
            clock,
            secrets,
        }
    }

    /// The same with these providers.
    #[must_use]
    pub(crate) fn with_oidc_providers(self, oidc_providers: Vec<OidcProvider>) -> Self {
        Self { oidc_providers, ..self }
    }

    /// Makes a permanent key, or takes the given one.
    pub(crate) fn add_permanent(
        &self,
        owner: Permanent,
        given: Option<KeyPair>,
    ) -> io::Result<KeyPair> {
        let pair = given.unwrap_or_else(KeyPair::random);
        let key = Key {
            secret_key: self.registered(&pair.secret_key)?,
            identity: Identity::Permanent(owner),
            session: None,
        };
        let mut keys = lock(&self.keys);
        if keys.by_id.contains_key(&pair.secret_id) {
            let message = format!("the key {} is given twice", pair.secret_id);
            return Err(io::Error::other(message));
        }
        keys.by_id.insert(pair.secret_id.clone(), Arc::new(key));
        Ok(pair)
    }

    /// Issues a temporary key that works until `expires`.
    pub(crate) fn issue(&self, identity: Identity, expires: Timestamp) -> io::Result<Issued> {
        let issued = Issued {
            secret_id: random_secret_id(),
            secret_key: secret_text(43),
            token: secret_text(320),
        };
        let key = Key {
            secret_key: self.registered(&issued.secret_key)?,
            identity,
            session: Some(Session { token: self.registered(&issued.token)?, expires }),
        };
        let mut keys = lock(&self.keys);
        keys.sweep(self.clock.now());
        if keys.by_id.len() >= TEMPORARY_KEYS_MAX {
            return Err(io::Error::other("too many temporary keys are alive"));
        }
        keys.by_id.insert(issued.secret_id.clone(), Arc::new(key));
        Ok(issued)
    }

    /// The key under that name, unless it was revoked.
    pub(crate) fn key(&self, secret_id: &str) -> Option<Arc<Key>> {
        match self.look_up(secret_id) {
            Found::Key(key) => Some(key),
            Found::Revoked | Found::Unknown => None,
        }
    }

    /// What there is under that name.
    pub(crate) fn look_up(&self, secret_id: &str) -> Found {
        let keys = lock(&self.keys);
        match keys.by_id.get(secret_id) {
            Some(key) => Found::Key(Arc::clone(key)),
            None if keys.revoked.contains(secret_id) => Found::Revoked,
            None => Found::Unknown,
        }
    }

    /// Revokes a key; `false` when there is no such key.
    pub(crate) fn revoke(&self, secret_id: &str) -> bool {
        let mut keys = lock(&self.keys);
        let Some((secret_id, _)) = keys.by_id.remove_entry(secret_id) else {
            return false;
        };
        if keys.revoked.len() >= TEMPORARY_KEYS_MAX {
            // They stay unknown; only the better reason is lost.
            keys.revoked.clear();
        }
        keys.revoked.insert(secret_id);
        true
    }

    /// The temporary key expires at this moment; `false` when there is no such key.
    pub(crate) fn expire_now(&self, secret_id: &str) -> bool {
        self.expire(secret_id, self.clock.now())
    }

    /// The temporary key expires at `now`; `false` when there is no such key.
    pub(crate) fn expire(&self, secret_id: &str, now: Timestamp) -> bool {
        let mut keys = lock(&self.keys);
        let Some(key) = keys.by_id.get_mut(secret_id) else {
            return false;
        };
        let Some(session) = &key.session else {
            return false;
        };
        *key = Arc::new(Key {
            secret_key: Arc::clone(&key.secret_key),
            identity: key.identity.clone(),
            session: Some(Session { token: Arc::clone(&session.token), expires: now }),
        });
        true
    }

    fn registered(&self, text: &str) -> io::Result<Arc<Secret>> {
        self.secrets.register(text)?;
        let secret = Secret::new(text.to_owned());
        secret.map(Arc::new).ok_or_else(|| io::Error::other("an empty key"))
    }
}

impl Keys {
    /// Forgets what expired long ago; looks only when the directory has doubled since the last
    /// time.
    fn sweep(&mut self, now: Timestamp) {
        if self.by_id.len() < self.next_sweep.min(TEMPORARY_KEYS_MAX) {
            return;
        }
        self.by_id.retain(|_, key| {
            let expires = key.session.as_ref().map(|session| session.expires);
            expires.is_none_or(|expires| now < expires.plus_seconds(REMEMBERED_SECONDS))
        });
        self.next_sweep = self.by_id.len().saturating_mul(2).max(1024);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tencent::time::{SystemClock, Timestamp};

    use super::{Directory, Found, TEMPORARY_KEYS_MAX};
    use crate::account::{Account, Identity, Permanent};
    use crate::clock::EmulatedClock;

    fn directory() -> (Directory, Arc<EmulatedClock>) {
        let clock = Arc::new(EmulatedClock::over(Arc::new(SystemClock)));
        clock.set(at(1_700_000_000));
        clock.freeze();
        let shared = Arc::<EmulatedClock>::clone(&clock);
        let none = (Vec::new(), Vec::new());
        let secrets = Arc::default();
        let directory = Directory::new(Account::default(), none.0, none.1, shared, secrets);
        (directory, clock)
    }

    fn root() -> Identity {
        Identity::Permanent(Permanent::Root)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn a_revoked_key_is_gone_and_known_to_be() {
        let (directory, _) = directory();
        let pair = directory.add_permanent(Permanent::Root, None).unwrap();
        assert!(directory.key(&pair.secret_id).is_some());
        assert!(directory.revoke(&pair.secret_id));
        assert!(directory.key(&pair.secret_id).is_none());
        assert!(matches!(directory.look_up(&pair.secret_id), Found::Revoked));
        assert!(!directory.revoke(&pair.secret_id), "only once");
        assert!(!directory.revoke("AKIDEMUnever"));
        assert!(matches!(directory.look_up("AKIDEMUnever"), Found::Unknown));
    }

    #[test]
    fn the_directory_is_bounded() {
        let (directory, clock) = directory();
        let pair = directory.add_permanent(Permanent::Root, None).unwrap();
        let mut first = None;
        let mut count = 1;
        while let Ok(issued) = directory.issue(root(), at(1_700_000_100)) {
            first.get_or_insert(issued.secret_id);
            count += 1;
        }
        assert_eq!(count, TEMPORARY_KEYS_MAX);
        // An hour after their expiry the old ones are removed; the permanent key stays.
        clock.advance(3700);
        assert!(directory.issue(root(), at(1_700_009_000)).is_ok());
        assert!(directory.key(&first.unwrap()).is_none());
        assert!(directory.key(&pair.secret_id).is_some());
    }
}
