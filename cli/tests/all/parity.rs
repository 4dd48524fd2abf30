//! The rows that only an account can settle: the script that asks, and what is read of its answers.

use std::path::Path;
use std::process::Command;

use crate::support::{Running, cos_issuer, ends_with, files, run};

const SECRET_KEY: &str = "a-secret-key-of-the-parity-test";
const ACCOUNT: &str = r#"
appid = 1250000000
owner_uin = 100000000001
region = "ap-guangzhou"
buckets = ["parity-1250000000"]

[[root_key]]
secret_id = "AKIDEMUparity"
secret_key = "a-secret-key-of-the-parity-test"

[[user]]
name = "issuer"
uin = 100000000002
[[user.key]]
"#;

/// The script against a local cloud: what it prints.
fn results(folder: &Path) -> String {
    let account = folder.join("account.toml");
    let running = Running::start(run(&["--json", "--account"]).arg(account));
    let address = running.text("cosUrl").replace("http://", "");
    let (script, _) = ends_with(&mut cos_issuer(&["parity", "--open"]), 0);
    assert!(!script.contains(SECRET_KEY));
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).env_remove("http_proxy").envs([
        ("TENCENTCLOUD_SECRET_ID", "AKIDEMUparity"),
        ("TENCENTCLOUD_SECRET_KEY", SECRET_KEY),
        ("BUCKET", "parity-1250000000"),
        ("REGION", "ap-guangzhou"),
        ("SCHEME", "http"),
        ("CURL_OPTIONS", &format!("--connect-to ::{address}")),
    ]);
    let (printed, err) = ends_with(&mut shell, 0);
    assert!(!printed.contains(SECRET_KEY) && !err.contains(SECRET_KEY));
    printed
}

#[test]
fn the_local_cloud_answers_the_script_as_its_rows_describe() {
    let folder = files(&[("account.toml", ACCOUNT)]);
    let printed = results(folder.path());
    let file = folder.path().join("results.txt");
    std::fs::write(&file, &printed).unwrap();
    let read = |more: &[&str], code| {
        ends_with(cos_issuer(&["parity", "--read"]).arg(&file).args(more), code)
    };
    let (rows, err) = read(&[], 0);
    assert!(err.contains(" rows observed, 0 differ"), "{err}");
    let rows = rows.lines().count();
    assert!(rows > 12, "{rows}");
    let (page, _) = read(&["--markdown"], 0);
    assert_eq!(page.matches("| observed: answers of COS, ").count(), rows);
    let inferred = |page: &str| page.matches("| inferred: ").count();
    assert!(page.contains(&format!("{} inferred", inferred(&page))), "the counts follow");

    // An answer that differs leaves its row as it is, and is shown.
    let other = printed.replace("large-page\t0\t200\t", "large-page\t0\t400\tInvalidArgument");
    assert_ne!(other, printed);
    std::fs::write(&file, other).unwrap();
    let (fewer, err) = read(&[], 1);
    assert_eq!(fewer.lines().count(), rows - 1);
    assert!(err.contains("COS 400 InvalidArgument, here 200"), "{err}");
}

#[test]
fn what_is_not_a_result_is_refused() {
    let folder = files(&[("results.txt", "text\n")]);
    let path = folder.path().join("results.txt").display().to_string();
    for arguments in [
        &["--read", &path][..],
        &["--read", "/no/such/file"],
        &["--read", &path, "--json"],
        &["--open", "--json"],
    ] {
        ends_with(cos_issuer(&["parity"]).args(arguments), 2);
    }
}
