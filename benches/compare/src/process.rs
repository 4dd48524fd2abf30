//! A running service: one process group on one core, with what it uses.
//!
//! # Guarantees
//!
//! The whole group is gone when `Running` is dropped. Its figures cover every process and thread
//! that lives at that moment.
//!
//! # Not covered
//!
//! Systems without `/proc`.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use cos_issuer_bench_sts::fault::Fault;
use cos_issuer_bench_sts::sts::Sts;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::service::Service;

/// The core of the service; `make compare` puts this program on core 0.
const CORE: &str = "1";

/// A service that accepts connections.
pub(crate) struct Running {
    pub(crate) port: u16,
    group: i32,
    child: Child,
}

impl Running {
    /// Starts it on a free port.
    pub(crate) async fn start(
        service: &Service,
        sts: &Sts,
        has_cache: bool,
    ) -> Result<Self, Fault> {
        let port = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port();
        let mut command = Command::new("taskset");
        command.arg("-c").arg(CORE).args(service.command(port));
        command.env_clear().envs(service.environment(port, sts, has_cache)?);
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
        let child = command.spawn()?;
        let group = i32::try_from(child.id().ok_or("it ended at once")?)?;
        let mut running = Self { port, group, child };
        tokio::time::timeout(START_LIMIT, running.until_it_listens())
            .await
            .map_err(|_| "it does not listen within a minute")??;
        Ok(running)
    }

    async fn until_it_listens(&mut self) -> Result<(), Fault> {
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("it ended early, {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// What all its threads have spent so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, Fault> {
        let mut nanoseconds = 0_u64;
        for process in self.processes()? {
            for thread in fs::read_dir(format!("/proc/{process}/task"))? {
                let text = fs::read_to_string(thread?.path().join("schedstat"))?;
                let spent: u64 = text.split(' ').next().unwrap_or_default().parse()?;
                nanoseconds = nanoseconds.saturating_add(spent);
            }
        }
        Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
    }

    /// Its memory: pages that processes share count once.
    pub(crate) fn memory_kilobytes(&self) -> Result<u32, Fault> {
        let mut sum = 0_u32;
        for process in self.processes()? {
            let text = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kilobytes = line.ok_or("smaps_rollup has no Pss")?.trim_end_matches("kB").trim();
            sum = sum.saturating_add(kilobytes.parse()?);
        }
        Ok(sum)
    }

    fn processes(&self) -> Result<Vec<String>, Fault> {
        let names =
            fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        // A process can end while the list is read.
        let group_of = |name: &str| group(&fs::read_to_string(format!("/proc/{name}/stat")).ok()?);
        Ok(names.filter(|name| group_of(name) == Some(self.group)).collect())
    }
}

const START_LIMIT: Duration = Duration::from_secs(60);

/// The process group in the text of `/proc/*/stat`. The name before it may contain anything.
fn group(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(2)?.parse().ok()
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.group) {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn the_group_is_read_whatever_the_name_is() {
        assert_eq!(group("17 (python -m) x) S 1 42 42 0 -1"), Some(42));
        assert_eq!(group("17 (node) S 1 n 42"), None);
        assert_eq!(group(""), None);
    }
}
