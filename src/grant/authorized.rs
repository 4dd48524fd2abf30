//! The proof that a request is inside the grants of its principal.
//!
//! # Guarantees
//! Only `grant` can construct one, so a request that was not authorized does not compile.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::grant_summary::{GrantSummary, GrantedPlace};
use super::lifetime::Lifetime;
use super::object_key::ObjectKey;
use super::role::Role;
use super::session_policy::SessionPolicy;
use super::signable::{SignableRequest, SignableVerb};
use crate::log::Members;

/// An object whose key the function generated. The credential covers only this object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// The bucket with its appid.
    pub bucket: String,
    /// The region of the bucket.
    pub region: String,
    /// The generated key.
    pub key: ObjectKey,
}

/// The proof that a credential may be issued, and its parameters.
///
/// Two that are equal may be served the same credential, so every field takes part in `==`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorized {
    pub(super) granted: Arc<Granted>,
    pub(super) duration_seconds: u32,
    pub(super) session_name: String,
    pub(super) handout: Handout,
}

/// Policy and session are enough to find a place.
impl Hash for Authorized {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.granted.hash(state);
        state.write(self.session_name.as_bytes());
    }
}

/// What grants come to, checked.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) policy: Arc<SessionPolicy>,
    pub(super) grants: GrantSummary,
    /// Within it, a request chooses.
    pub(super) lifetime: Lifetime,
    pub(super) role: Option<Arc<Role>>,
    /// All of it in the audit log.
    pub(super) logged: Members,
}

/// A new part does not compile here until it is compared, or left out.
impl PartialEq for Granted {
    fn eq(&self, other: &Self) -> bool {
        let Self { policy, grants, lifetime: _, role, logged: _ } = self;
        *policy == other.policy && *grants == other.grants && *role == other.role
    }
}

impl Eq for Granted {}

/// All of it would take longer than what it distinguishes is worth: the policy differs too.
impl Hash for Granted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.policy.hash(state);
    }
}

/// What a caller gets of a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handout {
    /// All of it, with the object that it is for, when the function generated its key.
    Credential(Option<NewObject>),
    /// One request that is signed with it.
    Signed(SignableRequest),
}

impl Default for Handout {
    fn default() -> Self {
        Self::Credential(None)
    }
}

impl Authorized {
    /// The object that the credential is for, when the function generated its key.
    pub fn new_object(&self) -> Option<&NewObject> {
        match &self.handout {
            Handout::Credential(object) => object.as_ref(),
            Handout::Signed(_) => None,
        }
    }

    /// The only request that the caller gets, signed, in place of the credential.
    pub fn signable(&self) -> Option<&SignableRequest> {
        match &self.handout {
            Handout::Credential(_) => None,
            Handout::Signed(request) => Some(request),
        }
    }

    /// Whether an equal request may get the same credential: a generated key is for one caller.
    pub fn is_shareable(&self) -> bool {
        match &self.handout {
            Handout::Credential(object) => object.is_none(),
            Handout::Signed(request) => matches!(request.verb, SignableVerb::Get { .. }),
        }
    }

    /// The comma-separated names of the grants that the credential comes from, for the audit log.
    pub fn grants(&self) -> &str {
        &self.granted.grants.names
    }

    /// Where these grants apply, for the audit log; `None` for a raw policy.
    pub fn place(&self) -> Option<&GrantedPlace> {
        self.granted.grants.place.as_ref()
    }

    /// The role to assume; `None` for that of the calling key.
    pub fn role(&self) -> Option<&Role> {
        self.granted.role.as_deref()
    }

    /// The session policy.
    pub fn policy(&self) -> &SessionPolicy {
        &self.granted.policy
    }

    /// Grants, place, role and policy in the audit log, once a line had them.
    pub(crate) fn logged(&self) -> &Members {
        &self.granted.logged
    }

    /// The lifetime to request from STS.
    pub fn duration_seconds(&self) -> u32 {
        self.duration_seconds
    }

    /// The session name in COS access logs.
    pub fn session_name(&self) -> &str {
        &self.session_name
    }
}

#[cfg(test)]
impl Authorized {
    /// For the session `name` and `duration_seconds`; the policy contains the name.
    pub(crate) fn for_tests(name: &str, duration_seconds: u32) -> Self {
        Self {
            granted: Granted::for_tests(&format!("policy of {name}")).into(),
            duration_seconds,
            session_name: name.to_owned(),
            handout: Handout::default(),
        }
    }

    /// For one signed request, under the example policy.
    pub(crate) fn signed_for_tests(request: SignableRequest) -> Self {
        Self { handout: Handout::Signed(request), ..Self::for_tests("a", 1800) }
    }

    /// The same by the role `name`.
    pub(crate) fn with_role(self, name: &str) -> Self {
        let arn = super::RoleArn::parse(&format!("qcs::cam::uin/1:roleName/{name}")).unwrap();
        let role = Some(Arc::new(Role { arn, external_id: None }));
        let granted = Granted { role, ..Granted::for_tests(self.policy().as_json()) };
        Self { granted: granted.into(), ..self }
    }
}

#[cfg(test)]
impl Granted {
    /// An example under the policy `json`.
    pub(super) fn for_tests(json: &str) -> Self {
        Self {
            policy: SessionPolicy::new(json.to_owned()).into(),
            grants: GrantSummary::for_tests(),
            lifetime: Lifetime::new(360, 1800).unwrap(),
            role: None,
            logged: Members::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::RoleArn;
    use super::{Authorized, GrantSummary, Granted, Handout, NewObject, ObjectKey, Role};
    use crate::grant::{SignableRequest, SignableVerb};
    use tencent::names::ObjectPrefix;
    use tencent::time::Timestamp;

    /// What is equal shares a credential. A new field does not compile here until it has a row.
    #[test]
    fn each_field_makes_a_difference() {
        let key = |bits: u8| {
            let extension = super::super::Extension::parse("jpg").unwrap();
            let prefix = ObjectPrefix::parse("a/").unwrap();
            let now = Timestamp::from_unix_seconds(0).unwrap();
            ObjectKey::new(&prefix, &extension, now, &[bits; 16]).unwrap()
        };
        let object = |bucket: &str, region: &str, bits| {
            let (bucket, region) = (bucket.to_owned(), region.to_owned());
            Handout::Credential(Some(NewObject { bucket, region, key: key(bits) }))
        };
        let one =
            Authorized { handout: object("b-1", "r-1", 0), ..Authorized::for_tests("a", 1800) };
        let Authorized { granted, duration_seconds, session_name, handout: _ } = &one;
        let Granted { policy, grants, lifetime: _, role, logged: _ } = &**granted;
        assert!(role.is_none());
        let json = policy.as_json();
        let granted = |granted: Granted| Authorized { granted: granted.into(), ..one.clone() };
        let of_role = |id: Option<&str>| {
            let arn = RoleArn::parse("qcs::cam::uin/1:roleName/a").unwrap();
            let role = Role { arn, external_id: id.map(str::to_owned) };
            granted(Granted { role: Some(Arc::new(role)), ..Granted::for_tests(json) })
        };
        assert!(of_role(None) != of_role(Some("id")) && of_role(None) == of_role(None));
        let NewObject { bucket, region, key: _ } = one.new_object().unwrap();
        let others = [
            of_role(None),
            granted(Granted::for_tests(&format!("{json} "))),
            Authorized { duration_seconds: duration_seconds - 1, ..one.clone() },
            Authorized { session_name: format!("{session_name}b"), ..one.clone() },
            granted(Granted {
                grants: GrantSummary::raw(&format!("{},b", grants.names)),
                ..Granted::for_tests(json)
            }),
            Authorized { handout: Handout::default(), ..one.clone() },
            Authorized { handout: object(bucket, region, 1), ..one.clone() },
            Authorized { handout: object(bucket, "r-2", 0), ..one.clone() },
            Authorized { handout: object("b-2", region, 0), ..one.clone() },
        ];
        for (index, other) in others.iter().enumerate() {
            assert!(*other != one, "{index}");
        }
        assert!(one.clone() == one && granted(Granted::for_tests(json)) == one);
    }

    /// A new field does not compile here until it has a row.
    #[test]
    fn a_signed_request_is_only_equal_to_itself() {
        let get = |content_type| SignableVerb::Get { content_type };
        let request = |bucket: &str, region: &str, key: &str, verb| SignableRequest {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            key: key.to_owned(),
            verb,
        };
        let one = request("b-1", "r-1", "a", get(None));
        for other in [
            request("b-2", "r-1", "a", get(None)),
            request("b-1", "r-2", "a", get(None)),
            request("b-1", "r-1", "b", get(None)),
            request("b-1", "r-1", "a", get(Some("image/png"))),
        ] {
            let [one, other] =
                [&one, &other].map(|each| Authorized::signed_for_tests(each.clone()));
            assert!(one != other && one.is_shareable());
            assert!(one != Authorized::for_tests("a", 1800));
        }
    }
}
