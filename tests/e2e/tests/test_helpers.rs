//! The helpers for other projects' tests, in `clients/`: the fixtures for pytest and the module for
//! Node.js start the tool, give its addresses and stop it, as a project uses them.
//!
//! # Not covered
//!
//! The packages that contain them, which `make tool-check` installs.
#![expect(clippy::unwrap_used, reason = "a fault in a helper of these tests is a failed test")]

use std::path::{Path, PathBuf};
use std::process::Stdio;

use cos_issuer_e2e::{bootstrap, client_file, program, search_path};
use tokio::process::Command;

#[tokio::test]
async fn a_project_uses_the_fixtures_of_pytest() {
    let python = client_file("venv/bin/python").unwrap();
    let mut command = Command::new(python);
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "cos_issuer.pytest_plugin"])
        .arg(root().join("tests/clients/local_cloud_tests.py"));
    let text = runs(command, "PYTHONPATH", "clients/python").await;
    assert!(text.contains("7 passed"), "{text}");
}

#[tokio::test]
async fn a_project_uses_the_module_of_node() {
    let mut command = Command::new(client_file("bin/node").unwrap());
    command.arg("--test").arg(root().join("tests/clients/local_cloud_test.js"));
    let text = runs(command, "NODE_PATH", "target/clients/node_modules").await;
    assert!(text.contains("pass 6") && text.contains("fail 0"), "{text}");
}

/// What tests of a project print, once they pass. `variable` is where they find packages.
async fn runs(mut command: Command, variable: &str, packages: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    command
        .env_clear()
        .env("PATH", search_path().unwrap())
        .env(variable, root().join(packages))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("COS_ISSUER", program().unwrap())
        .env("FUNCTION", bootstrap().unwrap())
        .env("HOME", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command.output().await.unwrap();
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}
