//! Which parts of a request are condition keys.

use super::{Credential, Draft, World, allow, authorize, denied};
use crate::cos::auth::access::AccessControl as _;
use crate::cos::operation::Operation;

#[test]
fn size_and_type_of_a_body() {
    let world = World::new();
    let limit = |actions: &str, condition: &str| limited(&world, actions, condition);
    let small = limit(
        "PutObject UploadPart AppendObject",
        r#"{"numeric_less_than_equal":{"cos:content-length":10}}"#,
    );
    authorize(&world, put().header("content-length", "10"), &small).unwrap();
    let reason = denied(&world, put().header("content-length", "11"), &small);
    assert!(reason.contains("has `11`"), "{reason}");
    let chunked = put().header("transfer-encoding", "chunked");
    assert!(denied(&world, chunked, &small).contains("lacks this key"));
    let part = Draft::new("PUT", "/a", "partNumber=1&uploadId=u");
    denied(&world, part.header("content-length", "11"), &small);

    let jpeg = limit("PutObject", r#"{"string_equal":{"cos:content-type":"image/jpeg"}}"#);
    authorize(&world, put().header("content-type", "image/jpeg"), &jpeg).unwrap();
    denied(&world, put().header("content-type", "image/JPEG"), &jpeg);
    let empty = put().header("content-type", "");
    assert!(denied(&world, empty, &jpeg).contains("lacks this key"));
    denied(&world, put(), &jpeg);
}

#[test]
fn parameters_are_compared_encoded() {
    let world = World::new();
    let limit = |actions: &str, condition: &str| limited(&world, actions, condition);
    let prefix = limit("GetBucket", r#"{"string_equal":{"cos:prefix":"a%2F"}}"#);
    authorize(&world, Draft::new("GET", "/", "prefix=a/"), &prefix).unwrap();
    denied(&world, Draft::new("GET", "/", "prefix=a"), &prefix);
    denied(&world, Draft::new("GET", "/", ""), &prefix);
    let kind = limit("GetObject", r#"{"string_equal":{"cos:response-content-type":"a%2Fb"}}"#);
    authorize(&world, Draft::new("GET", "/a", "response-content-type=a/b"), &kind).unwrap();
    denied(&world, Draft::new("GET", "/a", ""), &kind);

    for (name, key) in
        [("x-cos-acl", "cos:x-cos-acl"), ("x-cos-storage-class", "cos:x-cos-storage-class")]
    {
        for query in ["", "append&position=0", "uploads"] {
            let method = if query.is_empty() { "PUT" } else { "POST" };
            let draft = || Draft::new(method, "/a", query);
            let only = limit("*", &format!(r#"{{"string_equal":{{"{key}":"x"}}}}"#));
            authorize(&world, draft().header(name, "x"), &only).unwrap();
            denied(&world, draft().header(name, "y"), &only);
            denied(&world, draft(), &only);
        }
    }
    let tag =
        limit("PutBucket", r#"{"for_any_value:string_equal":{"qcs:request_tag":"team&a b"}}"#);
    let bucket = || Draft::new("PUT", "/", "");
    authorize(&world, bucket().header("x-cos-tagging", "x=1&team=a%20b"), &tag).unwrap();
    denied(&world, bucket().header("x-cos-tagging", "team=c"), &tag);
}

#[test]
fn a_plus_in_a_query_is_decided_as_a_blank() {
    let world = World::new();
    for (query, right, wrong) in [
        ("prefix=a+b/", "a b/*", "a+b/*"),
        ("prefix=a%20b/", "a b/*", "a+b/*"),
        ("prefix=a%2Bb/", "a+b/*", "a b/*"),
    ] {
        let list = || Draft::new("GET", "/", query);
        authorize(&world, list(), &world.session(&allow("GetBucket", right, ""))).unwrap();
        denied(&world, list(), &world.session(&allow("GetBucket", wrong, "")));
        // Unsigned parameters are decided alike.
        let [right, wrong] = [right, wrong].map(|path| {
            let by = world.session(&allow("GetBucket", path, ""));
            let mut request = Draft::new("GET", "/", "").signed(&by).request();
            request.query = query.to_owned();
            let operation = Operation::of(&request).unwrap();
            world.authorizer.authorize(&request, &operation).is_ok()
        });
        assert_eq!((right, wrong), (true, false), "{query}");
    }
    for (query, is_met) in [("a+b", true), ("a%20b", true), ("a%2Bb", false)] {
        let list = Draft::new("GET", "/", &format!("prefix={query}"));
        let only = limited(&world, "GetBucket", r#"{"string_equal":{"cos:prefix":"a%20b"}}"#);
        assert_eq!(authorize(&world, list, &only).is_ok(), is_met, "{query}");
    }
}

#[test]
fn where_when_and_who() {
    let world = World::new();
    let limit = |actions: &str, condition: &str| limited(&world, actions, condition);
    let here = limit(
        "PutObject",
        r#"{"ip_equal":{"qcs:ip":"127.0.0.0/8"},"bool_equal":{"cos:secure-transport":"true"}}"#,
    );
    authorize(&world, put(), &here).unwrap();
    let plain = Draft { is_tls: false, ..put() };
    denied(&world, plain, &here);
    denied(&world, put(), &limit("PutObject", r#"{"ip_equal":{"qcs:ip":"10.0.0.0/8"}}"#));
    let over =
        limit("PutObject", r#"{"date_less_than":{"qcs:current_time":"2023-11-14T22:13:20Z"}}"#);
    denied(&world, put(), &over);
    let me = limit(
        "PutObject",
        r#"{"string_equal":{"qcs:uin":"100000000002","qcs:owner_uin":"100000000001"}}"#,
    );
    authorize(&world, put(), &me).unwrap();
    let from = |vpc: &str| {
        limit("PutObject", &format!(r#"{{"string_equal":{{"vpc:requester_vpc":"{vpc}"}}}}"#))
    };
    authorize(&world, put(), &from("vpc-a1")).unwrap();
    denied(&world, put(), &from("vpc-b2"));
    // Not known here, so not met.
    let validators = limit("PutObject", r#"{"numeric_greater_than_equal":{"cos:tls-version":1}}"#);
    assert!(denied(&world, put(), &validators).contains("lacks this key"));
}

fn limited(world: &World, actions: &str, condition: &str) -> Credential {
    let condition = format!(r#","condition":{condition}"#);
    world.session(&allow(actions, "*", &condition))
}

fn put() -> Draft {
    Draft::new("PUT", "/a", "")
}
