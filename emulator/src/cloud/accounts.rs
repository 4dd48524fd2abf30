//! The account of a cloud that starts: that of the file or the default one, the builder's users, roles and keys in it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::builder::place_of;
use super::{CloudBuilder, StartError};
use crate::account::{Directory, KeyOwner, KeyPair, Permanent, Role, Seed, Trust};
use crate::environment::EXECUTION_ROLE;
use crate::ledger::Ledger;

impl CloudBuilder {
    /// Users, roles and keys; also the first key of the root and of the first user.
    pub(super) fn directory(
        &self,
        ledger: &Arc<Ledger>,
    ) -> Result<(Arc<Directory>, KeyPair, KeyPair), StartError> {
        let mut seed = self.account_seed()?;
        let given = GivenKeys::taken_from(&mut seed, &self.keys);
        let directory = Directory::new(
            seed.account,
            seed.users,
            seed.roles,
            Arc::clone(&self.clock),
            Arc::clone(ledger),
        );
        let (root_key, sub_account_key) = given.add_to(&directory)?;
        Ok((Arc::new(directory), root_key, sub_account_key))
    }

    /// The account of the file, or the default one, with the builder's users and roles, and with the execution role.
    fn account_seed(&self) -> Result<Seed, StartError> {
        let mut seed = match &self.account_file {
            Some(path) => Seed::read(path)?,
            None => Seed::default(),
        };
        for user in &self.users {
            seed.users.retain(|known| known.name != user.name);
            seed.users.push(user.clone());
        }
        if let Some(first) = seed.users.first() {
            seed.account.user_uin = first.uin;
        }
        for role in &self.roles {
            seed.roles.retain(|known| known.name != role.name);
            seed.roles.push(role.clone());
        }
        if !seed.roles.iter().any(|role| role.name == EXECUTION_ROLE) {
            seed.roles
                .push(Role::new(EXECUTION_ROLE).trust(Trust::Service));
        }
        Ok(seed)
    }
}

/// The permanent keys that somebody chose.
struct GivenKeys {
    root: Vec<KeyPair>,
    /// For each user, in their order.
    users: Vec<Vec<KeyPair>>,
}

impl GivenKeys {
    /// Takes the keys out of `seed`, so that no second copy lives on in it; those of the builder come first.
    fn taken_from(seed: &mut Seed, chosen: &BTreeMap<&'static str, KeyPair>) -> Self {
        let chosen = |owner| chosen.get(place_of(owner)).cloned();
        let mut root: Vec<KeyPair> = chosen(KeyOwner::Root).into_iter().collect();
        root.append(&mut seed.root_keys);
        let mut first: Vec<KeyPair> = chosen(KeyOwner::SubAccount).into_iter().collect();
        let users = seed.users.iter_mut().map(|user| {
            let mut keys = std::mem::take(&mut first);
            keys.append(&mut user.keys);
            keys
        });
        Self {
            users: users.collect(),
            root,
        }
    }

    /// Every owner gets at least one key. Answers with the first of the root and the first of the first user.
    fn add_to(self, directory: &Directory) -> io::Result<(KeyPair, KeyPair)> {
        let root = add_all(directory, &Permanent::Root, self.root)?;
        let mut first = None;
        for (user, keys) in directory.users.iter().zip(self.users) {
            let owner = Permanent::User(Arc::clone(user));
            let pair = add_all(directory, &owner, keys)?;
            first.get_or_insert(pair);
        }
        let first = first.ok_or_else(|| io::Error::other("an account needs a user"))?;
        Ok((root, first))
    }
}

fn add_all(directory: &Directory, owner: &Permanent, keys: Vec<KeyPair>) -> io::Result<KeyPair> {
    let mut keys = keys.into_iter();
    let first = directory.add_permanent(owner.clone(), keys.next())?;
    for pair in keys {
        directory.add_permanent(owner.clone(), Some(pair))?;
    }
    Ok(first)
}
