//! The deployed binary as a bare process, without a platform around it.
//!
//! Its environment is what a test gives and nothing else. It is killed when dropped.

use std::process::Stdio;
use std::time::Duration;

use cos_emulator::Cloud;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::{Failure, NO_CACHE, bootstrap};

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The variables that every start needs; the key is one of the local cloud.
pub const VARIABLES: [(&str, &str); 11] = [
    NO_CACHE,
    ("AUTH", "none"),
    ("SECRET_ID", "AKIDEMUprocess"),
    ("SECRET_KEY", "CANARY-secret-key-of-a-process"),
    ("BUCKET", "examplebucket-1250000000"),
    ("REGION", "ap-guangzhou"),
    ("PREFIX", "users/"),
    ("ALLOW", "upload"),
    ("STS_ENDPOINTS", "http://127.0.0.1:9"),
    ("HOST", "127.0.0.1"),
    ("PORT", "0"),
];

/// [`VARIABLES`], with the key and the STS of `cloud`.
pub fn variables_for(cloud: &Cloud) -> Vec<(&'static str, String)> {
    let key = cloud.sub_account_key();
    let own = [
        ("SECRET_ID", key.secret_id.clone()),
        ("SECRET_KEY", key.secret_key.clone()),
        ("STS_ENDPOINTS", cloud.sts().https_url()),
        ("STS_CA_FILE", cloud.sts().ca_file().display().to_string()),
    ];
    VARIABLES.map(|(name, value)| (name, value.to_owned())).into_iter().chain(own).collect()
}

/// A running process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the binary with only these variables.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start<'a>(
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Failure> {
        let mut child = Command::new(bootstrap()?)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|fault| Failure::new(format!("the binary could not be started: {fault}")))?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::new("the binary has no output"))?;
        Ok(Self { child, stdout: BufReader::new(stdout) })
    }

    /// Starts the binary as a server that calls the STS of `cloud`, with `settings` besides.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn calling(cloud: &Cloud, settings: &[(&str, &str)]) -> Result<Self, Failure> {
        let variables = variables_for(cloud);
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        Self::start(variables.chain(settings.iter().copied()))
    }

    /// Waits for the line with the address it listens on.
    ///
    /// # Errors
    /// When it ends or takes too long.
    pub async fn address(&mut self) -> Result<String, Failure> {
        let line = self.printed("\"listening\"").await?;
        let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let address = line.get("address").and_then(serde_json::Value::as_str).map(str::to_owned);
        address.ok_or_else(|| Failure::new(format!("the server printed `{line}`, not its address")))
    }

    /// Waits for a line with this text, and hands it back.
    ///
    /// # Errors
    /// When it ends or takes too long.
    pub async fn printed(&mut self, text: &str) -> Result<String, Failure> {
        let found = timeout(TIME_LIMIT, async {
            let mut lines = (&mut self.stdout).lines();
            while let Some(line) = lines.next_line().await? {
                if line.contains(text) {
                    return Ok(Some(line));
                }
            }
            Ok(None)
        });
        found
            .await
            .map_err(|_| Failure::new(format!("`{text}` was not printed in time")))?
            .map_err(|fault: std::io::Error| Failure::new(format!("the output broke: {fault}")))?
            .ok_or_else(|| Failure::new(format!("the process ended and did not print `{text}`")))
    }

    /// Its id in the system; 0 when it has ended.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Reads what it prints until it ends, without a time limit.
    pub async fn each_line(&mut self, mut read: impl FnMut(&str)) {
        let mut lines = (&mut self.stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            read(&line);
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        ask_to_end(&self.child);
    }

    /// Asks it to read its files again: SIGHUP.
    pub fn hang_up(&self) {
        send(&self.child, Signal::HUP);
    }

    /// Waits for its end: the exit code (none after a signal) and what it printed since the last
    /// reading.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn ended(mut self) -> Result<(Option<i32>, String), Failure> {
        let mut printed = String::new();
        let end = async {
            self.stdout.read_to_string(&mut printed).await?;
            self.child.wait().await
        };
        let status = timeout(TIME_LIMIT, end)
            .await
            .map_err(|_| Failure::new("the process did not end in time"))?;
        let status = status.map_err(|fault| {
            Failure::new(format!("the process could not be waited for: {fault}"))
        })?;
        Ok((status.code(), printed))
    }
}

/// Sends SIGTERM.
pub(crate) fn ask_to_end(child: &Child) {
    send(child, Signal::TERM);
}

/// Sends a signal. The child may have ended already, and then there is nothing left to ask.
fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ended_already = kill_process(pid, signal);
    }
}
