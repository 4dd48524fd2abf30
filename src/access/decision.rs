//! Grants and kill switch together: the decision about one request.

use tencent::time::Timestamp;

use crate::auth::Principal;
use crate::deny_list::{DenyList, switched_off};
use crate::entropy::Entropy;
use crate::error::{Error, ErrorCode};
use crate::grant::{Authorized, Authorizer, Grants};
use crate::request::CredentialRequest;

/// Grants and a kill switch.
#[expect(missing_debug_implementations, reason = "the kill switch names people")]
pub struct Access {
    authorizer: Authorizer,
    switched_off: Grants,
    deny_list: DenyList,
}

impl Access {
    /// Takes the grants that `deny_list` names out of `grants`.
    pub(super) fn new(grants: Grants, deny_list: DenyList) -> Self {
        let (switched_off, grants) = grants.partition(|name| deny_list.has_grant(name));
        Self { authorizer: Authorizer::new(grants), switched_off, deny_list }
    }

    /// Refuses everyone when everything is switched off: before a token's issuer is called.
    ///
    /// # Errors
    /// [`ErrorCode::SwitchedOff`].
    pub fn check_all(&self) -> Result<(), Error> {
        self.deny_list.check_all()
    }

    /// Decides a request. `entropy` makes the key of a new object.
    ///
    /// # Errors
    /// [`ErrorCode::SwitchedOff`], or as [`Authorizer::authorize`].
    pub fn authorize(
        &self,
        principal: &Principal,
        request: &CredentialRequest,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Authorized, Error> {
        self.deny_list.check(principal)?;
        let outcome = self.authorizer.authorize(principal, request, now, entropy);
        outcome.map_err(|error| match error.code() {
            ErrorCode::CallerNotAllowed if self.switched_off.matches(principal) => switched_off(),
            _ => error,
        })
    }

    /// The claims of `principal` whose type keeps grants from matching, separated by commas.
    pub fn wrong_type_claims(&self, principal: &Principal) -> Option<String> {
        self.authorizer.grants().wrong_type_claims(principal)
    }
}
