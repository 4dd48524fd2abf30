//! Who may do what by an ACL: requests without a signature, users without a policy, sessions.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::{BUCKET, Credential, Draft, World, allow, at, authorize, denied, statement};
use crate::account::{Permanent, User};
use crate::cos::acl::{Acl, Level};
use crate::cos::auth::access::AccessControl as _;
use crate::cos::checksum::Checksums;
use crate::cos::error::CosError;
use crate::cos::fuzzing::NOW;
use crate::cos::http::metadata::ObjectHeaders;
use crate::cos::operation::Operation;
use crate::cos::store::{Content, Object, ObjectMetadata};

fn acl(name: &'static str, value: &'static str, level: Level) -> Option<Acl> {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_static(value));
    Acl::of_headers(&headers, level).unwrap()
}

impl World {
    pub(super) fn set_bucket_acl(&self, name: &'static str, value: &'static str) {
        let acl = acl(name, value, Level::Bucket);
        self.store.change_settings(BUCKET, |settings| settings.with_acl(acl)).unwrap();
    }

    /// Puts an empty object with this preset ACL.
    pub(super) fn put_object(&self, key: &str, canned: &'static str) {
        let headers = ObjectHeaders::default();
        let mut metadata = ObjectMetadata::of(&Checksums::of(b""), headers, at(NOW));
        metadata.attributes.acl = acl("x-cos-acl", canned, Level::Object);
        let object = Object { metadata, content: Content::default() };
        self.store.put_object(BUCKET, key, |_| Ok(object)).unwrap();
    }

    pub(super) fn user_with(&self, user: User) -> Credential {
        let owner = Permanent::User(Arc::new(user));
        Credential { pair: self.directory.add_permanent(owner, None).unwrap(), token: None }
    }
}

pub(super) fn unsigned(world: &World, draft: &Draft) -> Result<(), CosError> {
    let request = draft.request();
    let operation = Operation::of(&request).expect("an operation");
    world.authorizer.authorize(&request, &operation).map(|context| assert!(context.anonymous))
}

/// Whether each request without a signature is allowed: `GET /a` and so on.
fn is_allowed(world: &World, requests: &str) -> Vec<bool> {
    let requests = requests.lines().map(str::trim).filter(|request| !request.is_empty());
    let draft = |request: &str| {
        let (method, target) = request.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Draft::new(method, path, query)
    };
    requests.map(|request| unsigned(world, &draft(request)).is_ok()).collect()
}

const READS: &str = "
    GET /a
    HEAD /a
    GET /missing
    GET /
    GET /?prefix=a
    HEAD /
    GET /?uploads
";

const WRITES: &str = "
    PUT /a
    DELETE /a
    POST /a?uploads
    PUT /a?partNumber=1&uploadId=u
    POST /a?uploadId=u
";

/// What no preset ACL but that of full control allows, or none at all.
const OTHERS: &str = "
    GET /?cors
    PUT /?cors
    DELETE /
    GET /?location
    GET /a?tagging
    PUT /a?tagging
    GET /?lifecycle
    GET /a?uploadId=u
    DELETE /a?uploadId=u
    POST /a?append&position=0
";

#[test]
fn requests_without_a_signature_are_decided_by_acls() {
    let world = World::new();
    world.put_object("a", "default");
    let all = [READS, WRITES, OTHERS, "GET /a?acl", "PUT /a?acl", "GET /?acl", "PUT /?acl"];
    for requests in all {
        assert!(!is_allowed(&world, requests).contains(&true), "private: {requests}");
    }
    world.set_bucket_acl("x-cos-acl", "public-read");
    assert!(!is_allowed(&world, READS).contains(&false));
    for requests in &all[1..] {
        assert!(!is_allowed(&world, requests).contains(&true), "public-read: {requests}");
    }
    world.set_bucket_acl("x-cos-acl", "public-read-write");
    for requests in all {
        let expected = requests != OTHERS;
        assert!(is_allowed(&world, requests).iter().all(|is| *is == expected), "{requests}");
    }
    world.set_bucket_acl("x-cos-acl", "authenticated-read");
    assert!(!is_allowed(&world, READS).contains(&true));
    world.set_bucket_acl("x-cos-grant-write", "id=\"100000000002\"");
    assert!(!is_allowed(&world, WRITES).contains(&true));
}

#[test]
fn the_acl_of_an_object_counts_before_that_of_its_bucket() {
    let world = World::new();
    world.put_object("public", "public-read");
    world.put_object("private", "private");
    assert_eq!(is_allowed(&world, "GET /public\nHEAD /public\nGET /private"), [true, true, false]);
    let never =
        "PUT /public\nDELETE /public\nGET /public?acl\nPUT /public?acl\nGET /missing\nGET /";
    assert!(!is_allowed(&world, never).contains(&true));
    world.set_bucket_acl("x-cos-acl", "public-read");
    assert_eq!(is_allowed(&world, "GET /public\nGET /private\nGET /missing"), [true, false, true]);
    // COS may merge the second key to the private one.
    assert_eq!(is_allowed(&world, "GET /x/../private"), [false]);
    // A copy reads its source by the same rules.
    world.set_bucket_acl("x-cos-acl", "public-read-write");
    let deletions = "DELETE /public\nDELETE /public?versionId=null";
    assert_eq!(is_allowed(&world, deletions), [true, false]);
    assert_eq!(
        is_allowed(&world, "GET /private?versionId=null\nGET /public?versionId=null"),
        [false, true]
    );
    let copy = |source: &str| {
        let source = format!("{BUCKET}.cos.ap-guangzhou.myqcloud.com/{source}");
        unsigned(&world, &Draft::new("PUT", "/copy", "").header("x-cos-copy-source", &source))
    };
    copy("public").unwrap();
    assert_eq!(copy("private").unwrap_err().code, "AccessDenied");
}

#[test]
fn users_have_what_their_policies_or_an_acl_allow() {
    let world = World::new();
    world.put_object("a", "default");
    let nothing = world.user_with(User::new("nothing", 7).policies(Vec::new()));
    let get = || Draft::new("GET", "/a", "");
    denied(&world, get(), &nothing);
    world.set_bucket_acl("x-cos-acl", "authenticated-read");
    authorize(&world, get(), &nothing).unwrap();
    assert!(unsigned(&world, &get()).is_err());
    denied(&world, Draft::new("PUT", "/a", ""), &nothing);
    // A grant to this user, to another, and to the owner.
    for (grant, allows) in [
        ("id=\"100000000001/7\"", true),
        ("id=\"100000000001/8\"", false),
        ("id=\"100000000001\"", false),
        ("id=\"7\"", false),
    ] {
        world.set_bucket_acl("x-cos-grant-read", grant);
        assert_eq!(authorize(&world, get(), &nothing).is_ok(), allows, "{grant}");
    }
    // A deny in a policy wins.
    world.set_bucket_acl("x-cos-acl", "public-read");
    let allows = statement("allow", "PutObject", "*", "");
    let denies = statement("deny", "GetObject", "*", "");
    let policy = format!(r#"{{"version":"2.0","statement":[{allows},{denies}]}}"#);
    let policy = tencent::cam::Policy::parse(&policy).unwrap();
    let limited = world.user_with(User::new("limited", 9).policies(vec![policy]));
    let reason = denied(&world, get(), &limited);
    assert!(reason.starts_with("denied by statement"), "{reason}");
    unsigned(&world, &get()).unwrap();
}

#[test]
fn an_acl_gives_a_session_no_more_than_its_policy() {
    let world = World::new();
    world.put_object("a", "public-read");
    world.set_bucket_acl("x-cos-acl", "public-read-write");
    let session = world.session(&allow("GetObject", "b/*", ""));
    for draft in [Draft::new("GET", "/a", ""), Draft::new("PUT", "/b/1", "")] {
        denied(&world, draft, &session);
    }
    authorize(&world, Draft::new("GET", "/b/1", ""), &session).unwrap();
}

#[test]
fn what_is_signed_badly_is_not_anonymous() {
    let world = World::new();
    world.set_bucket_acl("x-cos-acl", "public-read");
    let get = || Draft::new("GET", "/a", "");
    unsigned(&world, &get()).unwrap();
    unsigned(&world, &get().header("authorization", "")).unwrap();
    for authorization in ["Basic YTpi", "q-sign-algorithm=sha1"] {
        let error = unsigned(&world, &get().header("authorization", authorization)).unwrap_err();
        assert_eq!(error.code, "AccessDenied", "{authorization}");
    }
    let mut changed = get().signed(&world.user);
    changed.path = "/b".to_owned();
    let error = unsigned(&world, &changed).unwrap_err();
    assert_eq!(error.code, "SignatureDoesNotMatch");
    let record = world.authorizer.decisions().remove(0);
    assert_eq!((record.caller_kind, record.is_authorized), (Some("anonymous"), true));
    assert_eq!(record.accesses[0].reason, "allowed: the ACL of the bucket");
}

#[test]
fn single_grants_need_the_permission_to_change_acls() {
    let world = World::new();
    let upload = || Draft::new("PUT", "/a", "");
    let put_only = world.session(&allow("PutObject", "*", ""));
    authorize(&world, upload().header("x-cos-acl", "public-read"), &put_only).unwrap();
    denied(&world, upload().header("x-cos-grant-read", "id=\"1\""), &put_only);
    let both = world.session(&allow("PutObject PutObjectACL", "*", ""));
    authorize(&world, upload().header("x-cos-grant-read", "id=\"1\""), &both).unwrap();
    let private = r#","condition":{"string_equal":{"cos:x-cos-acl":"private"}}"#;
    let private = world.session(&allow("PutObject PutObjectACL", "*", private));
    let acl = |draft: Draft, value: &str| draft.header("x-cos-acl", value);
    authorize(&world, acl(upload(), "private"), &private).unwrap();
    for draft in [upload(), Draft::new("PUT", "/a", "acl")] {
        denied(&world, acl(draft, "public-read"), &private);
    }
}
