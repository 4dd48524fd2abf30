//! The state of a cloud: written, read, reset, and separate from that of every other cloud.

use cos_emulator::{Cloud, CloudBuilder, StartError};
use reqwest::{Method, StatusCode};

use crate::cos_caller::{Caller, is, status_and_code};
use crate::support::plain_client;

const DAY: i64 = 24 * 60 * 60;

/// The owner of a cloud's account.
fn owner(cloud: &Cloud) -> Caller {
    Caller { pair: cloud.sub_account_key().clone(), token: None }
}

async fn ask(cloud: &Cloud, method: &str, target: &str, body: &str) -> (StatusCode, String) {
    let request = owner(cloud).request(cloud, method, target).body(body.to_owned());
    status_and_code(request.send().await.unwrap()).await
}

/// What a bucket shows: its lists, and the objects in it.
async fn shown(cloud: &Cloud) -> Vec<(StatusCode, String)> {
    let mut shown = Vec::new();
    for target in
        ["/?versions", "/?uploads", "/?acl", "/?tagging", "/?lifecycle", "/a", "/b", "/a?tagging"]
    {
        shown.push(ask(cloud, "GET", target, "").await);
    }
    shown
}

/// Objects of several versions, an unfinished upload, settings, and a moved clock.
async fn filled() -> Cloud {
    let cloud = Cloud::builder().admin_port(0).start().await.unwrap();
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let rule = "<LifecycleConfiguration><Rule><ID>1</ID><Filter><Prefix>logs/</Prefix></Filter>\
         <Status>Enabled</Status><Expiration><Days>9</Days></Expiration></Rule>\
         </LifecycleConfiguration>";
    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    let large = "x".repeat(600_000);
    for (method, target, body) in [
        ("PUT", "/b", "before versions"),
        ("PUT", "/?versioning", versioning),
        ("PUT", "/a", "first"),
        ("PUT", "/a", large.as_str()),
        ("PUT", "/a?tagging", tags),
        ("DELETE", "/b", ""),
        ("POST", "/c?uploads", ""),
        ("PUT", "/?lifecycle", rule),
    ] {
        let (status, text) = ask(&cloud, method, target, body).await;
        assert!(status.is_success(), "{method} {target}: {status} {text}");
    }
    cloud.advance_clock(DAY);
    cloud
}

#[tokio::test]
async fn a_state_is_put_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state");
    let cloud = filled().await;
    let before = shown(&cloud).await;
    cloud.save_state(&file).await.unwrap();
    let text = std::fs::read(&file).unwrap();
    for secret in cloud.secrets() {
        let mut windows = text.windows(secret.len());
        assert!(!windows.any(|window| window == secret.as_bytes()), "a secret is in the file");
    }

    ask(&cloud, "PUT", "/a", "another").await;
    ask(&cloud, "DELETE", "/?lifecycle", "").await;
    cloud.advance_clock(DAY);
    assert_ne!(shown(&cloud).await, before);
    cloud.load_state(&file).await.unwrap();
    assert_eq!(shown(&cloud).await, before);

    // Another cloud begins with it; its reset goes back to it.
    let other = Cloud::builder().state(&file).start().await.unwrap();
    assert_eq!(shown(&other).await, before);
    assert!((DAY - 60..=DAY + 60).contains(&other.clock().offset_seconds()));
    ask(&other, "PUT", "/a", "another").await;
    other.reset().unwrap();
    assert_eq!(shown(&other).await, before);
}

#[tokio::test]
async fn what_is_not_a_whole_state_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state");
    let cloud = filled().await;
    let before = shown(&cloud).await;
    cloud.save_state(&file).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    let text = String::from_utf8_lossy(&whole).into_owned();
    let other_version = text.replacen("\"cos-issuer-state\":1", "\"cos-issuer-state\":2", 1);
    let other_bytes = text.replacen("xxx", "xxy", 1);
    let other_count = text.replacen("{\"end\":", "{\"end\":1", 1);
    for bad in [
        b"".to_vec(),
        b"{}\n".to_vec(),
        whole[..whole.len() - 3].to_vec(),
        whole[..whole.len() / 2].to_vec(),
        other_version.into_bytes(),
        other_bytes.into_bytes(),
        other_count.into_bytes(),
    ] {
        let shown_bytes = String::from_utf8_lossy(&bad[..bad.len().min(40)]).into_owned();
        std::fs::write(&file, bad).unwrap();
        assert!(cloud.load_state(&file).await.is_err(), "{shown_bytes}");
        let error = Cloud::builder().state(&file).start().await.unwrap_err();
        assert!(matches!(error, StartError::State { .. }), "{error}");
    }
    assert_eq!(shown(&cloud).await, before);
}

#[tokio::test]
async fn the_admin_api_copies_loads_and_resets() {
    let (cloud, other) = (filled().await, filled().await);
    let request = |cloud: &Cloud, method: Method| {
        let admin = cloud.admin().unwrap();
        let url = format!("{}/state", admin.url());
        plain_client().request(method, url).bearer_auth(admin.token())
    };
    let before = shown(&cloud).await;
    let copy = request(&cloud, Method::GET).send().await.unwrap();
    assert_eq!(copy.headers()["content-type"], "application/octet-stream");
    let copy = copy.bytes().await.unwrap();
    let put = request(&other, Method::PUT).body(copy.clone()).send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(shown(&other).await, before);
    let bad = request(&other, Method::PUT).body(copy.slice(..1000)).send().await.unwrap();
    assert_eq!(
        (bad.status().as_u16(), &bad.headers()["x-emulator-error"]),
        (400, &"BadState".parse().unwrap())
    );
    assert_eq!(shown(&other).await, before);

    let reset = request(&cloud, Method::DELETE).send().await.unwrap();
    assert_eq!(reset.status(), 200);
    assert_eq!(cloud.clock().offset_seconds(), 0);
    assert_eq!(ask(&cloud, "GET", "/a", "").await, is(404, "NoSuchKey"));
    assert_eq!(ask(&cloud, "GET", "/?lifecycle", "").await.0, 404);
    assert!(ask(&cloud, "GET", "/", "").await.0.is_success(), "the account's bucket is there");
}

#[tokio::test]
async fn a_directory_is_a_state_already() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let builder = |state: &str| Cloud::builder().data(path.join("data")).state(path.join(state));
    let error = builder("state").start().await.unwrap_err();
    assert!(matches!(error, StartError::State { .. }), "{error}");
    let cloud = Cloud::builder().data(path.join("data")).start().await.unwrap();
    ask(&cloud, "PUT", "/a", "text").await;
    // It can be copied, and a cloud in memory can begin with the copy.
    cloud.save_state(path.join("copy")).await.unwrap();
    assert!(cloud.reset().is_err() && cloud.load_state(path.join("copy")).await.is_err());
    assert_eq!(ask(&cloud, "GET", "/a", "").await, is(200, "text"));
    let other = Cloud::builder().state(path.join("copy")).start().await.unwrap();
    assert_eq!(ask(&other, "GET", "/a", "").await, is(200, "text"));
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[tokio::test]
async fn a_folder_is_stored_at_the_start_unless_objects_are_there() {
    let folder = folder(&[
        ("examplebucket-1250000000/site/index.html", "<html>"),
        ("examplebucket-1250000000/图.txt", "text"),
        ("fixtures-1250000000/a", "of another bucket"),
    ]);
    let elsewhere = tempfile::tempdir().unwrap();
    let state = elsewhere.path().join("state");
    let start = async |builder: CloudBuilder| builder.preload(folder.path()).start().await.unwrap();
    let cloud = start(Cloud::builder()).await;
    let page = owner(&cloud).request(&cloud, "GET", "/site/index.html").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html");
    assert_eq!(page.text().await.unwrap(), "<html>");
    let (_, listed) = ask(&cloud, "GET", "/", "").await;
    assert!(listed.contains("<Key>图.txt</Key>"), "{listed}");

    ask(&cloud, "DELETE", "/site/index.html", "").await;
    cloud.reset().unwrap();
    assert_eq!(ask(&cloud, "GET", "/site/index.html", "").await, is(200, "<html>"));
    ask(&cloud, "DELETE", "/site/index.html", "").await;
    cloud.save_state(&state).await.unwrap();
    let again = start(Cloud::builder().state(&state)).await;
    assert_eq!(ask(&again, "GET", "/site/index.html", "").await, is(404, "NoSuchKey"));
}

#[tokio::test]
async fn a_folder_that_is_not_one_of_buckets_is_refused() {
    let outside = folder(&[("a", "text")]);
    let link = folder(&[("examplebucket-1250000000/a", "text")]);
    let target = link.path().join("examplebucket-1250000000/link");
    std::os::unix::fs::symlink(outside.path().join("a"), target).unwrap();
    for folder in [
        folder(&[("a.txt", "text")]),
        folder(&[("folder/a.txt", "text")]),
        folder(&[("foreign-1250000001/a.txt", "text")]),
        folder(&[("examplebucket-1250000000", "text")]),
        link,
    ] {
        let error = Cloud::builder().preload(folder.path()).start().await.unwrap_err();
        assert!(matches!(error, StartError::Preload { .. }), "{error}");
    }
    let missing = outside.path().join("missing");
    assert!(Cloud::builder().preload(missing).start().await.is_err());
}

#[tokio::test]
async fn clouds_of_one_process_share_nothing() {
    let (one, other) = (filled().await, filled().await);
    assert_eq!(other.cos().address().ip(), one.cos().address().ip());
    assert_ne!(other.cos().address(), one.cos().address());
    ask(&one, "PUT", "/only-here", "text").await;
    assert_eq!(ask(&other, "GET", "/only-here", "").await, is(404, "NoSuchKey"));
    one.advance_clock(DAY);
    assert!(one.clock().offset_seconds() - other.clock().offset_seconds() > DAY - 60);
    let foreign = owner(&one).request(&other, "GET", "/a");
    let answer = status_and_code(foreign.send().await.unwrap()).await;
    assert_eq!(answer, is(403, "InvalidAccessKeyId"));
    drop(one);
    assert!(ask(&other, "GET", "/a", "").await.0.is_success());
}
