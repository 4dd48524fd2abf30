//! What `Pic-Operations` requires: each result is an upload of its own.

use super::{BUCKET, Credential, Draft, World, allow, authorize_signed, statement};
use crate::cos::error::CosError;

/// The uploads that can have pictures, and the action that each requires anyway.
const UPLOADS: [(&str, &str, &str); 4] = [
    ("PUT", "", "PutObject"),
    ("POST", "uploads", "InitiateMultipartUpload"),
    ("POST", "uploadId=u", "CompleteMultipartUpload"),
    ("POST", "image_process", "GetObject"),
];

fn operations(fileid: &str) -> String {
    format!(r#"{{"rules":[{{"fileid":"{fileid}","rule":"imageMogr2/thumbnail/300x"}}]}}"#)
}

fn draft(method: &str, query: &str, operations: &str) -> Draft {
    Draft::new(method, "/a/b.jpg", query).header("pic-operations", operations)
}

fn send(world: &World, draft: Draft, by: &Credential) -> Result<(), CosError> {
    authorize_signed(world, &draft.signed(by))
}

#[test]
fn each_result_requires_an_upload_to_its_own_key() {
    let world = World::new();
    for (method, query, action) in UPLOADS {
        let of = |path: &str| {
            let own = statement("allow", action, "a/b.jpg", "");
            let result = statement("allow", "PutObject", path, "");
            world.session(&format!(r#"{{"version":"2.0","statement":[{own},{result}]}}"#))
        };
        let small = || draft(method, query, &operations("small.jpg"));
        send(&world, small(), &of("a/small.jpg"))
            .unwrap_or_else(|error| panic!("{action}: {error:?}"));
        send(&world, draft(method, query, &operations("/c/small.jpg")), &of("c/*")).unwrap();
        // Elsewhere, also by a key that COS may merge, and in another bucket.
        let other_bucket = r#"{"rules":[{"bucket":"b-1250000000","fileid":"small.jpg","rule":"imageMogr2/strip"}]}"#;
        let foreign = other_bucket.replace("b-1250000000", "b-1250000009");
        let both = r#"{"rules":[{"fileid":"small.jpg","rule":"imageMogr2/strip"},{"fileid":"/c","rule":"imageMogr2/strip"}]}"#;
        for text in [
            operations("large.jpg"),
            operations("/small.jpg"),
            operations("../a/../c/small.jpg"),
            other_bucket.to_owned(),
            foreign,
            both.to_owned(),
        ] {
            let error = send(&world, draft(method, query, &text), &of("a/small.jpg")).unwrap_err();
            assert_eq!(error.code, "AccessDenied", "{action} {text}");
        }
        // One of the two is not enough.
        for actions in [action, "PutObjectTagging"] {
            let one = world.session(&allow(actions, "a/b.jpg", ""));
            assert_eq!(send(&world, small(), &one).unwrap_err().code, "AccessDenied", "{action}");
        }
        let deny = statement("deny", "PutObject", "a/small.jpg", "");
        let all = statement("allow", "*", "*", "");
        let denies = world.session(&format!(r#"{{"version":"2.0","statement":[{all},{deny}]}}"#));
        assert_eq!(send(&world, small(), &denies).unwrap_err().code, "AccessDenied");
    }
    let stored = world.authorizer.decisions().pop().unwrap();
    let targets: Vec<&str> = stored.accesses.iter().map(|access| access.target.as_str()).collect();
    let original = format!("{BUCKET}/a/b.jpg");
    let small = format!("{BUCKET}/a/small.jpg");
    assert_eq!(targets, [original.as_str(), &small, &small]);
}

#[test]
fn a_limit_of_the_upload_never_covers_a_result() {
    let world = World::new();
    let limited = |condition: &str| {
        let condition = format!(r#","condition":{{{condition}}}"#);
        world.session(&allow("PutObject", "a/*", &condition))
    };
    let put = || draft("PUT", "", &operations("small.jpg")).header("content-length", "10");
    let size = r#""numeric_less_than_equal":{"cos:content-length":100}"#;
    let error = send(&world, put(), &limited(size)).unwrap_err();
    assert!(error.reason.unwrap().contains("lacks this key"));
    let plain = Draft::new("PUT", "/a/b.jpg", "").header("content-length", "10");
    send(&world, plain, &limited(size)).unwrap();
    // A condition that an absent key meets must also hold for the keys of the request.
    let typed = r#""string_not_equal_if_exist":{"cos:content-type":"text/html"}"#;
    send(&world, put().header("content-type", "image/jpeg"), &limited(typed)).unwrap();
    let html = send(&world, put().header("content-type", "text/html"), &limited(typed));
    assert_eq!(html.unwrap_err().code, "AccessDenied");
}

#[test]
fn a_header_that_is_not_signed_or_not_of_its_form_is_refused() {
    let world = World::new();
    for (method, query, action) in UPLOADS {
        let signed = Draft::new(method, "/a/b.jpg", query).signed(&world.root);
        let added = signed.header("pic-operations", &operations("small.jpg"));
        let presigned = Draft::new(method, "/a/b.jpg", query).presigned(&world.root);
        let added_to_url = presigned.header("pic-operations", &operations("small.jpg"));
        let unsigned = draft(method, query, &operations("small.jpg"));
        for draft in [added, added_to_url, unsigned] {
            let error = authorize_signed(&world, &draft).unwrap_err();
            assert_eq!(error.code, "AccessDenied", "{action}");
            assert_eq!(error.headers, [("x-errno", "-60938".to_owned())]);
        }
        for (text, code, number) in [
            ("e30=", "InvalidArgument", "-60998"),
            (
                r#"{"rules":[{"fileid":"a/","rule":"imageMogr2/strip"}]}"#,
                "InvalidArgument",
                "-60998",
            ),
            (r#"{"rules":[{"fileid":"a","rule":"imageMogr2"}]}"#, "InvalidArgument", "-60998"),
        ] {
            let error = send(&world, draft(method, query, text), &world.root).unwrap_err();
            assert_eq!(error.code, code, "{action} {text}");
            assert_eq!(error.headers, [("x-errno", number.to_owned())]);
        }
        let twice = draft(method, query, "{}").header("pic-operations", "{}");
        let error = send(&world, twice, &world.root).unwrap_err();
        assert_eq!(error.code, "InvalidArgument", "{action}");
    }
    let not_offered = [
        ("PUT", "partNumber=1&uploadId=u"),
        ("PUT", "acl"),
        ("PUT", "tagging"),
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "append&position=0"),
        ("POST", "restore"),
        ("POST", "image_process&versionId=x"),
        ("POST", "image_process&uploadId=x"),
    ];
    for (method, query) in not_offered {
        let error = send(&world, draft(method, query, "{}"), &world.root).unwrap_err();
        assert_eq!(error.code, "NotImplemented", "{method} {query}");
    }
    let copy = draft("PUT", "", "{}")
        .header("x-cos-copy-source", &format!("{BUCKET}.cos.ap-guangzhou.myqcloud.com/a"));
    assert_eq!(send(&world, copy, &world.root).unwrap_err().code, "NotImplemented");
    let s3 = draft("PUT", "", "{}").of_s3().aws_signed(&world.root);
    assert_eq!(authorize_signed(&world, &s3).unwrap_err().code, "NotImplemented");
}

#[test]
fn a_callback_is_signed_and_sent_once() {
    let world = World::new();
    for (method, query, _) in &UPLOADS[..3] {
        for name in ["x-cos-callback", "x-cos-callback-var"] {
            let draft = || Draft::new(method, "/a/b.jpg", query);
            send(&world, draft().header(name, "e30="), &world.root).unwrap();
            let added = draft().signed(&world.root).header(name, "e30=");
            let added_to_url = draft().presigned(&world.root).header(name, "e30=");
            let unsigned = draft().header(name, "e30=");
            for draft in [added, added_to_url, unsigned] {
                let error = authorize_signed(&world, &draft).unwrap_err();
                assert_eq!(error.code, "AccessDenied", "{name}");
                assert!(error.reason.unwrap().contains(name));
            }
            let twice = draft().header(name, "e30=").header(name, "e30=");
            assert_eq!(send(&world, twice, &world.root).unwrap_err().code, "InvalidArgument");
        }
        // The body is for the client itself.
        let added = Draft::new(method, "/a/b.jpg", query).signed(&world.root);
        authorize_signed(&world, &added.header("x-cos-return-body", "e30=")).unwrap();
    }
}
