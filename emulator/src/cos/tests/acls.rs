//! ACLs over the wire: set by headers and bodies, shown, kept.

use super::{HOST, World, refusal, sent, status, texts};
use crate::cos::http::xml::Element;

/// The body of the page's second sample.
const SAMPLE: &str = r#"<AccessControlPolicy>
    <Owner><ID>qcs::cam::uin/100000000001:uin/100000000001</ID></Owner>
    <AccessControlList>
        <Grant>
            <Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="Group">
                <URI>http://cam.qcloud.com/groups/global/AllUsers</URI>
            </Grantee>
            <Permission>READ</Permission>
        </Grant>
        <Grant>
            <Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">
                <ID>qcs::cam::uin/100000000002:uin/100000000002</ID>
            </Grantee>
            <Permission>READ_ACP</Permission>
        </Grant>
    </AccessControlList>
</AccessControlPolicy>"#;

const OWNER: &str = "qcs::cam::uin/100000000001:uin/100000000001";
const OTHER: &str = "qcs::cam::uin/100000000002:uin/100000000002";
const EVERYONE: &str = "http://cam.qcloud.com/groups/global/AllUsers";

/// Each grant as `<grantee> <permission>`.
fn grants(root: &Element) -> Vec<String> {
    assert_eq!(root.child("Owner").unwrap().text_of("ID"), Some(OWNER));
    let list = root.child("AccessControlList").unwrap();
    let grantee = |grant: &Element| {
        let grantee = grant.child("Grantee").unwrap();
        grantee.text_of("URI").or_else(|| grantee.text_of("ID")).unwrap().to_owned()
    };
    let permissions = texts(list, "Grant", "Permission");
    let grants = list.all("Grant").map(grantee).zip(permissions);
    grants.map(|(grantee, permission)| format!("{grantee} {permission}")).collect()
}

#[tokio::test]
async fn acls_are_set_by_headers_and_bodies_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    world.put("/a", "1").await;
    let private = vec![format!("{OWNER} FULL_CONTROL")];
    // Single grants are shown as they were sent, a preset ACL with the owner.
    let sent_grants = vec![format!("{EVERYONE} READ"), format!("{OTHER} READ_ACP")];
    for target in ["/?acl", "/a?acl"] {
        assert_eq!(grants(&world.document(target).await), private, "{target}");
        assert_eq!(status(world.request("PUT", target).body(SAMPLE)).await, 200, "{target}");
        assert_eq!(grants(&world.document(target).await), sent_grants, "{target}");
        let empty = "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>";
        assert_eq!(status(world.request("PUT", target).body(empty)).await, 200, "{target}");
        assert_eq!(grants(&world.document(target).await), private, "{target}");
        assert_eq!(status(world.request("PUT", target).body(SAMPLE)).await, 200, "{target}");
        let private_again = world.request("PUT", target).header("x-cos-acl", "private");
        assert_eq!(status(private_again.body(SAMPLE)).await, 200, "the header wins");
        assert_eq!(grants(&world.document(target).await), private, "{target}");
        let headers = world
            .request("PUT", target)
            .header("x-cos-acl", "public-read")
            .header("x-cos-grant-read-acp", "id=\"100000000002\"");
        assert_eq!(status(headers).await, 200);
    }
    let upload = world.request("PUT", "/b").header("x-cos-acl", "public-read").body("1");
    assert_eq!(status(upload).await, 200);
    let other = HOST.replace("examplebucket", "other");
    let make = world.request_to("PUT", &other, "/").header("x-cos-acl", "public-read-write");
    assert_eq!(status(make).await, 200);
    // A copy does not have the ACL of its source.
    let copy = world.request("PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/b"));
    assert_eq!(status(copy).await, 200);
    drop(world);
    let world = World::in_directory(directory.path());
    for target in ["/?acl", "/a?acl"] {
        assert_eq!(grants(&world.document(target).await), sent_grants, "{target}");
    }
    let public = [&private[..], &[format!("{EVERYONE} READ")]].concat();
    assert_eq!(grants(&world.document("/b?acl").await), public);
    assert_eq!(grants(&world.document("/copy?acl").await), private);
    let answer = sent(world.request_to("GET", &other, "/?acl")).await;
    let full = [&private[..], &[format!("{EVERYONE} FULL_CONTROL")]].concat();
    assert_eq!(grants(&super::read_xml(answer).await), full);
}

#[tokio::test]
async fn acls_that_are_refused_change_nothing() {
    let world = World::new();
    let put = world.request("PUT", "/a").header("x-cos-acl", "public-read").body("1");
    assert_eq!(status(put).await, 200);
    let before = world.get("/a?acl").await.text().await.unwrap();
    let put = |target: &str| world.request("PUT", target).header("content-length", "0");
    for (request, error) in [
        (put("/a?acl"), "400 MissingRequestBodyError"),
        (put("/?acl"), "400 MissingRequestBodyError"),
        (put("/a?acl").header("x-cos-acl", "anyone"), "400 InvalidArgument"),
        (put("/a?acl").header("x-cos-acl", "public-read-write"), "400 InvalidArgument"),
        (put("/a?acl").header("x-cos-grant-write", "id=\"1\""), "400 InvalidArgument"),
        (put("/a?acl").header("x-cos-grant-read", "everyone"), "400 InvalidArgument"),
        (world.request("PUT", "/a?acl").body("<AccessControlPolicy/>"), "400 MalformedXML"),
        (world.request("PUT", "/b?acl").body(SAMPLE), "404 NoSuchKey"),
        (world.request("GET", "/b?acl"), "404 NoSuchKey"),
    ] {
        assert_eq!(refusal(request).await, error);
    }
    assert_eq!(world.get("/a?acl").await.text().await.unwrap(), before);
    assert_eq!(
        refusal(world.request("PUT", "/b").header("x-cos-acl", "x").body("1")).await,
        "400 InvalidArgument"
    );
    assert_eq!(world.get("/b").await.status(), 404);
}
