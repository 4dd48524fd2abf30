//! The COS operations that a grant may contain, and presets of them.
//!
//! <https://www.tencentcloud.com/document/product/436/30580>
//!
//! # Guarantees
//! No operation here changes permissions (policies, ACLs) or the settings of a bucket, or belongs
//! to another service. A name is one operation and never a pattern. Only a grant that names
//! `PutBucket` or `DeleteBucket` creates or deletes its one bucket: no preset contains them.
//!
//! # Not covered
//! A raw `POLICY`, which the operator writes.

use tencent::cam::{DOWNLOAD_OPERATIONS, UPLOAD_OPERATIONS, is_operation};

/// One operation that can be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    name: &'static str,
    resource_level: ResourceLevel,
}

/// What an operation applies to, as far as limits and resources depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResourceLevel {
    /// The bucket itself: only a grant for the whole bucket covers it.
    Bucket,
    /// Keys, without an upload.
    Keys,
    /// One step of an upload. No request contains the size and type of the whole object, so no
    /// condition can limit them.
    PartialUpload,
    /// The account, without a bucket.
    Service,
    /// An upload in one request, which contains the size and type.
    WholeUpload,
}

impl Operation {
    /// Finds an operation by its name: `PutObject`, `cos:PutObject` and `name/cos:PutObject` are
    /// the same.
    ///
    /// # Errors
    /// [`OperationError`] when it cannot be granted.
    pub fn parse(text: &str) -> Result<Self, OperationError> {
        let bare = text.strip_prefix("name/cos:");
        let bare = bare.or_else(|| text.strip_prefix("cos:")).unwrap_or(text);
        if bare.contains('*') {
            return Err(OperationError::Wildcard);
        }
        let known = GRANTABLE
            .iter()
            .find_map(|(level, names)| names.iter().find(|name| **name == bare).zip(Some(*level)));
        match known {
            Some((name, resource_level)) => Ok(Self { name, resource_level }),
            None if is_operation(bare) => Err(OperationError::Never),
            None => Err(OperationError::Unknown),
        }
    }

    /// The name, for example `PutObject`.
    pub fn name(self) -> &'static str {
        self.name
    }

    pub(super) fn resource_level(self) -> ResourceLevel {
        self.resource_level
    }

    /// Whether it lists keys. Its resource is the requested prefix: `data` would list `data2/` too.
    pub(super) fn is_listing(self) -> bool {
        matches!(self.name, "GetBucket" | "GetBucketObjectVersions" | "ListMultipartUploads")
    }

    /// Whether its requests can set an ACL,
    /// <https://www.tencentcloud.com/document/product/436/46205>.
    pub(super) fn sets_acl(self) -> bool {
        matches!(
            self.name,
            "AppendObject"
                | "InitiateMultipartUpload"
                | "PostObject"
                | "PutBucket"
                | "PutObject"
                | "PutObjectCopy"
        )
    }

    /// Whether limits on uploads apply to it.
    pub(super) fn is_upload(self) -> bool {
        matches!(self.resource_level, ResourceLevel::PartialUpload | ResourceLevel::WholeUpload)
    }
}

/// Why an operation cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// It would grant more than the use of objects.
    #[error("cannot be granted: it reads or changes permissions, or the settings of a bucket")]
    Never,
    /// COS has no such operation.
    #[error("is not a COS operation, for example `GetObject`")]
    Unknown,
    /// It is a pattern.
    #[error("contains `*`: list each operation")]
    Wildcard,
}

/// A named set of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Delete objects.
    Delete,
    /// Read objects and their headers.
    Download,
    /// List the keys below the prefix.
    List,
    /// Upload objects in one request, as a form, or in parts.
    Upload,
}

impl Preset {
    /// The presets and their names in `ALLOW` and `allow`.
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
            Self::Download => &DOWNLOAD_OPERATIONS,
            Self::List => &["GetBucket"],
            Self::Upload => &UPLOAD_OPERATIONS,
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
            "PutBucket",
            "DeleteBucket",
        ],
    ),
    (ResourceLevel::Service, &["GetService"]),
];

#[cfg(test)]
mod tests {
    use super::{Operation, OperationError, Preset, ResourceLevel};

    #[test]
    fn each_name_of_a_preset_is_an_operation() {
        let counts = Preset::CHOICES.map(|(_, preset)| preset.operations().count());
        assert_eq!(counts, [8, 2, 1, 1]);
        assert_eq!(Operation::parse("name/cos:PutObject"), Operation::parse("PutObject"));
    }

    /// Operations with which a caller could extend their own permissions.
    #[test]
    fn deny_verbs_are_never_granted() {
        let words = "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy PutBucketACL GetBucketACL \
            PutObjectACL GetObjectACL PutBucketReplication PutBucketCORS PutBucketWebsite \
            PutBucketLifecycle DeleteBucketLifecycle name/cos:PutBucketInventory";
        for name in words.split(' ') {
            assert_eq!(Operation::parse(name), Err(OperationError::Never), "{name}");
        }
        let names = "putObject sts:AssumeRole name/sts:AssumeRole name/cam:AttachPolicy \
            cam:GetRole cos: name/name/cos:PutObject name/PutObject";
        for name in names.split(' ').chain(["", "PutObject "]) {
            assert_eq!(Operation::parse(name), Err(OperationError::Unknown), "{name}");
        }
        for name in ["*", "name/cos:*", "Get*", "*Object", "name/sts:*"] {
            assert_eq!(Operation::parse(name), Err(OperationError::Wildcard), "{name}");
        }
    }

    #[test]
    fn a_bucket_is_created_or_deleted_only_where_a_grant_names_it() {
        for name in ["PutBucket", "DeleteBucket"] {
            let operation = Operation::parse(name).unwrap();
            assert_eq!(operation.resource_level(), ResourceLevel::Bucket, "{name}");
            for (preset, choice) in Preset::CHOICES {
                assert!(choice.operations().all(|each| each != operation), "{preset}: {name}");
            }
        }
        for name in ["PutBucket*", "*Bucket", "name/cos:DeleteB*", "Delete*"] {
            assert_eq!(Operation::parse(name), Err(OperationError::Wildcard), "{name}");
        }
        for name in ["putBucket", "DeleteBuckets", "DeleteBucket "] {
            assert_eq!(Operation::parse(name), Err(OperationError::Unknown), "{name}");
        }
    }
}
