//! The vendor's `coscmd`, unmodified, against the local COS: files and folders up and down, a sync
//! that sends only what differs, lists, signed URLs, ACLs.
//!
//! It asks the real names of COS, with the local one as its proxy.
//!
//! # Not covered
//!
//! Credentials of a function, with which `ci_uploads` runs it.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cos_emulator::Cloud;
use cos_issuer_e2e::{Storage, client_file, cloud, pattern, search_path};
use tempfile::TempDir;
use tokio::process::Command;

const BUCKET: &str = "examplebucket-1250000000";
const FILES: usize = 200;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_synced_and_the_second_time_sends_nothing() {
    let world = World::start().await;
    for number in 0..FILES {
        world.write(&format!("site/{}/图 {number}.txt", number % 7), &format!("text {number}"));
    }
    world.runs("upload -r -s site backup").await;
    assert_eq!(world.uploads(), FILES);
    world.runs("upload -r -s site backup").await;
    assert_eq!(world.uploads(), 0, "nothing differs");
    world.write("site/0/图 0.txt", "another text");
    world.runs("upload -r -s site backup").await;
    assert_eq!(world.uploads(), 1, "one file differs");

    let listed = world.runs("list -r -a backup/").await;
    assert_eq!(listed.matches("backup/").count(), FILES, "{listed}");
    world.runs("download -r -s backup copy").await;
    for number in 1..FILES {
        let text = world.read(&format!("copy/{}/图 {number}.txt", number % 7));
        assert_eq!(text, format!("text {number}").as_bytes());
    }
    assert_eq!(world.read("copy/0/图 0.txt"), b"another text");

    std::fs::remove_dir_all(world.path("site/6")).unwrap();
    world.runs("upload -r -s -f -y --delete site/ backup/").await;
    let listed = world.runs("list -r -a backup/").await;
    assert!(listed.contains("backup/5/") && !listed.contains("backup/6/"), "{listed}");
    world.runs("delete -r -f backup/").await;
    let listed = world.runs("list -r -a").await;
    assert!(!listed.contains("backup"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_any_size_are_uploaded_read_by_a_signed_url_and_deleted() {
    let world = World::start().await;
    for (name, bytes) in [("small.bin", 1000), ("large.bin", 5 * 1024 * 1024 + 1)] {
        let content = pattern(bytes);
        std::fs::write(world.path(name), &content).unwrap();
        let key = format!("files/{name}");
        world.runs(&format!("upload {name} {key}")).await;
        assert_eq!(world.storage.read(BUCKET, &key).await.unwrap(), content);
        let info = world.runs(&format!("info {key}")).await;
        assert!(info.contains(&bytes.to_string()), "{info}");
        world.runs(&format!("download {key} back.bin -f")).await;
        assert_eq!(world.read("back.bin"), content);

        let printed = world.runs(&format!("signurl {key} -t 600")).await;
        assert_eq!(world.fetch(&url_in(&printed)).await, (200, content));
        let expired = world.runs(&format!("signurl {key} -t 1")).await;
        world.cloud.advance_clock(60);
        assert_eq!(world.fetch(&url_in(&expired)).await.0, 403);
        world.cloud.advance_clock(-60);

        world.runs(&format!("delete -f {key}")).await;
        assert_eq!(world.fetch(&url_in(&printed)).await.0, 404);
    }
    world.fails("download files/small.bin other.bin").await;
    world.fails("info files/small.bin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acls_of_a_bucket_and_of_an_object_let_the_public_read() {
    let world = World::start().await;
    world.write("a.txt", "text");
    world.runs("upload a.txt a.txt").await;
    let public = format!("http://{BUCKET}.cos.ap-guangzhou.myqcloud.com/a.txt");
    let anyone = "anyone: READ";
    assert_eq!(world.fetch(&public).await.0, 403);

    world.runs("putbucketacl --grant-read anyone").await;
    let acl = world.runs("getbucketacl").await;
    assert!(acl.contains(anyone), "{acl}");
    assert_eq!(world.fetch(&public).await, (200, b"text".to_vec()));
    world.runs("putbucketacl").await;
    let acl = world.runs("getbucketacl").await;
    assert!(!acl.contains(anyone), "{acl}");
    assert_eq!(world.fetch(&public).await.0, 403);

    world.runs("putobjectacl a.txt --grant-read anyone").await;
    let acl = world.runs("getobjectacl a.txt").await;
    assert!(acl.contains(anyone), "{acl}");
    assert_eq!(world.fetch(&public).await, (200, b"text".to_vec()));
}

/// A local COS, and a folder of someone who uses `coscmd`.
struct World {
    cloud: Cloud,
    storage: Storage,
    /// The operations since the last look.
    operations: Arc<Mutex<Vec<String>>>,
    directory: TempDir,
}

impl World {
    async fn start() -> Self {
        let operations = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&operations);
        let builder = cloud().on_cos_call(move |call| {
            seen.lock().unwrap().push(call.operation.clone());
        });
        let cloud = builder.start().await.unwrap();
        let storage = Storage::of(&cloud).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let world = Self { cloud, storage, operations, directory };
        let key = world.cloud.sub_account_key().clone();
        world
            .runs(&format!(
                "config --do-not-use-ssl -a {} -s {} -b {BUCKET} -r ap-guangzhou",
                key.secret_id, key.secret_key
            ))
            .await;
        world
    }

    /// What a command prints that has to succeed.
    async fn runs(&self, arguments: &str) -> String {
        let (succeeded, text) = self.coscmd(arguments).await;
        assert!(succeeded, "coscmd {arguments}: {text}");
        text
    }

    async fn fails(&self, arguments: &str) {
        let (succeeded, text) = self.coscmd(arguments).await;
        assert!(!succeeded, "coscmd {arguments}: {text}");
    }

    async fn coscmd(&self, arguments: &str) -> (bool, String) {
        let mut command = Command::new(client_file("venv/bin/coscmd").unwrap());
        command
            .env_clear()
            .envs([("LANG", "C.UTF-8"), ("http_proxy", &self.cloud.cos().http_url())])
            .env("PATH", search_path().unwrap())
            .env("HOME", self.directory.path())
            .current_dir(self.directory.path())
            .args(arguments.split(' '))
            .kill_on_drop(true);
        let output = command.output().await.unwrap();
        let text = [output.stdout.as_slice(), &output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    /// How many uploads there were since the last look.
    fn uploads(&self) -> usize {
        let operations = std::mem::take(&mut *self.operations.lock().unwrap());
        operations.iter().filter(|operation| *operation == "PutObject").count()
    }

    /// The status and the body of a URL on a real name of COS, asked for without a signature of its
    /// own.
    async fn fetch(&self, url: &str) -> (u16, Vec<u8>) {
        let proxy = reqwest::Proxy::http(self.cloud.cos().http_url()).unwrap();
        let client = reqwest::Client::builder().proxy(proxy).build().unwrap();
        let response = client.get(url).send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// The URL in what `coscmd` prints.
fn url_in(text: &str) -> String {
    let (_, rest) = text.split_once("http://").unwrap();
    let end = rest.find(|end: char| end.is_whitespace() || end == '\'').unwrap_or(rest.len());
    format!("http://{}", rest.get(..end).unwrap_or_default())
}
