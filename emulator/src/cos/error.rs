//! The errors of COS: status, code and message of the documents.
//! <https://www.tencentcloud.com/document/product/436/7730>
//!
//! # Not covered
//!
//! The XML around them, with `Resource`, `RequestId` and `TraceId`.

use std::fmt::Display;
use std::io;

use http::StatusCode;

/// One error for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct CosError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// More elements of the XML, such as `StringToSign`, in their order.
    pub(crate) members: Vec<(&'static str, String)>,
    /// Headers of the response.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The cause, for a developer. Only the emulator sends it, in a header of its own and in the
    /// message.
    pub(crate) reason: Option<String>,
}

impl CosError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            members: Vec::new(),
            headers: Vec::new(),
            reason: None,
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, member: &'static str, value: impl Into<String>) -> Self {
        self.members.push((member, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    #[must_use]
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

impl CosError {
    /// The message with its reason, since most tools show only the message. One that SDKs compare
    /// stays as it is.
    pub(crate) fn explained(&self) -> String {
        match &self.reason {
            Some(reason) if self.message != REQUEST_HAS_EXPIRED => {
                format!("{} (emulator: {reason})", self.message)
            }
            Some(_) | None => self.message.clone(),
        }
    }
}

/// An error of the store as an error of the start.
pub(crate) fn startup_error(error: CosError) -> io::Error {
    io::Error::other(error.reason.unwrap_or(error.message))
}

/// From SDK source (Node.js, browser): this message makes a client correct its clock.
pub(crate) const REQUEST_HAS_EXPIRED: &str = "Request has expired";

macro_rules! errors {
    ($($name:ident: $status:ident $code:literal $message:literal;)+) => {
        $(pub(crate) fn $name() -> CosError {
            CosError::new(StatusCode::$status, $code, $message)
        })+
    };
}

// The texts of `appendable_source`, `no_such_upload` and `malformed_xml_document` are inferred; the
// typing errors of `cors_forbidden` are COS's own.
errors! {
    access_denied: FORBIDDEN "AccessDenied" "Access Denied.";
    appendable_source: BAD_REQUEST "InvalidRequest" "An appendable object cannot be copied.";
    attachment_full: BAD_REQUEST "AttachmentFull"
        "The number of ACLs and policies exceeds the limit.";
    append_position: CONFLICT "AppendPositionErr"
        "The value of the position parameter does not match the length of the current object.";
    bad_digest: BAD_REQUEST "BadDigest"
        "The Content-MD5 you specified did not match what we received.";
    bad_request: BAD_REQUEST "BadRequest"
        "The request must have one Host header and a target without a host.";
    bucket_already_owned_by_you: CONFLICT "BucketAlreadyOwnedByYou"
        "Your previous request to create the named bucket succeeded and you already own it.";
    bucket_not_empty: CONFLICT "BucketNotEmpty" "The bucket you tried to delete is not empty.";
    content_sha256_mismatch: BAD_REQUEST "XAmzContentSHA256Mismatch"
        "The provided 'x-amz-content-sha256' header does not match what was computed.";
    cors_forbidden: FORBIDDEN "AccessForbidden"
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution \
         of Origin, request method / Access-Control-Request-Method or \
         Access-Control-Requet-Headers are not whitelisted by the resource's CORS spec";
    duplicate_inventory_id: CONFLICT "DuplicateInventoryId"
        "An inventory with this id already exists.";
    encryption_not_supported: BAD_REQUEST "SSEContentNotSupported"
        "The encryption method is not supported.";
    entity_too_large: BAD_REQUEST "EntityTooLarge"
        "Your proposed upload exceeds the maximum allowed object size.";
    entity_too_small: BAD_REQUEST "EntityTooSmall"
        "Your proposed upload is smaller than the minimum allowed object size.";
    expired_token: BAD_REQUEST "ExpiredToken" "The provided token has expired.";
    file_already_exists: CONFLICT "FileAlreadyExists"
        "The object you specified already exists and can not be overwritten.";
    incomplete_body: BAD_REQUEST "IncompleteBody"
        "You did not provide the number of bytes specified by the Content-Length HTTP header.";
    incorrect_number_of_files: BAD_REQUEST "IncorrectNumberOfFilesInPostRequest"
        "POST requires exactly one file upload per request.";
    internal_error: INTERNAL_SERVER_ERROR "InternalError"
        "We encountered an internal error. Please try again.";
    invalid_access_key_id: FORBIDDEN "InvalidAccessKeyId"
        "The Access Key Id you provided does not exist in our records";
    invalid_bucket_name: BAD_REQUEST "InvalidBucketName" "The specified bucket is not valid.";
    invalid_copy_source: BAD_REQUEST "InvalidCopySource" "The x-cos-copy-source is invalid.";
    invalid_digest: BAD_REQUEST "InvalidDigest" "The Content-MD5 you specified is not valid.";
    invalid_object_name: BAD_REQUEST "InvalidObjectName" "The specified object name is not valid.";
    invalid_object_state: FORBIDDEN "InvalidObjectState"
        "The operation is not valid for the object storage class.";
    invalid_part: BAD_REQUEST "InvalidPart"
        "One or more of the specified parts could not be found or the specified entity tag \
         might not have matched the part's entity tag.";
    invalid_part_order: BAD_REQUEST "InvalidPartOrder"
        "The list of parts was not in ascending order. Parts must be ordered by part number.";
    invalid_range: RANGE_NOT_SATISFIABLE "InvalidRange" "The requested range cannot be satisfied.";
    invalid_tag: BAD_REQUEST "InvalidTag" "The tag provided was not a valid tag.";
    invalid_uri: BAD_REQUEST "InvalidURI" "Could not parse the specified URI.";
    key_too_long: BAD_REQUEST "KeyTooLong" "Your key is too long.";
    malformed_form: BAD_REQUEST "MalformedPOSTRequest"
        "The body of your POST request is not well-formed multipart/form-data.";
    malformed_policy: BAD_REQUEST "MalformedPolicy" "Policy has invalid resource or format.";
    malformed_xml_document: BAD_REQUEST "MalformedXML"
        "The XML you provided was not well-formed or did not validate against our published schema";
    method_not_allowed: METHOD_NOT_ALLOWED "MethodNotAllowed"
        "The specified method is not allowed against this resource.";
    missing_request_body: BAD_REQUEST "MissingRequestBodyError" "Request body is empty.";
    missing_content_length: LENGTH_REQUIRED "MissingContentLength"
        "You must provide the Content-Length HTTP header.";
    multi_az_not_supported: BAD_REQUEST "MultiAZFeatureNotSupport"
        "Multi-AZ is not supported in this region.";
    no_such_bucket: NOT_FOUND "NoSuchBucket" "The specified bucket does not exist.";
    no_such_cors_configuration: NOT_FOUND "NoSuchCORSConfiguration"
        "The CORS configuration does not exist.";
    no_such_encryption_configuration: NOT_FOUND "NoSuchEncryptionConfiguration"
        "The specified bucket encryption configuration is not found.";
    no_such_inventory_configuration: NOT_FOUND "InventoryConfigurationNotFoundError"
        "The inventory configuration is not found.";
    no_such_key: NOT_FOUND "NoSuchKey" "The specified key does not exist.";
    no_such_lifecycle_configuration: NOT_FOUND "NoSuchLifecycleConfiguration"
        "The lifecycle configuration does not exist.";
    no_such_origin_configuration: NOT_FOUND "OriginConfigurationNotFoundError"
        "The origin-pull configuration is not found.";
    no_such_policy: NOT_FOUND "NoSuchPolicyVersion" "The specified policy does not exist.";
    no_such_referer_configuration: NOT_FOUND "NoSuchRefererConfiguration"
        "The referer configuration does not exist.";
    no_such_domain_configuration: NOT_FOUND "DomainConfigNotFoundError"
        "The domain configuration is not found.";
    no_such_replication_configuration: NOT_FOUND "ReplicationConfigurationNotFoundError"
        "The replication configuration is not found.";
    no_such_tag_set: NOT_FOUND "NoSuchTagSet" "The TagSet does not exist.";
    no_such_tiering_configuration: NOT_FOUND "IntelligentTieringConfigurationNotFoundError"
        "The Intelligenttiering configuration was not found.";
    no_such_upload: NOT_FOUND "NoSuchUpload" "The specified multipart upload does not exist.";
    no_such_version: NOT_FOUND "NoSuchVersion" "The specified version does not exist.";
    no_such_website_configuration: NOT_FOUND "NoSuchWebsiteConfiguration"
        "The specified bucket does not have a website configuration.";
    not_supported_storage_class: BAD_REQUEST "NotSupportedStorageClass"
        "The storage class you specified is not supported.";
    object_not_appendable: CONFLICT "ObjectNotAppendable" "The object is not appendable.";
    path_style_forbidden: FORBIDDEN "PathStyleDomainForbidden"
        "The bucket you are attempting to access must be addressed using COS virtual-styled \
         domain.";
    precondition_failed: PRECONDITION_FAILED "PreconditionFailed" "Precondition not match.";
    request_time_too_skewed: FORBIDDEN "RequestTimeTooSkewed"
        "The difference between the request time and the current time is too large.";
    request_timeout: BAD_REQUEST "RequestTimeout"
        "Your socket connection to the server was not read from or written to within the \
         timeout period.";
    restore_already_in_progress: CONFLICT "RestoreAlreadyInProgress"
        "Object restore is already in progress.";
    restore_non_archive_object: METHOD_NOT_ALLOWED "RestoreNonArchiveObject"
        "The object is not in an archive storage class.";
    signature_does_not_match: FORBIDDEN "SignatureDoesNotMatch"
        "The Signature you specified is invalid.";
    too_many_buckets: BAD_REQUEST "TooManyBuckets"
        "You have attempted to create more buckets than allowed.";
    unknown_host: BAD_REQUEST "UserCnameInvalid" "The custom domain name is not bound to a bucket.";
    xml_size_limit: BAD_REQUEST "XMLSizeLimit"
        "The XML you provided exceeds the maximum allowed size.";
}

/// A body that is not XML, or not the expected XML.
pub(crate) fn malformed_xml(reason: impl Into<String>) -> CosError {
    malformed_xml_document().because(reason)
}

/// A failure of this machine, with its cause for the developer.
pub(crate) fn internal(reason: &dyn Display) -> CosError {
    internal_error().because(reason.to_string())
}

/// A failure of storing. Memory or a disk that is full stays full, so SDKs must not try again, as
/// they do after 500.
pub(crate) fn storage(failure: &io::Error) -> CosError {
    use std::io::ErrorKind;
    match failure.kind() {
        ErrorKind::OutOfMemory | ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            entity_too_large().because(failure.to_string())
        }
        _ => internal(failure),
    }
}

pub(crate) fn invalid_argument(message: impl Into<String>) -> CosError {
    CosError::new(StatusCode::BAD_REQUEST, "InvalidArgument", message)
}

pub(crate) fn invalid_request(message: impl Into<String>) -> CosError {
    CosError::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
}

pub(crate) fn forbidden(code: &'static str, message: impl Into<String>) -> CosError {
    CosError::new(StatusCode::FORBIDDEN, code, message)
}

/// `what` is a header, a parameter, or either.
pub(crate) fn not_implemented(what: &str) -> CosError {
    let message = format!("{what} you provided implies functionality that is not implemented.");
    CosError::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
}
