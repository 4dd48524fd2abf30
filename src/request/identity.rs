//! An identity that the platform proved before it called the function, as the event's request context carries it.

use std::fmt;

use serde_json::{Map, Value};

/// What proved an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// AWS IAM: a signed request.
    Iam,
    /// A JWT authorizer, or a Cognito user pool's.
    Jwt,
    /// A key pair of Tencent's API gateway.
    KeyPair,
    /// A Lambda authorizer.
    Lambda,
}

/// Who the platform reports as the caller. It is read from the request context, which no client writes.
#[derive(Clone)]
pub struct Identity {
    /// What proved it.
    pub source: Source,
    /// The members of the request context that describe it.
    pub members: Map<String, Value>,
}

impl Identity {
    /// An identity, if there are any members.
    pub fn new(source: Source, members: Option<&Value>) -> Option<Self> {
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
