//! The console in a real browser: requests, a credential, and the whole story of the files, with
//! the vendor's SDK and an upload of 50 MB in parts. The types of the page, and the recording of a
//! run.
//!
//! Screenshots stay in `target/test/console`.
//!
//! # Not covered
//!
//! Assistive technology; the checks of names and languages are in the story itself.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a fault in a helper of these tests is a failed test"
)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cos_issuer_e2e::{bootstrap, search_path};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The checks of `tests/clients/console_story.js`.
const STORY: [&str; 48] = [
    "the token leaves the address and the history",
    "the first paint takes less than 100 KB",
    "no cookie is set",
    "a request is copied as curl",
    "a paused table does not change",
    "a table that goes on shows what came",
    "a request shows its policy in words",
    "the filter leaves what matches",
    "the page is there in Chinese",
    "every field and button has a name",
    "a credential is in words",
    "each grant is explained",
    "no secret is shown",
    "an operation is tried without doing it",
    "a paused upload does not go on",
    "the upload goes on after a reload",
    "the list shows its size",
    "an upload is cancelled",
    "no parts of it are left",
    "a name is text and not markup",
    "a folder is uploaded with its name",
    "a link downloads and does not show",
    "the bytes are those of the file",
    "a deletion that is not confirmed does nothing",
    "a confirmed one deletes",
    "another user's folder is refused, with the reason",
    "the refusal is among the requests",
    "each upload is among the requests",
    "nothing broke the policy of the page",
    "a user may not list buckets, with the reason",
    "an operator creates the bucket that the grant names",
    "the list of buckets is by region",
    "another bucket is refused, with the reason",
    "a bucket with objects is not deleted",
    "an empty one is deleted",
    "a fault is set and removed",
    "the clock is moved and reset",
    "a key is revoked",
    "an instance is recycled",
    "axe-core finds nothing",
    "a page of another origin reaches nothing",
    "and changes nothing",
    "elsewhere there are the files and credentials",
    "elsewhere a file is uploaded and listed",
    "elsewhere a refusal is explained",
    "elsewhere no page lists buckets",
    "elsewhere no secret is shown",
    "the local cloud starts anew",
];

#[tokio::test]
async fn the_story_of_the_console_in_a_browser() {
    let directory = tempfile::tempdir().unwrap();
    let (_cloud, cloud) = start(directory.path(), &[]).await;
    let (_elsewhere, _other, elsewhere) = start_elsewhere(directory.path()).await;
    let url = cloud["consoleUrl"].as_str().unwrap();

    let story = Command::new("node")
        .arg(root().join("tests/clients/console_story.js"))
        .env_clear()
        .env("PATH", search_path().unwrap())
        .env("NODE_PATH", root().join("target/clients/node_modules"))
        .env("CHROMIUM", root().join("target/clients/chromium/chromium"))
        .env("PROFILE", folder(directory.path(), "profile"))
        .env("FILES", folder(directory.path(), "files"))
        .env("PICTURES", root().join("target/test/console"))
        .env("CONSOLE_URL", url)
        .env("ELSEWHERE_URL", elsewhere["consoleUrl"].as_str().unwrap())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(TIME_LIMIT, story).await.unwrap().unwrap();
    let line: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(line["outcome"], "ok", "{line} {errors}");
    let checks: BTreeMap<String, bool> = serde_json::from_value(line["checks"].clone()).unwrap();
    let expected = STORY.iter().map(|name| ((*name).to_owned(), true));
    assert_eq!(checks, expected.collect());

    let allowed: Vec<String> = serde_json::from_value(line["allowed"].clone()).unwrap();
    let count = |operation: &str, key: &str| {
        let each = format!("{operation} examplebucket-1250000000/users/user-1/{key}");
        allowed.iter().filter(|allowed| **allowed == each).count()
    };
    // One upload from its start, over a pause and a reload, to its end.
    assert_eq!(count("InitiateMultipartUpload", "large.bin"), 1);
    assert_eq!(count("CompleteMultipartUpload", "large.bin"), 1);
    assert!(count("ListParts", "large.bin") >= 1);
    assert!(count("AbortMultipartUpload", "given-up.bin") >= 1);
}

/// The modules of the page, by TypeScript with their JSDoc types.
#[tokio::test]
async fn the_modules_of_the_page_have_no_type_errors() {
    let compiler = root().join("target/clients/node_modules/typescript/bin/tsc");
    let options = ["--project", "tests/clients/tsconfig.json", "--listFiles"];
    let checked = run("node", [compiler.as_os_str()].into_iter().chain(options.map(OsStr::new)));
    let checked = checked.await;
    for module in std::fs::read_dir(root().join("cli/console")).unwrap() {
        let name = module.unwrap().file_name().into_string().unwrap();
        let is_checked = checked.contains(&format!("cli/console/{name}"));
        assert_eq!(is_checked, name.ends_with(".js"), "{name}");
    }
}

/// The recording in the README, and what a run prints today.
#[tokio::test]
async fn a_run_prints_what_its_recording_shows() {
    let (draw, function) = (root().join("tests/pictures/draw"), bootstrap().unwrap());
    let program = cos_issuer_e2e::program().unwrap();
    let arguments = [draw.as_os_str(), OsStr::new("--check"), program.as_os_str()];
    run("python3", arguments.into_iter().chain([function.as_os_str()])).await;
}

/// What a program prints; it has to succeed.
async fn run(program: &str, arguments: impl Iterator<Item = &OsStr>) -> String {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).env_clear().env("PATH", search_path().unwrap());
    let output = tokio::time::timeout(TIME_LIMIT, command.kill_on_drop(true).output());
    let output = output.await.unwrap().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{errors}");
    printed
}

/// A console for another cloud, on other origins, which allows that console's origin as a
/// deployment has to.
async fn start_elsewhere(directory: &Path) -> (Child, Child, Value) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let origin = format!("http://127.0.0.1:{port}");
    let variable = |name: &str, value: &str| format!("{name}={value}");
    let (allowed, allow) =
        (variable("ALLOWED_ORIGINS", &origin), variable("ALLOW", "upload,download,list"));
    let options = ["--cors", &origin, "--env", &allowed, "--env", &allow];
    let (other, cloud) = start(&folder(directory, "elsewhere"), &options).await;
    let text = |name: &str| cloud[name].as_str().unwrap().to_owned();
    let cos = text("cosUrl").replace("127.0.0.1", "{Bucket}.cos.localhost");
    let (console, line) = printed(
        program()
            .args(["console", "--json", "--port", &port.to_string(), "--prefix", "users/"])
            .args(["--issuer", &text("gatewayUrl"), "--cos", &cos])
            .args(["--bucket", &text("bucket"), "--region", &text("region")]),
    )
    .await;
    (other, console, line)
}

/// `cos-issuer run --json` with the deployed binary, and its line.
async fn start(directory: &Path, options: &[&str]) -> (Child, Value) {
    let mut run = program();
    run.args(["run", "--json", "--port", "0", "--function"])
        .arg(bootstrap().unwrap())
        .args(options)
        .env("XDG_RUNTIME_DIR", directory);
    printed(&mut run).await
}

fn program() -> Command {
    Command::new(cos_issuer_e2e::program().unwrap())
}

/// The running program, and its first line.
async fn printed(command: &mut Command) -> (Child, Value) {
    let command = command.current_dir(root()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    // Somebody reads what comes after a restart.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, serde_json::from_str(&line).unwrap())
}

fn folder(directory: &Path, name: &str) -> PathBuf {
    let folder = directory.join(name);
    std::fs::create_dir(&folder).unwrap();
    folder
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const TIME_LIMIT: Duration = Duration::from_secs(240);
