//! The identity that a platform attaches to a request.
//!
//! # Guarantees
//! It comes from the event's request context, which clients cannot write, never from a header or a body.
//!
//! # Not covered
//! Who that is (`auth`).

use std::fmt;

use serde_json::{Map, Value};

/// What the platform sends about an authenticated client.
#[derive(Clone)]
pub struct Identity {
    /// What verified it.
    pub source: IdentitySource,
    /// The claims or attributes, as the platform sends them.
    pub members: Map<String, Value>,
}

impl Identity {
    /// An identity, if `members` is an object that is not empty.
    pub fn new(source: IdentitySource, members: Option<&Value>) -> Option<Self> {
        let members = members?.as_object().filter(|members| !members.is_empty())?;
        Some(Self {
            source,
            members: members.clone(),
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Identity");
        shown.field("source", &self.source).finish_non_exhaustive()
    }
}

/// Which authorizer of the platform verified an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// AWS IAM: a signed request.
    Iam,
    /// A JWT authorizer, or a Cognito user pool's.
    Jwt,
    /// A key pair of Tencent's API gateway.
    KeyPair,
    /// A Lambda authorizer.
    Lambda,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Identity, IdentitySource};

    #[test]
    fn an_identity_is_an_object_with_members() {
        assert!(Identity::new(IdentitySource::Jwt, Some(&json!({"sub": "u"}))).is_some());
        for nothing in [Some(&json!({})), Some(&json!("sub")), None] {
            assert!(Identity::new(IdentitySource::Jwt, nothing).is_none());
        }
    }
}
