//! Authentication and authorization of COS requests.
//!
//! ```text
//! RequestHead -> Authorization        authorization  the seven q-sign fields; of an S3 client: aws4
//!             -> Authenticated        authenticate   key, token, time and signature checked, in the documented order
//!             -> RequiredPermissions  permissions    every action, target and condition keys of the operation
//!             -> AccessVerdict        verdict        the policies of the identity and of the session, and the bucket's rules (resource)
//!             -> AuthContext                         logged either way (decision_log)
//! ```
//! <https://www.tencentcloud.com/document/product/436/7778>,
//! <https://www.tencentcloud.com/document/product/436/30580>
//!
//! # Guarantees
//!
//! An unmapped or ambiguous request is rejected, and no setting changes this. One that is not
//! signed takes the same way: its caller has no policies, so only an ACL or a bucket policy can
//! allow it. Rejected is every
//! request for a bucket of another account, and for a key that the policies allow as sent but not
//! as COS may merge it ([`MergeOrder`]). Each rejection states its reason in a header that only the
//! emulator sends. Forms and deletions of several objects are authorized by their bodies only.
//!
//! # Not covered
//!
//! Strict signature mode, version 2 of AWS signatures.

pub(in crate::cos) mod access;
mod authenticate;
mod authorization;
mod aws4;
mod decision_log;
mod errors;
mod form;
mod permissions;
mod post_policy;
mod resource;
mod signature;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use tencent::cam::{AccessRequest, Target};

use self::authenticate::{Authenticated, Caller};
use self::decision_log::DecisionLog;
pub use self::decision_log::{AccessRecord, DecisionRecord};
use self::permissions::RequiredPermission;
use self::verdict::AccessVerdict;
use super::operation::Operation;
use crate::account::Directory;
use crate::cos::auth::access::{AccessControl, AuthContext, Deletion};
use crate::cos::error::{self, CosError};
use crate::cos::http::merge_order::MergeOrder;
use crate::cos::http::payload::Payload;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::RequestHead;
use crate::cos::http::s3::Api;
use crate::cos::http::virtual_host::{BucketAddress, DefaultBucket};
use crate::cos::store::Store;
use crate::cos::tags::Tags;

/// Authorizes requests by the account's keys and policies, and logs its decisions.
pub(crate) struct Authorizer {
    directory: Arc<Directory>,
    /// The source of a copy whose host omits the bucket.
    default_bucket: DefaultBucket,
    merge_order: MergeOrder,
    /// The rules of buckets.
    store: Arc<Store>,
    log: DecisionLog,
}

impl Authorizer {
    pub(crate) fn new(
        directory: Arc<Directory>,
        default_bucket: DefaultBucket,
        merge_order: MergeOrder,
        store: Arc<Store>,
    ) -> Self {
        Self { directory, default_bucket, merge_order, store, log: DecisionLog::default() }
    }

    /// What `access` would be answered with the key `secret_id`; `None` for a key that does not
    /// work.
    pub(crate) fn simulate(&self, secret_id: &str, access: &AccessRequest) -> Option<AccessRecord> {
        let key = self.directory.key(secret_id)?;
        let secret_id = secret_id.to_owned();
        let caller = Caller::Key(Authenticated { secret_id, key });
        Some(AccessRecord::of(access, &self.verdict(&caller, access)))
    }

    /// The last decisions, oldest first.
    pub(crate) fn decisions(&self) -> Vec<DecisionRecord> {
        self.log.all()
    }

    fn decide_all(
        &self,
        caller: &Caller,
        required: &[RequiredPermission],
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        if required.is_empty() {
            // An operation without a required permission is an unmapped one.
            return Err(error::internal_error());
        }
        // Each is decided, so that the record is complete; the first error is the response.
        let decided: Vec<Result<(), CosError>> =
            required.iter().map(|permission| self.decide(caller, permission, record)).collect();
        decided.into_iter().collect()
    }

    fn decide(
        &self,
        caller: &Caller,
        permission: &RequiredPermission,
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        if let Some(foreign) = self.foreign_bucket(&permission.access) {
            record.foreign(&permission.access, foreign);
            return Err(errors::other_account(foreign, self.directory.account.appid));
        }
        let raw = &permission.access;
        let names = permission.other_names;
        let mut decide = |access: &AccessRequest| self.decide_access(caller, access, names, record);
        match (self.merge_order, permission.merged()) {
            (MergeOrder::AfterAuthorization, _) | (_, None) => decide(raw),
            (MergeOrder::BeforeAuthorization, Some((_, Some(merged)))) => decide(&merged),
            (MergeOrder::NotKnown, Some(([key, merged_key], Some(merged)))) => {
                decide(raw)?;
                decide(&merged).map_err(|_| errors::ambiguous_key(&key, &merged_key))
            }
            (_, Some(([key, merged_key], None))) => {
                decide(raw)?;
                Err(errors::ambiguous_key(&key, &merged_key))
            }
        }
    }

    fn decide_access(
        &self,
        caller: &Caller,
        access: &AccessRequest,
        other_names: &[&str],
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        let verdict = self.verdict(caller, access);
        record.decided(access, &verdict);
        if !verdict.is_allowed() {
            return Err(errors::denied(&verdict));
        }
        // A deny under another documented name of the operation counts.
        for name in other_names {
            let access = AccessRequest { action: format!("name/cos:{name}"), ..access.clone() };
            let verdict = self.verdict(caller, &access);
            if verdict.is_denied_by_statement() {
                record.decided(&access, &verdict);
                return Err(errors::denied(&verdict));
            }
        }
        Ok(())
    }

    fn verdict(&self, caller: &Caller, access: &AccessRequest) -> AccessVerdict {
        let account = &self.directory.account;
        let resource = resource::decide(&self.store, self.merge_order, account, caller, access);
        AccessVerdict::of(caller, access, resource)
    }

    /// The bucket of an access, if it belongs to another account.
    fn foreign_bucket<'a>(&self, access: &'a AccessRequest) -> Option<&'a str> {
        match &access.target {
            Target::Object { bucket, .. } => {
                let is_ours = bucket.appid() == self.directory.account.appid.to_string();
                (!is_ours).then_some(bucket.as_str())
            }
            Target::Role { .. } | Target::Service => None,
        }
    }

    /// Authenticates a request by a signature of either API.
    fn caller(&self, request: &RequestHead) -> Result<Caller, CosError> {
        match request.api {
            Api::Cos => authenticate::caller(request, &self.directory),
            Api::S3 => aws4::caller(request, &self.directory),
        }
    }

    fn context(&self, caller: &Caller, file_bytes: Option<(u64, u64)>) -> AuthContext {
        let account = &self.directory.account;
        let uin = caller.identity().map(|identity| identity.uin(account));
        AuthContext {
            anonymous: uin.is_none(),
            owner_uin: account.owner_uin,
            uin: uin.unwrap_or_default(),
            file_bytes,
        }
    }
}

impl AccessControl for Authorizer {
    fn authorize(
        &self,
        request: &RequestHead,
        operation: &Operation,
    ) -> Result<AuthContext, CosError> {
        let mut record = DecisionRecord::of(request, operation.name());
        let outcome = self.caller(request).and_then(|caller| {
            record.caller(&caller);
            if matches!((&caller, operation), (Caller::Anonymous { .. }, Operation::GetService)) {
                return Err(errors::anonymous(request, "denied: the request is not signed"));
            }
            let identity = caller.identity_context(&self.directory);
            let required =
                permissions::required(request, operation, &identity, &self.default_bucket)?;
            self.decide_all(&caller, &required, &mut record)?;
            Ok(self.context(&caller, None))
        });
        self.log.push(record.closed(&outcome));
        outcome
    }

    fn authorize_form(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        form: &Form,
    ) -> Result<AuthContext, CosError> {
        let mut record = DecisionRecord::of(request, "PostObject");
        let outcome = form::verify(request, bucket, form, &self.directory).and_then(|signed| {
            let file_bytes = signed.as_ref().and_then(|signed| signed.file_bytes);
            let caller = match signed {
                Some(signed) => Caller::Key(signed.authenticated),
                None => authenticate::anonymous(request),
            };
            record.caller(&caller);
            let identity = caller.identity_context(&self.directory);
            let required = permissions::form_permissions(request, bucket, form, &identity)?;
            self.decide_all(&caller, &required, &mut record)?;
            Ok(self.context(&caller, file_bytes))
        });
        self.log.push(record.closed(&outcome));
        outcome
    }

    fn authorize_tags(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        tags: &Tags,
    ) -> Result<AuthContext, CosError> {
        let mut record = DecisionRecord::of(request, "PutBucketTagging");
        let outcome = self.caller(request).and_then(|caller| {
            record.caller(&caller);
            let identity = caller.identity_context(&self.directory);
            let permission = permissions::bucket_tags_permission(request, bucket, tags, &identity)?;
            self.decide_all(&caller, &[permission], &mut record)?;
            Ok(self.context(&caller, None))
        });
        self.log.push(record.closed(&outcome));
        outcome
    }

    /// Inferred: a key that the caller may not delete is an error of its own and does not affect
    /// the others.
    fn authorize_each(
        &self,
        request: &RequestHead,
        bucket: &BucketAddress,
        deletions: &[Deletion],
    ) -> Result<Vec<Result<(), CosError>>, CosError> {
        let mut record = DecisionRecord::of(request, "DeleteMultipleObjects");
        let outcome = self.caller(request).and_then(|caller| {
            record.caller(&caller);
            let identity = caller.identity_context(&self.directory);
            let each = |deletion: &Deletion| {
                let permission =
                    permissions::deletion_permission(request, bucket, deletion, &identity)?;
                self.decide(&caller, &permission, &mut record)
            };
            let each: Vec<Result<(), CosError>> = deletions.iter().map(each).collect();
            if matches!(caller, Caller::Anonymous { .. }) && each.iter().all(Result::is_err) {
                return Err(errors::anonymous(request, errors::NOT_SIGNED));
            }
            Ok(each)
        });
        self.log.push(record.closed(&outcome));
        outcome
    }

    fn payload(&self, request: &RequestHead) -> Result<Payload, CosError> {
        match request.api {
            Api::Cos => Ok(Payload::default()),
            Api::S3 => aws4::payload(request, &self.directory),
        }
    }

    fn log_rejected(&self, request: &RequestHead, error: &CosError) {
        let record = DecisionRecord::of(request, "");
        self.log.push(record.closed::<()>(&Err(error.clone())));
    }

    fn decision(&self, request_id: &str) -> Option<DecisionRecord> {
        self.log.of(request_id)
    }
}
