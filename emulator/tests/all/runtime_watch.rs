//! A new binary in the place of the old one: taken over when it is whole and starts, ignored when
//! it does not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cos_emulator::{Cloud, Platform};
use serde_json::Value;

use crate::lifecycle::{LAMBDA, SCF, outcome, reply, runs, until};
use crate::support::{function, plain_client};

/// A function that can be replaced.
struct Replaceable {
    directory: tempfile::TempDir,
}

impl Replaceable {
    fn new() -> Self {
        let new = Self { directory: tempfile::tempdir().unwrap() };
        new.put(&Self::version("one"));
        new
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("bootstrap")
    }

    fn version(name: &str) -> String {
        let text = fs::read_to_string(function()).unwrap();
        text.replace("VERSION = \"one\"", &format!("VERSION = \"{name}\""))
    }

    /// As a linker does it: a new file under the old name.
    fn put(&self, text: &str) {
        let new = self.directory.path().join("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(new, self.path()).unwrap();
    }

    async fn cloud(&self, platform: Platform) -> Cloud {
        let builder = Cloud::builder().platform(platform).function(self.path());
        builder.watch(true).start().await.unwrap()
    }
}

async fn version(cloud: &Cloud) -> Value {
    let url = cloud.gateway_url().unwrap();
    let response = plain_client().get(url).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let reply: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    reply["version"].clone()
}

async fn logged(cloud: &Cloud, text: &str) {
    for _ in 0..400 {
        if cloud.function_output().contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("`{text}` was not logged within twenty seconds");
}

#[tokio::test]
async fn the_next_request_is_served_by_the_new_binary() {
    for platform in [SCF, LAMBDA, Platform::ScfWeb] {
        let file = Replaceable::new();
        let cloud = file.cloud(platform).await;
        assert_eq!(version(&cloud).await, "one");
        let old = cloud.function_processes();
        file.put(&Replaceable::version("two"));
        logged(&cloud, "the new binary serves from here on").await;
        assert_eq!(version(&cloud).await, "two", "{platform:?}");
        until(|| old.iter().all(|process| !runs(*process))).await;
        assert_eq!(cloud.function_processes().len(), 1);
    }
}

#[tokio::test]
async fn a_running_invocation_ends_on_the_old_one() {
    let file = Replaceable::new();
    let builder = Cloud::builder().function(file.path()).watch(true);
    let cloud = builder.env("SLOW", "6").start().await.unwrap();
    let (slow, ()) = tokio::join!(outcome(&cloud, "slow"), async {
        until(|| !cloud.function_processes().is_empty()).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        file.put(&Replaceable::version("two"));
        logged(&cloud, "the new binary serves from here on").await;
        assert_eq!(reply(&outcome(&cloud, "echo").await)["version"], "two");
    });
    assert_eq!(reply(&slow)["answer"], "slow");
    until(|| cloud.function_processes().len() == 1).await;
}

#[tokio::test]
async fn a_binary_that_does_not_start_changes_nothing_and_the_next_one_is_tried() {
    let file = Replaceable::new();
    let cloud = file.cloud(SCF).await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 1);
    for (broken, why) in [
        ("#!/usr/bin/env python3\nimport sys\nsys.exit(3)\n", "exited before it was ready"),
        ("\u{7f}ELF and no more than that", "Exec format error"),
    ] {
        file.put(broken);
        logged(&cloud, why).await;
        logged(&cloud, "The one before it goes on").await;
    }
    assert_eq!(reply(&outcome(&cloud, "echo").await)["served"], 2);
    file.put(&Replaceable::version("three"));
    logged(&cloud, "the new binary serves from here on").await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["version"], "three");
}

#[tokio::test]
async fn a_half_written_binary_is_never_started() {
    let file = Replaceable::new();
    let cloud = file.cloud(SCF).await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["version"], "one");
    // In place, in pieces, each of which would say so if it ran; slower than the quiet time in all,
    // much faster between two. A thread of its own writes, so that nothing else that is slow here
    // makes a pause.
    let (path, written_up) = (file.path(), Arc::new(AtomicBool::new(false)));
    let is_written_up = Arc::clone(&written_up);
    let writer = std::thread::spawn(move || {
        let mut text = "#!/usr/bin/env python3\nprint('half a binary', flush=True)\n".to_owned();
        while !is_written_up.load(Ordering::SeqCst) {
            text.push_str("# more of it\n");
            fs::write(&path, &text).unwrap();
            std::thread::sleep(Duration::from_millis(25));
        }
        fs::write(&path, Replaceable::version("two")).unwrap();
    });
    // For 1.2 s at least.
    for _ in 0..12 {
        // More instances are started meanwhile, from what was whole.
        let (one, two) = tokio::join!(outcome(&cloud, "echo"), outcome(&cloud, "echo"));
        assert_eq!(
            (&reply(&one)["version"], &reply(&two)["version"]),
            (&"one".into(), &"one".into())
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    written_up.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    logged(&cloud, "the new binary serves from here on").await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["version"], "two");
    assert!(!cloud.function_output().contains("half a binary"));
}

#[tokio::test]
async fn unwatched_a_new_binary_waits() {
    let file = Replaceable::new();
    let cloud = Cloud::builder().function(file.path()).start().await.unwrap();
    assert_eq!(reply(&outcome(&cloud, "echo").await)["version"], "one");
    file.put(&Replaceable::version("two"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(reply(&outcome(&cloud, "echo").await)["version"], "one");
}
