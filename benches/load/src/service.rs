//! A running service: how it is started, and what the kernel counts for it.
//!
//! # Guarantees
//!
//! Its log is read, as a platform does, or is a file. The process is gone when the value is dropped.

use crate::cores;
use cos_issuer_bench_sts::fault::Fault;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Where the log of a service goes.
#[derive(Clone, Copy)]
pub(crate) enum Log {
    /// A pipe, which is read at once, as platforms and containers do.
    Pipe,
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
            Log::Pipe => None,
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
        let mut child = child.map_err(|fault| format!("{}: {fault}", program.display()))?;
        let mut log: Box<dyn BufRead + Send> = match (child.stdout.take(), &file) {
            (Some(pipe), _) => Box::new(BufReader::new(pipe)),
            // Opened once more, since a position is common to all copies of a descriptor.
            (None, Some(file)) => Box::new(BufReader::new(file.reopen()?)),
            (None, None) => return Err("no output".into()),
        };
        let mut service = Self { child, address: String::new() };
        let mut line = String::new();
        while service.address.is_empty() {
            if log.read_line(&mut line)? == 0 {
                if file.is_none() || service.child.try_wait()?.is_some() {
                    return Err(format!("{}: does not listen", program.display()).into());
                }
                thread::sleep(PAUSE);
            }
            if line.ends_with('\n') {
                let parsed: Value = serde_json::from_str(&line)?;
                if let Some(address) = parsed.get("address").and_then(Value::as_str) {
                    address.clone_into(&mut service.address);
                }
                line.clear();
            }
        }
        if file.is_none() {
            thread::spawn(move || {
                let mut lines = vec![0; 64 * 1024];
                while log.read(&mut lines).is_ok_and(|count| count > 0) {}
            });
        }
        Ok(service)
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

/// Until a file is looked at again.
const PAUSE: Duration = Duration::from_millis(5);
