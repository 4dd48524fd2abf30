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

mod access;
mod claim;
mod form;
mod record;
mod refusal;
mod signed;
#[cfg(test)]
mod tests;
mod verify;

use std::sync::Arc;

use tencent::cam::{AccessRequest, Target};

use self::access::Need;
use self::record::Ring;
pub use self::record::{AccessRecord, DecisionRecord};
use self::verify::Proven;
use super::admission::{Admission, Admitted};
use super::ask::Ask;
use super::error::CosError;
use super::form::Form;
use super::host::Home;
use super::operation::Operation;
use crate::account::{Directory, Verdict};

/// The door, with what it remembers of its decisions.
pub(crate) struct Door {
    directory: Arc<Directory>,
    /// Where the source of a copy is, when its host leaves it out.
    home: Home,
    ring: Ring,
}

impl Door {
    pub(crate) fn new(directory: Arc<Directory>, home: Home) -> Self {
        Self {
            directory,
            home,
            ring: Ring::default(),
        }
    }

    /// The last decisions, oldest first.
    pub(crate) fn decisions(&self) -> Vec<DecisionRecord> {
        self.ring.all()
    }

    fn decide_all(
        &self,
        proven: &Proven,
        needs: &[Need],
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        if needs.is_empty() {
            // An operation that needs nothing would be one that nobody mapped.
            return Err(refusal::internal());
        }
        // All of them are decided, so that the record is whole; the first refusal is the answer.
        let decided: Vec<Result<(), CosError>> = needs
            .iter()
            .map(|need| self.decide(proven, need, record))
            .collect();
        decided.into_iter().collect()
    }

    fn decide(
        &self,
        proven: &Proven,
        need: &Need,
        record: &mut DecisionRecord,
    ) -> Result<(), CosError> {
        if let Some(foreign) = self.foreign_bucket(&need.access) {
            record.foreign(&need.access, foreign);
            return Err(refusal::other_account(
                foreign,
                self.directory.account.appid,
            ));
        }
        let verdict = proven.key.identity.decide(&need.access);
        record.decided(&need.access, &verdict);
        if !verdict.is_allowed() {
            return Err(refusal::denied(&verdict));
        }
        // A statement that denies the operation under its other documented name denies it.
        for name in need.other_names {
            let access = AccessRequest {
                action: format!("name/cos:{name}"),
                ..need.access.clone()
            };
            let verdict: Verdict = proven.key.identity.decide(&access);
            if verdict.is_denied_by_statement() {
                record.decided(&access, &verdict);
                return Err(refusal::denied(&verdict));
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

    fn admitted(&self, proven: &Proven, file_bytes: Option<(u64, u64)>) -> Admitted {
        Admitted {
            anonymous: false,
            owner_uin: self.directory.account.owner_uin,
            uin: proven.key.identity.uin(&self.directory.account),
            file_bytes,
        }
    }
}

impl Admission for Door {
    fn admit(&self, ask: &Ask, operation: Operation) -> Result<Admitted, CosError> {
        let mut record = DecisionRecord::of(ask, operation.name());
        let outcome = verify::request(ask, &self.directory).and_then(|proven| {
            record.caller(&proven);
            let identity = proven.identity_keys(&self.directory);
            let needs = access::needs(ask, operation, &identity, &self.home)?;
            self.decide_all(&proven, &needs, &mut record)?;
            Ok(self.admitted(&proven, None))
        });
        self.ring.push(record.closed(&outcome));
        outcome
    }

    fn admit_form(&self, ask: &Ask, form: &Form) -> Result<Admitted, CosError> {
        let mut record = DecisionRecord::of(ask, Operation::PostObject.name());
        let outcome = form::verify(ask, form, &self.directory).and_then(|signed| {
            record.caller(&signed.proven);
            let identity = signed.proven.identity_keys(&self.directory);
            let need = access::form_need(ask, form, &identity)?;
            self.decide_all(&signed.proven, &[need], &mut record)?;
            Ok(self.admitted(&signed.proven, signed.file_bytes))
        });
        self.ring.push(record.closed(&outcome));
        outcome
    }

    /// Inferred: a key that may not be deleted is an error of its own and keeps the others from nothing.
    fn admit_each(
        &self,
        ask: &Ask,
        keys: &[String],
    ) -> Result<Vec<Result<(), CosError>>, CosError> {
        let mut record = DecisionRecord::of(ask, Operation::DeleteMultipleObjects.name());
        let outcome = verify::request(ask, &self.directory).map(|proven| {
            record.caller(&proven);
            let identity = proven.identity_keys(&self.directory);
            let each = |key: &String| {
                let need = access::deletion_need(ask, key, &identity)?;
                self.decide(&proven, &need, &mut record)
            };
            keys.iter().map(each).collect()
        });
        self.ring.push(record.closed(&outcome));
        outcome
    }

    fn turned_away(&self, ask: &Ask, error: &CosError) {
        let record = DecisionRecord::of(ask, "");
        self.ring.push(record.closed::<()>(&Err(error.clone())));
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Door").finish_non_exhaustive()
    }
}
