//! The operations of a grant and their conditions, consistent with its limits.
//!
//! # Guarantees
//! Every operation keeps every limit. Operations of a preset that cannot keep one are removed. A
//! single operation that cannot is an error, because its author expects it to work.

use tencent::cam::{ConditionError, Conditions};

use super::limits::Limits;
use super::object_key::Extension;
use super::operation::{Operation, Preset, ResourceLevel};

/// Operations with their limits.
#[derive(Clone, Debug)]
pub struct Permissions {
    operations: Vec<Operation>,
    limits: Limits,
    new_object_extensions: Vec<Extension>,
    conditions: ConditionSet,
    conditions_of_uploads: ConditionSet,
}

/// Conditions, and the same for an operation that can set an ACL.
#[derive(Clone, Debug)]
struct ConditionSet {
    plain: Conditions,
    with_acl: Conditions,
}

impl ConditionSet {
    fn new(
        limits: &Limits,
        conditions: Result<Conditions, ConditionError>,
    ) -> Result<Self, PermissionError> {
        let of = || {
            let plain = conditions?;
            Ok(Self { with_acl: limits.with_acl(plain.clone())?, plain })
        };
        of().map_err(PermissionError::Condition)
    }
}

impl Permissions {
    /// The operations of `presets` and single `actions`, within `limits`.
    ///
    /// # Errors
    /// [`PermissionError`] when they contradict each other.
    pub fn new(
        presets: &[Preset],
        actions: &[Operation],
        limits: Limits,
    ) -> Result<Self, PermissionError> {
        let is_partial =
            |operation: &Operation| operation.resource_level() == ResourceLevel::PartialUpload;
        let mut operations: Vec<Operation> = Vec::new();
        let of_presets = presets.iter().flat_map(|preset| preset.operations());
        let of_presets =
            of_presets.filter(|operation| !(limits.need_whole_uploads() && is_partial(operation)));
        for operation in of_presets.chain(actions.iter().copied()) {
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        if limits.need_whole_uploads()
            && let Some(partial) = actions.iter().find(|operation| is_partial(operation))
        {
            return Err(PermissionError::Partial(partial.name()));
        }
        if operations.is_empty() {
            return Err(PermissionError::Empty);
        }
        if limits.are_about_uploads() && !operations.iter().any(|operation| operation.is_upload()) {
            return Err(PermissionError::NoUpload);
        }
        Ok(Self {
            conditions: ConditionSet::new(&limits, limits.conditions())?,
            conditions_of_uploads: ConditionSet::new(&limits, limits.conditions_of_uploads())?,
            operations,
            new_object_extensions: limits.extensions.clone(),
            limits,
        })
    }

    /// The same, and the function generates keys with these extensions. Callers may still upload
    /// any key of their own choice.
    ///
    /// # Errors
    /// [`PermissionError::NoUpload`] without uploads, [`PermissionError::TwoLists`] next to a limit
    /// on extensions, which contains them already.
    pub fn with_new_objects(self, extensions: Vec<Extension>) -> Result<Self, PermissionError> {
        if extensions.is_empty() {
            return Ok(self);
        }
        if !self.limits.extensions.is_empty() {
            return Err(PermissionError::TwoLists);
        }
        if !self.operations().any(Operation::is_upload) {
            return Err(PermissionError::NoUpload);
        }
        Ok(Self { new_object_extensions: extensions, ..self })
    }

    /// The first operation that applies to the whole bucket.
    pub(super) fn bucket_level(&self) -> Option<Operation> {
        let mut operations = self.operations.iter();
        operations.find(|operation| operation.resource_level() == ResourceLevel::Bucket).copied()
    }

    /// The operations that keep the limits.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        self.operations.iter().copied()
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The extensions for which the function generates keys.
    pub(super) fn new_object_extensions(&self) -> &[Extension] {
        &self.new_object_extensions
    }

    /// The operation with this name, if it is granted.
    pub(super) fn find(&self, name: &str) -> Option<Operation> {
        self.operations().find(|operation| operation.name() == name)
    }

    /// The conditions of a request for `operation`.
    pub(super) fn conditions(&self, operation: Operation) -> &Conditions {
        let is_upload = operation.is_upload();
        let set = if is_upload { &self.conditions_of_uploads } else { &self.conditions };
        let has_acl = !self.limits.acl.is_empty() && operation.sets_acl();
        if has_acl { &set.with_acl } else { &set.plain }
    }
}

/// Why operations and limits contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// A source address is malformed.
    #[error("must be IP addresses and networks, for example `10.0.0.0/8`")]
    Condition(#[source] ConditionError),
    /// There is no operation.
    #[error("must contain an operation")]
    Empty,
    /// Two lists of extensions.
    #[error("must not be combined with `extensions`: remove one of the two")]
    TwoLists,
    /// There is nothing to upload.
    #[error(
        "must contain an upload, because a limit on uploads is set: add one, or remove the limit"
    )]
    NoUpload,
    /// No condition can limit the size or type for this operation.
    #[error(
        "must not contain {0}, because no condition can limit its size or type: remove it, or the limit"
    )]
    Partial(&'static str),
}

#[cfg(test)]
mod tests {
    use super::{Limits, Operation, PermissionError, Permissions, Preset};
    use crate::grant::limits::ContentType;

    fn sized() -> Limits {
        Limits { max_size_bytes: Some(5), ..Limits::default() }
    }

    fn names(permissions: &Permissions) -> Vec<&'static str> {
        permissions.operations().map(Operation::name).collect()
    }

    fn named(names: &[&str]) -> Vec<Operation> {
        names.iter().map(|name| Operation::parse(name).unwrap()).collect()
    }

    #[test]
    fn a_size_limit_drops_multipart_append_and_copy() {
        let left = Permissions::new(&[Preset::Upload, Preset::Download], &[], sized()).unwrap();
        assert_eq!(names(&left), ["PutObject", "PostObject", "GetObject", "HeadObject"]);
        let words = "AppendObject PutObjectCopy UploadPartCopy UploadPart InitiateMultipartUpload";
        for name in words.split(' ') {
            let refused = Permissions::new(&[Preset::Upload], &named(&[name]), sized());
            assert_eq!(
                refused.unwrap_err(),
                PermissionError::Partial(Operation::parse(name).unwrap().name())
            );
        }
    }

    #[test]
    fn a_type_limit_drops_multipart_too() {
        let limits = Limits {
            content_types: vec![ContentType::parse("image/*").unwrap()],
            ..Limits::default()
        };
        assert_eq!(
            names(&Permissions::new(&[Preset::Upload], &[], limits).unwrap()),
            ["PutObject", "PostObject"]
        );
    }

    #[test]
    fn a_limit_on_nothing_is_an_error() {
        let refused = Permissions::new(&[Preset::Download], &[], sized());
        assert_eq!(refused.unwrap_err(), PermissionError::NoUpload);
        let refused = Permissions::new(&[], &[], Limits::default());
        assert_eq!(refused.unwrap_err(), PermissionError::Empty);
        let open = Limits { source_ip: vec!["10.0.0.0/33".to_owned()], ..Limits::default() };
        let refused = Permissions::new(&[Preset::Download], &[], open);
        assert!(matches!(refused.unwrap_err(), PermissionError::Condition(_)));
    }
}
