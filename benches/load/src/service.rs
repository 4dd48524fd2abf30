//! A running service: how it is started, and what the kernel counts for it.
//!
//! # Guarantees
//!
//! Its log is read, as platforms do, or is a file. The process is gone when the value is dropped.

use crate::cores;
use cos_issuer_bench_sts::fault::Fault;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;

/// Where the log of a service goes.
#[derive(Clone, Copy)]
pub(crate) enum Log {
    /// A pipe whose reader does not sleep: the thread of the clients.
    Awake,
    /// A pipe whose reader is a thread that sleeps until there is a line, so each write wakes it.
    Asleep,
    /// A file, as systemd's `StandardOutput=append:` makes it.
    File,
}

/// A service that listens.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: String,
}

impl Service {
    /// Starts `program` on `cores` and waits until it listens.
    pub(crate) fn start(
        program: &Path,
        arguments: &[String],
        environment: &[(&str, String)],
        cores: &[usize],
        log: Log,
    ) -> Result<Self, Fault> {
        let file = match log {
            Log::Awake | Log::Asleep => None,
            Log::File => Some(tempfile::NamedTempFile::new()?),
        };
        let mut command = Command::new(program);
        command.args(arguments).env_clear();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(match &file {
            None => Stdio::piped(),
            Some(file) => file.as_file().try_clone()?.into(),
        });
        cores::bind(cores)?;
        let child = command.spawn();
        cores::bind(cores::DRIVER)?;
        let child = child.map_err(|fault| format!("{}: {fault}", program.display()))?;
        let mut service = Self { child, address: String::new() };
        match (service.child.stdout.take(), &file) {
            (Some(pipe), _) => {
                let mut lines = BufReader::new(pipe);
                service.wait_for_address(program, &mut lines, false)?;
                read_on(lines.into_inner(), log)?;
            }
            // Opened once more, since a position is common to all copies of a descriptor.
            (None, Some(file)) => {
                service.wait_for_address(program, &mut BufReader::new(file.reopen()?), true)?;
            }
            (None, None) => return Err("no output".into()),
        }
        Ok(service)
    }

    /// Reads the log until the service has written its address. A log that `grows` has more after
    /// its end.
    fn wait_for_address(
        &mut self,
        program: &Path,
        log: &mut impl BufRead,
        grows: bool,
    ) -> Result<(), Fault> {
        let mut line = String::new();
        while self.address.is_empty() {
            if log.read_line(&mut line)? == 0 {
                if !grows || self.child.try_wait()?.is_some() {
                    return Err(format!("{}: does not listen", program.display()).into());
                }
                thread::sleep(PAUSE);
            }
            if line.ends_with('\n') {
                let parsed: Value = serde_json::from_str(&line)?;
                if let Some(address) = parsed.get("address").and_then(Value::as_str) {
                    address.clone_into(&mut self.address);
                }
                line.clear();
            }
        }
        Ok(())
    }

    /// The CPU time of each of its threads so far, in nanoseconds.
    pub(crate) fn thread_nanoseconds(&self) -> Result<Vec<u64>, Fault> {
        let mut threads = Vec::new();
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let counted = fs::read_to_string(task?.path().join("schedstat"))?;
            threads.push(counted.split(' ').next().unwrap_or_default().parse()?);
        }
        Ok(threads)
    }

    /// Its memory now, in bytes.
    pub(crate) fn memory_bytes(&self) -> Result<u64, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().split(' ').next()).ok_or("no VmRSS")?;
        Ok(kilobytes.parse::<u64>()?.saturating_mul(1024))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads the rest of a log, and drops it.
fn read_on(mut log: ChildStdout, how: Log) -> Result<(), Fault> {
    let mut lines = vec![0; 64 * 1024];
    if matches!(how, Log::Awake) {
        let mut log = pipe::Receiver::from_owned_fd(OwnedFd::from(log))?;
        tokio::spawn(
            async move { while log.read(&mut lines).await.is_ok_and(|count| count > 0) {} },
        );
    } else {
        thread::spawn(move || while log.read(&mut lines).is_ok_and(|count| count > 0) {});
    }
    Ok(())
}

/// Until a file is looked at again.
const PAUSE: Duration = Duration::from_millis(5);
