//! The operation that a request asks for, by method, address, parameters and headers.
//! <https://www.tencentcloud.com/document/product/436/10111>
//!
//! # Guarantees
//!
//! Only what is listed is an operation, never something similar, so an unmapped request cannot
//! pass. A parameter that is not listed makes a request that writes or deletes unmapped: it could
//! be a subresource, and the plain operation would change another thing than the one meant.

use http::Method;

use super::bucket_document::{BucketDocument, Verb};
use super::http::address::{Address, ObjectAddress};
use super::http::copy_source::COPY_SOURCE;
use super::http::metadata::PROCESSING_HEADERS;
use super::http::request::RequestHead;
use super::http::s3::Api;
use super::http::virtual_host::BucketAddress;
use super::image;

macro_rules! operations {
    ($(#[$doc:meta])* $type:ident { $($name:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $type { $($name),+ }

        impl $type {
            /// The name, as in `name/cos:PutObject`.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

operations! {
    /// An operation on a bucket; its name is that of the CAM action, `name/cos:<name>`.
    BucketOperation {
        PutBucket, HeadBucket, GetBucket, DeleteBucket,
        PutBucketCORS, GetBucketCORS, DeleteBucketCORS, GetBucketACL, PutBucketACL, GetBucketLocation,
        ListMultipartUploads, ListBucketInventory, PostBucketInventory, ListBucketIntelligentTiering,
        PutBucketPolicy, GetBucketPolicy, DeleteBucketPolicy, PutBucketReferer, GetBucketReferer,
        PutBucketVersioning, GetBucketVersioning, GetBucketObjectVersions,
    }
}

operations! {
    /// An operation on an object; its name is that of the CAM action, `name/cos:<name>`.
    ObjectOperation {
        PutObject, PutObjectCopy, AppendObject, GetObject, HeadObject, DeleteObject, GetObjectACL, PutObjectACL,
        InitiateMultipartUpload, UploadPart, UploadPartCopy, ListParts, CompleteMultipartUpload,
        AbortMultipartUpload, PutObjectTagging, GetObjectTagging, DeleteObjectTagging,
        PostObjectRestore, ImageProcess,
    }
}

/// An operation and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    GetService,
    Bucket(BucketOperation, BucketAddress),
    Object(ObjectOperation, ObjectAddress),
    /// A document of a bucket. The tags of a bucket are authorized by their body.
    Document(Verb, BucketDocument, BucketAddress),
    /// A page of the website of a bucket, authorized by the object that it shows.
    Website(ObjectOperation, BucketAddress, String),
    /// An upload by a form, authorized by the fields of the form.
    PostObject(BucketAddress),
    /// Authorized by each key in its body.
    DeleteMultipleObjects(BucketAddress),
    /// A preflight, which needs no signature. The key is empty for the bucket itself.
    OptionsObject(BucketAddress, String),
}

impl Operation {
    /// The operation of `request`; `None` for one that the emulator does not offer.
    pub(crate) fn of(request: &RequestHead) -> Option<Self> {
        if let Address::Website(bucket, path) = &request.address {
            return Self::on_website(&request.method, bucket.clone(), path.clone());
        }
        if unsupported_parameter(request).is_some() {
            return None;
        }
        let names = subresources(request);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        match (method, &request.address) {
            ("OPTIONS", Address::Bucket(bucket)) => {
                Some(Self::OptionsObject(bucket.clone(), String::new()))
            }
            ("OPTIONS", Address::Object(object)) => {
                Some(Self::OptionsObject(object.bucket.clone(), object.key.clone()))
            }
            (_, Address::Service) => {
                (method == "GET" && names.is_empty()).then_some(Self::GetService)
            }
            (_, Address::Bucket(bucket)) => Self::on_bucket(method, &names, bucket.clone()),
            (_, Address::Website(..)) => None,
            (_, Address::Object(object)) => {
                let is_copy = request.headers.contains_key(COPY_SOURCE);
                let operation = on_object(method, &names, is_copy)?;
                Some(Self::Object(operation, object.clone()))
            }
        }
    }

    /// The name of the CAM action, as in `name/cos:PutObject`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::GetService => "GetService",
            Self::Bucket(operation, _) => operation.name(),
            Self::Object(operation, _) | Self::Website(operation, ..) => operation.name(),
            Self::Document(verb, document, _) => document.action(*verb),
            Self::PostObject(_) => "PostObject",
            Self::DeleteMultipleObjects(_) => "DeleteMultipleObjects",
            Self::OptionsObject(..) => "OptionsObject",
        }
    }

    /// A website is only read, and ignores parameters.
    fn on_website(method: &Method, bucket: BucketAddress, path: String) -> Option<Self> {
        match *method {
            Method::GET => Some(Self::Website(ObjectOperation::GetObject, bucket, path)),
            Method::HEAD => Some(Self::Website(ObjectOperation::HeadObject, bucket, path)),
            Method::OPTIONS => Some(Self::OptionsObject(bucket, path)),
            _ => None,
        }
    }

    fn on_bucket(method: &str, names: &[&str], bucket: BucketAddress) -> Option<Self> {
        use BucketOperation as Op;
        let operation = match (method, names) {
            ("POST", []) => return Some(Self::PostObject(bucket)),
            ("POST", ["delete"]) => return Some(Self::DeleteMultipleObjects(bucket)),
            ("PUT", []) => Op::PutBucket,
            ("HEAD", []) => Op::HeadBucket,
            ("GET", []) => Op::GetBucket,
            ("DELETE", []) => Op::DeleteBucket,
            ("GET", ["uploads"]) => Op::ListMultipartUploads,
            ("PUT", ["cors"]) => Op::PutBucketCORS,
            ("GET", ["cors"]) => Op::GetBucketCORS,
            ("DELETE", ["cors"]) => Op::DeleteBucketCORS,
            ("GET", ["acl"]) => Op::GetBucketACL,
            ("PUT", ["acl"]) => Op::PutBucketACL,
            ("GET", ["location"]) => Op::GetBucketLocation,
            ("PUT", ["policy"]) => Op::PutBucketPolicy,
            ("GET", ["policy"]) => Op::GetBucketPolicy,
            ("DELETE", ["policy"]) => Op::DeleteBucketPolicy,
            ("PUT", ["referer"]) => Op::PutBucketReferer,
            ("GET", ["referer"]) => Op::GetBucketReferer,
            ("PUT", ["versioning"]) => Op::PutBucketVersioning,
            ("GET", ["versioning"]) => Op::GetBucketVersioning,
            ("GET", ["versions"]) => Op::GetBucketObjectVersions,
            ("GET", ["inventory"]) => Op::ListBucketInventory,
            ("POST", ["id", "inventory"]) => Op::PostBucketInventory,
            ("GET", ["intelligent-tiering"]) => Op::ListBucketIntelligentTiering,
            _ => {
                let (verb, document) = document(method, names)?;
                return Some(Self::Document(verb, document, bucket));
            }
        };
        Some(Self::Bucket(operation, bucket))
    }
}

fn document(method: &str, names: &[&str]) -> Option<(Verb, BucketDocument)> {
    let verb = match method {
        "PUT" => Verb::Put,
        "GET" => Verb::Get,
        "DELETE" => Verb::Delete,
        _ => return None,
    };
    let subresource = match names {
        ["id", name @ ("inventory" | "intelligent-tiering")] => name,
        ["inventory" | "intelligent-tiering"] => return None,
        // The form before rules had ids: the default rule, which cannot be deleted.
        ["intelligenttiering"] if verb != Verb::Delete => "intelligent-tiering",
        [name] => name,
        _ => return None,
    };
    Some((verb, BucketDocument::of(verb, subresource)?))
}

/// The known subresources among the parameters, in order.
pub(crate) fn subresources(request: &RequestHead) -> Vec<String> {
    let mut names: Vec<String> = request.parameters().map(|(name, _)| name).collect();
    names.retain(|name| is_listed(SUBRESOURCES, name, PartialEq::eq));
    names.sort_unstable();
    names.dedup();
    names
}

/// The parameter or header that requests something the emulator does not offer. A known name in
/// another letter case is one: names are signed in lower case, so anyone could have changed it.
pub(crate) fn unsupported_parameter(request: &RequestHead) -> Option<String> {
    if request.method == Method::OPTIONS {
        return None;
    }
    let mut processing =
        PROCESSING_HEADERS.iter().filter(|name| request.headers.contains_key(**name));
    let may_store = may_store_pictures(request);
    let has_reply = may_store && !subresources(request).iter().any(|name| name == "image_process");
    let may_have = |name: &str| match name {
        image::PIC_OPERATIONS => may_store,
        _ => has_reply,
    };
    if let Some(name) = processing.find(|name| !may_have(name)) {
        return Some((*name).to_owned());
    }
    let is_read = [Method::GET, Method::HEAD].contains(&request.method);
    let may_process = is_read && reads_an_object(request);
    request
        .parameters()
        .find(|(name, value)| {
            if may_process && image::is_parameter(name) {
                return false;
            }
            // As in `imageMogr2/thumbnail/100x100`: the rest of the name is the command.
            let first = image::first_word(name);
            if is_listed(UNSUPPORTED_PARAMETERS, first, str::eq_ignore_ascii_case) {
                return true;
            }
            if is_known(name, PartialEq::eq) {
                return false;
            }
            // COS ignores unknown parameters of reads; without a value, one is a subresource.
            !is_read || value.is_empty() || is_known(name, str::eq_ignore_ascii_case)
        })
        .map(|(name, _)| name)
}

/// Whether a request can have `Pic-Operations` or choose its reply. SDKs send both when they begin
/// an upload in parts too, which changes nothing (from SDK source, Node.js and browsers). For S3
/// clients no page describes it.
fn may_store_pictures(request: &RequestHead) -> bool {
    let names = subresources(request);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_copy = request.headers.contains_key(COPY_SOURCE);
    request.api == Api::Cos
        && matches!(request.address, Address::Object(_))
        && matches!(
            (request.method.as_str(), names.as_slice()),
            ("PUT", []) | ("POST", ["image_process"] | ["uploadId"] | ["uploads"])
        )
        && !is_copy
}

/// Whether a GET or HEAD is about an object itself, or a version of it.
fn reads_an_object(request: &RequestHead) -> bool {
    matches!(request.address, Address::Object(_))
        && subresources(request).iter().all(|name| name == VERSION_ID)
}

fn is_known(name: &str, same: impl Fn(&str, &str) -> bool + Copy) -> bool {
    let lists = [SUBRESOURCES, PARAMETERS, SIGNATURE_PARAMETERS, AWS_PARAMETERS];
    lists.iter().any(|list| is_listed(list, name, same))
}

fn is_listed(list: &str, name: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    list.split_whitespace().any(|known| same(known, name))
}

fn on_object(method: &str, names: &[&str], is_copy: bool) -> Option<ObjectOperation> {
    use ObjectOperation as Op;
    let others: Vec<&str> = names.iter().copied().filter(|name| *name != VERSION_ID).collect();
    let has_version = others.len() < names.len();
    let operation = match (method, others.as_slice()) {
        ("PUT", []) if is_copy => Op::PutObjectCopy,
        ("PUT", []) => Op::PutObject,
        ("GET", []) => Op::GetObject,
        ("HEAD", []) => Op::HeadObject,
        ("DELETE", []) => Op::DeleteObject,
        ("GET", ["acl"]) => Op::GetObjectACL,
        ("PUT", ["acl"]) => Op::PutObjectACL,
        ("POST", ["append", "position"]) => Op::AppendObject,
        ("POST", ["uploads"]) => Op::InitiateMultipartUpload,
        ("PUT", ["partNumber", "uploadId"]) if is_copy => Op::UploadPartCopy,
        ("PUT", ["partNumber", "uploadId"]) => Op::UploadPart,
        ("GET", ["uploadId"]) => Op::ListParts,
        ("POST", ["uploadId"]) => Op::CompleteMultipartUpload,
        ("DELETE", ["uploadId"]) => Op::AbortMultipartUpload,
        ("PUT", ["tagging"]) => Op::PutObjectTagging,
        ("GET", ["tagging"]) => Op::GetObjectTagging,
        ("POST", ["restore"]) => Op::PostObjectRestore,
        ("POST", ["image_process"]) => Op::ImageProcess,
        ("DELETE", ["tagging"]) => Op::DeleteObjectTagging,
        _ => return None,
    };
    (!has_version || operation.is_about_a_version()).then_some(operation)
}

impl ObjectOperation {
    /// Whether it can be about one version of the object.
    pub(crate) fn is_about_a_version(self) -> bool {
        matches!(
            self,
            Self::GetObject
                | Self::HeadObject
                | Self::DeleteObject
                | Self::GetObjectACL
                | Self::PutObjectACL
                | Self::GetObjectTagging
                | Self::PutObjectTagging
                | Self::DeleteObjectTagging
                | Self::PostObjectRestore
        )
    }
}

/// Parameters that turn a request into another operation. One that no match above contains makes
/// the request unmapped, which is rejected.
const SUBRESOURCES: &str = "
    accelerate acl append asyncfetch ci-process cors delete domain domaincertificate encryption id
    image_process intelligent-tiering intelligenttiering inventory lifecycle live location logging notification
    object-lock origin ownershipControls partNumber policy position publicAccessBlock referer
    rename replication requestPayment restore retention select symlink tagging torrent uploadId
    uploads versionId versioning versions vod website x-cos-process
";

/// The parameter that names one version of an object.
pub(crate) const VERSION_ID: &str = "versionId";

/// The condition key of that parameter.
pub(crate) const VERSION_KEY: &str = "cos:versionid";

/// Parameters of the operations.
const PARAMETERS: &str = "
    continuation-token create-time delimiter encoding-type fetch-owner key-marker list-type marker
    max-keys max-parts max-uploads part-number-marker prefix range region response-cache-control
    response-content-disposition response-content-encoding response-content-language
    response-content-type response-expires start-after tagkey tagvalue upload-id-marker
    version-id-marker x-cos-traffic-limit
";

/// Parameters of signatures, and the one in which S3 clients repeat the operation's name.
const SIGNATURE_PARAMETERS: &str = "
    q-ak q-header-list q-key-time q-sign-algorithm q-sign-time q-signature q-url-param-list sign
    x-cos-security-token x-id
";

/// Parameters of AWS signatures, and those that S3 clients send with one and that change nothing.
/// Headers that some clients move into the query (`x-amz-acl`) are not among them.
const AWS_PARAMETERS: &str = "
    X-Amz-Algorithm X-Amz-Content-Sha256 X-Amz-Credential X-Amz-Date X-Amz-Expires
    X-Amz-Security-Token X-Amz-Signature X-Amz-SignedHeaders x-amz-checksum-crc32
    x-amz-checksum-mode x-amz-sdk-checksum-algorithm x-amz-user-agent
";

/// Parameters that process images and media. Two of them are supported where an object is read.
/// <https://www.tencentcloud.com/document/product/436/40592>
const UNSUPPORTED_PARAMETERS: &str = "
    exif imageAve imageInfo imageMogr2 imageSlim imageView2 photoInfo watermark
";
