//! What the kernel counts about this process, read when Prometheus asks.
//!
//! <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>,
//! <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
//!
//! # Not covered
//! Systems without `/proc`: what cannot be read is left out.

use std::fs;

use rustix::process::{Resource, getrlimit};

use super::exposition::{Exposition, Microseconds};

pub(super) fn write(text: &mut Exposition) {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let (own, status, kernel) =
        (read("/proc/self/stat"), read("/proc/self/status"), read("/proc/stat"));
    if let Some(cpu) = cpu_us(&own) {
        let help = "Processor time of the user and the system.";
        text.counter("process_cpu_seconds_total", help, &Microseconds(cpu));
    }
    if let Some(start) = start_us(&own, &kernel) {
        let help = "When the process started, in seconds since 1970.";
        text.gauge("process_start_time_seconds", help, &Microseconds(start));
    }
    for (name, help, key) in [
        ("process_resident_memory_bytes", "Memory in use.", "VmRSS:"),
        ("process_virtual_memory_bytes", "Reserved addresses.", "VmSize:"),
    ] {
        if let Some(kilobytes) = number_after(&status, key) {
            text.gauge(name, help, &kilobytes.saturating_mul(1024));
        }
    }
    if let Some(threads) = number_after(&status, "Threads:") {
        text.gauge("process_threads", "Threads.", &threads);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Open file descriptors.", &open.count());
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        text.gauge("process_max_fds", "The most file descriptors that may be open.", &most);
    }
}

fn cpu_us(stat: &str) -> Option<u64> {
    let ticks = field(stat, 14)?.checked_add(field(stat, 15)?)?;
    ticks.checked_mul(TICK_US)
}

fn start_us(stat: &str, kernel: &str) -> Option<u64> {
    let boot_us = number_after(kernel, "btime")?.checked_mul(1_000_000)?;
    boot_us.checked_add(field(stat, 22)?.checked_mul(TICK_US)?)
}

/// A field by its number in the manual. The second one, the name of the program in brackets, may
/// contain anything.
fn field(stat: &str, number: usize) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(number.checked_sub(3)?)?.parse().ok()
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

/// The kernel counts hundredths of a second for programs, on every architecture but one (Alpha).
const TICK_US: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::{cpu_us, number_after, start_us};

    #[test]
    fn numbers_are_read_by_their_place() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 94 0 0 0 12 34 5 6 20 0 3 0 1500 10 20";
        assert_eq!(cpu_us(stat), Some(460_000));
        let kernel = "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n";
        assert_eq!(start_us(stat, kernel), Some(1_700_000_015_000_000));
        assert_eq!(number_after("VmSize:\t 9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"), Some(12));
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for stat in ["", "7 (a) R 1 7", "7 a R", "7 (a) R x x x x x x x x x x x x x"] {
            assert_eq!((cpu_us(stat), start_us(stat, "btime 1")), (None, None), "{stat}");
        }
        assert_eq!(number_after("VmRSS: many", "VmRSS:"), None);
    }
}
