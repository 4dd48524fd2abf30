//! The whole way over real sockets: a key from the STS, then COS with it, and everything that the
//! key does not cover.

use cos_emulator::Cloud;

use crate::cos_caller::{Caller, TARGET, TEXT, is, status_and_code};
use crate::support::sts_only;

/// Status, code (or body), and the reason in the header.
async fn send(cloud: &Cloud, by: &Caller, method: &str, target: &str) -> (u16, String, String) {
    let body = if method == "GET" { "" } else { "x" };
    let answer = by.request(cloud, method, target).body(body).send().await.unwrap();
    let reason = answer.headers().get("x-cos-emulator-reason");
    let reason = reason.map_or("", |reason| reason.to_str().unwrap()).to_owned();
    let (status, code) = status_and_code(answer).await;
    (status.as_u16(), code, reason)
}

#[tokio::test]
async fn a_key_of_the_sts_opens_its_own_prefix_and_nothing_else() {
    let cloud = sts_only().await;
    let by = Caller::with(&cloud, &["PutObject", "GetObject", "GetBucket"]).await;
    assert_eq!(by.put(&cloud).await, is(200, ""));
    assert_eq!(by.get(&cloud).await, is(200, TEXT));
    let (_, list, _) = send(&cloud, &by, "GET", "/?prefix=users/1/").await;
    assert!(list.contains("<Key>users/1/a.txt</Key>"), "{list}");

    for (method, target) in [
        ("PUT", "/users/2/a"),
        ("PUT", "/users/10/a"),
        ("PUT", "/users/1"),
        ("PUT", "/a"),
        ("GET", "/users/2/a"),
        ("GET", "/?prefix=users/"),
        ("GET", "/"),
        ("HEAD", TARGET),
        ("DELETE", TARGET),
        ("POST", "/users/1/a?uploads"),
        ("POST", "/users/1/a?append&position=0"),
        ("GET", "/users/1/a?acl"),
        ("PUT", "/?cors"),
        ("DELETE", "/"),
    ] {
        let (status, code, reason) = send(&cloud, &by, method, target).await;
        let expected = if method == "HEAD" { "" } else { "AccessDenied" };
        assert_eq!((status, code.as_str()), (403, expected), "{method} {target}");
        assert!(reason.starts_with("denied"), "{method} {target}: {reason}");
    }
    let last = cloud.decisions().pop().unwrap();
    let told = (last.operation.as_str(), last.caller_name.as_deref(), last.is_authorized);
    assert_eq!(told, ("DeleteBucket", Some("issuer/test"), false));
    // Nothing of it happened.
    let root = Caller { pair: cloud.root_key().clone(), token: None };
    let (_, list, _) = send(&cloud, &root, "GET", "/").await;
    assert_eq!(list.matches("<Contents>").count(), 1, "{list}");
}

#[tokio::test]
async fn a_key_is_good_until_it_expires_or_is_revoked() {
    let cloud = sts_only().await;
    cloud.clock().freeze();
    let by = Caller::of(&cloud).await;
    assert_eq!(by.put(&cloud).await, is(200, ""));
    cloud.advance_clock(1799);
    assert_eq!(by.put(&cloud).await, is(200, ""));
    cloud.advance_clock(1);
    assert_eq!(by.put(&cloud).await, is(400, "ExpiredToken"));

    let by = Caller::of(&cloud).await;
    assert_eq!(by.put(&cloud).await, is(200, ""));
    assert!(cloud.revoke(&by.pair.secret_id));
    assert!(!cloud.revoke(&by.pair.secret_id) && !cloud.revoke("AKIDEMUnobody"));
    let (status, code, reason) = send(&cloud, &by, "PUT", TARGET).await;
    assert_eq!((status, code.as_str()), (403, "InvalidAccessKeyId"));
    assert_eq!(reason, "the key was revoked");

    let by = Caller::of(&cloud).await;
    assert!(cloud.expire(&by.pair.secret_id));
    assert_eq!(by.put(&cloud).await, is(400, "ExpiredToken"));
    assert!(!cloud.expire(&cloud.root_key().secret_id));
    assert!(!cloud.expire("AKIDEMUnobody"));
}
