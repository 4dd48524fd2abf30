//! The operations of COS, and the two of STS that policies decide about.
//!
//! <https://www.tencentcloud.com/document/product/436/30580> and
//! <https://www.tencentcloud.com/document/product/598/57092>. Where the documents give one request
//! two names, both are here.
//!
//! # Guarantees
//! An action outside this list is denied with that reason, so a request that maps to no real
//! operation cannot pass because a statement contains `*`.

/// Uploads in one request, as a form, and in parts. The mini-program SDK uploads with PostObject.
/// Cancelling and resuming need Abort and both lists.
pub const UPLOAD_OPERATIONS: [&str; 8] = [
    "PutObject",
    "PostObject",
    "InitiateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
];

/// Objects and their headers.
pub const DOWNLOAD_OPERATIONS: [&str; 2] = ["GetObject", "HeadObject"];

/// Every operation of COS. <https://www.tencentcloud.com/document/product/436/30580>
pub(super) fn operations() -> impl Iterator<Item = String> {
    let names = OPERATIONS.iter().chain(&["GetService"]);
    let settings = VERBS_OF_SETTINGS.iter().flat_map(|(settings, verbs)| {
        let of_verb =
            |verb: &'static &str| settings.iter().map(move |setting| format!("{verb}{setting}"));
        verbs.iter().flat_map(of_verb)
    });
    names.map(|name| (*name).to_owned()).chain(settings)
}

/// Whether COS has this operation, for example `PutObject`.
/// <https://www.tencentcloud.com/document/product/436/30580>
pub fn is_operation(operation: &str) -> bool {
    is_without_bucket(operation)
        || OPERATIONS.contains(&operation)
        || VERBS_OF_SETTINGS.iter().any(|(settings, verbs)| {
            verbs
                .iter()
                .filter_map(|verb| operation.strip_prefix(verb))
                .any(|setting| settings.contains(&setting))
        })
}

/// Whether `operation` has no bucket, so that only the resource `*` covers it.
pub(super) fn is_without_bucket(operation: &str) -> bool {
    operation == "GetService"
}

/// Whether a request may have this action, for example `cos:PutObject`.
pub(super) fn is_known_action(action: &str) -> bool {
    STS_ACTIONS.contains(&action) || action.strip_prefix("cos:").is_some_and(is_operation)
}

/// Whether no resource but `*` can cover `action`.
pub(super) fn is_without_resource(action: &str) -> bool {
    action == "sts:GetFederationToken" || action.strip_prefix("cos:").is_some_and(is_without_bucket)
}

/// <https://www.tencentcloud.com/document/product/1150/49452>,
/// <https://www.tencentcloud.com/document/product/1150/49456>.
const STS_ACTIONS: &[&str] = &["sts:AssumeRole", "sts:GetFederationToken"];

const OPERATIONS: &[&str] = &[
    "AbortMultipartUpload",
    "AppendObject",
    "CompleteMultipartUpload",
    "DeleteBucket",
    "DeleteMultipleObjects",
    "DeleteObject",
    "DeleteObjectTagging",
    "GetBucket",
    "GetBucketLocation",
    "GetBucketObjectVersions",
    "GetObject",
    "GetObjectACL",
    "GetObjectTagging",
    "HeadBucket",
    "HeadObject",
    "InitiateMultipartUpload",
    "ListBucketInventory",
    "ListLiveChannels",
    "ListMultipartUploads",
    "ListParts",
    "OptionsObject",
    "PostBucketInventory",
    "PostObject",
    "PostObjectRestore",
    "PutBucket",
    "PutObject",
    "PutObjectACL",
    "PutObjectCopy",
    "PutObjectTagging",
    "RestoreObject",
    "UploadPart",
    "UploadPartCopy",
];

/// Bucket settings, and the verbs of each. The pages of intelligent tiering name its actions:
/// <https://cloud.tencent.com/document/product/436/48348>.
const VERBS_OF_SETTINGS: &[(&[&str], &[&str])] = &[
    (&["ACL", "Accelerate", "Logging", "Referer", "Versioning"], &["GetBucket", "PutBucket"]),
    (
        &[
            "CORS",
            "Domain",
            "Encryption",
            "IntelligentTiering",
            "Inventory",
            "Lifecycle",
            "Origin",
            "Policy",
            "Replication",
            "Tagging",
            "Website",
        ],
        &["GetBucket", "PutBucket", "DeleteBucket"],
    ),
];

#[cfg(test)]
mod tests {
    use super::{is_known_action, is_operation};

    #[test]
    fn only_real_operations_are_known() {
        for operation in ["PutObject", "GetService", "DeleteBucketCORS", "GetBucketACL"] {
            assert!(is_operation(operation), "{operation}");
        }
        for operation in
            ["", "*", "putObject", "PutObjects", "DeleteBucketACL", "Get*", "GetBucketX"]
        {
            assert!(!is_operation(operation), "{operation}");
        }
    }

    #[test]
    fn an_action_belongs_to_its_own_service() {
        for action in ["cos:PutObject", "cos:GetService", "sts:AssumeRole"] {
            assert!(is_known_action(action), "{action}");
        }
        let actions = "* PutObject AssumeRole sts:PutObject sts:* cos:AssumeRole cos:* \
            cvm:PutObject";
        for action in actions.split(' ').chain([""]) {
            assert!(!is_known_action(action), "{action}");
        }
    }
}
