//! Which operation a request asks for, by method, address, parameters and headers.
//! <https://www.tencentcloud.com/document/product/436/10111>
//!
//! Promises: what is not listed is no operation, never a near one; so nothing that nobody mapped can pass.

use http::Method;

use crate::cos::http::request::{Address, RequestHead};

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An operation; its name is that of the CAM action, `name/cos:<name>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Operation { $($name),+ }

        impl Operation {
            /// The name, as in `name/cos:PutObject`.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

operations! {
    GetService,
    PutBucket, HeadBucket, GetBucket, DeleteBucket,
    PutBucketCORS, GetBucketCORS, DeleteBucketCORS, GetBucketACL, GetBucketLocation,
    ListMultipartUploads, DeleteMultipleObjects, PostObject,
    PutObject, PutObjectCopy, AppendObject, GetObject, HeadObject, DeleteObject, OptionsObject, GetObjectACL,
    InitiateMultipartUpload, UploadPart, UploadPartCopy, ListParts, CompleteMultipartUpload, AbortMultipartUpload,
}

impl Operation {
    /// What `ask` asks for; `None` for what this cloud does not do.
    pub(crate) fn of(request: &RequestHead) -> Option<Self> {
        if unsupported_parameter(request).is_some() {
            return None;
        }
        let mut names: Vec<String> = request.parameters().map(|(name, _)| name).collect();
        names.retain(|name| SUBRESOURCES.contains(&name.as_str()));
        names.sort_unstable();
        names.dedup();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let is_copy = request.headers.contains_key("x-cos-copy-source");
        let key = match &request.address {
            Address::Service => return of_service(&request.method, &names),
            Address::Bucket { key, .. } => key,
        };
        if key.is_empty() {
            of_bucket(&request.method, &names)
        } else {
            of_object(&request.method, &names, is_copy)
        }
    }
}

/// The parameter or header of `ask` that would change what is asked for, and that this cloud does not do. A known name in another
/// letter case is one: names are signed in lower case, so that anybody could have changed it.
pub(crate) fn unsupported_parameter(request: &RequestHead) -> Option<String> {
    if request.method == Method::OPTIONS {
        return None;
    }
    if request.headers.contains_key(PROCESSING_HEADER) {
        return Some(PROCESSING_HEADER.to_owned());
    }
    let is_misspelt = |name: &str| {
        let mut known = SUBRESOURCES.iter().chain(&PARAMETERS);
        known.any(|known| *known != name && known.eq_ignore_ascii_case(name))
    };
    request.parameters().map(|(name, _)| name).find(|name| {
        // `imageMogr2/thumbnail/100x100` and the like: the rest of the name says what to do.
        let first = name.split(['/', '|']).next().unwrap_or_default();
        let is_not_offered = |known: &&str| known.eq_ignore_ascii_case(first);
        UNSUPPORTED_PARAMETERS.iter().any(is_not_offered) || is_misspelt(name)
    })
}

fn of_service(method: &Method, names: &[&str]) -> Option<Operation> {
    (method == Method::GET && names.is_empty()).then_some(Operation::GetService)
}

fn of_bucket(method: &Method, names: &[&str]) -> Option<Operation> {
    Some(match (method.as_str(), names) {
        ("OPTIONS", _) => Operation::OptionsObject,
        ("PUT", []) => Operation::PutBucket,
        ("HEAD", []) => Operation::HeadBucket,
        ("GET", []) => Operation::GetBucket,
        ("DELETE", []) => Operation::DeleteBucket,
        ("POST", []) => Operation::PostObject,
        ("POST", ["delete"]) => Operation::DeleteMultipleObjects,
        ("GET", ["uploads"]) => Operation::ListMultipartUploads,
        ("PUT", ["cors"]) => Operation::PutBucketCORS,
        ("GET", ["cors"]) => Operation::GetBucketCORS,
        ("DELETE", ["cors"]) => Operation::DeleteBucketCORS,
        ("GET", ["acl"]) => Operation::GetBucketACL,
        ("GET", ["location"]) => Operation::GetBucketLocation,
        _ => return None,
    })
}

fn of_object(method: &Method, names: &[&str], is_copy: bool) -> Option<Operation> {
    Some(match (method.as_str(), names) {
        ("OPTIONS", _) => Operation::OptionsObject,
        ("PUT", []) if is_copy => Operation::PutObjectCopy,
        ("PUT", []) => Operation::PutObject,
        ("GET", []) => Operation::GetObject,
        ("HEAD", []) => Operation::HeadObject,
        ("DELETE", []) => Operation::DeleteObject,
        ("GET", ["acl"]) => Operation::GetObjectACL,
        ("POST", ["append", "position"]) => Operation::AppendObject,
        ("POST", ["uploads"]) => Operation::InitiateMultipartUpload,
        ("PUT", ["partNumber", "uploadId"]) if is_copy => Operation::UploadPartCopy,
        ("PUT", ["partNumber", "uploadId"]) => Operation::UploadPart,
        ("GET", ["uploadId"]) => Operation::ListParts,
        ("POST", ["uploadId"]) => Operation::CompleteMultipartUpload,
        ("DELETE", ["uploadId"]) => Operation::AbortMultipartUpload,
        _ => return None,
    })
}

/// Parameters that turn a request into another operation. One that is listed here and matched nowhere above makes the request
/// unmapped, which is refused.
const SUBRESOURCES: [&str; 40] = [
    "accelerate",
    "acl",
    "append",
    "asyncfetch",
    "ci-process",
    "cors",
    "delete",
    "domain",
    "domaincertificate",
    "encryption",
    "intelligenttiering",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "object-lock",
    "origin",
    "ownershipControls",
    "partNumber",
    "policy",
    "position",
    "publicAccessBlock",
    "referer",
    "rename",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "symlink",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
    "x-cos-process",
];

/// Parameters that some operation here reads.
const PARAMETERS: [&str; 17] = [
    "delimiter",
    "encoding-type",
    "key-marker",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "region",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "upload-id-marker",
];

/// Parameters that change what is listed or shown: the second form of lists, and the processing of images and media.
/// <https://www.tencentcloud.com/document/product/436/40592>
const UNSUPPORTED_PARAMETERS: [&str; 12] = [
    "continuation-token",
    "exif",
    "fetch-owner",
    "imageAve",
    "imageInfo",
    "imageMogr2",
    "imageSlim",
    "imageView2",
    "list-type",
    "photoInfo",
    "start-after",
    "watermark",
];

/// Asks for images to be made of what is uploaded (documented: <https://www.tencentcloud.com/document/product/436/40592>).
const PROCESSING_HEADER: &str = "pic-operations";
