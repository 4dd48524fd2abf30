//! One place of one caller: a bucket, a prefix without slots, and what may be done below it.
//!
//! Promises: what is allowed here was granted and, where something narrower was asked, asked for. Leaves out: for how long (`grant`),
//! and whose it is (`who`).

use crate::entropy::Entropy;
use crate::error::Error;
use crate::request::{Keys, Scope};
use tencent::cam::Resource;
use tencent::names::{Bucket, ObjectPrefix, Region};
use tencent::time::Timestamp;

use super::object_key::{Extension, ObjectKey};
use super::operation::{Operation, ResourceLevel};
use super::permissions::Permissions;
use super::statements::Statements;

/// The keys of one bucket below one prefix, and what may be done with them.
#[derive(Clone, Debug)]
pub(super) struct ResolvedGrant<'g> {
    pub(super) bucket: &'g Bucket,
    pub(super) region: &'g Region,
    pub(super) prefix: ObjectPrefix,
    pub(super) permissions: &'g Permissions,
}

impl ResolvedGrant<'_> {
    /// Allows all of it, but for uploads whose keys have to be looked at; false when nothing is left.
    pub(super) fn allow_all(&self, statements: &mut Statements) -> bool {
        let keys_count = !self.permissions.limits().extensions.is_empty();
        let mut is_any = false;
        for operation in self.permissions.operations() {
            if keys_count && operation.is_upload() {
                continue;
            }
            let resource = match operation.reach() {
                ResourceLevel::Service => Resource::everything(),
                ResourceLevel::Bucket
                | ResourceLevel::Keys
                | ResourceLevel::PartialUpload
                | ResourceLevel::WholeUpload => {
                    Resource::below(self.bucket, self.region, &self.prefix)
                }
            };
            statements.allow(operation, resource, self.permissions.conditions(operation));
            is_any = true;
        }
        is_any
    }

    /// Allows one scope, if it lies inside.
    ///
    /// # Errors
    /// What of the scope is outside.
    pub(super) fn allow(
        &self,
        scope: &Scope,
        statements: &mut Statements,
    ) -> Result<(), ScopeMismatch> {
        let operation = self.permissions.find(&scope.operation);
        let operation = operation.ok_or(ScopeMismatch::Action)?;
        let conditions = self.permissions.conditions(operation);
        if operation.reach() == ResourceLevel::Service {
            let is_bare = scope.bucket.is_empty()
                && scope.region.is_empty()
                && scope.keys == Keys::Exactly(String::new());
            if !is_bare {
                return Err(ScopeMismatch::Service);
            }
            statements.allow(operation, Resource::everything(), conditions);
            return Ok(());
        }
        if scope.bucket != self.bucket.as_str() || scope.region != self.region.as_str() {
            return Err(ScopeMismatch::Bucket);
        }
        // The granted prefix ends in `/` or is empty, so what begins with it lies below it.
        let (Keys::Below(keys) | Keys::Exactly(keys)) = &scope.keys;
        if !keys.starts_with(self.prefix.as_str()) {
            return Err(ScopeMismatch::Prefix);
        }
        let limits = self.permissions.limits();
        let resource = match &scope.keys {
            Keys::Below(_) if operation.is_upload() && !limits.extensions.is_empty() => {
                return Err(ScopeMismatch::Extension);
            }
            Keys::Exactly(key) if operation.is_upload() && !limits.allow_key(key) => {
                return Err(ScopeMismatch::Extension);
            }
            Keys::Below(prefix) => Resource::starting(self.bucket, self.region, prefix),
            Keys::Exactly(key) => Resource::exactly(self.bucket, self.region, key),
        };
        statements.allow(operation, resource, conditions);
        Ok(())
    }

    /// Allows the upload of one object, and makes its key: `<prefix>YYYY/MM/DD/<128 random bits>.<extension>`.
    /// `None` when it is not one of those that objects are named with here.
    pub(super) fn allow_new(
        &self,
        extension: &str,
        now: Timestamp,
        entropy: &dyn Entropy,
        statements: &mut Statements,
    ) -> Result<Option<ObjectKey>, Error> {
        let extension = Extension::parse(extension).ok();
        let named = self.named().unwrap_or_default();
        let Some(extension) = extension.filter(|extension| named.contains(extension)) else {
            return Ok(None);
        };
        let key = ObjectKey::new(&self.prefix, &extension, now, entropy)?;
        for operation in self.uploads() {
            let resource = Resource::exactly(self.bucket, self.region, key.as_str());
            statements.allow(operation, resource, self.permissions.conditions(operation));
        }
        Ok(Some(key))
    }

    /// The extensions of objects that are named here; `None` without uploads of whole objects.
    pub(super) fn named(&self) -> Option<&[Extension]> {
        let mut uploads = self.uploads();
        let has_whole = uploads.any(|operation| operation.reach() == ResourceLevel::WholeUpload);
        has_whole.then(|| self.permissions.named())
    }

    fn uploads(&self) -> impl Iterator<Item = Operation> {
        let operations = self.permissions.operations();
        operations.filter(|operation| operation.is_upload())
    }
}

/// What of a scope is outside a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum ScopeMismatch {
    // The further down, the nearer it came: of several places, the nearest is told.
    #[error("its action is not granted (a limit on size or type takes uploads in parts away)")]
    Action,
    #[error("it is about no bucket: it has an action alone")]
    Service,
    #[error("its bucket or region is not the granted one")]
    Bucket,
    #[error("its prefix is not below the granted one")]
    Prefix,
    #[error("an upload needs one whole key with a granted extension")]
    Extension,
}
