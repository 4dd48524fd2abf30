//! The interface between the service and authorization.

use crate::cos::auth::DecisionRecord;
use crate::cos::error::CosError;
use crate::cos::http::payload::Payload;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::RequestHead;
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::operation::Operation;
use crate::cos::tags::Tags;

/// The caller of an authorized request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthContext {
    /// The request is not signed.
    pub(crate) anonymous: bool,
    /// The account that owns new objects, for example `100000000001`.
    pub(crate) owner_uin: u64,
    /// The user or the owner, as in lists of uploads.
    pub(crate) uin: u64,
    /// The smallest and largest file that a form's policy allows.
    pub(crate) file_bytes: Option<(u64, u64)>,
}

impl AuthContext {
    /// The caller as in `Owner` and `Initiator`.
    pub(crate) fn name(&self) -> String {
        if self.anonymous {
            return "qcs::cam::anyone:anyone".to_owned();
        }
        format!("qcs::cam::uin/{}:uin/{}", self.owner_uin, self.uin)
    }
}

/// One of several objects to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) key: String,
    /// `None` for the object itself.
    pub(crate) version_id: Option<String>,
}

/// Authorizes requests, before anything is read, stored or shown.
pub(crate) trait AccessControl: Send + Sync {
    /// Authorizes one operation on its target and on the source of its copy.
    fn authorize(
        &self,
        request: &RequestHead,
        operation: &Operation,
    ) -> Result<AuthContext, CosError>;

    /// Authorizes a form, once everything before its file was read.
    fn authorize_form(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        form: &Form,
    ) -> Result<AuthContext, CosError>;

    /// Authorizes the tags of a bucket.
    fn authorize_tags(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        tags: &Tags,
    ) -> Result<AuthContext, CosError>;

    /// Authorizes the deletion of several objects: the request, and each of its keys.
    fn authorize_each(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        deletions: &[Deletion],
    ) -> Result<Vec<Result<(), CosError>>, CosError>;

    /// What the body of a request must be, as its head declares it. The head itself is not yet
    /// authenticated.
    fn payload(&self, request: &RequestHead) -> Result<Payload, CosError>;

    /// Logs a request that is not an operation, and its error.
    fn log_rejected(&self, request: &RequestHead, error: &CosError);

    /// The logged decision about the request with this id.
    fn decision(&self, request_id: &str) -> Option<DecisionRecord>;
}
