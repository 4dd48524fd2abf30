//! The README's examples in both languages: the program with an SDK against the local cloud, and
//! the grants file. Only the program's two ports are changed.
//!
//! # Not covered
//!
//! The commands, which `make` and CI run.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cos_emulator::{Cloud, Platform};
use cos_issuer_e2e::{API_KEY, API_KEY_SHA256, Browser, bootstrap, cloud, search_path};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

const PAGES: [&str; 2] =
    [include_str!("../../../README.md"), include_str!("../../../README.zh-CN.md")];

const TIME_LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn the_program_prints_what_the_page_shows() {
    let function = cloud().function(bootstrap().unwrap());
    let cloud = function.platform(Platform::ScfWeb).start().await.unwrap();
    for page in PAGES {
        let program = block(page, "js", "getAuthorization");
        let printed = sorted(&run(&program, &cloud).await);
        // Two uploads at once: either ends first.
        let expected = sorted(&block(page, "text", "users/1/a.txt: 200"));
        assert_eq!(printed, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grants_file_is_for_the_callers_it_names() {
    for page in PAGES {
        let mut file = NamedTempFile::new().unwrap();
        let grants = block(page, "toml", "[[grant]]");
        file.write_all(grants.as_bytes()).unwrap();
        for (team, status) in [("media", 200), ("press", 403)] {
            let cloud = cloud()
                .function(bootstrap().unwrap())
                .env("GRANTS_FILE", file.path().to_str().unwrap())
                .env("AUTH", "api-key")
                .env("API_KEYS", format!("key={API_KEY_SHA256} sub=ada team={team}"))
                .start()
                .await
                .unwrap();
            let browser = Browser::of(&cloud).unwrap();
            let request = browser.request("GET", "/sts").bearer_auth(API_KEY);
            let answer = browser.send(request).await.unwrap();
            assert_eq!(answer.status, status, "{team}");
            assert_eq!(cloud.sts().call_count(), usize::from(status == 200));
        }
    }
}

/// The only block of the language that contains this text.
fn block(page: &str, language: &str, part: &str) -> String {
    let fence = format!("\n```{language}\n");
    let blocks = page.split(&fence).skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```\n").next().unwrap());
    let mut blocks = blocks.filter(|block| block.contains(part));
    let block = blocks.next().unwrap().to_owned();
    assert!(blocks.next().is_none(), "two blocks with {part}");
    block
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn run(program: &str, cloud: &Cloud) -> String {
    let (gateway, cos) = (cloud.gateway_url().unwrap(), cloud.cos().http_url());
    let here = program
        .replace("http://127.0.0.1:5000", &gateway)
        .replace("127.0.0.1:5001", cos.trim_start_matches("http://"));
    assert!(!here.contains(":5000") && !here.contains(":5001"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let packages = root.join("target/clients/node_modules");
    let mut child = Command::new("node")
        .arg("-")
        .env("PATH", search_path().unwrap())
        .env("NODE_PATH", packages)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(here.as_bytes()).await.unwrap();
    drop(stdin);
    let output = timeout(TIME_LIMIT, child.wait_with_output()).await;
    String::from_utf8(output.unwrap().unwrap().stdout).unwrap()
}
