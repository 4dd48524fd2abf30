//! The door of COS: whose request it is, and whether their policies allow all of it.
//!
//! ```text
//! Ask -> Claim      claim      the seven q-sign fields, wherever they stand
//!     -> Proven     verify     key, token, time and signature (signed) checked: SecretId, time, signature is the documented order
//!     -> Needs      access     every access that the operation means: action, target, condition keys
//!     -> Verdict    account    the identity's policies and the session's, and nothing outside the account
//!     -> Admitted              recorded either way (record)
//! ```
//! <https://www.tencentcloud.com/document/product/436/7778>, <https://www.tencentcloud.com/document/product/436/30580>
//!
//! Promises: nothing that is unsigned, unmapped or ambiguous comes in, and there is no switch that changes this; an object in a
//! bucket of another account is nobody's here. Every refusal says why, in a reason that only this cloud sends.
//! The two operations whose accesses stand in their bodies, forms and deletions of several objects, are let in by those alone.
//! Leaves out: bucket policies, ACLs that grant, strict signature mode, AWS's signatures.

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
use crate::cos::http::post_form::Form;
use crate::cos::http::request::RequestHead;
use crate::cos::http::virtual_host::{BucketAddress, DefaultBucket};

/// The door, with what it remembers of its decisions.
pub(crate) struct Authorizer {
    directory: Arc<Directory>,
    /// Where the source of a copy is, when its host leaves it out.
    default_bucket: DefaultBucket,
    log: DecisionLog,
}

impl Authorizer {
    pub(crate) fn new(directory: Arc<Directory>, default_bucket: DefaultBucket) -> Self {
        Self {
            directory,
            default_bucket,
            log: DecisionLog::default(),
        }
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
            // An operation that needs nothing would be one that nobody mapped.
            return Err(error::internal_error());
        }
        // All of them are decided, so that the record is whole; the first refusal is the answer.
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
        let verdict = authenticated.key.identity.decide(&permission.access);
        record.decided(&permission.access, &verdict);
        if !verdict.is_allowed() {
            return Err(errors::denied(&verdict));
        }
        // A statement that denies the operation under its other documented name denies it.
        for name in permission.other_names {
            let access = AccessRequest {
                action: format!("name/cos:{name}"),
                ..permission.access.clone()
            };
            let verdict: Verdict = authenticated.key.identity.decide(&access);
            if verdict.is_denied_by_statement() {
                record.decided(&access, &verdict);
                return Err(errors::denied(&verdict));
            }
        }
        Ok(())
    }

    /// The bucket of an access, when it is not this account's.
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
            let permission = permissions::form_permission(request, bucket, form, &identity)?;
            self.decide_all(&signed.authenticated, &[permission], &mut record)?;
            Ok(self.context(&signed.authenticated, signed.file_bytes))
        });
        self.log.push(record.closed(&outcome));
        outcome
    }

    /// Inferred: a key that may not be deleted is an error of its own and keeps the others from nothing.
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
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Authorizer").finish_non_exhaustive()
    }
}
