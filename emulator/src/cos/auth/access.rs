//! What the service asks of the door, and what the door says of who it let in.

use crate::cos::error::CosError;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::RequestHead;
use crate::cos::http::virtual_host::BucketAddress;
use crate::cos::operation::Operation;

/// Who was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthContext {
    /// Nobody signed.
    pub(crate) anonymous: bool,
    /// The account that owns what is made, `100000000001`.
    pub(crate) owner_uin: u64,
    /// The user or the owner, as lists of uploads tell it.
    pub(crate) uin: u64,
    /// The sizes that a form's policy leaves to its file, both included.
    pub(crate) file_bytes: Option<(u64, u64)>,
}

impl AuthContext {
    /// As `Owner` and `Initiator` have it.
    pub(crate) fn name(&self) -> String {
        format!("qcs::cam::uin/{}:uin/{}", self.owner_uin, self.uin)
    }
}

/// Decides who comes in. Asked before anything is read, stored or shown.
pub(crate) trait AccessControl: Send + Sync {
    /// One operation on what the request points at, and on the source of its copy.
    fn authorize(
        &self,
        request: &RequestHead,
        operation: &Operation,
    ) -> Result<AuthContext, CosError>;

    /// A form, once everything before its file was read.
    fn authorize_form(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        form: &Form,
    ) -> Result<AuthContext, CosError>;

    /// The deletion of several objects: the request as a whole, and each of its keys.
    fn authorize_each(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        keys: &[String],
    ) -> Result<Vec<Result<(), CosError>>, CosError>;

    /// Hears of a request that is no operation, and of its answer.
    fn log_rejected(&self, request: &RequestHead, error: &CosError);
}
