//! How much memory a process takes, as the kernel counts it.
//!
//! # Guarantees
//! True numbers or none; the peak of a moment between two samples is seen too, since the kernel
//! keeps it.
//!
//! # Not covered
//! Descendants, and systems without `/proc`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Pid;

const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);

/// Reads the peak of resident memory of one process.
#[derive(Debug)]
pub(super) struct Meter {
    process: Pid,
    /// 0 until the first sample.
    last_bytes: AtomicU64,
}

impl Meter {
    pub(super) fn new(process: Pid) -> Self {
        Self { process, last_bytes: AtomicU64::new(0) }
    }

    /// The peak up to now. Of a process that has just ended, the last one that was seen.
    pub(super) fn read(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.process.as_raw_nonzero());
        let status = std::fs::read_to_string(path).ok();
        if let Some(bytes) = status.as_deref().and_then(peak_bytes) {
            self.last_bytes.store(bytes, Ordering::SeqCst);
        }
        self.last_known()
    }

    pub(super) fn last_known(&self) -> Option<u64> {
        Some(self.last_bytes.load(Ordering::SeqCst)).filter(|bytes| *bytes > 0)
    }

    /// Resolves once the peak is over `limit_bytes`.
    pub(super) async fn until_over(&self, limit_bytes: u64) {
        while self.read().is_none_or(|bytes| bytes <= limit_bytes) {
            tokio::time::sleep(SAMPLE_INTERVAL).await;
        }
    }
}

/// `VmHWM:     5472 kB`, proc_pid_status(5).
fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::peak_bytes;

    #[test]
    fn the_peak_is_read_and_nothing_else_is_taken_for_it() {
        let status =
            "Name:\tbootstrap\nVmPeak:\t  9999 kB\nVmHWM:\t    5472 kB\nVmRSS:\t    100 kB\n";
        assert_eq!(peak_bytes(status), Some(5472 * 1024));
        // A zombie has no such line; other units are not guessed.
        for without in
            ["", "Name:\tbootstrap\nState:\tZ (zombie)\n", "VmHWM:\t5472 MB\n", "VmHWM:\tmany kB\n"]
        {
            assert_eq!(peak_bytes(without), None, "{without}");
        }
    }
}
