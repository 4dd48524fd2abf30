//! The permissions that each operation requires.

use super::{BUCKET, Credential, Draft, World, allow, authorize, bucket, denied, statement};
use crate::cos::auth::access::{AccessControl as _, Deletion};
use crate::cos::error::CosError;
use crate::cos::tags::Tags;

/// Method, path and query, the one required action, and its resource (`.` for the bucket).
const OPERATIONS: &str = "
    PUT / PutBucket .
    HEAD / HeadBucket .
    GET /?prefix=a/ GetBucket a/*
    GET / GetBucket .
    DELETE / DeleteBucket .
    PUT /?cors PutBucketCORS .
    GET /?cors GetBucketCORS .
    DELETE /?cors DeleteBucketCORS .
    GET /?acl GetBucketACL .
    PUT /?acl PutBucketACL .
    PUT /a/b?acl PutObjectACL a/b
    GET /?location GetBucketLocation .
    GET /?uploads&prefix=a/b ListMultipartUploads a/*
    PUT /a/b PutObject a/b
    POST /a/b?append&position=0 AppendObject a/b
    GET /a/b GetObject a/b
    HEAD /a/b HeadObject a/b
    GET /a/b?imageInfo GetObject a/b
    GET /a/b?imageMogr2/thumbnail/300x&versionId=x GetObject a/b
    HEAD /a/b?imageMogr2/thumbnail/300x HeadObject a/b
    DELETE /a/b DeleteObject a/b
    OPTIONS /a/b OptionsObject a/b
    GET /a/b?acl GetObjectACL a/b
    GET /a/b?versionId=x GetObject a/b
    HEAD /a/b?versionId=x HeadObject a/b
    DELETE /a/b?versionId=x DeleteObject a/b
    GET /a/b?acl&versionId=x GetObjectACL a/b
    PUT /a/b?tagging&versionId=x PutObjectTagging a/b
    GET /?versions&prefix=a/ GetBucketObjectVersions a/*
    PUT /?versioning PutBucketVersioning .
    GET /?versioning GetBucketVersioning .
    POST /a/b?uploads InitiateMultipartUpload a/b
    PUT /a/b?partNumber=1&uploadId=u UploadPart a/b
    GET /a/b?uploadId=u ListParts a/b
    POST /a/b?uploadId=u CompleteMultipartUpload a/b
    DELETE /a/b?uploadId=u AbortMultipartUpload a/b
    PUT /a/b?tagging PutObjectTagging a/b
    GET /a/b?tagging GetObjectTagging a/b
    POST /a/b?restore PostObjectRestore a/b
    POST /a/b?restore&versionId=x PostObjectRestore a/b
    DELETE /a/b?tagging DeleteObjectTagging a/b
    POST /a/b?image_process GetObject a/b
    GET /?tagging GetBucketTagging .
    DELETE /?tagging DeleteBucketTagging .
    PUT /?lifecycle PutBucketLifecycle .
    GET /?lifecycle GetBucketLifecycle .
    DELETE /?lifecycle DeleteBucketLifecycle .
    PUT /?website PutBucketWebsite .
    PUT /?policy PutBucketPolicy .
    GET /?policy GetBucketPolicy .
    DELETE /?policy DeleteBucketPolicy .
    PUT /?referer PutBucketReferer .
    GET /?referer GetBucketReferer .
    GET /?website GetBucketWebsite .
    DELETE /?website DeleteBucketWebsite .
    PUT /?logging PutBucketLogging .
    GET /?logging GetBucketLogging .
    PUT /?inventory&id=a PutBucketInventory .
    GET /?inventory&id=a GetBucketInventory .
    DELETE /?inventory&id=a DeleteBucketInventory .
    GET /?inventory ListBucketInventory .
    POST /?inventory&id=a PostBucketInventory .
    PUT /?intelligent-tiering&id=a PutBucketIntelligentTiering .
    PUT /?intelligenttiering PutBucketIntelligentTiering .
    GET /?intelligent-tiering&id=a GetBucketIntelligentTiering .
    GET /?intelligenttiering GetBucketIntelligentTiering .
    DELETE /?intelligent-tiering&id=a DeleteBucketIntelligentTiering .
    PUT /?encryption PutBucketEncryption .
    GET /?encryption GetBucketEncryption .
    DELETE /?encryption DeleteBucketEncryption .
    PUT /?replication PutBucketReplication .
    GET /?replication GetBucketReplication .
    DELETE /?replication DeleteBucketReplication .
    PUT /?accelerate PutBucketAccelerate .
    GET /?accelerate GetBucketAccelerate .
    PUT /?origin PutBucketOrigin .
    GET /?origin GetBucketOrigin .
    DELETE /?origin DeleteBucketOrigin .
    PUT /?domain PutBucketDomain .
    GET /?domain GetBucketDomain .
    DELETE /?domain DeleteBucketDomain .
    GET /a%2Fb?response-content-type=a GetObject a/b
";

/// The rows of the table: method, path, query, action, resource.
fn operations() -> impl Iterator<Item = [&'static str; 5]> {
    OPERATIONS.trim().lines().map(|row| {
        let columns: Vec<&str> = row.split_whitespace().collect();
        let (path, query) = columns[1].split_once('?').unwrap_or((columns[1], ""));
        let resource = columns[3].trim_start_matches('.');
        [columns[0], path, query, columns[2], resource]
    })
}

#[test]
fn each_operation_needs_its_own_action_on_its_own_resource() {
    let world = World::new();
    for [method, path, query, action, resource] in operations() {
        let draft = || Draft::new(method, path, query);
        let exact = world.session(&allow(action, resource, ""));
        authorize(&world, draft(), &exact).unwrap_or_else(|error| panic!("{action}: {error:?}"));
        let elsewhere = world.session(&allow(action, "elsewhere/*", ""));
        let reason = denied(&world, draft(), &elsewhere);
        assert!(reason.contains("but not on"), "{action}: {reason}");
        // Every other action on everything.
        let others = operations().map(|other| other[3]);
        let others: Vec<&str> = others.filter(|other| *other != action).collect();
        let others = world.session(&allow(&others.join(" "), "*", ""));
        let reason = denied(&world, draft(), &others);
        assert!(reason.contains("no statement of the session policy"), "{reason}");
    }
}

#[test]
fn the_service_needs_everything() {
    let world = World::new();
    let service =
        || Draft { host: "service.cos.myqcloud.com".to_owned(), ..Draft::new("GET", "/", "") };
    authorize(&world, service(), &world.session(&allow("GetService", "*", ""))).unwrap();
    denied(&world, service(), &world.session(&allow("GetService", "", "")));
}

#[test]
fn what_nobody_mapped_is_nothing() {
    let world = World::new();
    for (method, path, query) in [
        ("DELETE", "/", "referer"),
        ("DELETE", "/a", "acl"),
        ("PUT", "/a", "versionId=x"),
        ("GET", "/", "versionId=x"),
        ("DELETE", "/", "versionId=x"),
        ("DELETE", "/", "versions"),
        ("POST", "/a", "uploads&versionId=x"),
        ("PUT", "/a", "restore"),
        ("PUT", "/", "inventory"),
        ("DELETE", "/", "id=a"),
        ("DELETE", "/", "logging"),
        ("DELETE", "/", "intelligent-tiering"),
        ("DELETE", "/", "intelligenttiering"),
        ("PUT", "/", "intelligent-tiering"),
        ("POST", "/", "inventory"),
        ("PATCH", "/a", ""),
        ("GET", "/a", "ci-process=x"),
        ("GET", "/", "imageInfo"),
        ("GET", "/a", "acl&imageInfo"),
        ("PUT", "/a", "imageMogr2/thumbnail/300x"),
    ] {
        let error = authorize(&world, Draft::new(method, path, query), &world.root).unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (501, "NotImplemented"));
    }
    // Their bodies contain what they require: the head is not enough.
    for (path, query) in [("/", "delete"), ("/", "")] {
        let error = authorize(&world, Draft::new("POST", path, query), &world.root).unwrap_err();
        assert_eq!(error.code, "NotImplemented");
    }
}

#[test]
fn tags_need_their_own_action() {
    let world = World::new();
    let tags = |text| Tags::of_header(text, 10).unwrap();
    let authorize_tags = |by: &Credential, text| {
        let request = Draft::new("PUT", "/", "tagging").signed(by).request();
        world.authorizer.authorize_tags(&request, bucket(&request), &tags(text))
    };
    let condition = r#","condition":{"for_any_value:string_equal":{"qcs:request_tag":"team&a"}}"#;
    let session = world.session(&allow("PutBucketTagging", "", condition));
    authorize_tags(&session, "team=a").unwrap();
    for text in ["team=b", "a=team", ""] {
        assert_eq!(authorize_tags(&session, text).unwrap_err().code, "AccessDenied", "{text}");
    }
    let draft = Draft::new("PUT", "/", "tagging");
    let error = authorize(&world, draft, &world.root).unwrap_err();
    assert_eq!(error.code, "NotImplemented", "the head does not contain the tags");
    // Of an object: with its upload, or later.
    let upload = || Draft::new("PUT", "/a", "").header("x-cos-tagging", "team=a");
    denied(&world, upload(), &world.session(&allow("PutObject", "*", "")));
    denied(&world, upload(), &world.session(&allow("PutObjectTagging", "*", "")));
    let both = world.session(&allow("PutObject PutObjectTagging", "*", ""));
    authorize(&world, upload(), &both).unwrap();
    let owner_only = Draft::new("GET", "/", "intelligent-tiering");
    authorize(&world, owner_only.clone(), &world.root).unwrap();
    let reason = denied(&world, owner_only, &world.session(&allow("*", "*", "")));
    assert!(reason.contains("ListBucketIntelligentTiering"), "{reason}");
}

#[test]
fn a_copy_is_two_accesses() {
    let world = World::new();
    let source = |path: &str| format!("{BUCKET}.cos.ap-guangzhou.myqcloud.com/{path}");
    for query in ["", "partNumber=1&uploadId=u"] {
        let draft = |source: &str| {
            Draft::new("PUT", "/to/b", query)
                .header("x-cos-copy-source", source)
                .header("content-length", "0")
        };
        let both = format!(
            r#"{{"version":"2.0","statement":[{},{}]}}"#,
            statement("allow", "GetObject", "from/*", ""),
            statement("allow", "PutObject", "to/*", ""),
        );
        let both = world.session(&both);
        authorize(&world, draft(&source("from/%E4%B8%AD")), &both).unwrap();
        for path in ["elsewhere/a", "from", "to/b"] {
            denied(&world, draft(&source(path)), &both);
        }
        let reason = denied(
            &world,
            draft("other-1250000009.cos.ap-guangzhou.myqcloud.com/from/a"),
            &world.root,
        );
        assert!(reason.contains("not a bucket of this account"), "{reason}");
        for bad in ["", "from/a", "x/y", "example.com/from/a"] {
            let error = authorize(&world, draft(bad), &both).unwrap_err();
            assert_eq!(error.code, "InvalidCopySource", "{bad}");
        }
        let put_alone = world.session(&allow("PutObject UploadPart", "*", ""));
        denied(&world, draft(&source("from/a")), &put_alone);
        let get_alone = world.session(&allow("GetObject", "*", ""));
        denied(&world, draft(&source("from/a")), &get_alone);
        // A limit of size does not apply to what a copy makes, so it covers no copy.
        let limited = format!(
            r#"{{"version":"2.0","statement":[{},{}]}}"#,
            statement("allow", "GetObject", "*", ""),
            statement(
                "allow",
                "PutObject",
                "*",
                r#","condition":{"numeric_less_than_equal":{"cos:content-length":10}}"#
            ),
        );
        let limited = world.session(&limited);
        let reason = denied(&world, draft(&source("from/a")), &limited);
        assert!(reason.contains("lacks this key"), "{reason}");
        // A body and a type of its own are not those of the copy, and do not satisfy a limit.
        let copy =
            || Draft::new("PUT", "/to/b", query).header("x-cos-copy-source", &source("from/a"));
        let own = || copy().header("content-length", "1");
        denied(&world, own(), &limited);
        let with = |condition: &str| {
            let all = statement("allow", "*", "*", "");
            let no_html = statement("deny", "PutObject", "*", condition);
            let policy = format!(r#"{{"version":"2.0","statement":[{all},{no_html}]}}"#);
            world.session(&policy)
        };
        let html = r#","condition":{"string_equal":{"cos:content-type":"text/html"}}"#;
        let large = r#","condition":{"numeric_greater_than":{"cos:content-length":10}}"#;
        let typed = |content_type: &str| own().header("content-type", content_type);
        authorize(&world, copy(), &with(html)).unwrap();
        authorize(&world, typed("text/plain"), &with(html)).unwrap();
        denied(&world, typed("text/html"), &with(html));
        authorize(&world, own(), &with(large)).unwrap();
        denied(&world, copy().header("content-length", "11"), &with(large));
    }
    // The other documented name of the action: an allow is not enough, a deny is.
    let draft = || {
        let draft = Draft::new("PUT", "/to/b", "");
        draft.header("x-cos-copy-source", &source("from/a"))
    };
    let other_name = world.session(&allow("PutObjectCopy GetObject", "*", ""));
    denied(&world, draft(), &other_name);
    let all = statement("allow", "*", "*", "");
    let no_copy = statement("deny", "PutObjectCopy", "*", "");
    let denies = format!(r#"{{"version":"2.0","statement":[{all},{no_copy}]}}"#);
    let denies = world.session(&denies);
    denied(&world, draft(), &denies);
    authorize(&world, Draft::new("PUT", "/to/b", ""), &denies).unwrap();
}

#[test]
fn each_key_of_a_deletion_is_decided_by_itself() {
    let world = World::new();
    let session = world.session(&allow("DeleteObject", "a/*", ""));
    let deletion = |key: &str| Deletion { key: key.to_owned(), version_id: None };
    let keys = ["a/1", "b/1", "a/2", ""].map(deletion);
    let draft = Draft::new("POST", "/", "delete").header("content-md5", "x");
    let each = |by: &Credential| {
        let outcome = world.authorizer.authorize_each(
            &draft.clone().signed(by).request(),
            bucket(&draft.clone().signed(by).request()),
            &keys,
        );
        let codes = |each: &Result<(), CosError>| each.as_ref().err().map(|error| error.code);
        outcome.unwrap().iter().map(codes).collect::<Vec<_>>()
    };
    assert_eq!(each(&session), [None, Some("AccessDenied"), None, Some("InvalidArgument")]);
    let other_name = world.session(&allow("DeleteMultipleObjects", "*", ""));
    assert_eq!(each(&other_name)[0], Some("AccessDenied"));
    // A version can be denied, and so can each deletion of one.
    let condition = r#","condition":{"null_equal":{"cos:versionid":"true"}}"#;
    let no_versions = world.session(&allow("DeleteObject", "*", condition));
    authorize(&world, Draft::new("DELETE", "/a/1", ""), &no_versions).unwrap();
    denied(&world, Draft::new("DELETE", "/a/1", "versionId=x"), &no_versions);
    let version = Deletion { version_id: Some("x".to_owned()), ..deletion("a/1") };
    let request = draft.clone().signed(&no_versions).request();
    let outcome =
        world.authorizer.authorize_each(&request, bucket(&request), &[deletion("a/1"), version]);
    let outcome: Vec<bool> = outcome.unwrap().iter().map(Result::is_ok).collect();
    assert_eq!(outcome, [true, false]);
    let unsigned =
        world.authorizer.authorize_each(&draft.request(), bucket(&draft.request()), &keys);
    assert_eq!(unsigned.unwrap_err().code, "AccessDenied");
    let record = world.authorizer.decisions().remove(0);
    assert_eq!(record.accesses.len(), 3);
    assert!(record.accesses[1].reason.contains("but not on"));
}
