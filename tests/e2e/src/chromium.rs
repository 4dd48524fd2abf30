//! A headless Chromium that opens one page, and that goes nowhere but to this machine.
//!
//! Promises: a profile of its own in a temporary directory; every name but those under `localhost`
//! is unknown to it; it and all its processes are killed when dropped. Leaves out: the page; see
//! `page_server`.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use crate::{Failure, installed};

/// A running browser.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    /// Removed after the browser was killed.
    profile: tempfile::TempDir,
}

impl Chromium {
    /// Opens `url`.
    ///
    /// # Errors
    /// When Chromium is not installed, or cannot be started.
    pub fn open(url: &str) -> Result<Self, Failure> {
        let program = installed::client_file("chromium/chromium")?;
        let failed =
            |fault: std::io::Error| Failure::new(format!("Chromium could not be started: {fault}"));
        let profile = tempfile::tempdir().map_err(failed)?;
        let said = std::fs::File::create(profile.path().join(SAID)).map_err(failed)?;
        let child = Command::new(&program)
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(url)
            .env_clear()
            .env("LD_LIBRARY_PATH", program.with_file_name("lib"))
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        Ok(Self { child, profile })
    }

    /// The end of what it printed, for a failure.
    pub fn said(&self) -> String {
        let said = std::fs::read(self.profile.path().join(SAID)).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(group) = id.and_then(Pid::from_raw) {
            let _ended_already = kill_process_group(group, Signal::KILL);
        }
    }
}

const SAID: &str = "said";

const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
];
