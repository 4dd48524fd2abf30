//! Authentication and authorization of COS requests.
//!
//! ```text
//! RequestHead -> Authorization        authorization  the seven q-sign fields
//!             -> Authenticated        authenticate   key, token, time and signature checked, in the documented order
//!             -> RequiredPermissions  permissions    every action, target and condition keys of the operation
//!             -> Verdict              account        the policies of the identity and of the session
//!             -> AuthContext                         logged either way (decision_log)
//! ```
//! <https://www.tencentcloud.com/document/product/436/7778>,
//! <https://www.tencentcloud.com/document/product/436/30580>
//!
//! # Guarantees
//!
//! An unsigned, unmapped or ambiguous request is rejected, and no setting changes this. So is every
//! request for a bucket of another account, and for a key that the policies allow as sent but not
//! as COS may merge it ([`MergeOrder`]). Each rejection states its reason in a header that only the
//! emulator sends. Forms and deletions of several objects are authorized by their bodies only.
//!
//! # Not covered
//!
//! Bucket policies, ACLs that grant, strict signature mode, AWS signatures.

pub(in crate::cos) mod access;
mod authenticate;
mod authorization;
mod decision_log;
mod errors;
mod form;
mod permissions;
mod post_policy;
mod signature;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tencent::cam::{AccessRequest, Target};

use self::authenticate::Authenticated;
use self::decision_log::DecisionLog;
pub use self::decision_log::{AccessRecord, DecisionRecord};
use self::permissions::RequiredPermission;
use super::operation::Operation;
use crate::account::{Directory, Verdict};
use crate::cos::auth::access::{AccessControl, AuthContext};
use crate::cos::error::{self, CosError};
use crate::cos::http::merge_order::MergeOrder;
use crate::cos::http::post_form::Form;
use crate::cos::http::request::RequestHead;
use crate::cos::http::virtual_host::{BucketAddress, DefaultBucket};
use crate::cos::tags::Tags;

/// Authorizes requests by the account's keys and policies, and logs its decisions.
pub(crate) struct Authorizer {
    directory: Arc<Directory>,
    /// The source of a copy whose host omits the bucket.
    default_bucket: DefaultBucket,
    merge_order: MergeOrder,
    log: DecisionLog,
}

impl Authorizer {
    pub(crate) fn new(
        directory: Arc<Directory>,
        default_bucket: DefaultBucket,
        merge_order: MergeOrder,
    ) -> Self {
        Self { directory, default_bucket, merge_order, log: DecisionLog::default() }
    }

    /// What `access` would be answered with the key `secret_id`; `None` for a key that does not
    /// work.
    pub(crate) fn simulate(&self, secret_id: &str, access: &AccessRequest) -> Option<AccessRecord> {
        let key = self.directory.key(secret_id)?;
        Some(AccessRecord::of(access, &key.identity.decide(access)))
    }

    /// The last decisions, oldest first.
    pub(crate) fn decisions(&self) -> Vec<DecisionRecord> {
        self.log.all()
    }

    fn decide_all(
        &self,
        authenticated: &Authenticated,
        required: &[RequiredPermission],
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        if required.is_empty() {
            // An operation without a required permission is an unmapped one.
            return Err(error::internal_error());
        }
        // Each is decided, so that the record is complete; the first error is the response.
        let decided: Vec<Result<(), CosError>> = required
            .iter()
            .map(|permission| self.decide(authenticated, permission, record))
            .collect();
        decided.into_iter().collect()
    }

    fn decide(
        &self,
        authenticated: &Authenticated,
        permission: &RequiredPermission,
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        if let Some(foreign) = self.foreign_bucket(&permission.access) {
            record.foreign(&permission.access, foreign);
            return Err(errors::other_account(foreign, self.directory.account.appid));
        }
        let raw = &permission.access;
        let names = permission.other_names;
        let mut decide =
            |access: &AccessRequest| Self::decide_access(authenticated, access, names, record);
        match (self.merge_order, permission.merged()) {
            (MergeOrder::AfterAuthorization, _) | (_, None) => decide(raw),
            (MergeOrder::BeforeAuthorization, Some((_, merged))) => decide(&merged),
            (MergeOrder::NotKnown, Some(([key, merged_key], merged))) => {
                decide(raw)?;
                let error = || errors::ambiguous_key(&key, &merged_key);
                if merged_key.is_empty() {
                    return Err(error());
                }
                decide(&merged).map_err(|_| error())
            }
        }
    }

    fn decide_access(
        authenticated: &Authenticated,
        access: &AccessRequest,
        other_names: &[&str],
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        let verdict = authenticated.key.identity.decide(access);
        record.decided(access, &verdict);
        if !verdict.is_allowed() {
            return Err(errors::denied(&verdict));
        }
        // A deny under another documented name of the operation counts.
        for name in other_names {
            let access = AccessRequest { action: format!("name/cos:{name}"), ..access.clone() };
            let verdict: Verdict = authenticated.key.identity.decide(&access);
            if verdict.is_denied_by_statement() {
                record.decided(&access, &verdict);
                return Err(errors::denied(&verdict));
            }
        }
        Ok(())
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

    fn context(
        &self,
        authenticated: &Authenticated,
        file_bytes: Option<(u64, u64)>,
    ) -> AuthContext {
        AuthContext {
            anonymous: false,
            owner_uin: self.directory.account.owner_uin,
            uin: authenticated.key.identity.uin(&self.directory.account),
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
        let outcome = authenticate::request(request, &self.directory).and_then(|authenticated| {
            record.caller(&authenticated);
            let identity = authenticated.identity_context(&self.directory);
            let required =
                permissions::required(request, operation, &identity, &self.default_bucket)?;
            self.decide_all(&authenticated, &required, &mut record)?;
            Ok(self.context(&authenticated, None))
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
            record.caller(&signed.authenticated);
            let identity = signed.authenticated.identity_context(&self.directory);
            let required = permissions::form_permissions(request, bucket, form, &identity)?;
            self.decide_all(&signed.authenticated, &required, &mut record)?;
            Ok(self.context(&signed.authenticated, signed.file_bytes))
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
        let outcome = authenticate::request(request, &self.directory).and_then(|authenticated| {
            record.caller(&authenticated);
            let identity = authenticated.identity_context(&self.directory);
            let permission = permissions::bucket_tags_permission(request, bucket, tags, &identity)?;
            self.decide_all(&authenticated, &[permission], &mut record)?;
            Ok(self.context(&authenticated, None))
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
        keys: &[String],
    ) -> Result<Vec<Result<(), CosError>>, CosError> {
        let mut record = DecisionRecord::of(request, "DeleteMultipleObjects");
        let outcome = authenticate::request(request, &self.directory).map(|authenticated| {
            record.caller(&authenticated);
            let identity = authenticated.identity_context(&self.directory);
            let each = |key: &String| {
                let permission = permissions::deletion_permission(request, bucket, key, &identity)?;
                self.decide(&authenticated, &permission, &mut record)
            };
            keys.iter().map(each).collect()
        });
        self.log.push(record.closed(&outcome));
        outcome
    }

    fn log_rejected(&self, request: &RequestHead, error: &CosError) {
        let record = DecisionRecord::of(request, "");
        self.log.push(record.closed::<()>(&Err(error.clone())));
    }

    fn decision(&self, request_id: &str) -> Option<DecisionRecord> {
        self.log.of(request_id)
    }
}
