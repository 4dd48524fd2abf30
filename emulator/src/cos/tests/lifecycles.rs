//! Lifecycle rules on a moved clock.

use super::{World, header, refusal, sent, status, texts};

const DAY: i64 = 24 * 60 * 60;

/// One o'clock in Beijing, an hour after the rules ran.
const ONE_O_CLOCK: i64 = 20_000 * DAY - 7 * 60 * 60;

async fn set_rule(world: &World, inside: &str) {
    let body = format!(
        "<LifecycleConfiguration><Rule><ID>1</ID><Filter><Prefix>logs/</Prefix></Filter>\
         <Status>Enabled</Status>{inside}</Rule></LifecycleConfiguration>"
    );
    assert_eq!(status(world.request("PUT", "/?lifecycle").body(body)).await, 200);
}

#[tokio::test]
async fn objects_expire_and_move_to_colder_classes() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::in_directory(directory.path());
    world.set_clock(ONE_O_CLOCK);
    world.put("/logs/a", "1").await;
    world.put("/b", "1").await;
    set_rule(
        &world,
        "<Transition><Days>1</Days><StorageClass>ARCHIVE</StorageClass></Transition>\
         <Expiration><Days>9</Days></Expiration>",
    )
    .await;
    world.advance(DAY);
    assert_eq!(world.get("/logs/a").await.status(), 200);
    world.advance(DAY);
    assert_eq!(refusal(world.request("GET", "/logs/a")).await, "403 InvalidObjectState");
    drop(world);
    // What a run did is on the disk; a clock that starts again in the past undoes nothing.
    let world = World::in_directory(directory.path());
    world.set_clock(ONE_O_CLOCK);
    let head = sent(world.request("HEAD", "/logs/a")).await;
    assert_eq!(header(&head, "x-cos-storage-class"), "ARCHIVE");
    world.set_clock(ONE_O_CLOCK + 10 * DAY);
    let root = world.document("/").await;
    assert_eq!(texts(&root, "Contents", "Key"), ["b"]);
    assert_eq!(refusal(world.request("GET", "/logs/a")).await, "404 NoSuchKey");
    assert_eq!(status(world.request("DELETE", "/?lifecycle")).await, 204);
    world.put("/logs/a", "1").await;
    world.advance(100 * DAY);
    assert_eq!(world.get("/logs/a").await.status(), 200);
}

/// Of the object `logs/a`.
async fn world_with_two_versions() -> World {
    let world = World::new();
    world.set_clock(ONE_O_CLOCK);
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(status(world.request("PUT", "/?versioning").body(enabled)).await, 200);
    world.put("/logs/a", "1").await;
    world.put("/logs/a", "2").await;
    world
}

#[tokio::test]
async fn versions_and_uploads_expire_too() {
    let world = world_with_two_versions().await;
    sent(world.request("POST", "/logs/a?uploads")).await;
    set_rule(
        &world,
        "<Expiration><Days>5</Days></Expiration>\
         <NoncurrentVersionExpiration><NoncurrentDays>2</NoncurrentDays>\
         </NoncurrentVersionExpiration><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload>",
    )
    .await;
    for (days, uploads, versions, markers) in [
        (1, 1, 2, 0),
        (1, 0, 2, 0),
        (1, 0, 1, 0),
        (2, 0, 1, 0),
        (1, 0, 1, 1),
        (2, 0, 1, 1),
        (1, 0, 0, 1),
    ] {
        world.advance(days * DAY);
        let listed = world.document("/?uploads").await;
        let root = world.document("/?versions").await;
        let found = (
            listed.all("Upload").count(),
            root.all("Version").count(),
            root.all("DeleteMarker").count(),
        );
        assert_eq!(found, (uploads, versions, markers));
    }
    set_rule(
        &world,
        "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>",
    )
    .await;
    world.advance(DAY);
    assert_eq!(world.document("/?versions").await.all("DeleteMarker").count(), 0);
}

#[tokio::test]
async fn versions_move_to_colder_classes() {
    let world = world_with_two_versions().await;
    assert_eq!(status(world.request("DELETE", "/logs/b")).await, 204);
    set_rule(
        &world,
        "<NoncurrentVersionTransition><NoncurrentDays>1</NoncurrentDays>\
         <StorageClass>STANDARD_IA</StorageClass></NoncurrentVersionTransition>\
         <NoncurrentVersionTransition><NoncurrentDays>2</NoncurrentDays>\
         <StorageClass>ARCHIVE</StorageClass></NoncurrentVersionTransition>\
         <NoncurrentVersionExpiration><NoncurrentDays>4</NoncurrentDays>\
         </NoncurrentVersionExpiration>",
    )
    .await;
    for expected in [
        &["STANDARD", "STANDARD"][..],
        &["STANDARD", "STANDARD_IA"],
        &["STANDARD", "ARCHIVE"],
        &["STANDARD", "ARCHIVE"],
        &["STANDARD"],
    ] {
        world.advance(DAY);
        let root = world.document("/?versions").await;
        assert_eq!(texts(&root, "Version", "StorageClass"), expected);
    }
}
