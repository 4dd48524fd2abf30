//! From operations to accesses: what each needs, what conditions see, whose policies count.

use std::sync::Arc;

use cos_issuer::cam::Policy;

use super::super::super::error::CosError;
use super::super::super::operation::Operation;
use super::{BUCKET, Credential, Draft, World, allow};
use crate::account::{Identity, Permanent, Role, User};

fn admit(world: &World, draft: Draft, by: &Credential) -> Result<(), CosError> {
    let ask = draft.signed(by).ask();
    let operation = Operation::of(&ask).ok_or_else(|| world.door.unmapped(&ask))?;
    world.door.admit(&ask, operation).map(drop)
}

#[track_caller]
fn denied(world: &World, draft: Draft, by: &Credential) -> String {
    let error = admit(world, draft, by).expect_err("it has to be denied");
    assert_eq!(
        (error.code, error.message.as_str()),
        ("AccessDenied", "Access Denied.")
    );
    error.reason.unwrap()
}

/// Method, path, query, the one action that is needed, and on which resource.
const OPERATIONS: [(&str, &str, &str, &str, &str); 24] = [
    ("PUT", "/", "", "PutBucket", ""),
    ("HEAD", "/", "", "HeadBucket", ""),
    ("GET", "/", "prefix=a/", "GetBucket", "a/*"),
    ("GET", "/", "", "GetBucket", ""),
    ("DELETE", "/", "", "DeleteBucket", ""),
    ("PUT", "/", "cors", "PutBucketCORS", ""),
    ("GET", "/", "cors", "GetBucketCORS", ""),
    ("DELETE", "/", "cors", "DeleteBucketCORS", ""),
    ("GET", "/", "acl", "GetBucketACL", ""),
    ("GET", "/", "location", "GetBucketLocation", ""),
    (
        "GET",
        "/",
        "uploads&prefix=a/b",
        "ListMultipartUploads",
        "a/*",
    ),
    ("PUT", "/a/b", "", "PutObject", "a/b"),
    ("POST", "/a/b", "append&position=0", "AppendObject", "a/b"),
    ("GET", "/a/b", "", "GetObject", "a/b"),
    ("HEAD", "/a/b", "", "HeadObject", "a/b"),
    ("DELETE", "/a/b", "", "DeleteObject", "a/b"),
    ("OPTIONS", "/a/b", "", "OptionsObject", "a/b"),
    ("GET", "/a/b", "acl", "GetObjectACL", "a/b"),
    ("POST", "/a/b", "uploads", "InitiateMultipartUpload", "a/b"),
    (
        "PUT",
        "/a/b",
        "partNumber=1&uploadId=u",
        "UploadPart",
        "a/b",
    ),
    ("GET", "/a/b", "uploadId=u", "ListParts", "a/b"),
    (
        "POST",
        "/a/b",
        "uploadId=u",
        "CompleteMultipartUpload",
        "a/b",
    ),
    (
        "DELETE",
        "/a/b",
        "uploadId=u",
        "AbortMultipartUpload",
        "a/b",
    ),
    (
        "GET",
        "/a%2Fb",
        "response-content-type=a",
        "GetObject",
        "a/b",
    ),
];

#[test]
fn each_operation_needs_its_own_action_on_its_own_resource() {
    let world = World::new();
    for (method, path, query, action, resource) in OPERATIONS {
        let draft = || Draft::new(method, path, query);
        let exact = world.session(&allow(action, resource, ""));
        admit(&world, draft(), &exact).unwrap_or_else(|error| panic!("{action}: {error:?}"));
        let elsewhere = world.session(&allow(action, "elsewhere/*", ""));
        let reason = denied(&world, draft(), &elsewhere);
        assert!(reason.contains("but not on"), "{action}: {reason}");
        // Every other action on everything.
        let others = OPERATIONS.iter().map(|other| other.3);
        let others: Vec<&str> = others.filter(|other| *other != action).collect();
        let others = world.session(&allow(&others.join(" "), "*", ""));
        let reason = denied(&world, draft(), &others);
        assert!(
            reason.contains("no statement of the session policy"),
            "{reason}"
        );
    }
}

#[test]
fn the_service_needs_everything() {
    let world = World::new();
    let service = || Draft {
        host: "service.cos.myqcloud.com".to_owned(),
        ..Draft::new("GET", "/", "")
    };
    admit(
        &world,
        service(),
        &world.session(&allow("GetService", "*", "")),
    )
    .unwrap();
    denied(
        &world,
        service(),
        &world.session(&allow("GetService", "", "")),
    );
}

#[test]
fn what_nobody_mapped_is_nothing() {
    let world = World::new();
    for (method, path, query) in [
        ("PUT", "/", "policy"),
        ("PUT", "/a", "acl"),
        ("GET", "/a", "versionId=x"),
        ("POST", "/a", "restore"),
        ("PATCH", "/a", ""),
        ("GET", "/a", "ci-process=x"),
    ] {
        let error = admit(&world, Draft::new(method, path, query), &world.root).unwrap_err();
        assert_eq!((error.status.as_u16(), error.code), (501, "NotImplemented"));
    }
    // Their accesses stand in their bodies: the head alone is not enough.
    for (path, query) in [("/", "delete"), ("/", "")] {
        let error = admit(&world, Draft::new("POST", path, query), &world.root).unwrap_err();
        assert_eq!(error.code, "NotImplemented");
    }
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
        admit(&world, draft(&source("from/%E4%B8%AD")), &both).unwrap();
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
            let error = admit(&world, draft(bad), &both).unwrap_err();
            assert_eq!(error.code, "InvalidCopySource", "{bad}");
        }
        let put_alone = world.session(&allow("PutObject UploadPart", "*", ""));
        denied(&world, draft(&source("from/a")), &put_alone);
        let get_alone = world.session(&allow("GetObject", "*", ""));
        denied(&world, draft(&source("from/a")), &get_alone);
        // A limit of size says nothing about what a copy makes, so it covers none.
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
        let reason = denied(&world, draft(&source("from/a")), &world.session(&limited));
        assert!(reason.contains("has no such key"), "{reason}");
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
    admit(&world, Draft::new("PUT", "/to/b", ""), &denies).unwrap();
}

#[test]
fn each_key_of_a_deletion_is_decided_by_itself() {
    let world = World::new();
    let session = world.session(&allow("DeleteObject", "a/*", ""));
    let keys = ["a/1", "b/1", "a/2", ""].map(str::to_owned);
    let draft = Draft::new("POST", "/", "delete").header("content-md5", "x");
    let each = |by: &Credential| {
        let outcome = world
            .door
            .admit_each(&draft.clone().signed(by).ask(), &keys);
        let codes = |each: &Result<(), CosError>| each.as_ref().err().map(|error| error.code);
        outcome.unwrap().iter().map(codes).collect::<Vec<_>>()
    };
    assert_eq!(
        each(&session),
        [None, Some("AccessDenied"), None, Some("InvalidArgument")]
    );
    let other_name = world.session(&allow("DeleteMultipleObjects", "*", ""));
    assert_eq!(each(&other_name)[0], Some("AccessDenied"));
    let unsigned = world.door.admit_each(&draft.ask(), &keys);
    assert_eq!(unsigned.unwrap_err().code, "AccessDenied");
    let record = world.door.decisions().remove(0);
    assert_eq!(record.accesses.len(), 3);
    assert!(record.accesses[1].reason.contains("but not on"));
}

#[test]
fn conditions_see_the_request() {
    let world = World::new();
    let limit = |actions: &str, condition: &str| {
        let condition = format!(r#","condition":{condition}"#);
        world.session(&allow(actions, "*", &condition))
    };
    let put = || Draft::new("PUT", "/a", "");
    let small = limit(
        "PutObject UploadPart AppendObject",
        r#"{"numeric_less_than_equal":{"cos:content-length":10}}"#,
    );
    admit(&world, put().header("content-length", "10"), &small).unwrap();
    let reason = denied(&world, put().header("content-length", "11"), &small);
    assert!(reason.contains("has `11`"), "{reason}");
    let chunked = put().header("transfer-encoding", "chunked");
    assert!(denied(&world, chunked, &small).contains("has no such key"));
    let part = Draft::new("PUT", "/a", "partNumber=1&uploadId=u");
    denied(&world, part.header("content-length", "11"), &small);

    let jpeg = limit(
        "PutObject",
        r#"{"string_equal":{"cos:content-type":"image/jpeg"}}"#,
    );
    admit(&world, put().header("content-type", "image/jpeg"), &jpeg).unwrap();
    denied(&world, put().header("content-type", "image/JPEG"), &jpeg);
    denied(&world, put().header("content-type", ""), &jpeg);
    denied(&world, put(), &jpeg);

    // Parameters are compared encoded.
    let prefix = limit("GetBucket", r#"{"string_equal":{"cos:prefix":"a%2F"}}"#);
    admit(&world, Draft::new("GET", "/", "prefix=a/"), &prefix).unwrap();
    denied(&world, Draft::new("GET", "/", "prefix=a"), &prefix);
    denied(&world, Draft::new("GET", "/", ""), &prefix);
    let kind = limit(
        "GetObject",
        r#"{"string_equal":{"cos:response-content-type":"a%2Fb"}}"#,
    );
    admit(
        &world,
        Draft::new("GET", "/a", "response-content-type=a/b"),
        &kind,
    )
    .unwrap();
    denied(&world, Draft::new("GET", "/a", ""), &kind);

    for (name, key) in [
        ("x-cos-acl", "cos:x-cos-acl"),
        ("x-cos-storage-class", "cos:x-cos-storage-class"),
    ] {
        for query in ["", "append&position=0", "uploads"] {
            let method = if query.is_empty() { "PUT" } else { "POST" };
            let draft = || Draft::new(method, "/a", query);
            let only = limit("*", &format!(r#"{{"string_equal":{{"{key}":"x"}}}}"#));
            admit(&world, draft().header(name, "x"), &only).unwrap();
            denied(&world, draft().header(name, "y"), &only);
            denied(&world, draft(), &only);
        }
    }
    let tag = limit(
        "PutBucket",
        r#"{"for_any_value:string_equal":{"qcs:request_tag":"team&a b"}}"#,
    );
    let bucket = || Draft::new("PUT", "/", "");
    admit(
        &world,
        bucket().header("x-cos-tagging", "x=1&team=a%20b"),
        &tag,
    )
    .unwrap();
    denied(&world, bucket().header("x-cos-tagging", "team=c"), &tag);

    let here = limit(
        "PutObject",
        r#"{"ip_equal":{"qcs:ip":"127.0.0.0/8"},"bool_equal":{"cos:secure-transport":"true"}}"#,
    );
    admit(&world, put(), &here).unwrap();
    let plain = Draft {
        is_tls: false,
        ..put()
    };
    denied(&world, plain, &here);
    denied(
        &world,
        put(),
        &limit("PutObject", r#"{"ip_equal":{"qcs:ip":"10.0.0.0/8"}}"#),
    );
    let over = limit(
        "PutObject",
        r#"{"date_less_than":{"qcs:current_time":"2023-11-14T22:13:20Z"}}"#,
    );
    denied(&world, put(), &over);
    let me = limit(
        "PutObject",
        r#"{"string_equal":{"qcs:uin":"100000000002","qcs:owner_uin":"100000000001"}}"#,
    );
    admit(&world, put(), &me).unwrap();
    // Not known here, so not met.
    let version = limit(
        "PutObject",
        r#"{"numeric_greater_than_equal":{"cos:tls-version":1}}"#,
    );
    assert!(denied(&world, put(), &version).contains("has no such key"));
}

#[test]
fn both_layers_have_to_allow() {
    let world = World::new();
    let narrow = Policy::parse(&allow("PutObject", "a/*", "")).unwrap();
    let narrow = Arc::new(User::new("narrow", 1).policies(vec![narrow]));
    let nothing = Arc::new(User::new("nothing", 2).policies(Vec::new()));
    let everything = Policy::parse(&allow("*", "*", "")).unwrap();
    let federation = |user: &Arc<User>| {
        world.issue(Identity::Federation {
            name: "wide".to_owned(),
            caller: Permanent::User(Arc::clone(user)),
            policy: everything.clone(),
        })
    };
    let put = |path: &str| Draft::new("PUT", path, "");
    admit(&world, put("/a/1"), &federation(&narrow)).unwrap();
    let reason = denied(&world, put("/b/1"), &federation(&narrow));
    assert!(reason.contains("the identity policy"), "{reason}");
    denied(&world, put("/a/1"), &federation(&nothing));
    let own = |user: &Arc<User>| Credential {
        pair: world
            .directory
            .add_permanent(Permanent::User(Arc::clone(user)), None)
            .unwrap(),
        token: None,
    };
    admit(&world, put("/a/1"), &own(&narrow)).unwrap();
    denied(&world, put("/b/1"), &own(&narrow));
    denied(&world, put("/a/1"), &own(&nothing));

    let role =
        Role::new("r").policies(vec![Policy::parse(&allow("PutObject", "a/*", "")).unwrap()]);
    let role = Arc::new(role);
    let session = |policy: Option<&str>| {
        world.issue(Identity::RoleSession {
            role: Arc::clone(&role),
            session_name: "s".to_owned(),
            caller_uin: 1,
            policy: policy.map(|text| Policy::parse(text).unwrap()),
        })
    };
    admit(&world, put("/a/1"), &session(None)).unwrap();
    denied(&world, put("/b/1"), &session(None));
    let reason = denied(&world, put("/b/1"), &session(Some(&allow("*", "*", ""))));
    assert!(reason.contains("the role policy"), "{reason}");
    denied(&world, put("/a/1"), &session(Some(&allow("*", "a/2", ""))));

    // The owner's own token is limited by its policy alone, and by the account.
    let owners = world.issue(Identity::Federation {
        name: "owners".to_owned(),
        caller: Permanent::Root,
        policy: Policy::parse(&allow("PutObject", "a/*", "")).unwrap(),
    });
    admit(&world, put("/a/1"), &owners).unwrap();
    denied(&world, put("/b/1"), &owners);
}

#[test]
fn the_account_ends_at_its_buckets() {
    let world = World::new();
    let star = world.session(&allow("*", "*", ""));
    for by in [&world.root, &world.user, &star] {
        let other = Draft {
            host: "examplebucket-1250000009.cos.ap-guangzhou.myqcloud.com".to_owned(),
            ..Draft::new("GET", "/a", "")
        };
        let reason = denied(&world, other, by);
        assert!(reason.contains("not a bucket of this account"), "{reason}");
    }
}

#[test]
fn a_decision_is_explained_and_remembered() {
    let world = World::new();
    let policy = format!(
        r#"{{"version":"2.0","statement":[{},{}]}}"#,
        statement("allow", "*", "*", ""),
        statement(
            "deny",
            "PutObject",
            "*",
            r#","condition":{"numeric_greater_than":{"cos:content-length":5},"string_equal_if_exist":{"cos:x-cos-acl":"x"}}"#
        ),
    );
    let session = world.session(&policy);
    let put = Draft::new("PUT", "/a", "").header("content-length", "6");
    let reason = denied(&world, put, &session);
    assert_eq!(
        reason,
        "denied by statement 1 of the session policy (`name/cos:PutObject` on `*`), whatever else allows"
    );
    let record = world.door.decisions().pop().unwrap();
    assert!(!record.is_admitted);
    assert_eq!(record.reason.as_deref(), Some(reason.as_str()));
    let json = record.to_json();
    assert_eq!(json["operation"], "PutObject");
    assert_eq!(json["secretId"], session.pair.secret_id.as_str());
    assert_eq!(json["callerKind"], "federation");
    assert_eq!(json["accesses"][0]["target"], format!("{BUCKET}/a"));
    assert_eq!(json["accesses"][0]["seen"]["cos:content-length"][0], "6");
    assert_eq!(json["accesses"][0]["missing"][0], "cos:x-cos-acl");
    assert_eq!(
        json["accesses"][0]["statements"][2],
        "statement 1 of the session policy"
    );
    let secrets = [session.token.as_deref().unwrap(), &session.pair.secret_key];
    assert!(
        secrets
            .iter()
            .all(|secret| !json.to_string().contains(*secret))
    );
    for _ in 0..1100 {
        world.door.unmapped(&Draft::new("PATCH", "/", "").ask());
    }
    assert_eq!(world.door.decisions().len(), 1000);
}

fn statement(effect: &str, action: &str, path: &str, condition: &str) -> String {
    let resource = if path == "*" {
        path.to_owned()
    } else {
        format!("qcs::cos:ap-guangzhou:uid/1250000000:{BUCKET}/{path}")
    };
    format!(
        r#"{{"effect":"{effect}","action":"name/cos:{action}","resource":"{resource}"{condition}}}"#
    )
}
