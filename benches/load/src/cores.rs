//! Which core a thread and what it starts runs on.

use cos_issuer_bench_sts::fault::Fault;
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core of a service.
pub(crate) const SERVICE: &[usize] = &[0];
/// The core of the clients and of the STS.
pub(crate) const DRIVER: &[usize] = &[1];
/// For a service with two threads.
pub(crate) const BOTH: &[usize] = &[0, 1];

/// Binds the calling thread, and the threads and processes that it starts from now on.
pub(crate) fn bind(cores: &[usize]) -> Result<(), Fault> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    sched_setaffinity(None, &set).map_err(|fault| format!("two cores are needed: {fault}").into())
}
