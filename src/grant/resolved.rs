//! A grant for one principal: the placeholders of its prefix are filled.
//!
//! # Guarantees
//! Everything that is allowed here was granted and, where a request names something narrower,
//! requested.
//!
//! # Not covered
//! For how long (`lifetime`), and for whom (`principal_match`).

use crate::entropy::Entropy;
use crate::error::Error;
use crate::request::{ObjectKeys, Scope};
use tencent::cam::Resource;
use tencent::names::ObjectPrefix;
use tencent::time::Timestamp;

use super::definition::GrantDefinition;
use super::object_key::{Extension, ObjectKey};
use super::operation::{Operation, ResourceLevel};
use super::statements::Statements;

/// A grant, and its prefix for one principal.
#[derive(Clone, Debug)]
pub(super) struct ResolvedGrant<'g> {
    pub(super) definition: &'g GrantDefinition,
    pub(super) prefix: ObjectPrefix,
}

impl ResolvedGrant<'_> {
    /// Allows everything except uploads whose key must be checked; false when nothing is left.
    pub(super) fn allow_all(&self, statements: &mut Statements) -> bool {
        let GrantDefinition { bucket, region, permissions, .. } = self.definition;
        let has_extensions = !permissions.limits().extensions.is_empty();
        let mut is_any = false;
        let (everything, below) =
            (Resource::everything(), Resource::below(bucket, region, &self.prefix));
        for operation in permissions.operations() {
            if has_extensions && operation.is_upload() {
                continue;
            }
            let resource = match operation.resource_level() {
                ResourceLevel::Service => &everything,
                ResourceLevel::Bucket
                | ResourceLevel::Keys
                | ResourceLevel::PartialUpload
                | ResourceLevel::WholeUpload => &below,
            };
            let conditions = permissions.conditions(operation);
            statements.allow(operation, resource, conditions);
            if let Some(key) = self.prefix_key(operation) {
                statements.allow(operation, &Resource::exactly(bucket, region, key), conditions);
            }
            is_any = true;
        }
        is_any
    }

    /// Allows one scope that lies inside the grant.
    ///
    /// # Errors
    /// The part of the scope that lies outside.
    pub(super) fn allow(
        &self,
        scope: &Scope,
        statements: &mut Statements,
    ) -> Result<(), ScopeMismatch> {
        let GrantDefinition { bucket, region, permissions, .. } = self.definition;
        let operation = permissions.find(&scope.operation).ok_or(ScopeMismatch::Action)?;
        let conditions = permissions.conditions(operation);
        if operation.resource_level() == ResourceLevel::Service {
            let is_bare = scope.bucket.is_empty()
                && scope.region.is_empty()
                && scope.keys == ObjectKeys::Exactly(String::new());
            if !is_bare {
                return Err(ScopeMismatch::Service);
            }
            statements.allow(operation, &Resource::everything(), conditions);
            return Ok(());
        }
        if scope.bucket != bucket.as_str() || scope.region != region.as_str() {
            return Err(ScopeMismatch::Bucket);
        }
        // The granted prefix is empty or ends in `/`, so a key that begins with it lies below it.
        let is_inside = match &scope.keys {
            ObjectKeys::Below(prefix) => prefix.starts_with(self.prefix.as_str()),
            ObjectKeys::Exactly(key) => {
                key.starts_with(self.prefix.as_str())
                    || self.prefix_key(operation) == Some(key.as_str())
            }
        };
        if !is_inside {
            return Err(ScopeMismatch::Prefix);
        }
        let limits = permissions.limits();
        let resource = match &scope.keys {
            ObjectKeys::Below(_) if operation.is_upload() && !limits.extensions.is_empty() => {
                return Err(ScopeMismatch::Extension);
            }
            ObjectKeys::Exactly(key) if operation.is_upload() && !limits.allow_key(key) => {
                return Err(ScopeMismatch::Extension);
            }
            ObjectKeys::Below(prefix) => Resource::starting(bucket, region, prefix),
            ObjectKeys::Exactly(key) => Resource::exactly(bucket, region, key),
        };
        statements.allow(operation, &resource, conditions);
        Ok(())
    }

    /// The prefix without its last `/`, where the grant includes that key for the operation.
    fn prefix_key(&self, operation: Operation) -> Option<&str> {
        let is_on_objects = match operation.resource_level() {
            ResourceLevel::Bucket | ResourceLevel::Service => false,
            ResourceLevel::Keys | ResourceLevel::PartialUpload | ResourceLevel::WholeUpload => {
                !operation.is_listing()
            }
        };
        let key = self.prefix.as_str().strip_suffix('/')?;
        (self.definition.include_prefix_key && is_on_objects).then_some(key)
    }

    /// Generates the key of a new object, `<prefix>YYYY/MM/DD/<128 random bits>.<extension>`, and
    /// allows its upload, or `only` one operation of it. `None` when the extension or that
    /// operation is not granted.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`](crate::error::ErrorCode::Internal) without entropy.
    pub(super) fn allow_new(
        &self,
        extension: &str,
        only: Option<Operation>,
        now: Timestamp,
        entropy: &dyn Entropy,
        statements: &mut Statements,
    ) -> Result<Option<ObjectKey>, Error> {
        if !self.allows_new(only) {
            return Ok(None);
        }
        let granted = self.new_object_extensions().unwrap_or_default();
        let extension = Extension::parse(extension).ok();
        let Some(extension) = extension.filter(|extension| granted.contains(extension)) else {
            return Ok(None);
        };
        let GrantDefinition { bucket, region, permissions, .. } = self.definition;
        let key = ObjectKey::new(&self.prefix, &extension, now, entropy)?;
        let resource = Resource::exactly(bucket, region, key.as_str());
        let is_requested = |operation: &Operation| match only {
            Some(only) => *operation == only,
            None => operation.is_upload(),
        };
        for operation in permissions.operations().filter(is_requested) {
            statements.allow(operation, &resource, permissions.conditions(operation));
        }
        Ok(Some(key))
    }

    /// Whether the operation of an upload is granted.
    pub(super) fn allows_new(&self, only: Option<Operation>) -> bool {
        only.is_none_or(|only| self.definition.permissions.find(only.name()) == Some(only))
    }

    /// The extensions that a new object may have; `None` without uploads of whole objects.
    pub(super) fn new_object_extensions(&self) -> Option<&[Extension]> {
        let permissions = &self.definition.permissions;
        let is_whole =
            |operation: Operation| operation.resource_level() == ResourceLevel::WholeUpload;
        let has_whole = permissions.operations().any(is_whole);
        has_whole.then(|| permissions.new_object_extensions())
    }
}

/// The part of a scope that lies outside a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(super) enum ScopeMismatch {
    // In ascending order: of several grants, the closest mismatch is reported.
    #[error("its action is not granted")]
    Action,
    #[error("GetService takes no `bucket`, `region` or `prefix`")]
    Service,
    #[error("its bucket or region is not granted")]
    Bucket,
    #[error("its prefix is not below the granted prefix")]
    Prefix,
    #[error("an upload needs one whole key with a granted extension")]
    Extension,
}
