//! Keys with `..`, `.` and empty segments, which COS may merge.

use super::{BUCKET, Draft, World, allow, authorize, bucket, denied, statement};
use crate::cos::auth::access::{AccessControl as _, Deletion};
use crate::cos::http::merge_order::MergeOrder;

#[test]
fn a_key_must_be_allowed_as_sent_and_as_merged() {
    let world = World::new();
    let by = world.session(&allow("PutObject GetObject GetBucket", "users/1/*", ""));
    for path in
        ["/users/1/a", "/users/1//a", "/users/1/./a", "/users/1/b/../a", "/users/1/a..b/..."]
    {
        authorize(&world, Draft::new("PUT", path, ""), &by).unwrap();
    }
    let paths = "/users/1/../2/a /users/1/%2e%2e/2/a /users/1/..%2F2/a /users/1/b/../../2/a \
        /users/1/../../../a /users/1//../2/a /users/1/.. /users/1/../..";
    for path in paths.split(' ') {
        for method in ["PUT", "GET"] {
            let reason = denied(&world, Draft::new(method, path, ""), &by);
            assert!(reason.contains("the key is ambiguous"), "{path}: {reason}");
        }
        let copy = Draft::new("PUT", "/users/1/copy", "");
        let source = format!("{BUCKET}.cos.ap-guangzhou.myqcloud.com{path}");
        let reason = denied(&world, copy.header("x-cos-copy-source", &source), &by);
        assert!(reason.contains("the key is ambiguous"), "{path}: {reason}");
    }
    for path in ["/users/2/../1/a", "//users/1/a", "/users/./1/a"] {
        let reason = denied(&world, Draft::new("PUT", path, ""), &by);
        assert!(reason.contains("but not on"), "{path}: {reason}");
    }
    // Who may do everything may use these keys, but not those that are the bucket itself.
    for path in ["//a", "/a/../b", "/a//", "/a/..", "/./a/.././../"] {
        for method in ["PUT", "GET", "HEAD", "DELETE"] {
            authorize(&world, Draft::new(method, path, ""), &world.root).unwrap();
        }
    }
    for path in ["/.", "//", "/./"] {
        for method in ["PUT", "GET", "HEAD", "DELETE"] {
            let reason = denied(&world, Draft::new(method, path, ""), &world.root);
            assert!(reason.contains("the bucket itself"), "{method} {path}: {reason}");
        }
    }
    denied(&world, Draft::new("POST", "/a/..", "restore"), &world.root);
    let objects = world.session(&allow("PutObject GetObject HeadObject DeleteObject", "*", ""));
    for method in ["PUT", "GET", "HEAD", "DELETE"] {
        let reason = denied(&world, Draft::new(method, "/a/..", ""), &objects);
        assert!(reason.contains("the bucket itself"), "{method}: {reason}");
    }
    // The prefix of a list is not a path.
    let list = Draft::new("GET", "/", "prefix=users/1/../2/");
    authorize(&world, list, &by).unwrap();
}

#[test]
fn keys_in_bodies_are_decided_alike() {
    let world = World::new();
    let by = world.session(&allow("DeleteObject", "users/1/*", ""));
    let keys = ["users/1/a", "users/1/../2/a", "users/1//a"]
        .map(|key| Deletion { key: key.to_owned(), version_id: None });
    let draft = Draft::new("POST", "/", "delete").header("content-md5", "x");
    let request = draft.signed(&by).request();
    let each = world.authorizer.authorize_each(&request, bucket(&request), &keys);
    let each: Vec<bool> = each.unwrap().iter().map(Result::is_ok).collect();
    assert_eq!(each, [true, false, true]);
}

#[test]
fn a_prefix_is_kept_in_either_order_if_the_policy_denies_dots() {
    let plain = allow("PutObject", "users/1/*", "");
    let allowed = statement("allow", "PutObject", "users/1/*", "");
    let dots = ["users/1/*/../*", "users/1/../*", "users/1/*/..", "users/1/.."]
        .map(|path| statement("deny", "*", path, ""));
    let closed = format!(r#"{{"version":"2.0","statement":[{allowed},{}]}}"#, dots.join(","));
    let (out, within) = ("/users/1/../2/a", "/users/2/../1/a");
    for (order, policy, path, is_allowed) in [
        (MergeOrder::BeforeAuthorization, &plain, out, false),
        (MergeOrder::BeforeAuthorization, &plain, within, true),
        (MergeOrder::BeforeAuthorization, &closed, out, false),
        // The hole that the deny closes.
        (MergeOrder::AfterAuthorization, &plain, out, true),
        (MergeOrder::AfterAuthorization, &plain, within, false),
        (MergeOrder::AfterAuthorization, &closed, out, false),
        (MergeOrder::AfterAuthorization, &closed, "/users/1/a/../../2/a", false),
        (MergeOrder::AfterAuthorization, &closed, "/users/1/..", false),
        (MergeOrder::AfterAuthorization, &closed, "/users/1/a..b", true),
    ] {
        let world = World::with(order);
        let by = world.session(policy);
        let outcome = authorize(&world, Draft::new("PUT", path, ""), &by);
        assert_eq!(outcome.is_ok(), is_allowed, "{order:?} {path}");
    }
}
