//! How a child is started, and who ends it when this process cannot.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use tokio::process::{Child, Command};

/// What to start, and where.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) directory: Option<&'a Path>,
    /// All of it: nothing is inherited.
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) memory_limit_bytes: u64,
}

/// What to call when a process ends.
pub(crate) struct Callbacks<Exit, Over> {
    pub(crate) on_exit: Exit,
    /// Called before it is killed.
    pub(crate) on_memory_exceeded: Over,
}

/// Starts it as the leader of a group of its own.
pub(super) fn start(launch: &Launch<'_>) -> io::Result<Child> {
    let mut command = Command::new(launch.program);
    command
        .env_clear()
        .envs(launch.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(directory) = launch.directory {
        command.current_dir(directory);
    }
    spawn_patiently(&mut command)
}

/// A file that has just been written can be busy for a moment more: in a child of this process that
/// executes later.
fn spawn_patiently(command: &mut Command) -> io::Result<Child> {
    for _ in 0..20 {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
            }
            spawned => return spawned,
        }
    }
    command.spawn()
}

/// Kills the group when the pipe to it closes, which the kernel does for a process that had no time
/// to clean up.
pub(super) fn watcher(group: Pid) -> io::Result<Child> {
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
