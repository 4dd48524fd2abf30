//! A child process that leads a group of its own, and what it prints.
//!
//! Promises: dropping a [`Process`] kills its whole group; when the leader ends by itself the rest of the group is killed; when
//! this process itself is killed, a watcher (a shell that waits for the end of a pipe) kills the group.
//! Leaves out: a descendant that leaves the group.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::ledger::lock;

const MAX_LINES: usize = 100_000;
const MAX_LINE_BYTES: u64 = 64 * 1024;

/// A running child and its descendants.
#[derive(Debug)]
pub(crate) struct Process {
    group: Pid,
    ended: Arc<AtomicBool>,
}

impl Process {
    /// Starts `program` with exactly `environment`, in its own directory.
    pub(crate) fn spawn(
        program: &Path,
        environment: &BTreeMap<String, String>,
        output: &Arc<Output>,
        on_exit: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = program.parent().filter(|path| !path.as_os_str().is_empty()) {
            command.current_dir(directory);
        }
        let mut child = command.spawn()?;
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .ok_or_else(|| io::Error::other("the child has no process id"))?;
        let mut watcher = watcher(group)?;
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(copy_lines(stdout, Arc::clone(output)));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(copy_lines(stderr, Arc::clone(output)));
        }
        let process = Self {
            group,
            ended: Arc::default(),
        };
        let ended = Arc::clone(&process.ended);
        tokio::spawn(async move {
            let status = child.wait().await;
            // First of all: what the watcher knows of the group is no longer true.
            let _ = watcher.kill().await;
            // Descendants die with their leader; a group without members is no error.
            let _ = kill_process_group(group, Signal::KILL);
            ended.store(true, Ordering::SeqCst);
            if let Ok(status) = status {
                on_exit(status);
            }
        });
        Ok(process)
    }

    pub(crate) fn id(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// Asks the group to end.
    pub(crate) fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends the group.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // Once the leader has been waited for, its number may belong to somebody else.
        if !self.has_ended() {
            let _ = kill_process_group(self.group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills the group when the pipe to it closes, which the kernel does for a process that had no time to clean up.
fn watcher(group: Pid) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", r#"read -r _; kill -KILL "-$1""#, "watcher"])
        .arg(group.as_raw_nonzero().to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Not in the group of a terminal, whose Ctrl-C would end it too early.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

/// Who else hears each line.
pub(crate) type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// What all children printed, standard output and standard error together, the last 100000 lines.
#[derive(Default)]
pub(crate) struct Output {
    lines: Mutex<VecDeque<String>>,
    listener: Option<Listener>,
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Output {
    pub(crate) fn new(listener: Option<Listener>) -> Self {
        Self {
            lines: Mutex::default(),
            listener,
        }
    }

    pub(crate) fn text(&self) -> String {
        let lines = lock(&self.lines);
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn push(&self, line: String) {
        if let Some(listener) = &self.listener {
            listener(&line);
        }
        let mut lines = lock(&self.lines);
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Copies until the writer is gone.
async fn copy_lines(stream: impl AsyncRead + Unpin, output: Arc<Output>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(MAX_LINE_BYTES);
        match limited.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => output.push(String::from_utf8_lossy(&line).trim_end().to_owned()),
        }
    }
}
