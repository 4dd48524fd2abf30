//! A child process that leads a group of its own: started, frozen, thawed, measured and ended.
//!
//! # Guarantees
//! Dropping a [`Process`] kills its whole group, frozen or not; when the leader exits the rest of
//! the group is killed; when this process itself is killed, a watcher (a shell that waits for the
//! end of a pipe) kills the group. A leader over its memory limit is reported once and killed.
//!
//! # Not covered
//! A descendant that leaves the group, and the memory of descendants.

mod launch;
mod memory;
mod output;

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

pub(crate) use self::launch::{Callbacks, Launch};
use self::memory::Meter;
pub(crate) use self::output::Output;

/// How long what was printed last may take to get from the pipe into the output.
const SETTLE_STEPS: u32 = 50;
const SETTLE_STEP: Duration = Duration::from_millis(1);

/// A running child and its descendants.
#[derive(Debug)]
pub(crate) struct Process {
    group: Pid,
    ended: Arc<AtomicBool>,
    meter: Arc<Meter>,
    pipes: Vec<OwnedFd>,
}

impl Process {
    /// Starts a program.
    pub(crate) fn spawn(
        launch: &Launch<'_>,
        output: &Arc<Output>,
        callbacks: Callbacks<
            impl FnOnce(ExitStatus) + Send + 'static,
            impl FnOnce() + Send + 'static,
        >,
    ) -> io::Result<Self> {
        let mut child = launch::start(launch)?;
        let group = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
            .ok_or_else(|| io::Error::other("the child has no process id"))?;
        let mut watcher = launch::watcher(group)?;
        let mut pipes = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            pipes.push(stdout.as_fd().try_clone_to_owned()?);
            tokio::spawn(output::copy_lines(stdout, Arc::clone(output)));
        }
        if let Some(stderr) = child.stderr.take() {
            pipes.push(stderr.as_fd().try_clone_to_owned()?);
            tokio::spawn(output::copy_lines(stderr, Arc::clone(output)));
        }
        let process =
            Self { group, ended: Arc::default(), meter: Arc::new(Meter::new(group)), pipes };
        let (ended, meter) = (Arc::clone(&process.ended), Arc::clone(&process.meter));
        let (on_exit, on_memory_exceeded) = (callbacks.on_exit, callbacks.on_memory_exceeded);
        let limit_bytes = launch.memory_limit_bytes;
        tokio::spawn(async move {
            let status = tokio::select! {
                status = child.wait() => status,
                () = meter.until_over(limit_bytes) => {
                    on_memory_exceeded();
                    let _ = kill_process_group(group, Signal::KILL);
                    child.wait().await
                }
            };
            // First: what the watcher knows about the group is no longer true.
            let _ = watcher.kill().await;
            // Descendants die with their leader; an empty group is not an error.
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

    /// The most memory that the leader ever had, in bytes; `None` where the system does not report
    /// it.
    pub(crate) fn peak_memory_bytes(&self) -> Option<u64> {
        if self.has_ended() { self.meter.last_known() } else { self.meter.read() }
    }

    /// Stops the whole group where it is.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a frozen group run on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Asks the group to exit, after it is thawed: a frozen group does not receive the signal.
    pub(crate) fn terminate(&self) {
        self.thaw();
        self.signal(Signal::TERM);
    }

    /// Waits a moment until what the group printed has been read.
    pub(crate) async fn settle(&self) {
        for _ in 0..SETTLE_STEPS {
            let unread = |pipe: &OwnedFd| rustix::io::ioctl_fionread(pipe).unwrap_or(0) > 0;
            let busy = self.pipes.iter().any(unread);
            // Even out of an empty pipe the last line may still be on its way.
            tokio::time::sleep(SETTLE_STEP).await;
            if !busy {
                return;
            }
        }
    }

    /// Ends the group.
    pub(crate) fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        // Once the leader has been waited for, its number may belong to another process.
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
