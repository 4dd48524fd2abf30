//! Signatures of S3 clients: what they cover, each error with its code, and the body that they
//! declare. That they allow exactly what a signature of COS allows, every other test of
//! authorization checks.

use super::{Credential, Draft, HOST, NOW, World, allow};
use crate::cos::auth::access::AccessControl as _;
use crate::cos::error::CosError;
use crate::cos::http::request::RequestHead;

fn put() -> Draft {
    Draft::new("PUT", "/a/%E4%B8%AD%20%2B1.txt", "").header("x-amz-meta-a", "1")
}

fn authorize(world: &World, draft: &Draft) -> Result<(), CosError> {
    let context = world.authorize_put(&draft.request())?;
    assert!(!context.anonymous);
    Ok(())
}

#[test]
fn both_forms_of_s3_with_permanent_and_temporary_keys() {
    let world = World::new();
    let session = world.session(&allow("PutObject", "a/*", ""));
    for by in [&world.root, &world.user, &session] {
        authorize(&world, &put().aws_signed(by)).unwrap();
        authorize(&world, &put().aws_presigned(by, "604800")).unwrap();
    }
    let records = world.authorizer.decisions();
    assert_eq!(records.len(), 6);
    assert_eq!(records[5].caller_name.as_deref(), Some("issuer/test"));
}

#[test]
fn what_s3_clients_do_differently() {
    let world = World::new();
    let by = &world.user;
    // A port, no blanks after commas, and a header that is not signed because it decides nothing.
    let with_port = Draft { host: format!("{HOST}:18081"), ..put() };
    let sent = with_port.aws_signed(by).change("authorization", ", ", ",");
    authorize(&world, &sent.header("accept", "*/*")).unwrap();
    // A path that is signed as it is sent, and one that is signed as it is decoded.
    for path in ["/a%2Fb", "/a(b)!*'", "//a", "/a/../b"] {
        authorize(&world, &Draft::new("PUT", path, "").aws_signed(by)).unwrap();
    }
    // A blank in a query as `+`; a parameter without a value.
    for query in ["x-id=PutObject&a=b+c", "acl", "acl="] {
        authorize(&world, &Draft::new("PUT", "/a", query).aws_signed(by)).unwrap();
    }
}

#[test]
fn a_changed_request_of_s3_is_rejected() {
    let world = World::new();
    let session = world.session(&allow("PutObject", "a/*", ""));
    let other = world.session(&allow("PutObject", "a/*", ""));
    let unknown = Credential { pair: crate::account::KeyPair::random(), token: None };
    let signed = |by: &Credential| put().aws_signed(by);
    let presigned = || put().aws_presigned(&session, "900");
    let region = |draft: Draft| draft.change("authorization", "/ap-guangzhou/", "/us-east-1/");
    let mismatch = "SignatureDoesNotMatch";
    let (denied, skewed, key) = ("AccessDenied", "RequestTimeTooSkewed", "InvalidAccessKeyId");
    for (name, draft, code) in [
        // The request.
        ("method", Draft { method: "POST".parse().unwrap(), ..signed(&session) }, mismatch),
        ("path", Draft { path: "/a/b".to_owned(), ..signed(&session) }, mismatch),
        ("host", Draft { host: format!("{HOST}:1"), ..signed(&session) }, mismatch),
        ("query", Draft { query: "acl".to_owned(), ..signed(&session) }, mismatch),
        ("header", signed(&session).change("x-amz-meta-a", "1", "2"), mismatch),
        ("header removed", signed(&session).without("x-amz-meta-a"), mismatch),
        (
            "payload",
            signed(&session).change("x-amz-content-sha256", "UNSIGNED", "SIGNED"),
            mismatch,
        ),
        ("no payload", signed(&session).without("x-amz-content-sha256"), mismatch),
        ("presigned path", Draft { path: "/a/b".to_owned(), ..presigned() }, mismatch),
        ("longer", presigned().in_query("Expires=900", "Expires=901"), mismatch),
        ("presigned header", presigned().change("x-amz-meta-a", "1", "2"), mismatch),
        ("presigned more", Draft { query: presigned().query + "&acl", ..presigned() }, mismatch),
        // Headers that are not signed.
        ("acl", signed(&session).header("x-amz-acl", "public-read"), denied),
        ("acl of COS", signed(&session).header("x-cos-acl", "public-read"), denied),
        ("presigned acl", presigned().header("x-amz-acl", "public-read"), denied),
        ("source", presigned().header("x-amz-copy-source", "/b-1250000000/a"), denied),
        ("host", signed(&session).change("authorization", "host;", ""), denied),
        ("date", signed(&session).change("authorization", ";x-amz-date", ""), denied),
        // The key.
        ("unknown key", signed(&unknown), key),
        ("other key", signed(&session).by(&session, &other), key),
        (
            "other secret",
            signed(&Credential { token: None, ..world.user.clone() }).by(&world.user, &world.root),
            mismatch,
        ),
        ("no token", signed(&Credential { token: None, ..session.clone() }), key),
        ("other token", signed(&Credential { token: other.token.clone(), ..session.clone() }), key),
        (
            "token of none",
            signed(&Credential { token: session.token.clone(), ..world.user.clone() }),
            key,
        ),
        (
            "presigned without token",
            put().aws_presigned(&Credential { token: None, ..session.clone() }, "900"),
            key,
        ),
        (
            "two tokens",
            presigned().header("x-amz-security-token", session.token.as_ref().unwrap()),
            "InvalidArgument",
        ),
        // The scope.
        ("region", region(signed(&session)), mismatch),
        ("no region", signed(&session).change("authorization", "/ap-guangzhou/", "//"), denied),
        ("service", signed(&session).change("authorization", "/s3/", "/sts/"), denied),
        (
            "terminator",
            signed(&session).change("authorization", "aws4_request", "aws5_request"),
            denied,
        ),
        ("day", signed(&session).change("authorization", "/20231114/", "/20231115/"), denied),
        // The time.
        ("late", Draft { now: NOW + 901, ..signed(&session) }, skewed),
        ("early", Draft { now: NOW - 901, ..signed(&session) }, skewed),
        ("presigned early", Draft { now: NOW - 901, ..presigned() }, skewed),
        ("presigned late", Draft { now: NOW + 901, ..presigned() }, denied),
        ("more than a week", put().aws_presigned(&session, "604801"), denied),
        ("no time", put().aws_presigned(&session, "0"), denied),
        ("negative", put().aws_presigned(&session, "-1"), denied),
        ("not a date", signed(&session).change("x-amz-date", "T", " "), denied),
        ("no date", signed(&session).without("x-amz-date"), denied),
        // The form.
        (
            "algorithm",
            signed(&session).change("authorization", "HMAC-SHA256", "HMAC-SHA512"),
            denied,
        ),
        ("field", signed(&session).change("authorization", "Signature=", "Sign="), denied),
        (
            "twice",
            signed(&session).change("authorization", ", Sig", ", SignedHeaders=host, Sig"),
            denied,
        ),
        (
            "order",
            signed(&session).change(
                "authorization",
                "host;x-amz-content-sha256",
                "x-amz-content-sha256;host",
            ),
            denied,
        ),
        ("case", signed(&session).change("authorization", "=host", "=Host"), denied),
        ("short", signed(&session).change("authorization", "Signature=", "Signature=0"), denied),
        ("header and query", presigned().with(&signed(&session), "authorization"), denied),
        ("two APIs", Draft { query: "sign=x".to_owned(), ..signed(&session) }, denied),
        (
            "both headers",
            signed(&session).header("authorization", "q-sign-algorithm=sha1"),
            "InvalidArgument",
        ),
        (
            "presigned twice",
            Draft { query: presigned().query + "&X-Amz-Expires=900", ..presigned() },
            "InvalidArgument",
        ),
        ("missing field", presigned().in_query("X-Amz-Date", "x"), denied),
        ("bytes", Draft { path: "/a/%ff".to_owned(), ..signed(&session) }, "InvalidURI"),
    ] {
        let error = authorize(&world, &draft).expect_err(name);
        assert_eq!(error.code, code, "{name}: {:?}", error.reason);
        assert!(error.reason.is_some() || error.code == "InvalidRequest", "{name}");
    }
    let error = authorize(&world, &signed(&session).change("x-amz-meta-a", "1", "2")).unwrap_err();
    let names: Vec<&str> = error.members.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["StringToSign", "CanonicalRequest"]);
    let token = session.token.as_ref().unwrap();
    assert!(!format!("{error:?}").contains(token.as_str()), "no token is shown");
}

/// The bytes of a body as it is sent, and whether it is accepted.
fn received(world: &World, request: &RequestHead, body: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut payload = world.authorizer.payload(request).map_err(|error| error.code)?;
    let mut bytes = Vec::new();
    for piece in body.chunks(7) {
        payload.receive(bytes::Bytes::copy_from_slice(piece));
        while let Some(more) = payload.next().map_err(|error| error.code)? {
            bytes.extend_from_slice(&more);
        }
    }
    payload.finish().map_err(|error| error.code)?;
    Ok(bytes)
}

#[test]
fn a_body_is_the_declared_one() {
    let world = World::new();
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let body = |headers: &[(&str, &str)]| {
        let draft = headers.iter().fold(put(), |draft, (name, value)| draft.header(name, value));
        received(&world, &draft.aws_signed(&world.user).request(), b"hello")
    };
    let hash = ("x-amz-content-sha256", hello);
    for headers in [
        &[][..],
        &[hash],
        &[hash, ("x-amz-checksum-crc32", "NhCmhg==")],
        &[("x-amz-checksum-crc32c", "mnG7TA==")],
        &[("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=")],
        &[("x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")],
        &[("x-amz-checksum-algorithm", "CRC32")],
    ] {
        assert_eq!(body(headers).as_deref(), Ok(&b"hello"[..]), "{headers:?}");
    }
    let wrong = hello.replace('2', "3");
    for (headers, code) in [
        (&[("x-amz-content-sha256", wrong.as_str())][..], "XAmzContentSHA256Mismatch"),
        (&[("x-amz-content-sha256", &hello.to_uppercase())], "InvalidArgument"),
        (&[("x-amz-content-sha256", hello.trim_start_matches('2'))], "InvalidArgument"),
        (&[("x-amz-content-sha256", "")], "InvalidArgument"),
        (
            &[("x-amz-content-sha256", "STREAMING-PAYLOAD"), ("x-amz-decoded-content-length", "5")],
            "InvalidArgument",
        ),
        (&[("x-amz-checksum-crc32", "NhCmhw==")], "BadDigest"),
        (&[("x-amz-checksum-crc32", "")], "BadDigest"),
        (&[("x-amz-checksum-crc32c", "NhCmhg==")], "BadDigest"),
        (&[hash, ("x-amz-checksum-sha1", "NhCmhg==")], "BadDigest"),
        (&[("x-amz-checksum-md5", "XUFAKrxLKna5cZ2REBfFkg==")], "NotImplemented"),
    ] {
        assert_eq!(body(headers), Err(code), "{headers:?}");
    }
}

impl Draft {
    /// Replaces text in a header.
    fn change(mut self, name: &str, from: &str, to: &str) -> Self {
        let header = self.headers.iter_mut().find(|(found, _)| found == name).unwrap();
        assert!(header.1.contains(from), "{}", header.1);
        header.1 = header.1.replacen(from, to, 1);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| found != name);
        self
    }

    fn in_query(mut self, from: &str, to: &str) -> Self {
        assert!(self.query.contains(from));
        self.query = self.query.replacen(from, to, 1);
        self
    }

    /// Names another key as the signer.
    fn by(self, signer: &Credential, other: &Credential) -> Self {
        self.change("authorization", &signer.pair.secret_id, &other.pair.secret_id)
    }

    /// Takes a header of another request.
    fn with(self, other: &Self, name: &str) -> Self {
        let header = other.headers.iter().find(|(found, _)| found == name).unwrap();
        self.header(name, &header.1)
    }
}
