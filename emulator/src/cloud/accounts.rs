//! The account of a cloud that starts: that of the file or the default one, the builder's users,
//! roles and keys in it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::builder::place_of;
use super::{CloudBuilder, StartError};
use crate::account::{Account, AccountFile, Directory, KeyOwner, KeyPair, Permanent, Role, Trust};
use crate::environment::EXECUTION_ROLE;
use crate::secrets::SecretRegistry;

impl CloudBuilder {
    /// Users, roles and keys; also the first key of the root and of the first user.
    pub(super) fn directory(
        &self,
        secrets: &Arc<SecretRegistry>,
    ) -> Result<(Arc<Directory>, KeyPair, KeyPair), StartError> {
        let mut file = self.account()?;
        let given = GivenKeys::taken_from(&mut file, &self.keys);
        let directory = Directory::new(
            file.account,
            file.users,
            file.roles,
            Arc::clone(&self.clock),
            Arc::clone(secrets),
        )
        .with_oidc_providers(file.oidc_providers);
        let (root_key, sub_account_key) = given.add_to(&directory)?;
        Ok((Arc::new(directory), root_key, sub_account_key))
    }

    /// The account that will be started: its numbers, bucket and region.
    ///
    /// # Errors
    /// When the account file is invalid.
    pub fn chosen_account(&self) -> Result<Account, StartError> {
        Ok(self.account()?.account)
    }

    /// The account of the file, or the default one, with the builder's users and roles, and with
    /// the execution role.
    fn account(&self) -> Result<AccountFile, StartError> {
        let mut file = match &self.account_file {
            Some(path) => AccountFile::read(path)?,
            None => AccountFile::default(),
        };
        for user in &self.users {
            file.users.retain(|known| known.name != user.name);
            file.users.push(user.clone());
        }
        if let Some(first) = file.users.first() {
            file.account.user_uin = first.uin;
        }
        for role in &self.roles {
            file.roles.retain(|known| known.name != role.name);
            file.roles.push(role.clone());
        }
        if let Some(vpc) = &self.vpc {
            file.account.vpc = Some(vpc.clone());
        }
        file.oidc_providers.extend(self.oidc_providers.iter().cloned());
        if !file.roles.iter().any(|role| role.name == EXECUTION_ROLE) {
            file.roles.push(Role::new(EXECUTION_ROLE).trust(Trust::Service));
        }
        Ok(file)
    }
}

/// The permanent keys that were given.
struct GivenKeys {
    root: Vec<KeyPair>,
    /// For each user, in their order.
    users: Vec<Vec<KeyPair>>,
}

impl GivenKeys {
    /// Takes the keys out of `file`, so that no second copy of them stays in it; those of the
    /// builder come first.
    fn taken_from(file: &mut AccountFile, chosen: &BTreeMap<&'static str, KeyPair>) -> Self {
        let chosen = |owner| chosen.get(place_of(owner)).cloned();
        let mut root: Vec<KeyPair> = chosen(KeyOwner::Root).into_iter().collect();
        root.append(&mut file.root_keys);
        let mut first: Vec<KeyPair> = chosen(KeyOwner::SubAccount).into_iter().collect();
        let users = file.users.iter_mut().map(|user| {
            let mut keys = std::mem::take(&mut first);
            keys.append(&mut user.keys);
            keys
        });
        Self { users: users.collect(), root }
    }

    /// Every owner gets at least one key. Answers with the first of the root and the first of the
    /// first user.
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
