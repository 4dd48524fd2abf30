//! What may be done in a place, and under which conditions: operations and limits, agreed with each other.
//!
//! Promises: a limit is kept by every operation that is left, or nothing is built. Of a preset, operations that cannot keep one are taken
//! away; one that was named by itself is an error, since whoever named it expects it to work.

use tencent::cam::{ConditionError, Conditions};

use super::limits::Limits;
use super::object_key::Extension;
use super::operation::{Operation, Preset, ResourceLevel};

/// Operations with their limits.
#[derive(Clone, Debug)]
pub struct Permissions {
    operations: Vec<Operation>,
    limits: Limits,
    /// Of objects that the function names.
    named: Vec<Extension>,
    conditions: Conditions,
    conditions_of_uploads: Conditions,
}

impl Permissions {
    /// The operations of `presets`, and `named` ones, within `limits`.
    ///
    /// # Errors
    /// [`PermissionError`].
    pub fn new(
        presets: &[Preset],
        named: &[Operation],
        limits: Limits,
    ) -> Result<Self, PermissionError> {
        let is_partial = |operation: &Operation| operation.reach() == ResourceLevel::PartialUpload;
        let mut operations: Vec<Operation> = Vec::new();
        let of_presets = presets.iter().flat_map(|preset| preset.operations());
        let of_presets =
            of_presets.filter(|operation| !(limits.need_whole_uploads() && is_partial(operation)));
        for operation in of_presets.chain(named.iter().copied()) {
            if !operations.contains(&operation) {
                operations.push(operation);
            }
        }
        if limits.need_whole_uploads()
            && let Some(partial) = named.iter().find(|operation| is_partial(operation))
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
            conditions: limits.conditions().map_err(PermissionError::Condition)?,
            conditions_of_uploads: limits
                .conditions_of_uploads()
                .map_err(PermissionError::Condition)?,
            operations,
            named: limits.extensions.clone(),
            limits,
        })
    }

    /// The same, and the function names objects with these extensions, while callers may upload under any key of their own.
    ///
    /// # Errors
    /// [`PermissionError::NoUpload`], or [`PermissionError::NamedTwice`] beside a limit on extensions, which names them already.
    pub fn naming(self, extensions: Vec<Extension>) -> Result<Self, PermissionError> {
        if extensions.is_empty() {
            return Ok(self);
        }
        if !self.limits.extensions.is_empty() {
            return Err(PermissionError::NamedTwice);
        }
        if !self.operations().any(Operation::is_upload) {
            return Err(PermissionError::NoUpload);
        }
        Ok(Self {
            named: extensions,
            ..self
        })
    }

    /// The first operation that is about a bucket as a whole.
    pub fn of_bucket(&self) -> Option<Operation> {
        let mut operations = self.operations.iter();
        operations
            .find(|operation| operation.reach() == ResourceLevel::Bucket)
            .copied()
    }

    /// The operations that are left.
    pub fn operations(&self) -> impl Iterator<Item = Operation> {
        self.operations.iter().copied()
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The extensions of objects that the function names.
    pub(super) fn named(&self) -> &[Extension] {
        &self.named
    }

    /// The operation of that name, if it is one of these.
    pub(super) fn find(&self, name: &str) -> Option<Operation> {
        self.operations().find(|operation| operation.name() == name)
    }

    /// What a request for `operation` has to meet.
    pub(super) fn conditions(&self, operation: Operation) -> &Conditions {
        if operation.is_upload() {
            &self.conditions_of_uploads
        } else {
            &self.conditions
        }
    }
}

/// Why operations and limits do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// An address or network is none.
    #[error("names what is no IP address and no network, as `10.0.0.0/8`")]
    Condition(#[source] ConditionError),
    /// There is no operation.
    #[error("names nothing")]
    Empty,
    /// Two lists of extensions.
    #[error("is said by `extensions` already: write one of the two")]
    NamedTwice,
    /// There is nothing to upload.
    #[error("limits uploads, and none is granted")]
    NoUpload,
    /// A named operation has the size and type of an object in no single request.
    #[error("names {0}, whose size or type no condition can limit: take it out, or the limit")]
    Partial(&'static str),
}

#[cfg(test)]
mod tests {
    use super::{Limits, Operation, PermissionError, Permissions, Preset};
    use crate::grant::limits::ContentType;

    fn sized() -> Limits {
        Limits {
            max_size_bytes: Some(5),
            ..Limits::default()
        }
    }

    fn names(permissions: &Permissions) -> Vec<&'static str> {
        permissions.operations().map(Operation::name).collect()
    }

    fn named(names: &[&str]) -> Vec<Operation> {
        names
            .iter()
            .map(|name| Operation::parse(name).unwrap())
            .collect()
    }

    #[test]
    fn a_size_limit_drops_multipart_append_and_copy() {
        let left = Permissions::new(&[Preset::Upload, Preset::Download], &[], sized()).unwrap();
        assert_eq!(
            names(&left),
            ["PutObject", "PostObject", "GetObject", "HeadObject"]
        );
        for name in [
            "AppendObject",
            "PutObjectCopy",
            "UploadPartCopy",
            "UploadPart",
            "InitiateMultipartUpload",
        ] {
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
        let open = Limits {
            source_ip: vec!["10.0.0.0/33".to_owned()],
            ..Limits::default()
        };
        let refused = Permissions::new(&[Preset::Download], &[], open);
        assert!(matches!(
            refused.unwrap_err(),
            PermissionError::Condition(_)
        ));
    }
}
