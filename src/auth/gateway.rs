//! `gateway`: an identity that the platform proved before it called the function.
//!
//! HTTP API: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! REST: <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! SCF: <https://www.tencentcloud.com/document/product/583/12513>.
//!
//! Promises: an [`Identity`] is read from the event's request context, which no client writes, never from a header or a body; a plain
//! server has none, so `config` refuses `gateway` there. An identity without a subject is refused.
//! Leaves out: proving it again. Whoever may invoke the function past its gateway can write any event, so that right is to be kept
//! close. ALB's identity comes in headers and is not read.

use std::fmt;

use serde_json::{Map, Value};

use super::claims::SUBJECT_BYTES_MAX;
use super::{AuthMethod, Claim, Claims, Principal};
use crate::error::{Error, ErrorCode};

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

impl Source {
    /// The name in the audit line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Jwt => "jwt",
            Self::KeyPair => "key-pair",
            Self::Lambda => "lambda",
        }
    }

    /// Which member says who it is; the first that is there counts.
    const fn subjects(self) -> &'static [&'static str] {
        match self {
            Self::Iam => &["userArn"],
            Self::Jwt => &["sub"],
            Self::KeyPair => &["secretId"],
            Self::Lambda => &["sub", "principalId"],
        }
    }
}

/// PrincipalMatch the platform says is asking.
#[derive(Clone)]
pub struct Identity {
    /// What proved it.
    pub source: Source,
    /// What the platform tells of it.
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

    pub(super) fn verify(&self) -> Result<Principal, Error> {
        let member = |name: &&str| self.members.get(*name).filter(|value| !value.is_null());
        let subject = self.source.subjects().iter().find_map(member);
        let subject = subject
            .and_then(Value::as_str)
            .filter(|subject| (1..=SUBJECT_BYTES_MAX).contains(&subject.len()))
            .ok_or_else(|| {
                let message = "the gateway passed an identity without a usable subject";
                Error::new(ErrorCode::GatewayIdentity, message)
            })?;
        let mut claims = Claims::of_subject(subject);
        for (name, value) in &self.members {
            if let Some(claim) = claim(value) {
                // Where `sub` is there already, it is this one.
                claims.add(name, claim);
            }
        }
        Ok(Principal::proven(
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

/// What has no type of a claim is left out, and so matches nothing.
fn claim(value: &Value) -> Option<Claim> {
    match value {
        Value::Bool(flag) => Some(Claim::Flag(*flag)),
        Value::Number(number) => number.as_i64().map(Claim::Number),
        Value::String(text) => Some(Claim::Text(text.clone())),
        Value::Array(_) | Value::Null | Value::Object(_) => None,
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
            (
                Source::Iam,
                json!({"userArn": "arn:aws:iam::1:user/a"}),
                "arn:aws:iam::1:user/a",
            ),
            (Source::KeyPair, json!({"secretId": "APID1"}), "APID1"),
            (
                Source::Lambda,
                json!({"principalId": "p", "team": "t"}),
                "p",
            ),
            (
                Source::Lambda,
                json!({"principalId": "p", "sub": null}),
                "p",
            ),
            (
                Source::Lambda,
                json!({"principalId": "p", "sub": "u-2"}),
                "u-2",
            ),
        ] {
            let caller = verify(source, &members).ok().unwrap();
            assert_eq!(caller.claims().subject(), Some(subject), "{source:?}");
            assert_eq!(caller.name(), source.name());
        }
    }

    #[test]
    fn an_identity_without_a_subject_is_refused() {
        for (source, members) in [
            (Source::Jwt, json!({"principalId": "p", "email": "e"})),
            (Source::Jwt, json!({"sub": ""})),
            (Source::Jwt, json!({"sub": "x".repeat(513)})),
            (Source::Jwt, json!({"sub": 7})),
            (Source::Jwt, json!({"sub": ["a"]})),
            (Source::Iam, json!({"sub": "a", "userArn": null})),
            (Source::KeyPair, json!({"sub": "a"})),
            // A subject that is no text is not passed over for another.
            (Source::Lambda, json!({"sub": 7, "principalId": "p"})),
        ] {
            let outcome = verify(source, &members).err();
            assert_eq!(
                outcome,
                Some(ErrorCode::GatewayIdentity),
                "{source:?} {members}"
            );
        }
        assert!(Identity::new(Source::Jwt, Some(&json!({}))).is_none());
        assert!(Identity::new(Source::Jwt, Some(&json!("sub"))).is_none());
        assert!(Identity::new(Source::Jwt, None).is_none());
    }

    #[test]
    fn claims_keep_their_types_and_a_member_cannot_replace_the_subject() {
        let members = json!({"userArn": "arn", "sub": "another", "admin": false, "level": 3, "half": 0.5, "groups": ["a"]});
        let caller = verify(Source::Iam, &members).ok().unwrap();
        assert_eq!(caller.claims().subject(), Some("arn"));
        assert!(caller.claims().claim("admin") == Some(&Claim::Flag(false)));
        assert!(caller.claims().claim("level") == Some(&Claim::Number(3)));
        assert!(caller.claims().claim("half").is_none());
        assert!(caller.claims().claim("groups").is_none());
    }

    #[test]
    fn one_subject_of_two_sources_is_two_subjects() {
        let of = |source| {
            let caller = verify(source, &json!({"sub": "u-1"})).ok().unwrap();
            caller.subject_hash()
        };
        assert_ne!(of(Source::Jwt), of(Source::Lambda));
    }
}
