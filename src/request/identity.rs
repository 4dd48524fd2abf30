//! An identity that the platform verified before it called the function.
//!
//! # Guarantees
//! An [`Identity`] comes from the event's request context, which clients cannot write, never from a
//! header or a body.

use std::fmt;

use serde_json::{Map, Value};

/// Which authorizer of the platform verified an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

impl IdentitySource {
    /// The name in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Jwt => "jwt",
            Self::KeyPair => "key-pair",
            Self::Lambda => "lambda",
        }
    }
}

/// An identity that the platform attached to a request.
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
        Some(Self { source, members: members.clone() })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Identity");
        shown.field("source", &self.source).finish_non_exhaustive()
    }
}
