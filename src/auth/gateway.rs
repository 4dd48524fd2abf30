//! `gateway`: an identity that the platform verified before it called the function.
//!
//! HTTP API: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! REST: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! SCF: <https://www.tencentcloud.com/document/product/583/12513>.
//!
//! # Guarantees
//! - An [`Identity`] comes from the event's request context, which clients cannot write, never from a header or a body.
//! - An identity without a subject is rejected.
//!
//! # Not covered
//! - Verifying it again: anyone who may invoke the function directly can write any event, so restrict that permission.
//! - ALB, which sends its identity in headers.

use std::fmt;

use serde_json::{Map, Value};

use super::claims::{Claims, MAX_SUBJECT_BYTES};
use super::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};

/// Which authorizer of the platform verified an identity.
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

impl Source {
    /// The name in the audit log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Jwt => "jwt",
            Self::KeyPair => "key-pair",
            Self::Lambda => "lambda",
        }
    }

    /// The members that may contain the subject; the first one present counts.
    const fn subjects(self) -> &'static [&'static str] {
        match self {
            Self::Iam => &["userArn"],
            Self::Jwt => &["sub"],
            Self::KeyPair => &["secretId"],
            Self::Lambda => &["sub", "principalId"],
        }
    }
}

/// An identity that the platform attached to a request.
#[derive(Clone)]
pub struct Identity {
    /// What verified it.
    pub source: Source,
    /// The claims or attributes, as the platform sends them.
    pub members: Map<String, Value>,
}

impl Identity {
    /// An identity, if `members` is an object that is not empty.
    pub fn new(source: Source, members: Option<&Value>) -> Option<Self> {
        let members = members?.as_object().filter(|members| !members.is_empty())?;
        Some(Self {
            source,
            members: members.clone(),
        })
    }

    pub(super) fn verify(&self) -> Result<Principal, Error> {
        let member = |name: &&str| self.members.get(*name).filter(|value| !value.is_null());
        let subject = self.source.subjects().iter().find_map(member);
        let subject = subject
            .and_then(Value::as_str)
            .filter(|subject| (1..=MAX_SUBJECT_BYTES).contains(&subject.len()))
            .ok_or_else(|| {
                let message = "the gateway's identity has no usable subject";
                Error::new(ErrorCode::GatewayIdentity, message)
            })?;
        let mut claims = Claims::of_subject(subject);
        // Does not replace the subject.
        claims.add_json(&self.members);
        Ok(Principal::authenticated(
            AuthMethod::Gateway(self.source),
            self.source.name(),
            claims,
        ))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Identity");
        shown.field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Identity, Source};
    use crate::auth::{Claim, Principal};
    use crate::error::ErrorCode;

    fn verify(source: Source, members: &Value) -> Result<Principal, ErrorCode> {
        let identity = Identity::new(source, Some(members)).unwrap();
        identity.verify().map_err(|error| error.code())
    }

    #[test]
    fn each_source_has_its_subject() {
        for (source, members, subject) in [
            (Source::Jwt, json!({"sub": "u-1", "iss": "i"}), "u-1"),
            (Source::Iam, json!({"userArn": "arn:aws"}), "arn:aws"),
            (Source::KeyPair, json!({"secretId": "APID1"}), "APID1"),
            (Source::Lambda, json!({"principalId": "p", "t": 1}), "p"),
            (
                Source::Lambda,
                json!({"principalId": "p", "sub": null}),
                "p",
            ),
            (Source::Lambda, json!({"principalId": "p", "sub": "u"}), "u"),
        ] {
            let principal = verify(source, &members).ok().unwrap();
            assert_eq!(principal.claims().subject(), Some(subject), "{source:?}");
            assert_eq!(principal.name(), source.name());
        }
    }

    #[test]
    fn an_identity_without_a_subject_is_refused() {
        let no_sub = json!([{"principalId": "p"}, {"sub": ""}, {"sub": "x".repeat(513)}, {"sub": 7}, {"sub": ["a"]}]);
        for (source, members) in [
            (Source::Jwt, no_sub),
            (Source::Iam, json!([{"sub": "a", "userArn": null}])),
            (Source::KeyPair, json!([{"sub": "a"}])),
            // A subject of another type is rejected; the next member does not replace it.
            (Source::Lambda, json!([{"sub": 7, "principalId": "p"}])),
        ] {
            for members in members.as_array().unwrap() {
                let code = verify(source, members).err();
                assert_eq!(code, Some(ErrorCode::GatewayIdentity), "{members}");
            }
        }
        for nothing in [Some(&json!({})), Some(&json!("sub")), None] {
            assert!(Identity::new(Source::Jwt, nothing).is_none());
        }
    }

    #[test]
    fn claims_keep_their_types_and_a_member_cannot_replace_the_subject() {
        let members = json!({"userArn": "arn", "sub": "another", "admin": false, "level": 3, "half": 0.5, "groups": ["a"]});
        let principal = verify(Source::Iam, &members).ok().unwrap();
        assert_eq!(principal.claims().subject(), Some("arn"));
        assert!(principal.claims().claim("admin") == Some(&Claim::Flag(false)));
        assert!(principal.claims().claim("level") == Some(&Claim::Number(3)));
        assert!(principal.claims().claim("half").is_none());
        let groups = Claim::Texts(vec!["a".to_owned()]);
        assert!(principal.claims().claim("groups") == Some(&groups));
    }

    #[test]
    fn one_subject_of_two_sources_is_two_subjects() {
        let of = |source| {
            let principal = verify(source, &json!({"sub": "u-1"})).ok().unwrap();
            principal.subject_hash()
        };
        assert_ne!(of(Source::Jwt), of(Source::Lambda));
    }
}
