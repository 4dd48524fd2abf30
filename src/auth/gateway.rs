//! `gateway`: an identity that the platform verified before it called the function.
//!
//! HTTP API:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! REST:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>,
//! SCF: <https://www.tencentcloud.com/document/product/583/12513>.
//!
//! # Guarantees
//! - An identity without a subject is rejected.
//!
//! # Not covered
//! - Verifying it again: anyone who may invoke the function directly can write any event, so
//!   restrict that permission.
//! - ALB, which sends its identity in headers.

use serde_json::Value;

use super::claims::{Claims, MAX_SUBJECT_BYTES};
use super::principal::{AuthMethod, Principal};
use crate::error::{Error, ErrorCode};
use crate::request::{Identity, IdentitySource};

pub(super) fn verify(identity: &Identity) -> Result<Principal, Error> {
    // The first member that is present counts, whatever its type.
    let member = |name: &&str| identity.members.get(*name).filter(|value| !value.is_null());
    let subject = subjects(identity.source).iter().find_map(member);
    let subject = subject
        .and_then(Value::as_str)
        .filter(|subject| (1..=MAX_SUBJECT_BYTES).contains(&subject.len()))
        .ok_or_else(|| {
            let message = "the gateway's identity has no usable subject";
            Error::new(ErrorCode::GatewayIdentity, message)
        })?;
    let mut claims = Claims::of_subject(subject);
    // Does not replace the subject. Lists are claims of tokens only.
    claims.add_json(identity.members.iter().filter(|(_, value)| !value.is_array()));
    Ok(Principal::authenticated(
        AuthMethod::Gateway(identity.source),
        identity.source.name(),
        claims,
    ))
}

/// The members that may contain the subject; the first one present counts.
const fn subjects(source: IdentitySource) -> &'static [&'static str] {
    match source {
        IdentitySource::Iam => &["userArn"],
        IdentitySource::Jwt => &["sub"],
        IdentitySource::KeyPair => &["secretId"],
        IdentitySource::Lambda => &["sub", "principalId"],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::auth::{Claim, Principal};
    use crate::error::ErrorCode;
    use crate::request::{Identity, IdentitySource};

    fn verify(source: IdentitySource, members: &Value) -> Result<Principal, ErrorCode> {
        let identity = Identity::new(source, Some(members)).unwrap();
        super::verify(&identity).map_err(|error| error.code())
    }

    #[test]
    fn each_source_has_its_subject() {
        for (source, members, subject) in [
            (IdentitySource::Jwt, json!({"sub": "u-1", "iss": "i"}), "u-1"),
            (IdentitySource::Iam, json!({"userArn": "arn:aws"}), "arn:aws"),
            (IdentitySource::KeyPair, json!({"secretId": "APID1"}), "APID1"),
            (IdentitySource::Lambda, json!({"principalId": "p", "t": 1}), "p"),
            (IdentitySource::Lambda, json!({"principalId": "p", "sub": null}), "p"),
            (IdentitySource::Lambda, json!({"principalId": "p", "sub": "u"}), "u"),
        ] {
            let principal = verify(source, &members).ok().unwrap();
            assert_eq!(principal.claims().subject(), Some(subject), "{source:?}");
            assert!(principal.method().name().ends_with(principal.name()));
        }
    }

    #[test]
    fn an_identity_without_a_subject_is_refused() {
        let no_sub = json!([{"principalId": "p"}, {"sub": ""}, {"sub": "x".repeat(513)}, {"sub": 7}, {"sub": ["a"]}]);
        for (source, members) in [
            (IdentitySource::Jwt, no_sub),
            (IdentitySource::Iam, json!([{"sub": "a", "userArn": null}])),
            (IdentitySource::KeyPair, json!([{"sub": "a"}])),
            // A subject of another type is rejected; the next member does not replace it.
            (IdentitySource::Lambda, json!([{"sub": 7, "principalId": "p"}])),
        ] {
            for members in members.as_array().unwrap() {
                let code = verify(source, members).err();
                assert_eq!(code, Some(ErrorCode::GatewayIdentity), "{members}");
            }
        }
    }

    #[test]
    fn claims_keep_their_types_and_a_member_cannot_replace_the_subject() {
        let members = json!({"userArn": "arn", "sub": "another", "admin": false, "level": 3, "half": 0.5, "groups": ["a"]});
        let principal = verify(IdentitySource::Iam, &members).ok().unwrap();
        assert_eq!(principal.claims().subject(), Some("arn"));
        assert!(principal.claims().claim("admin") == Some(&Claim::Flag(false)));
        assert!(principal.claims().claim("level") == Some(&Claim::Number(3)));
        assert!(principal.claims().claim("half").is_none());
        assert!(principal.claims().claim("groups").is_none());
    }

    #[test]
    fn one_subject_of_two_sources_is_two_subjects() {
        let of = |source| {
            let principal = verify(source, &json!({"sub": "u-1"})).ok().unwrap();
            principal.subject_hash().map(str::to_owned)
        };
        assert_ne!(of(IdentitySource::Jwt), of(IdentitySource::Lambda));
    }
}
