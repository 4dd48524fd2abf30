//! Each error of a signature with its code, and the forms that real clients send.

use super::{Credential, Draft, HOST, NOW, World, allow};
use crate::cos::auth::access::AccessControl as _;
use crate::cos::error::CosError;
use crate::cos::operation::Operation;

fn put() -> Draft {
    Draft::new("PUT", "/a/%E4%B8%AD%20%2B1.txt", "")
}

fn authorize(world: &World, draft: &Draft) -> Result<(), CosError> {
    let context = world.authorize_put(&draft.request())?;
    assert!(!context.anonymous);
    assert_eq!(context.owner_uin, 100_000_000_001);
    Ok(())
}

#[track_caller]
fn refused(world: &World, draft: &Draft, code: &str) -> CosError {
    let error = authorize(world, draft).expect_err("it has to be refused");
    assert_eq!(error.code, code, "{:?}", error.reason);
    assert!(error.reason.is_some(), "a refusal has its reason");
    error
}

#[test]
fn both_forms_with_permanent_and_temporary_keys() {
    let world = World::new();
    let session = world.session(&allow("PutObject", "a/*", ""));
    for by in [&world.root, &world.user, &session] {
        authorize(&world, &put().signed(by)).unwrap();
        authorize(&world, &put().presigned(by)).unwrap();
    }
    let records = world.authorizer.decisions();
    assert_eq!(records.len(), 6);
    assert!(records.iter().all(|record| record.is_authorized));
    assert_eq!(records[0].caller_kind, Some("root"));
    assert_eq!(records[5].caller_name.as_deref(), Some("issuer/test"));
}

#[test]
fn what_clients_sign_differently() {
    let world = World::new();
    let session = world.session(&allow("PutObject", "a/*", ""));
    // Python signs the token.
    let token = session.token.clone().unwrap();
    let mut signed_token = put().header("x-cos-security-token", &token);
    let authorization = signed_token.authorization(&session);
    signed_token = signed_token.header("authorization", &authorization);
    authorize(&world, &signed_token).unwrap();
    // Python and Android sign the host without its port, Node and the browser with it.
    let with_port = Draft { host: format!("{HOST}:18081"), ..put() };
    authorize(&world, &with_port.clone().signed(&world.user)).unwrap();
    let without = put().signed(&world.user);
    let sent = Draft { host: with_port.host.clone(), ..without };
    authorize(&world, &sent).unwrap();
    // The Go SDK puts the whole of it into one parameter.
    let mut merged = put();
    let encoded = merged.authorization(&world.user);
    let encoded =
        percent_encoding::utf8_percent_encode(&encoded, percent_encoding::NON_ALPHANUMERIC);
    merged.query = format!("sign={encoded}");
    authorize(&world, &merged).unwrap();
    // What is not in the lists is not looked at (documented), here two parameters and two headers.
    let mut more = put().signed(&world.user).header("cache-control", "");
    more.query = "marker=&max-keys=2".to_owned();
    authorize(&world, &more).unwrap();
    // A parameter without a value, with `=` and without.
    for query in ["acl", "acl=", "uploadId=x%2Fy&partNumber=1"] {
        let draft = Draft::new("PUT", "/a", query).signed(&world.user);
        authorize(&world, &draft).unwrap();
    }
    // Names are signed in lower case (documented): the case of a parameter's name does not belong
    // to what is signed, that of its value is.
    let signed = Draft::new("PUT", "/a", "xyz=xyz").signed(&world.user);
    let sent = |query: &str| Draft { query: query.to_owned(), ..signed.clone() };
    authorize(&world, &sent("XyZ=xyz")).unwrap();
    refused(&world, &sent("xyz=XyZ"), "SignatureDoesNotMatch");
    refused(&world, &sent("xy=xyz"), "SignatureDoesNotMatch");
}

#[test]
fn nobody_is_refused() {
    let world = World::new();
    let error = refused(&world, &put(), "AccessDenied");
    assert_eq!((error.status.as_u16(), error.message.as_str()), (403, "Access Denied."));
    refused(&world, &put().header("authorization", ""), "AccessDenied");
    let service =
        Draft { host: "service.cos.myqcloud.com".to_owned(), ..Draft::new("GET", "/", "") };
    let error = world.authorizer.authorize(&service.request(), &Operation::GetService).unwrap_err();
    assert_eq!(error.message, "Check auth failure because signature empty.");
    // What cannot be read counts as none.
    for text in [
        "AWS4-HMAC-SHA256 Credential=AKIDEMU/20260101/ap-guangzhou/s3/aws4_request",
        "Bearer x",
        "q-sign-algorithm=sha1",
        "q-sign-algorithm=sha1&q-ak=AKIDEMU",
    ] {
        refused(&world, &put().header("authorization", text), "AccessDenied");
    }
    let mut algorithm = put().signed(&world.root);
    tamper(&mut algorithm, "sha1", "sha256");
    refused(&world, &algorithm, "AccessDenied");
    // Two signatures, each right.
    let twice = put().signed(&world.root);
    let twice = Draft { query: put().presigned(&world.root).query, ..twice };
    refused(&world, &twice, "AccessDenied");
}

#[test]
fn keys_that_are_not_good() {
    let world = World::new();
    let session = world.session(&allow("PutObject", "a/*", ""));
    let other = world.session(&allow("PutObject", "a/*", ""));
    let with = |token: Option<&Credential>| Credential {
        pair: session.pair.clone(),
        token: token.and_then(|other| other.token.clone()),
    };
    refused(&world, &put().signed(&with(None)), "InvalidAccessKeyId");
    refused(&world, &put().signed(&with(Some(&other))), "InvalidAccessKeyId");
    refused(&world, &put().presigned(&with(Some(&other))), "InvalidAccessKeyId");
    let empty = put().signed(&with(None)).header("x-cos-security-token", "");
    refused(&world, &empty, "InvalidAccessKeyId");
    let permanent = Credential { token: other.token.clone(), ..world.user.clone() };
    refused(&world, &put().signed(&permanent), "InvalidAccessKeyId");

    for unknown in ["AKIDEMUnobody", "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "x"] {
        let mut draft = put().signed(&world.user);
        tamper(&mut draft, &world.user.pair.secret_id, unknown);
        let error = refused(&world, &draft, "InvalidAccessKeyId");
        assert_eq!(error.message, "The Access Key Id you provided does not exist in our records");
    }

    assert!(world.directory.revoke(&session.pair.secret_id));
    let error = refused(&world, &put().signed(&session), "InvalidAccessKeyId");
    assert_eq!(error.reason.as_deref(), Some("the key was revoked"));

    let late = Draft { now: NOW + 1800, key_time: format!("{NOW};{}", NOW + 3600), ..put() };
    let error = refused(&world, &late.clone().signed(&other), "ExpiredToken");
    assert_eq!(error.status.as_u16(), 400);
    let in_time = Draft { now: NOW + 1799, ..late };
    authorize(&world, &in_time.signed(&other)).unwrap();
}

#[test]
fn a_signature_is_good_only_for_its_own_time() {
    let world = World::new();
    let at = |now: i64| {
        let draft = Draft { now, ..put() };
        draft.signed(&world.user)
    };
    authorize(&world, &at(NOW - 60)).unwrap();
    authorize(&world, &at(NOW + 600)).unwrap();
    for now in [NOW - 61, NOW + 601, NOW + 1_000_000] {
        let error = refused(&world, &at(now), "AccessDenied");
        assert_eq!(error.message, "Request has expired");
        assert_eq!(error.members[0].0, "ServerTime");
    }
    refused(&world, &at(NOW - 60 - 901), "RequestTimeTooSkewed");
    // Whichever of the two times is over.
    for field in ["q-sign-time", "q-key-time"] {
        let mut draft = put().signed(&world.user);
        let right = format!("{field}={}", put().key_time);
        tamper(&mut draft, &right, &format!("{field}={};{}", NOW - 20, NOW - 10));
        assert_eq!(refused(&world, &draft, "AccessDenied").message, "Request has expired");
        // A longer life than was signed.
        let mut draft = put().signed(&world.user);
        tamper(&mut draft, &right, &format!("{field}={};{}", NOW - 60, NOW + 601));
        if field == "q-key-time" {
            refused(&world, &draft, "SignatureDoesNotMatch");
        }
    }
    let far = put().header("date", "Tue, 14 Nov 2023 22:28:21 GMT");
    refused(&world, &far.signed(&world.user), "RequestTimeTooSkewed");
    let near = put().header("date", "Tue, 14 Nov 2023 22:28:20 GMT");
    authorize(&world, &near.signed(&world.user)).unwrap();
}

#[test]
fn a_wrong_signature_is_answered_with_what_was_to_be_signed() {
    let world = World::new();
    let wrong_key = Credential {
        pair: crate::account::KeyPair {
            secret_key: "not the key".to_owned(),
            ..world.user.pair.clone()
        },
        token: None,
    };
    let error = refused(&world, &put().signed(&wrong_key), "SignatureDoesNotMatch");
    assert_eq!(error.status.as_u16(), 403);
    let format = format!("put\n/a/中 +1.txt\n\nhost={HOST}\n");
    assert_eq!(error.members[1], ("FormatString", format));
    assert!(error.members[0].1.starts_with("sha1\n"));

    // Lists that are not as they have to be, or name what is not there.
    let three = put().header("x-cos-acl", "private").header("range", "x");
    for (from, to) in [
        ("host;range;x-cos-acl", "range;host;x-cos-acl"),
        ("host;range;x-cos-acl", "Host;range;x-cos-acl"),
        ("host;range;x-cos-acl", "host;host;range;x-cos-acl"),
        ("host;range;x-cos-acl", "host;range;x-cos-acl;"),
        ("host;range;x-cos-acl", "host;range"),
        ("host;range;x-cos-acl", ""),
        ("host;range;x-cos-acl", "host;range;x-cos-acl;x-cos-none"),
        ("q-url-param-list=", "q-url-param-list=none"),
    ] {
        let mut draft = three.clone().signed(&world.user);
        authorize(&world, &draft).unwrap();
        tamper(&mut draft, from, to);
        refused(&world, &draft, "SignatureDoesNotMatch");
    }
}

#[test]
fn what_could_mean_two_things_is_refused() {
    let world = World::new();
    for query in ["prefix=a&prefix=b", "uploadId=1&uploadid=2", "a&a"] {
        let draft = Draft { query: query.to_owned(), ..put().signed(&world.root) };
        refused(&world, &draft, "InvalidArgument");
    }
    for name in ["content-type", "x-cos-acl", "x-cos-security-token", "authorization"] {
        let draft = put().header(name, "a").header(name, "b");
        refused(&world, &draft, "InvalidArgument");
    }
    let twice = put().header("range", "a").header("range", "b").signed(&world.root);
    refused(&world, &twice, "SignatureDoesNotMatch");
    let session = world.session(&allow("PutObject", "a/*", ""));
    let both = put().header("x-cos-security-token", "x").presigned(&session);
    refused(&world, &both, "InvalidArgument");
    let path = Draft::new("PUT", "/%ff", "").signed(&world.root);
    refused(&world, &path, "InvalidURI");
    let query = Draft::new("PUT", "/a", "x=%ff").signed(&world.root);
    refused(&world, &query, "InvalidURI");
}

/// Changes the Authorization header.
fn tamper(draft: &mut Draft, from: &str, to: &str) {
    let (_, value) = draft.headers.iter_mut().find(|(name, _)| name == "authorization").unwrap();
    assert!(value.contains(from), "{from}");
    *value = value.replacen(from, to, 1);
}
