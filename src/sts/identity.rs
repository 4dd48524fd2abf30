//! The identity that calls STS. The kind of key decides which action is called.
//!
//! | calling key | role | action |
//! |---|---|---|
//! | permanent | no | GetFederationToken |
//! | permanent | yes | AssumeRole |
//! | temporary | yes | AssumeRole |
//! | temporary | no | [`Identity::new`] rejects it: GetFederationToken takes permanent keys only |
//!
//! Without a key, a web identity is exchanged for a temporary one first (`web_identity`).

use std::sync::{Arc, Mutex, PoisonError};

use super::web_identity::WebIdentity;
use crate::grant::Role;
use crate::request::RoleKey;
use tencent::secret::Secret;
use tencent::sign::tc3::{CanonicalRequest, SigningKey};
use tencent::time::Timestamp;

/// The key that signs the call.
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub struct CallingKey {
    /// The public half, as `AKID…`.
    pub secret_id: String,
    /// The secret half.
    pub secret_key: Arc<Secret>,
    /// Present only on temporary keys.
    pub session_token: Option<Arc<Secret>>,
}

impl CallingKey {
    /// The halves that nobody may see.
    pub(super) fn secrets(&self) -> Vec<&Secret> {
        self.session_token.iter().chain([&self.secret_key]).map(Arc::as_ref).collect()
    }
}

/// Where the calling key is from.
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub enum CallingKeys {
    /// The settings.
    Fixed(Arc<Identity>),
    /// Each request brings a temporary key, which assumes this role.
    OfRequests(Role),
    /// The token of an OIDC provider, which is exchanged for temporary keys.
    WebIdentity(Arc<WebIdentity>),
}

/// Who calls STS for a request.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub enum StsCaller {
    /// The identity of a calling key.
    Identity(Arc<Identity>),
    /// The identity of a calling key that a token is exchanged for.
    WebIdentity(Arc<WebIdentity>),
}

impl StsCaller {
    /// What distinguishes callers: the id of a key, or the workload's role, whose keys change.
    pub fn id(&self) -> &str {
        match self {
            Self::Identity(identity) => &identity.key.secret_id,
            Self::WebIdentity(web_identity) => web_identity.workload_role.as_str(),
        }
    }
}

impl CallingKeys {
    /// The beginning of the key's id, for the log; `None` where requests bring the key.
    pub fn masked_id(&self) -> Option<String> {
        match self {
            Self::Fixed(identity) => {
                let shown: String = identity.key.secret_id.chars().take(SHOWN_CHARACTERS).collect();
                Some(format!("{shown}****"))
            }
            Self::OfRequests(_) | Self::WebIdentity(_) => None,
        }
    }

    /// Who calls for a request with this key; `None` when the key is missing.
    pub fn caller(&self, role_key: Option<&RoleKey>) -> Option<StsCaller> {
        match self {
            Self::Fixed(identity) => Some(StsCaller::Identity(Arc::clone(identity))),
            Self::WebIdentity(web_identity) => {
                Some(StsCaller::WebIdentity(Arc::clone(web_identity)))
            }
            Self::OfRequests(role) => {
                let RoleKey { secret_id, secret_key, session_token } = role_key?;
                let key = CallingKey {
                    secret_id: secret_id.clone(),
                    secret_key: Arc::clone(secret_key),
                    session_token: Some(Arc::clone(session_token)),
                };
                Some(StsCaller::Identity(Arc::new(Identity::of_role(key, role.clone()))))
            }
        }
    }
}

/// The identity that calls, in a combination that STS accepts.
#[expect(missing_debug_implementations, reason = "it contains secrets")]
pub struct Identity {
    key: CallingKey,
    role: Option<Role>,
    /// Of the date of the last call.
    signing_key: Mutex<Option<Arc<SigningKey>>>,
}

impl Identity {
    /// Puts key and role together.
    ///
    /// # Errors
    /// [`IdentityError`] for a temporary key without a role.
    pub fn new(key: CallingKey, role: Option<Role>) -> Result<Self, IdentityError> {
        if key.session_token.is_some() && role.is_none() {
            return Err(IdentityError);
        }
        Ok(Self { key, role, signing_key: Mutex::default() })
    }

    /// A key that assumes a role, which every key may.
    pub(super) fn of_role(key: CallingKey, role: Role) -> Self {
        Self { key, role: Some(role), signing_key: Mutex::default() }
    }

    /// The `Authorization` header of a call at `now`.
    pub(super) fn authorization(&self, request: &CanonicalRequest<'_>, now: Timestamp) -> String {
        let secret_id = &self.key.secret_id;
        let kept = || self.signing_key.lock().unwrap_or_else(PoisonError::into_inner);
        let signing_key = kept().clone();
        let signed = signing_key.and_then(|key| key.authorization(request, now, secret_id));
        signed.unwrap_or_else(|| {
            let signing_key = SigningKey::new(&self.key.secret_key, SERVICE, now);
            let signed = signing_key.authorization(request, now, secret_id);
            *kept() = Some(Arc::new(signing_key));
            // It is for the date of this call.
            signed.unwrap_or_default()
        })
    }

    /// The calling key.
    pub fn key(&self) -> &CallingKey {
        &self.key
    }

    /// The role to assume; without one GetFederationToken is called.
    pub fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }
}

/// `AKID`, and four that distinguish keys.
const SHOWN_CHARACTERS: usize = 8;

/// The service in the scope of a signature.
const SERVICE: &str = "sts";

/// A temporary key cannot call GetFederationToken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the calling key is temporary, and GetFederationToken takes permanent keys only: set a role to assume"
)]
pub struct IdentityError;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{CallingKey, Identity, Role};
    use crate::grant::RoleArn;
    use tencent::secret::Secret;

    fn key(token: Option<&str>) -> CallingKey {
        let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
        CallingKey {
            secret_id: "AKID".into(),
            secret_key: Arc::new(secret("k")),
            session_token: token.map(secret).map(Arc::new),
        }
    }

    #[test]
    fn a_temporary_key_needs_a_role() {
        let role = || Role {
            arn: RoleArn::parse("qcs::cam::uin/1:roleName/r").unwrap(),
            external_id: None,
        };
        assert!(Identity::new(key(Some("t")), None).is_err());
        assert!(Identity::new(key(Some("t")), Some(role())).is_ok());
        assert!(Identity::new(key(None), None).is_ok());
        assert!(Identity::new(key(None), Some(role())).is_ok());
    }
}
