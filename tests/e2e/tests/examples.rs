//! The programs in `examples/`, unchanged, against the deployed binary and the local COS: what they
//! upload arrives, a refusal is shown, and a credential that ends is replaced in time.
//!
//! # Not covered
//!
//! Go and Java, which `make interop` runs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{
    Browser, Chromium, Client, PageServer, Storage, Variables, client_file, example, issuer_on,
    pattern, search_path,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::time::timeout;

const BUCKET: &str = "examplebucket-1250000000";
const REGION: &str = "ap-guangzhou";

/// A file that is uploaded whole, and one that is uploaded in parts.
const FILES: [(&str, usize); 2] = [("small.txt", 1000), ("large.bin", 12 * 1024 * 1024 + 1)];

const REFUSED_BY_COS: &str = "Access Denied";
const REFUSED_BY_ISSUER: &str = "InvalidParameter.DurationSeconds";

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_upload_files_of_any_size() {
    let world = World::start().await;
    for program in Program::ALL {
        for (name, bytes) in FILES {
            let file = world.file(name, bytes);
            let key = format!("users/1/{program:?}/{name}");
            let run = world.run(program, &world.issuer("/sts"), &file, &key).await;
            assert!(run.succeeded, "{program:?} {name}: {}", run.text);
            world.has(&key, bytes).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_show_why_they_are_refused() {
    let world = World::start().await;
    let file = world.file("small.txt", 1000);
    for program in Program::ALL {
        let run = world.run(program, &world.issuer("/sts"), &file, "secret/small.txt").await;
        assert!(!run.succeeded && run.text.contains(REFUSED_BY_COS), "{program:?}: {}", run.text);
        let refused = world.issuer("/sts?durationSeconds=1");
        let run = world.run(program, &refused, &file, "users/1/small.txt").await;
        let shown = run.text.contains(REFUSED_BY_ISSUER);
        assert!(!run.succeeded && shown, "{program:?}: {}", run.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_programs_replace_a_credential_that_ends() {
    let world = World::start().await;
    let file = world.file("large.bin", 12 * 1024 * 1024);
    for (program, change) in [
        // Its SDK asks before each request, so a life of half a minute is always too short.
        (Program::Node, Change { of_first: 1000, lifetime: 30, breaks_token: false }),
        // It has no such callback: the program goes on with what has been uploaded.
        (Program::Python, Change { of_first: 1, lifetime: 0, breaks_token: true }),
    ] {
        let relay = Relay::start(&world.cloud, change).await;
        let key = format!("users/1/{program:?}/ends.bin");
        let run = world.run(program, &relay.url, &file, &key).await;
        assert!(run.succeeded, "{program:?}: {}", run.text);
        world.has(&key, 12 * 1024 * 1024).await;
        let calls = relay.calls.load(Ordering::SeqCst);
        assert!(calls > 1, "{program:?} asked {calls} times");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_upload_and_show_why_they_are_refused() {
    for name in ["browser", "vue"] {
        let cases = [
            ("/sts", "users/1/", FILES[0], "Uploaded"),
            ("/sts", "users/1/", FILES[1], "Uploaded"),
            ("/sts", "secret/", FILES[0], REFUSED_BY_COS),
            ("/sts?durationSeconds=1", "users/1/", FILES[0], REFUSED_BY_ISSUER),
        ];
        for (route, prefix, (file, bytes), expected) in cases {
            let page = PageServer::of_example(name).await.unwrap();
            let origin = page.origin();
            let builder = issuer_on(Platform::ScfWeb).unwrap().env("ALLOWED_ORIGINS", &origin);
            let cloud = builder.cors([origin]).start().await.unwrap();
            let mut settings = settings(&cloud, route, prefix);
            settings["Protocol"] = "http:".into();
            page.give(json!({ "settings": settings, "name": file, "bytes": bytes }));
            let browser = Chromium::open(&page.origin()).unwrap();
            let outcome = page.outcome(Duration::from_secs(60)).await;
            let outcome = outcome.unwrap_or_else(|fault| panic!("{fault}: {}", browser.said()));
            let shown = outcome["shown"].as_str().unwrap_or_default();
            assert!(shown.contains(expected), "{name} {file}: {outcome}");
            if expected == "Uploaded" {
                has(&Storage::of(&cloud).unwrap(), &format!("{prefix}{file}"), bytes).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mini_program_uploads_and_shows_why_it_is_refused() {
    let world = World::start().await;
    let cases = [
        ("/sts", "users/1/", FILES[0], "上传完成"),
        ("/sts", "users/1/", FILES[1], "上传完成"),
        ("/sts", "secret/", FILES[0], REFUSED_BY_COS),
        ("/sts?durationSeconds=1", "users/1/", FILES[0], REFUSED_BY_ISSUER),
    ];
    for (route, prefix, (name, bytes), expected) in cases {
        let file = world.file(name, bytes);
        let mut given = settings(&world.cloud, route, prefix);
        // This SDK has no `Protocol`.
        given["Domain"] = format!("http://{}", given["Domain"].as_str().unwrap()).into();
        let line = Client::ExampleMiniProgram
            .drive(&[file.to_str().unwrap()], &Variables::from([("SETTINGS", given.to_string())]))
            .await
            .unwrap();
        let shown = line["shown"].as_str().unwrap_or_default();
        assert!(shown.contains(expected), "{name}: {line}");
        if expected == "上传完成" {
            world.has(&format!("{prefix}{name}"), bytes).await;
        }
    }
}

fn settings(cloud: &Cloud, route: &str, prefix: &str) -> Value {
    let port = cloud.cos().address().port();
    let domain = format!("{{Bucket}}.cos.localhost:{port}");
    json!({
        "issuer": format!("{}{route}", cloud.gateway_url().unwrap()),
        "bucket": BUCKET,
        "region": REGION,
        "prefix": prefix,
        "Domain": domain,
    })
}

/// A program that is started with a file and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Node,
    Python,
}

impl Program {
    const ALL: [Self; 2] = [Self::Node, Self::Python];

    fn command(self) -> Command {
        let (interpreter, script) = match self {
            Self::Node => (PathBuf::from("node"), "node/upload.js"),
            Self::Python => (client_file("venv/bin/python").unwrap(), "python/upload.py"),
        };
        let mut command = Command::new(interpreter);
        command.arg(example(script).unwrap());
        command
    }
}

/// What a program did.
struct Run {
    succeeded: bool,
    text: String,
}

struct World {
    cloud: Cloud,
    storage: Storage,
    folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let cloud = issuer_on(Platform::ScfWeb).unwrap().start().await.unwrap();
        let storage = Storage::of(&cloud).unwrap();
        Self { cloud, storage, folder: tempfile::tempdir().unwrap() }
    }

    fn issuer(&self, route: &str) -> String {
        format!("{}{route}", self.cloud.gateway_url().unwrap())
    }

    fn file(&self, name: &str, bytes: usize) -> PathBuf {
        let path = self.folder.path().join(name);
        let mut file = std::fs::File::create(&path).unwrap();
        file.write_all(&pattern(bytes)).unwrap();
        path
    }

    async fn run(&self, program: Program, issuer: &str, file: &Path, key: &str) -> Run {
        let packages = client_file("node_modules/cos-nodejs-sdk-v5/package.json").unwrap();
        let mut command = program.command();
        command
            .args([file.as_os_str(), key.as_ref()])
            .env_clear()
            .env("PATH", search_path().unwrap())
            .env("NODE_PATH", packages.ancestors().nth(2).unwrap())
            .env("HOME", self.folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("ISSUER_URL", issuer)
            .env("COS_ADDRESS", self.cloud.cos().address().to_string())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        Run { succeeded: output.status.success(), text }
    }

    async fn has(&self, key: &str, bytes: usize) {
        has(&self.storage, key, bytes).await;
    }
}

async fn has(storage: &Storage, key: &str, bytes: usize) {
    let stored = storage.read(BUCKET, key).await.unwrap();
    assert!(stored == pattern(bytes), "{key}: {} bytes", stored.len());
}

/// How a [`Relay`] changes credentials.
#[derive(Clone, Copy)]
struct Change {
    /// The number of answers that are changed.
    of_first: usize,
    /// The time that is left, in seconds.
    lifetime: u64,
    breaks_token: bool,
}

/// An issuer whose first credentials end soon.
struct Relay {
    url: String,
    calls: Arc<AtomicUsize>,
}

impl Relay {
    async fn start(cloud: &Cloud, change: Change) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sts", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        let (browser, counted) = (Browser::of(cloud).unwrap(), Arc::clone(&calls));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_changed = counted.fetch_add(1, Ordering::SeqCst) < change.of_first;
                let answer = browser.send(browser.request("GET", "/sts")).await.unwrap();
                let mut body = answer.body;
                if is_changed {
                    let now = body["startTime"].as_u64().unwrap();
                    body["expiredTime"] = now.saturating_add(change.lifetime).into();
                    if change.breaks_token {
                        body["credentials"]["sessionToken"] = "expired".into();
                    }
                }
                tokio::spawn(send(client, body.to_string()));
            }
        });
        Self { url, calls }
    }
}

async fn send(mut client: TcpStream, body: String) {
    let mut head = [0; 16 * 1024];
    let _whatever_came = client.read(&mut head).await;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // A client may leave.
    let _ = client.write_all(answer.as_bytes()).await;
}
