//! The COS operations that a grant may name, and the sets of them that belong together.
//!
//! <https://www.tencentcloud.com/document/product/436/30580>
//!
//! Promises: nothing here changes who may do what (policies, ACLs), what a bucket is or how it behaves, or belongs to another service;
//! a name is one operation, never a pattern. Leaves out: a raw `POLICY`, which is the operator's own text.

use tencent::cam::is_operation;

/// One operation that can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    name: &'static str,
    reach: ResourceLevel,
}

/// What an operation is about, as far as limits and resources care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceLevel {
    /// The bucket itself, so that no prefix but the whole bucket covers it.
    Bucket,
    /// Keys; no upload.
    Keys,
    /// Part of an upload that no single request has all of: its size and type are in no request that could be held against a limit.
    PartialUpload,
    /// No bucket at all.
    Service,
    /// An upload in one request, which says its size and type.
    WholeUpload,
}

impl Operation {
    /// Finds an operation by its name, as `PutObject`; `name/cos:PutObject` and `cos:PutObject` are the same.
    ///
    /// # Errors
    /// [`OperationError`].
    pub fn parse(text: &str) -> Result<Self, OperationError> {
        let bare = text.strip_prefix("name/cos:");
        let bare = bare.or_else(|| text.strip_prefix("cos:")).unwrap_or(text);
        if bare.contains('*') {
            return Err(OperationError::Wildcard);
        }
        let known = GRANTABLE
            .iter()
            .find_map(|(reach, names)| names.iter().find(|name| **name == bare).zip(Some(*reach)));
        match known {
            Some((name, reach)) => Ok(Self { name, reach }),
            None if is_operation(bare) => Err(OperationError::Never),
            None => Err(OperationError::Unknown),
        }
    }

    /// The name, as `PutObject`.
    pub fn name(self) -> &'static str {
        self.name
    }

    pub(super) fn reach(self) -> ResourceLevel {
        self.reach
    }

    /// Whether limits on uploads are about it.
    pub(super) fn is_upload(self) -> bool {
        matches!(
            self.reach,
            ResourceLevel::PartialUpload | ResourceLevel::WholeUpload
        )
    }
}

/// Why an operation cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// It would give away more than the use of objects.
    #[error("changes or shows who may do what, or changes the bucket itself: it is never granted")]
    Never,
    /// COS has no such operation.
    #[error("is no COS operation, as `GetObject` is")]
    Unknown,
    /// It is a pattern.
    #[error("has a `*`: name each operation")]
    Wildcard,
}

/// A set of operations that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Remove objects.
    Delete,
    /// Read objects and their headers.
    Download,
    /// List the keys below the prefix.
    List,
    /// Write objects, in one request, as a form, or in parts.
    Upload,
}

impl Preset {
    /// The presets, as `ALLOW` and `allow` name them.
    pub const CHOICES: [(&'static str, Self); 4] = [
        ("upload", Self::Upload),
        ("download", Self::Download),
        ("list", Self::List),
        ("delete", Self::Delete),
    ];

    /// The operations of this preset.
    pub fn operations(self) -> impl Iterator<Item = Operation> {
        let names: &[&str] = match self {
            Self::Delete => &["DeleteObject"],
            Self::Download => &["GetObject", "HeadObject"],
            Self::List => &["GetBucket"],
            // The mini-program SDK uploads by PostObject; cancelling and resuming need Abort and the two lists.
            Self::Upload => &[
                "PutObject",
                "PostObject",
                "InitiateMultipartUpload",
                "UploadPart",
                "CompleteMultipartUpload",
                "AbortMultipartUpload",
                "ListParts",
                "ListMultipartUploads",
            ],
        };
        names.iter().filter_map(|name| Operation::parse(name).ok())
    }
}

const GRANTABLE: &[(ResourceLevel, &[&str])] = &[
    (ResourceLevel::WholeUpload, &["PutObject", "PostObject"]),
    (
        ResourceLevel::PartialUpload,
        &[
            "InitiateMultipartUpload",
            "UploadPart",
            "CompleteMultipartUpload",
            "AbortMultipartUpload",
            "ListParts",
            "ListMultipartUploads",
            "AppendObject",
            "PutObjectCopy",
            "UploadPartCopy",
        ],
    ),
    (
        ResourceLevel::Keys,
        &[
            "GetObject",
            "HeadObject",
            "OptionsObject",
            "GetBucket",
            "GetBucketObjectVersions",
            "DeleteObject",
            "DeleteMultipleObjects",
            "GetObjectTagging",
            "PutObjectTagging",
            "DeleteObjectTagging",
            "PostObjectRestore",
            "RestoreObject",
        ],
    ),
    (
        ResourceLevel::Bucket,
        &[
            "HeadBucket",
            "GetBucketLocation",
            "GetBucketCORS",
            "GetBucketVersioning",
        ],
    ),
    (ResourceLevel::Service, &["GetService"]),
];

#[cfg(test)]
mod tests {
    use super::{Operation, OperationError, Preset};

    #[test]
    fn each_name_of_a_preset_is_an_operation() {
        let counts = Preset::CHOICES.map(|(_, preset)| preset.operations().count());
        assert_eq!(counts, [8, 2, 1, 1]);
        assert_eq!(
            Operation::parse("name/cos:PutObject"),
            Operation::parse("PutObject")
        );
    }

    /// What would let a caller give themselves more.
    #[test]
    fn deny_verbs_are_never_granted() {
        for name in [
            "PutBucketPolicy",
            "GetBucketPolicy",
            "DeleteBucketPolicy",
            "PutBucketACL",
            "GetBucketACL",
            "PutObjectACL",
            "GetObjectACL",
            "PutBucket",
            "DeleteBucket",
            "PutBucketReplication",
            "PutBucketCORS",
            "PutBucketWebsite",
            "name/cos:PutBucketInventory",
        ] {
            assert_eq!(Operation::parse(name), Err(OperationError::Never), "{name}");
        }
        for name in [
            "",
            "putObject",
            "sts:AssumeRole",
            "name/sts:AssumeRole",
            "name/cam:AttachPolicy",
            "cam:GetRole",
            "cos:",
            "PutObject ",
            "name/name/cos:PutObject",
            "name/PutObject",
        ] {
            assert_eq!(
                Operation::parse(name),
                Err(OperationError::Unknown),
                "{name}"
            );
        }
        for name in ["*", "name/cos:*", "Get*", "*Object", "name/sts:*"] {
            assert_eq!(
                Operation::parse(name),
                Err(OperationError::Wildcard),
                "{name}"
            );
        }
    }
}
