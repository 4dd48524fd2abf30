//! Archived objects on a moved clock, and the speed of single requests.

use super::{HOST, World, header, refusal, sent, status};

const HOUR: i64 = 60 * 60;

fn restore_body(tier: &str) -> String {
    format!(
        "<RestoreRequest><Days>1</Days><CASJobParameters><Tier>{tier}</Tier></CASJobParameters>\
         </RestoreRequest>"
    )
}

#[tokio::test]
async fn an_archived_object_is_read_once_it_is_restored() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    let put = world.request("PUT", "/a").header("x-cos-storage-class", "ARCHIVE").body("text");
    assert_eq!(status(put).await, 200);
    let refused = sent(world.request("GET", "/a")).await;
    assert_eq!(header(&refused, "x-cos-storage-class"), "ARCHIVE");
    assert_eq!(refusal(world.request("GET", "/a")).await, "403 InvalidObjectState");
    let copy = || world.request("PUT", "/copy").header("x-cos-copy-source", format!("{HOST}/a"));
    assert_eq!(refusal(copy()).await, "403 InvalidObjectState");
    let head = sent(world.request("HEAD", "/a")).await;
    assert_eq!(head.status(), 200);
    assert!(!head.headers().contains_key("x-cos-restore"));

    let restore = |tier: &str| world.request("POST", "/a?restore").body(restore_body(tier));
    assert_eq!(status(restore("Standard")).await, 202);
    assert_eq!(refusal(restore("Standard")).await, "409 RestoreAlreadyInProgress");
    assert_eq!(refusal(world.request("GET", "/a")).await, "403 InvalidObjectState");
    let head = sent(world.request("HEAD", "/a")).await;
    assert_eq!(header(&head, "x-cos-restore"), "ongoing-request=\"true\"");
    assert!(header(&head, "x-cos-restore-status").starts_with("tier=\"standard\"; request-date="));
    drop(world);
    // The restoration goes on after a restart.
    let world = World::in_directory(directory.path());
    world.advance(6 * HOUR);
    assert_eq!(world.get("/a").await.text().await.unwrap(), "text");
    let head = sent(world.request("HEAD", "/a")).await;
    let restored = header(&head, "x-cos-restore");
    assert!(restored.starts_with("ongoing-request=\"false\", expiry-date=\""), "{restored}");
    assert!(!head.headers().contains_key("x-cos-restore-status"));
    let standard = world
        .request("PUT", "/standard")
        .header("x-cos-copy-source", format!("{HOST}/a"))
        .header("x-cos-storage-class", "STANDARD");
    assert_eq!(status(standard).await, 200);
    world.advance(24 * HOUR);
    assert_eq!(refusal(world.request("GET", "/a")).await, "403 InvalidObjectState");
    assert_eq!(world.get("/standard").await.text().await.unwrap(), "text");
}

#[tokio::test]
async fn restorations_that_are_refused() {
    let world = World::new();
    world.put("/a", "text").await;
    let deep = world.request("PUT", "/deep").header("x-cos-storage-class", "DEEP_ARCHIVE");
    assert_eq!(status(deep.body("text")).await, 200);
    for (target, tier, error) in [
        ("/a?restore", "Bulk", "405 RestoreNonArchiveObject"),
        ("/missing?restore", "Bulk", "404 NoSuchKey"),
        ("/deep?restore", "Expedited", "400 InvalidArgument"),
        ("/deep?restore", "Fast", "400 MalformedXML"),
        ("/deep?restore&versionId=x", "Bulk", "404 NoSuchVersion"),
    ] {
        let request = world.request("POST", target).body(restore_body(tier));
        assert_eq!(refusal(request).await, error, "{target} {tier}");
    }
    assert_eq!(refusal(world.request("GET", "/deep")).await, "403 InvalidObjectState");
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a speed is measured")]
async fn a_traffic_limit_slows_one_request() {
    let world = World::new();
    let body = vec![b'x'; 50 * 1024];
    // 50 KB at 100 KB a second; a busy machine only makes it slower.
    let least = std::time::Duration::from_millis(450);
    for (method, target, name) in [
        ("PUT", "/a", "x-cos-traffic-limit"),
        ("PUT", "/a?x-cos-traffic-limit=819200", "x-other"),
        ("GET", "/a?x-cos-traffic-limit=819200", "x-other"),
    ] {
        let begin = std::time::Instant::now();
        let sent_body = if method == "PUT" { body.clone() } else { Vec::new() };
        let answer =
            sent(world.request(method, target).header(name, "819200").body(sent_body)).await;
        assert_eq!(answer.status(), 200, "{method} {target}");
        let received = answer.bytes().await.unwrap();
        assert!(begin.elapsed() >= least, "{method} {target}");
        assert_eq!(received.len(), if method == "GET" { body.len() } else { 0 });
    }
    for (method, target) in [
        ("PUT", "/a?x-cos-traffic-limit=1"),
        ("GET", "/a?x-cos-traffic-limit=fast"),
        ("GET", "/a?x-cos-traffic-limit=838860801"),
    ] {
        let refused = refusal(world.request(method, target).body("")).await;
        assert_eq!(refused, "400 InvalidArgument", "{method} {target}");
    }
}
